import pytest
import torch
from small_backbones import small
from steps import falls, gradients, images, losses, only_the_generator, start

import zoo
from zoo.contracts import Batch
from zoo.data.batches import generator_at
from zoo.errors import IncompatibleError, InvalidRecord, UnknownName
from zoo.objectives.contrastive import nt_xent
from zoo.objectives.simclr import SimClr


def pocket():
    return zoo.load("pocket/resnet10", pretrained=False, seed=0)


def test_loss_is_nt_xent_of_projected_features():
    backbone, objective = pocket(), SimClr(temperature=0.5, width=16)
    backbone.module.eval()
    heads = start(objective, backbone, images())
    one, other = torch.rand(2, 4, 1, 32, 32)
    found = objective.loss(backbone, heads, Batch((one, other), torch.zeros(4)))
    encoded = [heads(backbone.encode(view)["vision"].pooled) for view in (one, other)]
    assert encoded[0].shape == (4, 16)
    assert torch.allclose(found, nt_xent(*encoded, 0.5), atol=1e-5)


@pytest.mark.parametrize("augmentation", ["source", "paper"])
def test_two_views_by_the_generator_alone(augmentation):
    objective = SimClr(augmentation=augmentation)
    start(objective, pocket(), images())
    batch = images().batch(4, generator_at(0, 0))
    assert only_the_generator(objective, batch)
    one, other = objective.views(batch, generator_at(0, 0)).inputs
    assert one.shape == other.shape == (4, 1, 32, 32)
    assert not torch.equal(one, other)


@pytest.mark.parametrize("name", ["pocket/resnet10", "timm/test_vit", "timm/test_convnext"])
def test_learns(name):
    backbone, objective = small(name), SimClr(width=32)
    channels, size, _ = backbone.spec.input_size
    source = images(size, channels)
    heads = start(objective, backbone, source)
    batch = source.batch(4, generator_at(0, 0))
    assert gradients(objective, backbone, heads, objective.views(batch, generator_at(0, 0))) == []
    assert falls(losses(objective, backbone, source, heads, size=8))


def test_what_does_not_fit_is_refused():
    with pytest.raises(IncompatibleError, match="is for images"):
        SimClr().build(small("transformers/bert"), images())
    with pytest.raises(InvalidRecord, match="temperature"):
        SimClr(temperature=0)
    with pytest.raises(UnknownName, match="Nearest: temperature"):
        SimClr(temperatur=1)
    assert not SimClr.divisible
