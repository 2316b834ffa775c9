import copy

import pytest
import torch
from torch import nn

from zoo.objectives.teachers import Average, momentum_at


def network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 6), nn.BatchNorm1d(6), nn.Dropout(0.5), nn.Linear(6, 2))


def moved(student):
    with torch.no_grad():
        for weight in student.parameters():
            weight.add_(torch.randn_like(weight))
    return student


def test_follows_by_the_formula():
    student = network()
    teacher, before = Average(student), [weight.clone() for weight in student.parameters()]
    moved(student)
    teacher.follow(student, 0.9)
    for mine, old, new in zip(teacher.copy.parameters(), before, student.parameters(), strict=True):
        assert torch.allclose(mine, 0.9 * old + 0.1 * new, atol=1e-6)
        assert not mine.requires_grad


def test_a_lent_teacher_answers_with_its_own_weights_and_leaves_the_student_as_it_was():
    student, x = network(), torch.randn(8, 4)
    teacher, separate = Average(student), copy.deepcopy(student)
    moved(student).train()
    kept = copy.deepcopy(student.state_dict())
    separate.train()
    separate[2].p = 0.0
    with teacher.lent_to(student):
        found = student(x)
    assert torch.allclose(found, separate(x), atol=1e-6)
    assert all(torch.equal(kept[name], value) for name, value in student.state_dict().items())
    assert all(part.training for part in student.modules())
    assert torch.allclose(teacher.copy[1].running_mean, separate[1].running_mean)
    assert not torch.equal(teacher.copy[1].running_mean, student[1].running_mean)


def test_gradients_of_the_student_are_those_without_a_teacher():
    student, x = network().eval(), torch.randn(8, 4)
    teacher = Average(moved(copy.deepcopy(student)))
    wanted = torch.autograd.grad(student(x).sum(), list(student.parameters()))
    seen = student(x)
    with teacher.lent_to(student):
        student(x)
    for one, other in zip(torch.autograd.grad(seen.sum(), list(student.parameters())), wanted, strict=True):
        assert torch.equal(one, other)


def test_half_precision_keeps_the_two_apart():
    student, x = network().eval(), torch.randn(8, 4)
    teacher = Average(student)
    moved(student)
    with torch.autocast("cpu", torch.bfloat16):
        alone = student(x)
    with torch.autocast("cpu", torch.bfloat16):
        with teacher.lent_to(student):
            theirs = student(x)
        own = student(x)
    assert torch.equal(own, alone)
    assert own.requires_grad
    assert not torch.equal(own, theirs)


def test_an_error_gives_the_weights_back():
    student = network()
    teacher = Average(student)
    moved(student)
    kept = copy.deepcopy(student.state_dict())
    with pytest.raises(RuntimeError, match="shapes"), teacher.lent_to(student):
        student(torch.randn(8, 3))
    assert all(torch.equal(kept[name], value) for name, value in student.state_dict().items())


def test_the_momentum_rises_to_one():
    found = [momentum_at(step, 100, 0.996) for step in range(101)]
    assert found == sorted(found)
    assert (found[0], found[-1]) == (pytest.approx(0.996), 1.0)
