"""The file of parts is what the installed libraries give."""

import json
import warnings

import pytest

from zoo.catalog.query import describe
from zoo.upkeep import parts
from zoo.upkeep.parts import FILE, TRIED, candidates, check, has, render


def test_the_file_is_written_as_it_would_be():
    text = FILE.read_text(encoding="utf-8")
    data = json.loads(text)
    assert text == render(data)
    assert {part: set(found) for part, found in data["parts"].items()} == {part: set(TRIED[part]) for part in TRIED}


@pytest.mark.parametrize(
    ("part", "name", "found"),
    [
        ("masked_head", "transformers/bert", True),
        ("masked_head", "transformers/gpt2", False),
        ("causal_head", "transformers/gpt2", True),
        ("causal_head", "transformers/bert", False),
        ("causal_head", "pocket/gpt2", True),
        ("masked_head", "pocket/gpt2", False),
        ("patches", "timm/vit_large_patch16_384", True),
        ("patches", "timm/resnet18", False),
        ("frames", "transformers/wavlm", True),
        ("bytes", "transformers/esmc", False),
    ],
)
def test_what_is_tried(part, name, found):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of libraries, about sizes as narrow as these
        assert has(part, describe(name)) is found


def test_of_a_type_that_cannot_be_made_small_the_library_has_the_word():
    assert parts._narrow("masked_head", "gemma3n_text") is None
    assert has("causal_head", describe("transformers/gemma3n_text"))
    assert not has("masked_head", describe("transformers/gemma3n_text"))


def test_every_architecture_is_asked_once():
    found = [spec.arch for spec in candidates("patches", "timm")]
    assert len(found) == len(set(found)) > 1000


def test_another_file_is_stale(tmp_path, monkeypatch):
    monkeypatch.setattr(parts, "TRIED", {"causal_head": {"transformers": "text"}})
    monkeypatch.setattr(parts, "SAMPLE", 1)
    monkeypatch.setattr(parts, "has", lambda *_: True)
    data = json.loads(FILE.read_text()) | {"libraries": sorted(parts._libraries())}
    data["parts"]["causal_head"]["transformers"].append("no such type")
    (tmp_path / "parts.json").write_text(render(data))
    fresh, said = check(tmp_path / "parts.json")
    assert not fresh
    assert "has no no such type. Fix: python -m zoo.upkeep.parts" in said
    (tmp_path / "parts.json").write_text(render(data | {"libraries": ["timm 0"]}))
    assert check(tmp_path / "parts.json") == (True, "not checked: parts.json was made from timm 0.")
