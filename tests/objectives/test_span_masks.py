import torch

from zoo.objectives.span_masks import among_all, other_hidden, span_mask


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def test_spans_hide_about_half_as_in_the_paper():
    lengths = torch.tensor([1000] * 20)
    mask = span_mask(lengths, 1000, generator(), starts=0.065, span=10)
    assert 0.45 < mask.float().mean().item() < 0.53  # the paper says 49 %
    assert torch.equal(mask, span_mask(lengths, 1000, generator(), starts=0.065, span=10))
    assert not torch.equal(mask, span_mask(lengths, 1000, generator(1), starts=0.065, span=10))


def test_spans_stay_within_the_clip_and_have_their_length():
    mask = span_mask(torch.tensor([40, 12, 5, 4, 3, 0]), 40, generator(), starts=0.01, span=10)
    assert mask.sum(1).tolist() == [10, 6, 2, 2, 0, 0]
    for row, length in zip(mask, (40, 12, 5, 4, 3, 0), strict=True):
        assert not row[length:].any()
        where = torch.nonzero(row).flatten()
        assert torch.equal(where, torch.arange(len(where)) + (where[0] if len(where) else 0))


def test_others_are_hidden_frames_of_the_same_clip_and_all_come_alike():
    mask = torch.tensor([[True, True, True, False], [False] * 4, [False, True, False, True]])
    others = among_all(other_hidden(mask, 3000, generator()), mask)
    assert others.shape == (5, 3000)
    for row, allowed in zip(others, ([1, 2], [0, 2], [0, 1], [4], [3]), strict=True):
        counts = torch.bincount(row, minlength=5)
        assert set(torch.nonzero(counts).flatten().tolist()) == set(allowed)
        assert all(abs(counts[one].item() / 3000 - 1 / len(allowed)) < 0.05 for one in allowed)


def test_the_others_of_a_clip_are_the_same_without_the_clips_before_it():
    mask = torch.rand(3, 8, generator=generator()) < 0.7
    others = other_hidden(mask, 4, generator())
    alone = among_all(others[1:], mask[1:])
    assert torch.equal(alone, among_all(others, mask)[mask[0].sum() :] - mask[0].sum())


def test_nothing_hidden_has_no_others():
    mask = torch.zeros(2, 4, dtype=torch.bool)
    assert not other_hidden(mask, 5, generator()).any()
    assert among_all(other_hidden(mask, 5, generator()), mask).shape == (0, 5)
