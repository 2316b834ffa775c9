from typing import ClassVar

import pytest

from zoo.adaptations import ADAPTATIONS
from zoo.adaptations.lora import Lora
from zoo.adaptations.options import flag, names, number, one_of, own_options, pick, whole
from zoo.errors import InvalidRecord, UnknownName


class Own:
    options: ClassVar = {
        "size": whole(3),
        "rate": number(None, "above 0", lambda v: v > 0),
        "wide": flag(False),
        "of": names(),
    }


def test_defaults_and_text():
    assert own_options("own", Own(), {}) == {"size": 3, "rate": None, "wide": False, "of": ""}
    read = own_options("own", Own(), {"size": "4", "rate": "1e-3", "wide": "True", "of": "a, b"})
    assert read == {"size": 4, "rate": 1e-3, "wide": True, "of": "a,b"}
    assert own_options("own", Own(), {"of": ["a", "b"]})["of"] == "a,b"
    assert own_options("own", Own(), {"size": 10.0})["size"] == 10


@pytest.mark.parametrize(
    ("name", "value", "must"),
    [
        *(("size", value, "a whole number from 1 on") for value in (0, 1.5, "x", True, None, float("inf"))),
        *(("rate", value, "above 0") for value in (0, "nan", "", [])),
        *(("wide", value, "true or false") for value in ("yes", 1)),
        *(("of", value, "names with commas") for value in ("a,,b", 7)),
    ],
)
def test_values_that_cannot_be(name, value, must):
    with pytest.raises(InvalidRecord, match=f"option {name} of own must be {must}.*Fix"):
        own_options("own", Own(), {name: value})


def test_unknown_names_the_nearest():
    with pytest.raises(UnknownName, match=r"option of lora 'rnk'. Nearest: rank. lora takes: rank, alpha"):
        own_options("lora", Lora(), {"rnk": 4})
    with pytest.raises(UnknownName, match="bare takes no options"):
        own_options("bare", object(), {"rank": 4})


def test_picked_from_a_recipe():
    assert pick("own", Own(), {"size": 5, "lr": 0.1, "batch_size": 3})["size"] == 5
    assert pick("bare", object(), {"size": 5}) == {}


@pytest.mark.parametrize("method", ADAPTATIONS.builtins)
def test_every_default_is_a_value_that_the_option_takes(method):
    for option in ADAPTATIONS.get(method)().options.values():
        assert option.default in (None, "") or option.read(option.default) == option.default


def test_one_of_some_words():
    option = one_of("mean", "max")
    assert (option.default, option.read("max")) == ("mean", "max")
    with pytest.raises(ValueError, match="one of mean, max"):
        option.read("least")
