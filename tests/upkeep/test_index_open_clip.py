"""The committed index of open_clip is what open_clip itself says."""

import pytest
from indexes import recorded_rows, sample

from zoo.upkeep import index_open_clip
from zoo.upkeep.catalog import check, measurements

open_clip = pytest.importorskip("open_clip")


@pytest.fixture(scope="module")
def rows():
    return recorded_rows("open_clip", index_open_clip)


def test_the_committed_file_is_fresh(monkeypatch):
    monkeypatch.setattr("zoo.upkeep.catalog.SAMPLE", 2)
    fresh, message = check("open_clip")
    assert fresh, message


def test_every_architecture_and_every_pair_is_there(rows):
    pairs = {f"{arch}.{tag}" for arch, tag in open_clip.list_pretrained()}
    assert {name.removeprefix("open_clip/") for name in rows} == {*open_clip.list_models(), *pairs}


def test_preprocessing_is_that_of_the_pair(rows):
    for spec in rows.values():
        if spec.tag:
            config = open_clip.get_pretrained_cfg(spec.arch, spec.tag)
            assert (spec.mean, spec.std) == (config["mean"], config["std"]), spec.name
            assert spec.interpolation == config["interpolation"], spec.name
            assert spec.crop_mode == ("squash" if config["resize_mode"] == "squash" else "center"), spec.name


def test_known_rows(rows):
    spec = rows["open_clip/ViT-B-32.laion2b_s34b_b79k"]
    assert (spec.modality, spec.pooled_dim, spec.context, spec.input_size) == ("image-text", 512, 77, (3, 224, 224))
    assert (spec.source, spec.parameters) == ("hf-hub:laion/CLIP-ViT-B-32-laion2B-s34B-b79K", 151_277_313)
    assert spec.curated
    assert rows["open_clip/ViTamin-S.datacomp1b"].source == "hf-hub:jienengchen/ViTamin-S"
    assert rows["open_clip/ViTamin-S.datacomp1b"].weights_format == "pickle"
    assert {spec.licence for spec in rows.values()} == {"unknown"}  # open_clip says none


def test_measuring_a_row_again_gives_the_same(rows):
    for row in sample(index_open_clip, "RN50", "ViT-B-16-SigLIP"):
        assert measurements(row | index_open_clip.measure(row)) == measurements(vars(rows[row["name"]]))
