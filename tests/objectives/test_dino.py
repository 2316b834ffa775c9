import copy
import math

import pytest
import torch
from small_backbones import narrow, small
from steps import falls, gradients, images, losses, only_the_generator, start

from zoo.data.batches import generator_at
from zoo.errors import IncompatibleError
from zoo.objectives.dino import Dino, dino_loss, local_size

SMALL = {"prototypes": 32, "hidden": 48, "bottleneck": 16}


def source_of(backbone):
    channels, size, _ = backbone.spec.input_size
    return images(size, channels)


def soft(values, temperature):
    powers = [math.exp(value / temperature) for value in values]
    return [power / sum(powers) for power in powers]


def test_loss_equals_a_slow_rewrite():
    torch.manual_seed(0)
    students, teachers, centre = (
        [torch.rand(3, 5) for _ in range(4)],
        [torch.rand(3, 5) for _ in range(2)],
        torch.rand(1, 5),
    )
    total, terms = 0.0, 0
    for i, teacher in enumerate(teachers):
        for k, student in enumerate(students):
            if i == k:
                continue
            terms += 1
            for row, other in zip(teacher.tolist(), student.tolist(), strict=True):
                q = soft([value - c for value, c in zip(row, centre[0].tolist(), strict=True)], 0.04)
                p = soft(other, 0.1)
                total -= sum(a * math.log(b) for a, b in zip(q, p, strict=True)) / 3
    assert dino_loss(students, teachers, centre, 0.1, 0.04).item() == pytest.approx(total / terms, rel=1e-5)


def test_loss_is_that_of_two_networks_with_their_heads():
    backbone, objective = small("pocket/resnet10"), Dino(**SMALL, local_crops=2)
    heads = start(objective, backbone, source_of(backbone))
    objective.after_step()
    with torch.no_grad():
        for weight in heads.student_head.parameters():
            weight.mul_(1.1)
        for weight in heads.teacher.copy.parameters():
            weight.mul_(0.9)
    views = objective.views(source_of(backbone).batch(3, generator_at(0, 0)), generator_at(0, 0))
    found = objective.loss(backbone, heads, views)
    said = [heads.student_head(backbone.encode(crop)["vision"].pooled) for crop in views.inputs]
    teacher = small("pocket/resnet10")
    teacher.module.load_state_dict(heads.teacher.copy.state_dict())
    answers = [heads.teacher_head.copy(teacher.encode(crop)["vision"].pooled) for crop in views.inputs[:2]]
    assert torch.allclose(found, dino_loss(said, answers, heads.centre, 0.1, 0.04), atol=1e-5)
    assert torch.allclose(heads.seen, torch.cat(answers).mean(0, keepdim=True), atol=1e-5)


def test_the_teacher_and_the_centre_move_after_the_step():
    backbone, objective = small("pocket/resnet10"), Dino(**SMALL, momentum=0.9, steps=10, local_crops=0)
    heads = start(objective, backbone, source_of(backbone))
    before = copy.deepcopy(heads.state_dict())
    views = objective.views(source_of(backbone).batch(3, generator_at(0, 0)), generator_at(0, 0))
    objective.loss(backbone, heads, views)
    assert torch.equal(heads.centre, before["centre"])  # a step that failed and is done again changes nothing
    with torch.no_grad():
        for weight in backbone.module.parameters():
            weight.add_(1.0)
    objective.after_step()
    for name, weight in heads.teacher.copy.named_parameters():
        assert torch.allclose(weight, before[f"teacher.copy.{name}"] + 0.1, atol=1e-5)
    assert torch.allclose(heads.centre, 0.1 * heads.seen, atol=1e-6)
    assert heads.state_dict()["step"] == 1  # so that a resumed run goes on with the schedule


