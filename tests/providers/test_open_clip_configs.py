import json
import sys

import open_clip
import pytest
import torch
from open_clip_small import CONFIG, IMAGES
from vision import picture, record, records

from zoo.errors import MissingDependency, UnknownName, WeightsError
from zoo.io.names import check_file
from zoo.providers import open_clip as provider
from zoo.providers.open_clip_configs import (
    image_config,
    import_open_clip,
    model_config,
    quick_gelu_note,
    repository_spec,
    weights_file,
)
from zoo.specs import BackboneSpec


def test_preprocessing_of_every_pair_is_open_clips_own():
    """Statistics, interpolation and cropping come with the weights, also for towers of timm (SigLIP and the like)."""
    pairs = [spec for spec in records("open_clip") if spec.tag]
    assert {(spec.arch, spec.tag) for spec in pairs} == set(open_clip.list_pretrained())
    for spec in pairs:
        entry = open_clip.get_pretrained_cfg(spec.arch, spec.tag)
        own = open_clip.transform.merge_preprocess_dict(open_clip.transform.PreprocessCfg(), entry)
        mine = image_config(spec)
        side = open_clip.get_model_config(spec.arch)["vision_cfg"].get("image_size", 224)
        assert mine.size == ((side, side) if isinstance(side, int) else tuple(side)), spec.name
        for name in ("mean", "std", "interpolation", "resize_mode"):
            expected = own[name]
            got = getattr(mine, name)
            assert got == (tuple(expected) if isinstance(expected, list | tuple) else expected), (spec.name, name)


@pytest.mark.parametrize("name", ["ViT-B-16-SigLIP.webli", "ViT-B-16-SigLIP2.webli"])
def test_siglip_squashes_to_half(name):
    spec = record(f"open_clip/{name}")
    transform = provider.pair_preprocess(spec, {})
    batch = transform([picture(300, 20)]).vision
    from torchvision.transforms import InterpolationMode
    from torchvision.transforms import functional as f

    pixels = f.to_tensor(f.resize(picture(300, 20), (224, 224), interpolation=InterpolationMode.BICUBIC))
    assert torch.allclose(batch[0], (pixels - 0.5) / 0.5, atol=1e-6)


@pytest.mark.parametrize(
    ("name", "wanted", "noted"),
    [
        ("ViT-B-32.openai", True, True),
        ("ViT-B-32-quickgelu.openai", True, False),
        ("ViT-B-32.laion2b_s34b_b79k", False, False),
        ("roberta-ViT-B-32.laion2b_s12b_b32k", True, True),
        ("ViT-B-32", False, False),
    ],
)
def test_quick_gelu_is_used_where_the_weights_were_trained_with_it(name, wanted, noted):
    spec = record(f"open_clip/{name}")
    assert model_config(spec)["quick_gelu"] is wanted
    assert bool(quick_gelu_note(spec)) is noted
    assert open_clip.get_model_config(spec.arch).get("quick_gelu") in (None, True)  # the library's table stays as it is


def test_quick_gelu_is_in_the_graph():
    spec = record("open_clip/ViT-B-32.openai")
    config = model_config(spec)
    for tower in ("vision_cfg", "text_cfg"):
        config[tower] |= {"layers": 1, "width": 64, "heads": 1} if tower == "text_cfg" else {"layers": 1, "width": 64}
    module = provider._build(config)
    kinds = [type(layer).__name__ for layer in module.modules()]
    assert kinds.count("QuickGELU") == 2
    assert kinds.count("GELU") == 0


def test_every_pair_names_a_safetensors_file():
    files = {weights_file(spec) for spec in records("open_clip") if spec.tag}
    assert "open_clip_model.safetensors" in files
    assert all(check_file(file).endswith(".safetensors") for file in files)


def test_the_record_of_a_repository():
    spec = repository_spec({"model_cfg": CONFIG, "preprocess_cfg": IMAGES}, "hf-hub:me/clip@abc")
    assert (spec.arch, spec.input_size, spec.mean, spec.std) == ("clip", (3, 32, 32), (0.5, 0.4, 0.3), (0.2, 0.3, 0.4))
    assert (spec.interpolation, spec.crop_mode, spec.context, spec.stride) == ("bilinear", "squash", 16, 16)
    assert model_config(spec) == CONFIG
    assert image_config(spec).resize_mode == "squash"
    assert BackboneSpec.from_json(json.loads(json.dumps(spec.to_json()))) == spec


@pytest.mark.parametrize(
    "config",
    [
        {"model_cfg": CONFIG},
        {"model_cfg": CONFIG, "preprocess_cfg": {}},
        {"model_cfg": CONFIG, "preprocess_cfg": IMAGES | {"mean": [0.5]}},
        {"model_cfg": CONFIG, "preprocess_cfg": IMAGES | {"resize_mode": "sideways"}},
        {"model_cfg": {"vision_cfg": {}}, "preprocess_cfg": IMAGES},
        {"model_cfg": 3, "preprocess_cfg": IMAGES},
    ],
)
def test_no_statistics_are_assumed(config):
    with pytest.raises(WeightsError, match="zoo assumes no statistics"):
        repository_spec(config, "me/clip")


def test_unknown_architecture():
    with pytest.raises(UnknownName, match="unknown open_clip architecture"):
        model_config(BackboneSpec("open_clip/x", "open_clip", "x"))


def test_without_the_library(monkeypatch):
    monkeypatch.setitem(sys.modules, "open_clip", None)
    with pytest.raises(MissingDependency, match="open_clip is needed here"):
        import_open_clip()
