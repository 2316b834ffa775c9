import dataclasses

import pytest

from zoo.errors import PublishError
from zoo.hub.cards.base import Base, base_of
from zoo.hub.cards.parts import code, licence_text, origin, plain, size_of, table, use
from zoo.hub.licences import Licence, licence_of


def test_a_table_keeps_its_shape_whatever_the_words():
    text = table(["a", "b"], [["one | two", "x\ny"], [None, "<b>"]])
    assert text.splitlines()[2:] == ["| one \\| two | x y |", "|  | \\<b> |"]


def test_the_code_names_the_repository(exported):
    snippet = exported.snippet + "# hf-hub:NAMESPACE/NAME\n"
    text = use(dataclasses.replace(exported, snippet=snippet), "me/pets", "model = 1")
    assert 'folder = snapshot_download("me/pets")' in text
    assert "hf-hub:me/pets" in text
    assert 'folder = "."' not in text
    assert "1.2e-07" in text


def test_code_that_was_not_run_is_not_shown(exported):
    with pytest.raises(PublishError, match="was not run"):
        use(dataclasses.replace(exported, tolerance=None), "me/pets", "")
    with pytest.raises(PublishError, match="where its folder is"):
        use(dataclasses.replace(exported, snippet="outputs = 1"), "me/pets", "")


def test_origin(exported):
    text = origin(exported.backbone, base_of(exported))
    assert "https://huggingface.co/timm/resnet18.a1_in1k" in text
    assert "main, not pinned" in text
    assert "ImageNet-1k" in text
    assert "from scratch" in origin(exported.backbone, Base())


def test_licence_and_size(exported):
    assert licence_text(licence_of("mit", base_name="org/base")) == "Weights: mit (carried over from org/base)."
    assert licence_text(Licence("unknown", why="x")).startswith("Nobody has said")
    assert licence_text(Licence("other", "own-1.0")) == "Weights: own-1.0."
    assert size_of(exported.backbone) == "resnet18, 11.18 M parameters, 512 features"
    assert plain(" a\n`b` ") == "a 'b'"


def test_words_of_others_are_not_acted_on():
    assert plain("![x](https://example.org) *a* <b> a|b \\") == "!\\[x\\](https://example.org) \\*a\\* \\<b> a\\|b \\\\"
    assert code(" a\n*b* `c`") == "`a *b* 'c'`"
