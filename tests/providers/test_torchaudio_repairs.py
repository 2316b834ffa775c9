"""The repaired layers against torchaudio's own on clips alone; tests/providers/test_torchaudio.py has networks."""

import pickle

import torch
from torch import nn
from torchaudio.models.wav2vec2.components import ConvLayerBlock
from torchaudio.models.wav2vec2.wavlm_attention import WavLMSelfAttention

from zoo.providers.torchaudio_repairs import MaskedConvLayerBlock, MaskedWavLMSelfAttention, repair


def test_convolution_block():
    torch.manual_seed(0)
    block = ConvLayerBlock(1, 6, 10, 5, bias=True, layer_norm=nn.GroupNorm(6, 6))
    alone, values = torch.randn(1, 1, 60), torch.full((1, 1, 100), 9.0)
    values[..., :60] = alone
    expected, length = block(alone, torch.tensor([60]))
    repair(nn.Sequential(block))
    assert type(block) is MaskedConvLayerBlock
    found, found_length = block(values, torch.tensor([60]))
    assert found_length.tolist() == length.tolist() == [11]
    assert torch.allclose(found[..., :11], expected, atol=1e-6)
    assert torch.equal(block(alone, None)[0], expected)


def test_attention():
    torch.manual_seed(0)
    attention = WavLMSelfAttention(8, 2, has_relative_attention_bias=True)
    alone = torch.randn(1, 5, 8)
    expected, _ = attention(alone)
    repair(attention)
    assert type(attention) is MaskedWavLMSelfAttention
    mask = -10_000.0 * (torch.arange(9) >= 5).float().expand(1, 1, 9, 9)
    found, bias = attention(torch.cat([alone, torch.randn(1, 4, 8)], 1), attention_mask=mask)
    assert torch.allclose(found[:, :5], expected, atol=1e-6)
    assert bias.shape == (1, 2, 9, 9)


def test_other_layers_stay_and_a_repaired_one_can_be_pickled():
    plain = ConvLayerBlock(1, 2, 3, 1, bias=True, layer_norm=None)
    repair(nn.Sequential(plain))
    assert type(plain) is ConvLayerBlock
    block = ConvLayerBlock(1, 2, 3, 1, bias=True, layer_norm=nn.GroupNorm(2, 2))
    repair(block)
    assert type(pickle.loads(pickle.dumps(block))) is MaskedConvLayerBlock
