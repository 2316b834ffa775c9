import dataclasses

import pytest
import yaml

import zoo
from zoo.errors import UnknownName
from zoo.hub.cards.base import Base, base_of
from zoo.hub.cards.metadata import front, index_of, metadata_of, repository_of, task_of
from zoo.hub.licences import Licence
from zoo.providers.exported import Exported


def kind(fitted, name, **more):
    return {**fitted, "task": {**fitted["task"], "kind": name}, **more}


def test_all_of_it(exported):
    found = metadata_of(exported, base_of(exported), Licence("apache-2.0"), "pets")
    assert found["license"] == "apache-2.0"
    assert found["library_name"] == "timm"
    assert found["pipeline_tag"] == "image-classification"
    assert found["tags"] == ["zoo", "resnet", "full"]
    assert (found["base_model"], found["base_model_relation"]) == ("timm/resnet18.a1_in1k", "finetune")
    result = found["model-index"][0]["results"][0]
    assert [metric["type"] for metric in result["metrics"]] == ["balanced_accuracy", "accuracy", "log_loss"]
    assert result["metrics"][0]["value"] == 91.25
    assert result["dataset"]["args"] == {"digest": "a" * 64}
    assert yaml.safe_load(front(found).strip("-\n")) == found


def test_without_a_base_and_with_a_name_of_its_own(exported):
    found = metadata_of(exported, Base(), Licence("other", "dinov3-license"), "pets")
    assert "base_model" not in found
    assert (found["license"], found["license_name"]) == ("other", "dinov3-license")


def test_a_data_set_of_the_hub_is_named(exported, fitted):
    fitted = {**fitted, "task": {**fitted["task"], "name": "hf-data:org/pets@main"}}
    found = metadata_of(dataclasses.replace(exported, fitted=fitted), Base(), Licence("mit"), "pets")
    assert found["datasets"] == ["org/pets"]
    assert found["model-index"][0]["results"][0]["dataset"]["type"] == "org/pets"


def test_a_word_that_the_hub_does_not_know(exported):
    with pytest.raises(UnknownName):
        metadata_of(exported, Base(), Licence("my-own"), "pets")


@pytest.mark.parametrize(
    ("name", "tag"),
    [
        ("image_classification", "image-classification"),
        ("image_multi_label", "image-classification"),
        ("image_regression", ""),
        ("text_classification", "text-classification"),
        ("text_pair_classification", "text-classification"),
        ("text_pair_regression", "text-classification"),
        ("audio_classification", "audio-classification"),
        ("audio_multi_label", "audio-classification"),
        ("audio_regression", ""),
    ],
)
def test_tasks(exported, fitted, name, tag):
    made = dataclasses.replace(exported, fitted=kind(fitted, name))
    assert task_of(made) == tag
    metadata_of(made, Base(), Licence("mit"), "pets")


def test_other_tasks(exported, fitted):
    assert task_of(dataclasses.replace(exported, fitted={**fitted, "method": "zero_shot"})).startswith(
        "zero-shot-image"
    )
    for modality, tag in (("text", "feature-extraction"), ("vision", "image-feature-extraction")):
        spec = next(iter(zoo.find(modality=modality, limit=1)))
        assert task_of(Exported("timm", "features", spec)) == tag


def test_no_index_without_a_test_part(fitted):
    scores = {name: fitted["scores"][name] for name in ("metric", "validation", "labels", "test_items")}
    assert index_of({**fitted, "scores": scores}, "pets") == []
    scores = {**fitted["scores"], "accuracy": float("nan")}
    metrics = index_of({**fitted, "scores": scores}, "pets")[0]["results"][0]["metrics"]
    assert [metric["type"] for metric in metrics] == ["balanced_accuracy", "log_loss"]


def test_the_repository_of_data():
    assert repository_of("hf-data:a/b@main") == "a/b"


def test_a_folder_within_a_data_set_of_the_hub(exported, fitted):
    fitted["task"] = fitted["task"] | {"name": "hf-data:org/pets/small@v2"}
    found = metadata_of(dataclasses.replace(exported, fitted=fitted), Base(), Licence("mit"), "pets")
    assert found["datasets"] == ["org/pets"]
    assert found["model-index"][0]["results"][0]["dataset"]["type"] == "org/pets"


def test_a_base_without_an_owner(exported):
    assert metadata_of(exported, Base("hf-hub:gpt2", "gpt2", "", "mit", "finetune"), Licence("mit"), "pets")
