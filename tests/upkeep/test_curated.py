from collections import Counter
from dataclasses import fields

from zoo.catalog.rows import rows_of
from zoo.specs import BackboneSpec
from zoo.upkeep import curated
from zoo.upkeep.catalog import PROVIDERS

LISTED = ("timm", "torchvision", "torchaudio", "open_clip")


def test_every_curated_name_is_in_its_index_and_marked():
    for provider in LISTED:
        marked = {row["name"].partition("/")[2] for row in rows_of(provider) if row.get("curated")}
        assert marked == curated.names(provider), provider


def test_there_are_about_two_hundred_of_all_modalities():
    found = [row for provider in PROVIDERS for row in rows_of(provider) if row.get("curated")]
    assert len(found) > 150
    assert set(Counter(row.get("modality", "vision") for row in found)) == {"text", "vision", "speech", "image-text"}


def test_checkpoints_use_fields_of_the_record_and_come_once():
    allowed = {field.name for field in fields(BackboneSpec)} | {"id", "type"}
    for checkpoint in curated.checkpoints():
        assert set(checkpoint) <= allowed, checkpoint
        assert checkpoint["id"].count("/") == 1
        assert checkpoint["objective"]
        assert not checkpoint.get("revision")  # none was seen
    ids = [checkpoint["id"] for checkpoint in curated.checkpoints()]
    assert len(ids) == len(set(ids))


def test_a_configuration_says_only_what_differs_from_the_default_or_is_a_part():
    for checkpoint in curated.checkpoints():
        assert checkpoint.get("config", {"a": 1}), f"{checkpoint['id']}: leave out an empty config"
