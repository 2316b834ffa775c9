import torch

from zoo.data.draws import normal, uniform


def test_they_are_torchs_own_draws_and_move_nothing_else():
    before = torch.random.get_rng_state()
    like = torch.zeros(1, dtype=torch.float64)
    found = uniform(like, torch.Generator().manual_seed(3), (4,), -2.0, 6.0)
    assert torch.equal(found, (torch.rand(4, generator=torch.Generator().manual_seed(3)) * 8 - 2).double())
    found = normal(like, torch.Generator().manual_seed(3), (4,))
    assert torch.equal(found, torch.randn(4, generator=torch.Generator().manual_seed(3)).double())
    assert torch.equal(before, torch.random.get_rng_state())


def test_numbers_for_integers_are_floats():
    assert uniform(torch.zeros(1).long(), torch.Generator(), (3,), 0.2, 0.4).dtype == torch.float32
