import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from zoo.data.augment_texts import token_dropout


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def texts(seed, rows=4, longest=12):
    """Token numbers [rows, longest] that begin with 1 and end with 2, with 2 in between now and then, and a mask."""
    lengths = torch.randint(1, longest + 1, (rows, 1), generator=generator(seed))
    mask = torch.arange(longest) < lengths
    values = torch.randint(2, 9, (rows, longest), generator=generator(seed + 1))
    values[:, 0] = 1
    values.scatter_(1, lengths - 1, 2)
    return values.masked_fill(~mask, 0), mask


@given(seed=st.integers(0, 10**6), rate=st.floats(0, 1))
@settings(max_examples=50, deadline=None)
def test_only_inner_tokens_change_and_into_inner_tokens_of_the_same_text(seed, rate):
    values, mask = texts(seed)
    kept = values.clone()
    found = token_dropout(values, mask, generator(seed), rate=rate)
    assert torch.equal(values, kept)
    assert found.dtype == torch.int64
    for before, after, real in zip(values.tolist(), found.tolist(), mask.tolist(), strict=True):
        length = sum(real)
        special = {before[0], before[length - 1]}
        inner = [token for token in before[:length] if token not in special]
        for old, new, is_real in zip(before, after, real, strict=True):
            if not is_real or old in special:
                assert new == old
            else:
                assert new in inner


def test_the_rate_is_the_share_that_is_drawn():
    values = torch.arange(1000).repeat(20, 1)
    found = token_dropout(values, torch.ones_like(values).bool(), generator(), rate=0.1)
    assert 0.09 < float((found != values).float().mean()) < 0.11
    drawn = found[found != values]
    assert 0.45 < float((drawn < 500).float().mean()) < 0.55  # from anywhere in the text


def test_none_at_all_and_texts_too_short():
    values, mask = texts(0)
    assert torch.equal(token_dropout(values, mask, generator(), rate=0.0), values)
    short = torch.tensor([[1, 2, 0], [1, 0, 0], [1, 5, 2]])
    assert torch.equal(token_dropout(short, short != 0, generator(), rate=1.0), short)


def test_the_same_generator_gives_the_same_text():
    values, mask = texts(3)
    first, same, other = (token_dropout(values, mask, generator(seed), rate=0.5) for seed in (1, 1, 2))
    assert torch.equal(first, same)
    assert not torch.equal(first, other)
