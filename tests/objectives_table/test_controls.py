import doctest

import pytest
import torch
from hand_scripts import hand_script

import zoo
from zoo.contracts import Batch, Padded
from zoo.data.batches import generator_at
from zoo.data.raw import from_labelled
from zoo.objectives import NEEDS, OBJECTIVES
from zoo.objectives.token_loss import IGNORED
from zoo.training.sources import SampleSource

controls = hand_script("controls")


def test_every_objective_has_a_control_that_can_be_asked_for():
    assert set(controls.CONTROLS) == set(OBJECTIVES.builtins)
    controls.register()
    try:
        for name, kind in controls.CONTROLS.items():
            assert issubclass(kind, OBJECTIVES.get(name))
            assert OBJECTIVES.get(f"{name}_control") is kind
            assert NEEDS[f"{name}_control"] == NEEDS[name]
    finally:
        controls.unregister()
    assert set(controls.CONTROLS) == set(OBJECTIVES.builtins)


def test_samples_and_their_masks_move_together():
    batch = Padded(torch.arange(6).view(3, 2), torch.tensor([[1, 1], [1, 0], [1, 1]]).bool())
    found = controls.moved((batch, torch.arange(3)))
    assert found[0].values.tolist() == [[4, 5], [0, 1], [2, 3]]
    assert found[0].mask.tolist() == [[True, True], [True, True], [True, False]]
    assert found[1].tolist() == [2, 0, 1]


def test_wrong_words_are_the_same_words_elsewhere():
    targets = torch.full((6, 8), IGNORED)
    targets[:, 2:5] = torch.arange(18).view(6, 3)
    found = controls.permuted(targets, torch.Generator().manual_seed(0))
    assert torch.equal(found == IGNORED, targets == IGNORED)
    assert sorted(found[found != IGNORED].tolist()) == list(range(18))
    assert not torch.equal(found, targets)


@pytest.fixture(scope="module")
def digits():
    backbone = zoo.load("pocket/resnet10", pretrained=False, seed=0)
    source = SampleSource(from_labelled(zoo.read_data("digits")), backbone, augmentation="none")
    return backbone, source, source.at(0, 8, seed=0)


def both_losses(name, digits, **options):
    """The loss of an objective and of its control, from the same heads and draws."""
    backbone, source, batch = digits
    found = []
    for kind in (OBJECTIVES.get(name), controls.CONTROLS[name]):
        torch.manual_seed(0)
        objective = kind(**options)
        heads = objective.build(backbone, source).eval()
        backbone.module.eval()
        with torch.no_grad():
            found.append(
                (objective, heads, objective.loss(backbone, heads, objective.views(batch, generator_at(0, 0))))
            )
    return found


def test_labels_are_those_of_the_neighbour(digits):
    (objective, _, _), (control, _, _) = both_losses("supervised", digits)
    ours, theirs = (one.views(digits[2], generator_at(0, 0)) for one in (objective, control))
    assert torch.equal(ours.inputs, theirs.inputs)
    assert torch.equal(ours.targets.roll(1), theirs.targets)


def test_second_views_are_of_other_images(digits):
    (objective, _, right), (control, _, wrong) = both_losses("simclr", digits)
    ours, theirs = (one.views(digits[2], generator_at(0, 0)).inputs for one in (objective, control))
    assert torch.equal(ours[0], theirs[0])
    assert torch.equal(ours[1].roll(1, 0), theirs[1])
    assert right < wrong  # without augmentation the two views are one image


def test_squares_are_of_another_image(digits):
    backbone, _, batch = digits
    (objective, heads, right), (control, _, wrong) = both_losses("simmim", digits)
    assert right != wrong
    same = Batch(batch.inputs[:1].repeat(4, 1, 1, 1), batch.targets[:4])  # where all images are one, nothing is broken
    views = objective.views(same, generator_at(0, 0))
    with torch.no_grad():
        assert torch.equal(objective.loss(backbone, heads, views), control.loss(backbone, heads, views))


def test_features_are_those_of_another_image(digits):
    backbone, _, batch = digits
    (objective, heads, right), (control, _, wrong) = both_losses(
        "distillation", digits, teacher="pocket/resnet10.glyphs"
    )
    assert right != wrong
    same = Batch(batch.inputs[:1].repeat(4, 1, 1, 1), batch.targets[:4])
    views = objective.views(same, generator_at(0, 0))
    with torch.no_grad():
        assert torch.allclose(objective.loss(backbone, heads, views), control.loss(backbone, heads, views))


def test_examples_hold():
    assert doctest.testmod(controls).failed == 0
