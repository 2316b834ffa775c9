import json

import pytest

from zoo.errors import UnsafeContent, WeightsError
from zoo.providers.timm_repositories import REFUSED, repository_options, repository_spec

IMAGES = {"input_size": [3, 96, 96], "mean": [0.5, 0.5, 0.5], "std": [0.2, 0.2, 0.2], "crop_pct": 0.9}


@pytest.mark.parametrize(
    "config",
    [
        {"architecture": "resnet18.a1_in1k", "num_classes": 7, "pretrained_cfg": IMAGES | {"num_classes": 1000}},
        {"architecture": "resnet18.a1_in1k", "num_classes": 7, **IMAGES},  # as older versions wrote it
    ],
)
def test_what_is_passed_on(config):
    config = json.loads(json.dumps(config))
    config.get("pretrained_cfg", config).update(url="https://evil.example/w.pth", hf_hub_id="evil/net", file="/etc/x")
    spec = repository_spec(config, "me/net")
    assert (spec.arch, spec.tag, spec.input_size, spec.crop_pct) == ("resnet18", "a1_in1k", (3, 96, 96), 0.9)
    options = repository_options(spec)
    assert set(options["pretrained_cfg"]) == {*IMAGES, "num_classes"}
    assert options["pretrained_cfg"]["num_classes"] == 7
    assert spec.interpolation == "bicubic"  # timm's own default


def test_arguments_of_the_network():
    config = {"architecture": "vit_tiny_patch16_224", "model_args": {"img_size": 96, "num_classes": 3}, **IMAGES}
    assert repository_options(repository_spec(config, "me/net"))["img_size"] == 96
    for name in REFUSED:
        with pytest.raises(UnsafeContent, match=f"sets {name} in model_args"):
            repository_spec(config | {"model_args": {name: 1}}, "me/net")


@pytest.mark.parametrize("change", [{"mean": None}, {"input_size": "x"}, {"architecture": None, "std": 3}, {"mean": 5}])
def test_what_cannot_be_read(change):
    with pytest.raises(WeightsError, match="lacks or misstates"):
        repository_spec({"architecture": "resnet18", **IMAGES, **change}, "me/net")


@pytest.mark.parametrize(
    ("arch", "can"),
    [("test_convnext", "maps"), ("vit_tiny_patch16_224", "tokens"), ("a_network_of_tomorrow", "pooled")],
)
def test_what_it_can_is_known_before_it_is_built(arch, can):
    assert can in repository_spec({"architecture": arch, **IMAGES}, "me/net").can  # an objective may ask for it
