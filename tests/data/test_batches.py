import numpy as np
import torch

from zoo.data.batches import EpochOrder, generator_at, substream


def test_every_sample_once_an_epoch():
    order = EpochOrder(count=7, batch_size=3, seed=1)
    seen = np.concatenate([order(step) for step in range(7)])
    for epoch in range(3):
        assert sorted(seen[epoch * 7 : (epoch + 1) * 7]) == list(range(7))


def test_order_is_a_function_of_seed_and_step():
    one, other = EpochOrder(50, 8, 0), EpochOrder(50, 8, 0)
    later = [other(step).tolist() for step in (9, 3)]
    assert [one(step).tolist() for step in (9, 3)] == later
    assert EpochOrder(50, 8, 1)(3).tolist() != later[1]


def test_batch_larger_than_the_data_repeats_evenly():
    assert np.bincount(EpochOrder(count=5, batch_size=10, seed=0)(0)).tolist() == [2] * 5


def test_generators_do_not_share_streams():
    draws = {
        torch.rand(1, generator=generator_at(*key)).item()
        for key in [(0, 0, 0), (0, 0, 1), (0, 1, 0), (1, 0, 0), (1, 1, 1)]
    }
    assert len(draws) == 5
    assert torch.rand(1, generator=generator_at(2, 3)).item() == torch.rand(1, generator=generator_at(2, 3)).item()


def test_each_purpose_has_a_seed_of_its_own():
    seeds = {substream(seed, purpose) for seed in range(50) for purpose in ("head", "order", "labels")}
    assert len(seeds) == 150
    assert all(0 <= seed < 2**32 for seed in seeds)
