import dataclasses
import json

import pytest

import zoo
from zoo.benchmarking.store import Store
from zoo.benchmarking.suite import load_suite
from zoo.benchmarking.summary import summarise
from zoo.benchmarking.summary_records import CONVERGED
from zoo.errors import PublishError, StoreError
from zoo.hub.cards.evidence import evidence, longest
from zoo.upkeep.cards import ROOT

STORE = ROOT / "benchmarks/results/pocket-quick/digits.jsonl"


def test_every_figure_is_that_of_the_summary():
    text = evidence(STORE, "pocket/resnet10.glyphs", "digits")
    summary = summarise(zoo.read_suite(STORE), zoo.read_rows(STORE))
    named = [each for each in summary.comparisons if "glyphs" in each.arm]
    assert named
    for one in named:
        assert f"{one.difference:+.1f} | {one.low:+.1f} to {one.high:+.1f} | {one.verdict} |" in text
    assert "textures" not in text
    for part in ("**Leakage**", "**Rests on**", "Cost", f"{len(zoo.read_rows(STORE))} rows", "95%"):
        assert part in text


def test_it_is_told_where_scratch_might_have_gone_on_to_learn():
    suite, rows = zoo.read_suite(STORE), zoo.read_rows(STORE)
    summary = summarise(suite, rows)
    ended = dataclasses.replace(
        summary, arms=tuple(dataclasses.replace(score, schedule=min(score.schedule, 1)) for score in summary.arms)
    )
    assert longest(suite, ended) == []
    one = next(score for score in ended.arms if score.variant == CONVERGED and score.budget == 10)
    (said,) = longest(suite, dataclasses.replace(ended, arms=(dataclasses.replace(one, schedule=max(suite.longer)),)))
    assert said.startswith("With 10 labels a class scratch had its best validation score")
    assert all(text in evidence(STORE, "pocket/resnet10.glyphs") for text in longest(suite, summary))
    assert longest(suite, summary)


def test_other_data_are_told():
    assert "not the data" not in evidence(STORE, "pocket/resnet10.glyphs", "digits")
    assert "not the data that this model was fitted to (photos)" in evidence(STORE, "pocket/resnet10.glyphs", "photos")


def test_a_backbone_that_was_not_compared():
    with pytest.raises(PublishError, match=r"start from pocket/resnet10\b"):
        evidence(STORE, "timm/resnet18.a1_in1k")


def test_a_store_without_rows(tmp_path):
    Store(tmp_path).create(load_suite("digits"))
    with pytest.raises(PublishError, match="nothing of"):
        evidence(tmp_path, "pocket/resnet10.glyphs")
    with pytest.raises(StoreError):
        evidence(tmp_path / "nowhere", "pocket/resnet10.glyphs")


def test_another_network_of_the_same_name_is_no_evidence():
    with pytest.raises(PublishError, match="no arm"):
        evidence(STORE, "pocket/resnet10.glyphs", digest="0" * 64)
    assert evidence(STORE, "pocket/resnet10.glyphs", digest=zoo.describe("pocket/resnet10.glyphs").digest)


def from_folder(tmp_path, folder):
    """The stored rows, as if the arms of glyphs had started from a folder."""
    packed = tmp_path / "rows.jsonl"
    packed.write_text(STORE.read_text().replace('"pocket/resnet10.glyphs"', json.dumps(str(folder))))
    return packed


def test_a_folder_of_ones_own_is_known_by_its_digest(tmp_path):
    own = tmp_path / "resnet10.mine"
    own.mkdir()
    store = from_folder(tmp_path, own)
    assert evidence(store, "resnet10.mine")  # nothing is there any more
    with pytest.raises(PublishError, match="no arm"):
        evidence(store, "pocket/resnet10.mine", digest="a" * 64)
    (own / "backbone.json").write_text(json.dumps({"digest": "a" * 64}))
    assert evidence(store, "pocket/resnet10.mine", digest="a" * 64)
    for digest in ("b" * 64, ""):
        with pytest.raises(PublishError, match="no arm"):
            evidence(store, "resnet10.mine", digest=digest)
