import json
from pathlib import Path

from zoo.catalog import rows as module
from zoo.catalog.rows import PROVIDERS, expand, rows, rows_of, spec_of
from zoo.providers import loading
from zoo.specs import BackboneSpec

INDEXES = sorted(path.stem for path in Path(module.__file__).parent.glob("*.json") if path.stem != "parts")


def test_every_provider_that_can_be_loaded_is_shown_and_no_other():
    """When this fails, a loader was added to `zoo.providers.loading` or taken away: change PROVIDERS likewise."""
    assert set(PROVIDERS) == set(INDEXES) & set(loading.PROVIDERS.builtins)


def test_only_shown_providers_are_listed():
    assert {row["provider"] for row in rows().values()} == set(PROVIDERS)


def test_every_row_of_every_index_is_a_valid_record():
    for provider in INDEXES:
        for row in rows_of(provider):
            spec = spec_of(row)
            assert BackboneSpec.from_json(json.loads(json.dumps(spec.to_json()))) == spec


def test_all_indexes_together_hold_thousands_of_backbones_of_four_modalities():
    everything = [spec_of(row) for provider in INDEXES for row in rows_of(provider)]
    assert len(everything) > 4000
    assert {spec.modality for spec in everything} == {"text", "vision", "speech", "image-text"}
    assert len({spec.name for spec in everything}) == len(everything)


def test_a_repository_is_the_name_of_its_checkpoint():
    index = {"library": "a 1", "provider": "a", "hub": "x/", "inputs": [{}], "graphs": [{}], "weights": [{}]}
    named, plain = expand(index | {"archs": {"bert": {"org/name.v1": [0, 0, 0], "web": [0, 0, 0]}}})
    assert (named["name"], named["arch"], named["tag"]) == ("a/org/name.v1", "bert", "org/name.v1")
    assert (named["source"], plain["source"]) == ("hf-hub:org/name.v1", "hf-hub:x/bert.web")


def test_every_row_makes_a_whole_record():
    for name, row in rows().items():
        spec = spec_of(row)
        assert spec.name == name
        assert name.startswith(f"{spec.provider}/")
    assert len(rows()) > 3000


def test_fast_records_equal_ordinary_ones():
    """`spec_of` fills a record without its constructor; nobody must be able to tell."""
    for row in list(rows().values())[::200]:
        spec = spec_of(row)
        ordinary = BackboneSpec.from_json(json.loads(json.dumps(spec.to_json())))
        assert spec == ordinary
        assert hash(spec) == hash(ordinary)
        assert repr(spec) == repr(ordinary)


def test_tags_know_their_architecture():
    spec = spec_of(rows()["timm/resnet50.a1_in1k"])
    assert (spec.arch, spec.tag) == ("resnet50", "a1_in1k")
    assert spec.pretrained
    assert not spec_of(rows()["timm/resnet50"]).pretrained
