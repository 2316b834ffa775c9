from types import SimpleNamespace

import pytest
import torch

import zoo
from tests.objectives.training import check_gradients, losses_of
from tests.providers.small_backbones import small
from zoo.contracts import Batch
from zoo.errors import IncompatibleError
from zoo.objectives import NEEDS, OBJECTIVES
from zoo.objectives.simmim import Simmim
from zoo.training.halving import taken

SOURCE = SimpleNamespace(corrupt=lambda inputs, _generator: inputs)


def built(name="pocket/resnet10", **options):
    backbone = small(name)
    objective = Simmim(**options)
    with zoo.providers.loading.seeded(0):
        heads = objective.build(backbone, SOURCE)
    images = torch.rand(4, *backbone.spec.input_size, generator=torch.Generator().manual_seed(0))
    return backbone, objective, heads, Batch(images, torch.zeros(4, dtype=torch.long))


@pytest.mark.parametrize("name", ["pocket/resnet10", "timm/resnet10t"])
def test_loss_equals_a_slow_rewrite(name):
    backbone, objective, heads, batch = built(name)
    with torch.no_grad():
        heads["colour"].weight.fill_(0.3)
    views = objective.views(batch, torch.Generator().manual_seed(1))
    channels, height, width = backbone.spec.input_size
    seen = batch.inputs.clone()
    for image, hidden in zip(seen, views.targets, strict=True):
        image[:, hidden[0]] = 0.3
    last = backbone.encode(seen)["vision"].maps[-1]
    stride = {32: 32 // last.shape[2], 176: 32}[height]
    colours = heads["paint"](last).view(4, channels, stride, stride, *last.shape[2:])
    total, count = 0.0, 0
    for sample in range(4):
        for row, column in views.targets[sample, 0].nonzero().tolist()[::7]:
            paint = colours[sample, :, row % stride, column % stride, row // stride, column // stride]
            total += (paint - batch.inputs[sample, :, row, column]).abs().mean().item()
            count += 1
    every = objective.loss(backbone, heads, views).item()
    assert every == pytest.approx(total / count, rel=0.1)  # of every seventh pixel
    chosen = torch.zeros(4 * height * width, dtype=torch.bool)
    rows = [sample.flatten().nonzero()[::7, 0] + index * height * width for index, sample in enumerate(views.targets)]
    chosen[torch.cat(rows)] = True
    some = Batch(batch.inputs, chosen.view(4, 1, height, width))
    backbone_of_seen = SimpleNamespace(encode=lambda _inputs: backbone.encode(seen))
    assert objective.loss(backbone_of_seen, heads, some).item() == pytest.approx(total / count, abs=1e-5)


def test_the_same_count_of_squares_is_hidden_in_each():
    _, objective, _, batch = built("timm/resnet10t")
    hidden = objective.views(batch, torch.Generator().manual_seed(0)).targets
    squares = hidden[:, 0, ::32, ::32]
    assert (squares.flatten(1).sum(1) == 4 * 6).sum() in (0, 4)
    assert torch.equal(squares.repeat_interleave(32, 1).repeat_interleave(32, 2)[:, :176, :176], hidden[:, 0])
    assert len(set(squares.flatten(1).sum(1).tolist())) == 1


def test_all_randomness_is_the_generators():
    _, objective, _, batch = built()
    before = torch.get_rng_state()
    one, same, other = (objective.views(batch, torch.Generator().manual_seed(seed)) for seed in (0, 0, 1))
    assert torch.equal(one.targets, same.targets)
    assert not torch.equal(one.targets, other.targets)
    assert torch.equal(torch.get_rng_state(), before)


def test_chunks_weighed_by_mass_give_the_whole_loss():
    backbone, objective, heads, batch = built(square=12)  # 32 pixels are not whole squares of 12
    views = objective.views(batch, torch.Generator().manual_seed(0))
    whole, found = objective.mass(views), 0.0
    for rows in (slice(0, 1), slice(1, 4)):
        chunk = taken(views, rows)
        found += objective.loss(backbone, heads, chunk).item() * objective.mass(chunk) / whole
    assert found == pytest.approx(objective.loss(backbone, heads, views).item(), abs=1e-5)


def test_it_learns():
    backbone, objective, heads, batch = built()
    check_gradients(objective, backbone, heads, batch)
    smooth = torch.nn.functional.interpolate(batch.inputs[:, :, ::8, ::8], size=32, mode="bilinear")
    losses = losses_of(objective, backbone, heads, Batch(smooth, batch.targets))
    assert losses[-1] < 0.6 * losses[0]


def test_maps_that_do_not_divide_the_image():
    backbone, objective, heads, batch = built("timm/inception_v3")
    assert objective.loss(backbone, heads, objective.views(batch, torch.Generator().manual_seed(0))).isfinite()


def test_refusals():
    with pytest.raises(IncompatibleError, match=r"gives no maps.*Fix: choose objective mae"):
        built("timm/vit_tiny_patch16_224")
    with pytest.raises(IncompatibleError, match="hides all of them"):
        built(square=32)


def test_registered():
    assert OBJECTIVES.get("simmim") is Simmim
    assert NEEDS["simmim"].can == ("maps",)
