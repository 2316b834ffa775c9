import copy
from types import SimpleNamespace

import pytest
import torch
import transformers

import zoo
from tests.objectives.training import check_gradients, losses_of
from tests.providers.small_backbones import small
from tests.providers.transformers_repos import save
from zoo.contracts import Batch
from zoo.errors import IncompatibleError, InvalidRecord
from zoo.objectives import NEEDS, OBJECTIVES
from zoo.objectives.mae import Mae, painting_loss, patches_of

SOURCE = SimpleNamespace(corrupt=lambda inputs, _generator: inputs)
SMALL = {"decoder_width": 64, "decoder_depth": 1}


def built(name="timm/vit_tiny_patch16_224", **options):
    backbone = small(name)
    objective = Mae(**SMALL | options)
    with zoo.providers.loading.seeded(0):
        heads = objective.build(backbone, SOURCE)
    images = torch.rand(4, *backbone.spec.input_size, generator=torch.Generator().manual_seed(0))
    return backbone, objective, heads, Batch(images, torch.zeros(4, dtype=torch.long))


@pytest.mark.parametrize("norm", [True, False])
def test_loss_is_the_librarys(norm):
    backbone, objective, heads, batch = built("transformers/vit_mae", patch_norm=norm)
    config = copy.deepcopy(backbone.module.config)
    config.update({"decoder_hidden_size": 64, "decoder_num_hidden_layers": 1, "mask_ratio": 0.75})
    config.update({"decoder_num_attention_heads": 2, "decoder_intermediate_size": 256, "norm_pix_loss": norm})
    whole = transformers.ViTMAEForPreTraining(config).eval()
    whole.vit.load_state_dict(backbone.module.state_dict())
    whole.decoder.load_state_dict(heads.state_dict())
    heads.eval()
    views = objective.views(batch, torch.Generator().manual_seed(1))
    wanted = whole(views.inputs, noise=views.targets).loss
    assert abs(objective.loss(backbone, heads, views).item() - wanted.item()) < 1e-5


def test_continued_pretraining_starts_at_the_checkpoints_own_loss(tmp_path):
    sizes = {"decoder_hidden_size": 32, "decoder_num_hidden_layers": 1, "decoder_num_attention_heads": 4}
    whole = save(tmp_path, "vit_mae", "ViTMAEForPreTraining", mask_ratio=0.75, norm_pix_loss=True, **sizes).eval()
    transformers.ViTImageProcessor().save_pretrained(tmp_path)
    backbone = zoo.load(str(tmp_path))
    backbone.module.eval()
    objective = Mae()
    heads = objective.build(backbone, SOURCE).eval()
    views = objective.views(Batch(torch.rand(2, 3, 224, 224), torch.zeros(2)), torch.Generator().manual_seed(0))
    wanted = whole(views.inputs, noise=views.targets).loss
    assert abs(objective.loss(backbone, heads, views).item() - wanted.item()) < 1e-5
    assert "the head is the checkpoint's" in objective.notes[0]
    other = Mae(**SMALL)
    other.build(backbone, SOURCE)
    assert "of another size" in other.notes[0]


@pytest.mark.parametrize("norm", [True, False])
def test_painting_loss_equals_a_slow_rewrite(norm):
    generator = torch.Generator().manual_seed(0)
    images, painted = torch.rand(2, 3, 8, 8, generator=generator), torch.rand(2, 4, 48, generator=generator)
    hidden = torch.tensor([[True, False, True, False], [False, True, True, False]])
    wanted = []
    for image, paint, out in zip(images, painted, hidden, strict=True):
        for index in range(4):
            if out[index]:
                row, column = divmod(index, 2)
                pixels = image[:, 4 * row : 4 * row + 4, 4 * column : 4 * column + 4].permute(1, 2, 0).flatten()
                pixels = (pixels - pixels.mean()) / (pixels.var() + 1e-6).sqrt() if norm else pixels
                wanted.append(((pixels - paint[index]) ** 2).mean())
    found = painting_loss(painted, images, hidden, (4, 4), norm=norm)
    assert torch.allclose(found, torch.stack(wanted).mean(), atol=1e-6)
    assert torch.equal(patches_of(images, (4, 4))[0, 1], images[0, :, :4, 4:].permute(1, 2, 0).flatten())


def test_hidden_patches_are_never_seen_and_shown_ones_never_count():
    backbone, objective, heads, batch = built()
    views = objective.views(batch, torch.Generator().manual_seed(1))
    order = views.targets.argsort(dim=1)
    images = views.inputs.clone().requires_grad_()
    tokens = objective._visible.encode(images, order[:, : objective._shown])
    assert tokens.shape[1] == 1 + 49
    tokens.square().sum().backward()
    touched = patches_of(images.grad, (16, 16)).abs().sum(2) > 0
    assert (touched.sum(1) == 49).all()
    assert touched.gather(1, order[:, :49]).all()
    assert objective.loss(backbone, heads, views).isfinite()


def test_all_randomness_is_the_generators():
    _, objective, _, batch = built()
    objective._corrupt = lambda inputs, generator: inputs + torch.rand(1, generator=generator)
    before = torch.get_rng_state()
    one, same, other = (objective.views(batch, torch.Generator().manual_seed(seed)) for seed in (0, 0, 1))
    assert torch.equal(one.inputs, same.inputs)
    assert torch.equal(one.targets, same.targets)
    assert not torch.equal(one.inputs, other.inputs)
    assert not torch.equal(one.targets, other.targets)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("name", ["timm/vit_tiny_patch16_224", "transformers/vit_mae"])
def test_it_learns(name):
    backbone, objective, heads, batch = built(name, patch_norm=False)
    smooth = torch.nn.functional.interpolate(batch.inputs[:, :, ::56, ::56], size=224, mode="bilinear")
    batch = Batch(smooth[:2], batch.targets[:2])
    check_gradients(objective, backbone, heads, batch)
    losses = losses_of(objective, backbone, heads, batch, lr=1e-3)
    assert losses[-1] < 0.5 * losses[0]


def test_registered_and_described():
    assert OBJECTIVES.get("mae") is Mae
    assert NEEDS["mae"].modalities == ("vision",)
    with pytest.raises(InvalidRecord, match="decoder_width of mae must be a multiple of 32"):
        Mae(decoder_width=100)
    with pytest.raises(IncompatibleError, match=r"of which a ratio of 0\.999 shows 0"):
        built(ratio=0.999)
