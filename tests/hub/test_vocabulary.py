import json
import re

import pytest

from zoo.errors import PublishError, UnknownName
from zoo.hub.vocabulary import FILE, check_metadata, slug, words

GOOD = {
    "license": "apache-2.0",
    "library_name": "timm",
    "pipeline_tag": "image-classification",
    "tags": ["zoo"],
    "base_model": "timm/resnet18.a1_in1k",
    "base_model_relation": "finetune",
    "model-index": [
        {
            "name": "pets",
            "results": [
                {
                    "task": {"type": "image-classification"},
                    "dataset": {"type": "pets", "name": "pets"},
                    "metrics": [{"type": "accuracy", "value": 91.5}],
                }
            ],
        }
    ],
}


def without(*names, **changed):
    return {name: value for name, value in (GOOD | changed).items() if name not in names}


def test_every_list_says_where_it_was_taken_from_and_when():
    lists = {name: entry for name, entry in json.loads(FILE.read_text()).items() if name != "about"}
    assert set(lists) == {"licences", "pipeline_tags", "libraries", "relations"}
    for entry in lists.values():
        assert entry["source"].startswith("https://github.com/huggingface/")
        assert re.fullmatch(r"\d{4}-\d\d-\d\d", entry["date"])
        assert re.fullmatch(r"[0-9a-f]{40}", entry["commit"])
        assert entry["words"] == sorted(set(entry["words"]))


def test_the_lists_hold_the_well_known_words():
    assert {"mit", "apache-2.0", "cc-by-nc-4.0", "unknown", "other", "gemma"} <= words("licences")
    assert {"image-classification", "feature-extraction", "audio-classification"} <= words("pipeline_tags")
    assert {"timm", "transformers", "open_clip", "peft", "torchvision"} <= words("libraries")


def test_good_metadata_passes():
    check_metadata(GOOD)
    check_metadata(without("base_model", "base_model_relation", "model-index", "pipeline_tag"))
    check_metadata(without(license="other", license_name="dinov3-license"))


@pytest.mark.parametrize(
    ("changed", "word"),
    [
        ({"license": 3}, "licence '3'"),
        ({"license": "apache2"}, "Nearest: apache-2.0"),
        ({"pipeline_tag": "foo"}, "pipeline tag 'foo'"),
        ({"library_name": "tim"}, "Nearest: timm"),
        ({"base_model_relation": "finetuned"}, "Nearest: finetune"),
        ({"licence": "mit"}, "Nearest: license"),
    ],
)
def test_words_that_the_hub_does_not_know_are_refused(changed, word):
    with pytest.raises(UnknownName, match=re.escape(word)):
        check_metadata(GOOD | changed)


@pytest.mark.parametrize(
    ("metadata", "word"),
    [
        (without("license"), "lack license"),
        (without("library_name"), "lack library_name"),
        (without(pipeline_tag=""), "pipeline_tag in the card's metadata is empty"),
        (without(license="other"), "license_name"),
        (without("base_model_relation"), "go together"),
        (without(base_model="runs/photos/net"), "OWNER/NAME"),
        (without(base_model="../evil"), "OWNER/NAME"),
        (without(base_model="a bert"), "OWNER/NAME"),
        (without(datasets=["digits"]), "datasets must name"),
        (without(tags=["zoo", 1]), "tags"),
    ],
)
def test_what_is_open_or_of_another_shape_is_refused(metadata, word):
    with pytest.raises(PublishError, match=re.escape(word)):
        check_metadata(metadata)


@pytest.mark.parametrize(
    "change",
    [
        lambda result: result.pop("task"),
        lambda result: result["dataset"].pop("name"),
        lambda result: result.update(metrics=[]),
        lambda result: result["metrics"][0].update(value=float("nan")),
        lambda result: result["metrics"][0].update(value=None),
    ],
)
def test_an_incomplete_model_index_is_refused(change):
    metadata = json.loads(json.dumps(GOOD))
    change(metadata["model-index"][0]["results"][0])
    with pytest.raises(PublishError, match="model-index"):
        check_metadata(metadata)


def test_a_slug():
    assert slug("Photos of Ä cats!") == "photos-of-cats"
