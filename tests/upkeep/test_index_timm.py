"""The committed index of timm is what timm itself says."""

import pytest
from indexes import recorded_rows, sample

from zoo.upkeep import index_timm
from zoo.upkeep.catalog import check, measurements

timm = pytest.importorskip("timm")


@pytest.fixture(scope="module")
def rows():
    return recorded_rows("timm", index_timm)


def test_the_committed_file_is_fresh(monkeypatch):
    monkeypatch.setattr("zoo.upkeep.catalog.SAMPLE", 3)
    fresh, message = check("timm")
    assert fresh, message


def test_every_architecture_and_every_tag_on_the_hub_is_there(rows):
    tags = {tag for tag in timm.list_pretrained() if timm.models.get_pretrained_cfg(tag).hf_hub_id}
    assert {name.removeprefix("timm/") for name in rows} == {*timm.list_models(), *tags}


def test_rows_say_what_timm_says(rows):
    for spec in rows.values():
        config = timm.models.get_pretrained_cfg(spec.name.removeprefix("timm/"))
        for name in index_timm.PREPROCESSING:
            assert getattr(spec, name) == getattr(config, name), (spec.name, name)
        assert spec.licence == ((config.license or "unknown") if spec.tag else "unknown"), spec.name
        assert spec.source == (f"hf-hub:{config.hf_hub_id}" if spec.tag else ""), spec.name


def test_known_rows(rows):
    clip = rows["timm/vit_base_patch16_clip_quickgelu_224.openai"]
    assert clip.source == "hf-hub:timm/vit_base_patch16_clip_224.openai"  # one repository serves two architectures
    assert clip.mean == pytest.approx((0.48145466, 0.4578275, 0.40821073))
    assert rows["timm/convnextv2_atto.fcmae"].licence == "cc-by-nc-4.0"
    assert rows["timm/res2net101d.in1k"].licence == "unknown"
    assert "timm/gcvit_base.in1k" not in rows  # on no hub, only at a URL
    vit = rows["timm/vit_base_patch16_224.mae"]
    assert (vit.parameters, vit.pooled_dim, vit.token_dim, vit.stride) == (85_798_656, 768, 768, 16)
    assert (vit.family, vit.objective, vit.curated) == ("vision_transformer", "masked image modelling", True)


def test_measured_columns_are_those_of_the_network_that_zoo_loads(rows):
    from zoo.providers.loading import load

    for name in ("timm/resnet18.a1_in1k", "timm/vit_tiny_patch16_224"):
        built = load(name, pretrained=False).spec
        assert (built.parameters, built.pooled_dim, built.can) == (
            rows[name].parameters,
            rows[name].pooled_dim,
            rows[name].can,
        )


def test_measuring_a_row_again_gives_the_same(rows):
    for row in sample(index_timm, "resnet10t", "swin_tiny_patch4_window7_224"):
        assert measurements(row | index_timm.measure(row)) == measurements(vars(rows[row["name"]]))


@pytest.mark.parametrize(
    ("tag", "family", "expected"),
    [
        ("in22k_ft_in22k_in1k", "beit", ("masked image modelling, then supervised", "ImageNet-22k, then ImageNet-22k")),
        ("a1_in1k", "", ("supervised", "ImageNet-1k")),
        ("openai_ft_in12k_in1k", "", ("image-text contrastive, then supervised", "OpenAI's 400 M image-text pairs")),
        ("fb_swsl_ig1b_ft_in1k", "", ("semi-weakly supervised, then supervised", "..., then ImageNet-1k")),
        ("untitled", "", ("", "")),
    ],
)
def test_tags_say_how_and_on_what(tag, family, expected):
    found = index_timm.origin(tag, family)
    assert found.get("objective", "") == expected[0]
    assert found.get("pretrained_on", "").startswith(expected[1])
