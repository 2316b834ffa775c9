import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from zoo.providers.masking import masked_group_norm, masked_mean


@settings(max_examples=30, deadline=None)
@given(
    lengths=st.lists(st.integers(2, 40), min_size=1, max_size=4),
    groups=st.sampled_from([1, 2, 6]),
    seed=st.integers(0, 9),
)
def test_masked_group_norm_is_the_norm_of_each_alone(lengths, groups, seed):
    torch.manual_seed(seed)
    norm = nn.GroupNorm(groups, 6)
    nn.init.normal_(norm.weight)
    nn.init.normal_(norm.bias)
    values = torch.full((len(lengths), 6, max(lengths)), 1e3)
    alone = [torch.randn(1, 6, length) * 3 + 1 for length in lengths]
    for row, one in enumerate(alone):
        values[row, :, : lengths[row]] = one[0]
    found = masked_group_norm(norm, values, torch.tensor(lengths))
    for row, one in enumerate(alone):
        assert torch.allclose(found[row, :, : lengths[row]], norm(one)[0], atol=1e-5)
        assert not found[row, :, lengths[row] :].any()


def test_without_weights_and_in_half_precision():
    norm, values = nn.GroupNorm(2, 4, affine=False), torch.randn(2, 4, 50)
    found = masked_group_norm(norm, values.bfloat16(), torch.tensor([50, 20]))
    assert found.dtype == torch.bfloat16
    assert (found[1, :, :20].float() - norm(values[1:, :, :20])[0]).abs().max() < 0.05


def test_masked_mean_against_a_loop():
    tokens = torch.randn(3, 5, 2)
    mask = torch.arange(5) < torch.tensor([[5], [2], [1]])
    slow = torch.stack([one[real].mean(0) for one, real in zip(tokens, mask, strict=True)])
    assert torch.allclose(masked_mean(tokens, mask), slow, atol=1e-6)
    assert torch.equal(masked_mean(tokens, None), tokens.mean(1))
    tokens[1, 2:] = torch.nan  # what stands beside the real tokens does not matter
    assert masked_mean(tokens, mask)[1].tolist() == pytest.approx(slow[1].tolist(), abs=1e-6)
