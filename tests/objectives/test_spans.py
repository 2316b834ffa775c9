import pytest
import torch

from zoo.objectives.spans import spans


def test_about_half_of_the_frames_of_a_long_clip_are_hidden():
    hidden = spans(torch.full((64,), 500), 500, torch.Generator().manual_seed(0), 0.08, 10)
    assert hidden.float().mean().item() == pytest.approx(1 - 0.92**10, abs=0.03)
    runs = [len(run) for row in hidden for run in "".join("x" if one else " " for one in row).split()]
    assert min(runs) == 10


def test_padding_is_never_hidden_and_short_clips_keep_something():
    lengths = torch.tensor([1, 2, 5, 10, 11, 40])
    for seed in range(20):
        hidden = spans(lengths, 40, torch.Generator().manual_seed(seed), 0.3, 10)
        for row, length in zip(hidden, lengths.tolist(), strict=True):
            assert row[:length].any()
            assert not row[length:].any()
            assert length == 1 or not row[:length].all()


def test_all_randomness_is_the_generators():
    before = torch.get_rng_state()
    one, same, other = (
        spans(torch.full((3,), 90), 90, torch.Generator().manual_seed(seed), 0.08, 10) for seed in (0, 0, 1)
    )
    assert torch.equal(one, same)
    assert not torch.equal(one, other)
    assert torch.equal(torch.get_rng_state(), before)
