"""Errors say what happened, name the nearest valid choices and survive the trip from a worker process."""

import pickle

import pytest

from zoo import errors
from zoo.errors import MissingDependency, UnknownName, ZooError, nearest

KINDS = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, ZooError)]


def make(kind: type[ZooError]) -> ZooError:
    arguments = {UnknownName: ("backbone", "resnet1", ["resnet10"], "Do this."), MissingDependency: ("timm", "timm")}
    return kind(*arguments.get(kind, ("what happened",)))


def test_nearest_names_come_best_first_whatever_the_case():
    known = ["timm/resnet50", "timm/resnet101", "pocket/resnet10", "timm/vit_base"]
    assert nearest("TIMM/ResNet5", known)[0] == "timm/resnet50"
    assert nearest("pocket/resnet1", known)[0] == "pocket/resnet10"


def test_names_that_contain_what_was_asked_are_near():
    assert nearest("vit", ["timm/vit_base_patch16_224", "timm/resnet50"]) == ["timm/vit_base_patch16_224"]


def test_nothing_near_is_empty_and_the_limit_is_kept():
    assert nearest("zzz", ["timm/resnet50"]) == []
    assert len(nearest("a", ["a1", "a2", "a3", "a4", "a5"])) == 3
    assert nearest("ab", ["abc", "ac"], limit=1) == ["abc"]


def test_unknown_name_says_what_was_received_what_is_near_and_the_fix():
    error = UnknownName("backbone", "resnet1", ["resnet10", "vit"], "Do this.")
    assert str(error) == "unknown backbone 'resnet1'. Nearest: resnet10. Do this."
    assert error.nearest == ["resnet10"]
    assert isinstance(error, KeyError)


def test_unknown_name_without_anything_near_has_no_empty_hint():
    assert str(UnknownName("task", "zzz", ["digits"])) == "unknown task 'zzz'."


def test_missing_dependency_names_the_extra_to_install():
    assert "pip install 'transfer-zoo[report]'" in str(MissingDependency("matplotlib", "report"))


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_every_error_survives_pickling(kind):
    error = make(kind)
    copy = pickle.loads(pickle.dumps(error))
    assert (type(copy), str(copy), copy.args, vars(copy)) == (kind, str(error), error.args, vars(error))