@pytest.mark.parametrize("augmentation", ["source", "paper"])
def test_views_come_from_the_generator_alone(augmentation):
    backbone, objective = small("pocket/resnet10"), Dino(**SMALL, local_crops=3, augmentation=augmentation)
    start(objective, backbone, source_of(backbone))
    batch = source_of(backbone).batch(4, generator_at(0, 0))
    assert only_the_generator(objective, batch)
    crops = objective.views(batch, generator_at(0, 0)).inputs
    assert [tuple(crop.shape[2:]) for crop in crops] == [(32, 32)] * 2 + [(14, 14)] * 3


def test_a_network_of_one_size_has_local_crops_of_that_size():
    backbone, objective = small("transformers/vit"), Dino(**SMALL, local_crops=3)
    assert local_size(backbone) is None
    start(objective, backbone, source_of(backbone))
    batch = source_of(backbone).batch(2, generator_at(0, 0))
    crops = objective.views(batch, generator_at(0, 0)).inputs
    assert [crop.shape for crop in crops] == [batch.inputs.shape] * 5
    height, width = batch.inputs.shape[2:]
    assert f"takes no smaller images than {height} x {width}, so local crops are enlarged" in objective.notes[0]
    start(objective := Dino(**SMALL, local_crops=0), backbone, source_of(backbone))
    assert objective.notes == ()
    assert len(objective.views(batch, generator_at(0, 0)).inputs) == 2


def test_a_network_that_keeps_the_last_size_is_left_as_it_was():
    backbone = narrow("swin")  # a small image makes its windows smaller, for all images after it
    image = torch.rand(1, *backbone.spec.input_size, generator=generator_at(0, 0))
    with torch.no_grad():
        before = backbone.encode(image)["vision"].pooled
        assert local_size(backbone) is None
        assert torch.equal(backbone.encode(image)["vision"].pooled, before)
    objective = Dino(**SMALL, local_crops=1)
    heads = start(objective, backbone, source_of(backbone))
    found = losses(objective, backbone, source_of(backbone), heads, size=2, steps=2)
    assert all(map(math.isfinite, found))


def test_trying_a_size_leaves_the_network_as_it_was():
    backbone = small("pocket/resnet10")
    backbone.module.train()
    before = copy.deepcopy(backbone.module.state_dict())
    assert local_size(backbone) == (14, 14)
    assert backbone.module.training
    assert all(torch.equal(before[name], value) for name, value in backbone.module.state_dict().items())


@pytest.mark.parametrize("name", ["pocket/resnet10", "timm/test_vit"])
def test_learns(name):
    backbone, objective = small(name), Dino(**SMALL, local_crops=2, momentum=1.0, centre_momentum=0.0)
    source = source_of(backbone)
    heads = start(objective, backbone, source)
    views = objective.views(source.batch(4, generator_at(0, 0)), generator_at(0, 0))
    assert gradients(objective, backbone, heads, views) == []
    assert all(weight.grad is None for weight in heads.teacher.parameters())
    found = losses(objective, backbone, source, heads, size=8, steps=31)
    assert falls(found[1:])  # the first step has no centre yet; the teacher stands still, or the goal would move


def test_in_half_precision_the_teacher_stays_apart():
    backbone, objective = small("pocket/resnet10"), Dino(**SMALL, local_crops=0)
    heads = start(objective, backbone, source_of(backbone))
    with torch.no_grad():
        for weight in heads.teacher.copy.parameters():
            weight.mul_(0.5)
    views = objective.views(source_of(backbone).batch(3, generator_at(0, 0)), generator_at(0, 0))
    exact = objective.loss(backbone, heads, views)
    with torch.autocast("cpu", torch.bfloat16):
        rounded = objective.loss(backbone, heads, views)
    rounded.backward()
    assert rounded.item() == pytest.approx(exact.item(), rel=0.05)
    assert any(weight.grad is not None for weight in backbone.module.parameters())


def test_what_does_not_fit_is_refused():
    with pytest.raises(IncompatibleError, match="is for images"):
        Dino(**SMALL).build(small("transformers/bert"), images())
    assert not Dino.divisible
