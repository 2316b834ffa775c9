import pytest
import torch
from open_clip_small import CONFIG
from vision import disturbed

from zoo.contracts import Padded
from zoo.providers import open_clip as provider
from zoo.providers.open_clip_towers import encoder, text_encoder, vision_encoder


def network(**changes):
    config = {**CONFIG, **{tower: CONFIG[tower] | more for tower, more in changes.items() if tower.endswith("_cfg")}}
    config |= {name: value for name, value in changes.items() if not name.endswith("_cfg")}
    return disturbed(provider._build(config)).eval()


IMAGES = torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
NUMBERS = torch.tensor([[5, 6, 49407] + [0] * 13, [5, 49407] + [0] * 14])


@pytest.mark.parametrize("custom_text", [False, True])
def test_hidden_layers_lead_to_pooled(custom_text):
    module = network(custom_text=custom_text)
    with torch.inference_mode():
        seen = vision_encoder(module.visual)(IMAGES)
        assert torch.allclose(seen.tokens[:, 0] @ module.visual.proj, seen.pooled, atol=1e-6)
        read = text_encoder(module)(Padded(NUMBERS, NUMBERS > 0))
        part = module.text if custom_text else module
        last = read.tokens[torch.arange(2), read.mask.sum(1) - 1]  # pooling is at the end of the text
        assert torch.allclose(last @ part.text_projection, read.pooled, atol=1e-6)


def test_a_tower_that_pools_before_its_norm():
    module = network(vision_cfg={"final_ln_after_pool": True, "pool_type": "avg"})
    with torch.inference_mode():
        seen = vision_encoder(module.visual)(IMAGES)
        assert torch.allclose(seen.pooled, module.encode_image(IMAGES))
    assert seen.tokens.shape == (2, 5, 32)


def test_no_hooks_stay():
    module = network()
    encoder(module)(IMAGES)
    assert not any(part._forward_hooks for part in module.modules())


def test_a_mask_goes_with_token_numbers():
    encode = encoder(network())
    assert encode(NUMBERS, NUMBERS > 0)["text"].mask.sum() == 5
    assert encode(NUMBERS)["text"].mask.all()
