import pytest
import torch
from PIL import Image

import zoo
from zoo.conformance.tiny import tiny
from zoo.errors import DataError, IncompatibleError
from zoo.providers.loading import seeded
from zoo.providers.transformers_library import settled
from zoo.providers.transformers_vision import image_preprocess, vision_encoder
from zoo.providers.transformers_weights import scratch


def test_vit_mae_sees_all_and_draws_nothing():
    with seeded(0):
        network = scratch(settled(tiny("vit_mae", image_size=32, patch_size=8))).network.eval()
    encode, pixels = vision_encoder(network, "vit_mae"), torch.rand(2, 3, 32, 32)
    with torch.no_grad():
        one, again = (encode(pixels)["vision"].tokens for _ in range(2))
    assert one.shape[1] == 17
    assert torch.equal(one, again)


def test_maps_of_all_sizes():
    backbone = zoo.load("transformers/resnet", pretrained=False, seed=0)
    batch = backbone.preprocess([Image.new("L", (50, 80))])
    assert batch.shape == (1, 3, 224, 224)
    maps = backbone.encode(batch)["vision"].maps
    assert [one.shape[2] for one in maps] == [56, 28, 14, 7]


def test_refusals():
    with pytest.raises(IncompatibleError, match="palette"):
        vision_encoder(torch.nn.Identity(), "imagegpt")
    with pytest.raises(DataError, match="no images"):
        image_preprocess(lambda: None)([])
