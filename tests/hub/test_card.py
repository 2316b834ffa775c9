import dataclasses
import re
import tomllib

import pytest

import zoo
from zoo.hub.card import render_card
from zoo.specs import BackboneSpec
from zoo.upkeep.cards import ROOT


@pytest.fixture(scope="module")
def card():
    store = ROOT / "benchmarks/results/pocket-quick/digits.jsonl"
    spec = zoo.describe("pocket/resnet10.glyphs")
    recipe = tomllib.loads((ROOT / "zoo/recipes/glyphs.toml").read_text())
    return render_card(spec, recipe, [(zoo.read_suite(store), zoo.read_rows(store))])


def test_nothing_is_left_open(card):
    assert "More Information Needed" not in card
    assert "None" not in card
    for heading in ("Training data", "Training", "Evaluation", "Limits", "Licence"):
        assert re.search(rf"^## {heading}", card, re.MULTILINE)


def test_front_matter_is_what_the_hub_reads(card):
    _, front, _ = card.split("---\n", 2)
    fields = dict(line.split(": ", 1) for line in front.splitlines() if ": " in line)
    assert fields["license"] == "apache-2.0"
    assert fields["pipeline_tag"] == "image-feature-extraction"


def test_one_line_for_each_comparison_of_its_arms(card):
    lines = [line for line in card.splitlines() if line.startswith("| 1") and "|" in line]
    assert len(lines) == 8  # two arms, two budgets, two schedules of scratch
    assert not any("textures" in line for line in lines)


def test_names_the_command_that_re_makes_it(card):
    assert "zoo pretrain --recipe glyphs" in card


def test_a_card_speaks_of_its_own_modality():
    """A text checkpoint: no pixels, no image, and one section for each suite that has arms of it."""
    store = ROOT / "benchmarks/results/pocket-quick/digits.jsonl"
    suite, rows = zoo.read_suite(store), zoo.read_rows(store)
    spec = BackboneSpec("pocket/resnet10.glyphs", "pocket", "net", tag="pairs", modality="text", context=64)
    recipe = tomllib.loads((ROOT / "zoo/recipes/glyphs.toml").read_text())
    other = dataclasses.replace(suite, title="Another task")
    text = render_card(spec, recipe, [(suite, rows), (other, rows)])
    assert "text of up to 64 tokens" in text
    assert "pixels" not in text.replace("8x8 pixels", "")
    assert "no photograph" not in text
    assert 'preprocess(["a sentence"])' in text
    assert "pipeline_tag: feature-extraction" in text
    assert text.count("## Evaluation: ") == 2
