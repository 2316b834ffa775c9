"""What stands for a large backbone: of the same classes, and small enough."""

import pytest

from zoo.catalog.query import describe
from zoo.catalog.rows import rows_of, spec_of
from zoo.conformance.reduced import BARE, REDUCED, stand_in
from zoo.providers.loading import build


def test_the_largest_member_that_fits():
    found, name = stand_in(describe("timm/vit_large_patch16_224"), 10_000_000)
    assert found.name == name
    assert found.family == describe("timm/vit_large_patch16_224").family
    assert 5_000_000 < found.parameters <= 10_000_000


def test_nothing_fits():
    assert stand_in(describe("timm/resnet50"), 1) == (None, "")


@pytest.mark.parametrize("arch", ["llama", "vit", "wav2vec2"])
def test_a_model_type_in_small(arch):
    pytest.importorskip("transformers")
    large = next(spec_of(row) for row in rows_of("transformers") if row["arch"] == arch and not row.get("tag"))
    found, name = stand_in(large, 1)
    assert name == REDUCED
    small = build(found, pretrained=False, seed=0)
    assert small.spec.arch == arch
    assert small.spec.parameters < large.parameters / 5


def test_what_fits_is_built_as_it_is():
    spec = describe("timm/resnet18")
    assert stand_in(spec, 50_000_000) == (spec, "")


def test_a_checkpoint_of_transformers_is_built_without_its_files():
    spec = next(spec_of(row) for row in rows_of("transformers") if row.get("tag") == "google-bert/bert-base-uncased")
    found, name = stand_in(spec, 10**9)
    assert (found.tag, found.source, found.config, name) == ("", "", spec.config, BARE)
