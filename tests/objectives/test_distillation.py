import pytest
import torch
from small_backbones import small
from steps import Given, falls, gradients, images, losses, only_the_generator, start

from zoo.contracts import Batch, Padded
from zoo.data.batches import generator_at
from zoo.errors import InvalidRecord, UnknownName
from zoo.objectives import distillation
from zoo.objectives.distillation import Distillation, feature_distance

GLYPHS = "pocket/resnet10.glyphs"


def test_distances_equal_slow_rewrites():
    torch.manual_seed(0)
    one, other = torch.randn(2, 4, 5)
    cosines = [(a @ b / a.norm() / b.norm()).item() for a, b in zip(one, other, strict=True)]
    assert feature_distance(one, other, "cosine").item() == pytest.approx(1 - sum(cosines) / 4, rel=1e-5)
    squares = [(x - y) ** 2 for x, y in zip(one.flatten().tolist(), other.flatten().tolist(), strict=True)]
    assert feature_distance(one, other, "mse").item() == pytest.approx(sum(squares) / 20, rel=1e-5)


@pytest.mark.parametrize("distance", ["cosine", "mse"])
def test_learns_what_the_teacher_says(distance):
    student, objective = small("pocket/resnet10"), Distillation(teacher=GLYPHS, distance=distance)
    heads = start(objective, student, images())
    batch = images().batch(4, generator_at(0, 0))
    assert only_the_generator(objective, batch)
    assert gradients(objective, student, heads, objective.views(batch, generator_at(0, 0))) == []
    assert all(weight.grad is None for weight in heads.teacher.parameters())
    assert falls(losses(objective, student, images(), heads, size=8))
    assert not any(part.training for part in heads.teacher.modules())


def test_loss_is_between_the_projection_and_the_teacher():
    import zoo

    student, objective = small("pocket/resnet10"), Distillation(teacher=GLYPHS)
    heads = start(objective, student, images())
    x = torch.rand(3, 1, 32, 32)
    found = objective.loss(student, heads, Batch(x, torch.zeros(3)))
    teacher = zoo.load(GLYPHS)
    teacher.module.eval()
    told = heads.projection(student.encode(x)["vision"].pooled)
    assert torch.allclose(found, feature_distance(told, teacher.encode(x)["vision"].pooled, "cosine"), atol=1e-6)


def test_its_loss_may_be_cut_into_chunks():
    student, objective = small("pocket/resnet10"), Distillation(teacher=GLYPHS)
    heads = start(objective, student, images())
    x = torch.rand(6, 1, 32, 32)
    whole, first, second = (
        objective.loss(student, heads, Batch(part, torch.zeros(len(part)))) for part in (x, x[:2], x[2:])
    )
    assert objective.divisible
    assert whole.item() == pytest.approx((2 * first.item() + 4 * second.item()) / 6, rel=1e-5)


@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("transformers/bert", lambda n, g: Padded(torch.randint(5, 250, (n, 7), generator=g), torch.ones(n, 7).bool())),
        ("transformers/hubert", lambda n, g: Padded(torch.randn(n, 3200, generator=g), torch.ones(n, 3200).bool())),
    ],
)
def test_texts_and_sound_have_teachers_too(name, make, monkeypatch):
    from zoo.providers import loading

    monkeypatch.setattr(loading, "load", lambda _: small(name, seed=1))
    student, objective = small(name), Distillation(teacher=name)
    source = Given(make)
    source.corrupt = lambda inputs, generator: inputs
    heads = start(objective, student, source)
    assert falls(losses(objective, student, source, heads, size=3, steps=9))


def test_the_teacher_must_be_named_and_known():
    assert distillation.Distillation.options["distance"].default == "cosine"
    with pytest.raises(InvalidRecord, match="teacher=NAME"):
        Distillation().build(small("pocket/resnet10"), images())
    with pytest.raises(UnknownName, match="resnet10"):
        Distillation(teacher="pocket/resnet1").build(small("pocket/resnet10"), images())
