import pytest
import torch

from tests.providers.small_backbones import small
from zoo.errors import IncompatibleError
from zoo.objectives.visible import visible


@pytest.mark.parametrize(
    ("name", "prefix"),
    [
        ("timm/vit_tiny_patch16_224", 1),
        ("transformers/vit_mae", 1),
        ("transformers/deit", 2),
        ("transformers/dinov2_with_registers", 5),
    ],
)
def test_all_patches_in_order_give_the_networks_own_tokens(name, prefix):
    backbone = small(name)
    found = visible(backbone)
    images = torch.rand(2, *backbone.spec.input_size)
    with torch.no_grad():
        tokens = found.encode(images, torch.arange(found.patches).expand(2, -1))
        assert torch.allclose(tokens, backbone.encode(images)["vision"].tokens, atol=1e-5)
    assert found.prefix == prefix
    assert found.patches * found.patch[0] * found.patch[1] == images.shape[2] * images.shape[3]


def test_a_subset_equals_the_blocks_run_by_hand():
    backbone = small("timm/vit_tiny_patch16_224")
    module, images = backbone.module, torch.rand(2, 3, 224, 224)
    keep = torch.stack([torch.randperm(196, generator=torch.Generator().manual_seed(i))[:49] for i in range(2)])
    with torch.no_grad():
        tokens = module.patch_embed(images) + module.pos_embed[:, 1:]
        first = (module.cls_token + module.pos_embed[:, :1]).expand(2, -1, -1)
        kept = torch.stack([tokens[row, keep[row]] for row in range(2)])
        wanted = module.norm(module.blocks(torch.cat([first, kept], dim=1)))
        assert torch.allclose(visible(backbone).encode(images, keep), wanted, atol=1e-5)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("timm/resnet10t", "no plain vision transformer"),
        ("timm/swin_tiny_patch4_window7_224", "no plain vision transformer"),
        ("transformers/swin", "does not hand all tokens"),
        ("transformers/dinov3_vit", "its blocks want all patches"),
    ],
)
def test_other_networks_are_refused_with_the_reason(name, reason):
    with pytest.raises(IncompatibleError, match=f"{reason}.*Fix: choose objective simmim"):
        visible(small(name))


def test_nothing_is_left_behind():
    backbone = small("timm/vit_tiny_patch16_224")
    backbone.module.train()
    before = torch.get_rng_state()
    found = visible(backbone)
    assert backbone.module.training
    assert not found.point._forward_hooks
    assert torch.equal(torch.get_rng_state(), before)
