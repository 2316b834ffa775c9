import doctest

import numpy as np
import pytest
from scripts import script

from zoo.data.images import load_images
from zoo.data.splits import split_data
from zoo.training.optimiser import warmup_cosine

sides = script("sides")


@pytest.mark.parametrize("steps", [1, 7, 100])
def test_both_sides_have_one_schedule(steps):
    for step in range(steps):
        assert sides.schedule(step, steps, 0.1) == pytest.approx(warmup_cosine(step, steps, 0.1))


def test_batches_are_full_and_hold_each_sample_once_an_epoch():
    found = sides.epochs(count=10, batch_size=3, steps=7, seed=0)
    assert [len(batch) for batch in found] == [3] * 7
    for epoch in (found[:3], found[3:6]):
        assert len(set(np.concatenate(epoch))) == 9
    assert not np.array_equal(np.concatenate(found[:3]), np.concatenate(found[3:6]))
    with pytest.raises(ValueError, match="a batch of 11 out of 10"):
        sides.epochs(count=10, batch_size=11, steps=1, seed=0)


def test_zoo_uses_the_parts_that_are_written_into_the_data():
    data = sides.divided(load_images("digits"), seed=3, train=5)
    used, _ = split_data(data, seed=99)
    for name in ("train", "validation", "test"):
        assert np.array_equal(getattr(used, name), sides.part(data, name))
    assert np.bincount(data.targets[used.train]).tolist() == [5] * 10
    other = sides.divided(load_images("digits"), seed=4, train=5)
    assert other.digest != data.digest


def test_examples_hold():
    assert doctest.testmod(sides).failed == 0
