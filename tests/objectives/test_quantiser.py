from functools import partial

import pytest
import torch
from two_processes import mean_of_two

from zoo.objectives.quantiser import Quantiser, contrastive_loss, gumbel, unused_part


def both():
    """Ours and the library's, with the same weights."""
    from transformers import Wav2Vec2Config
    from transformers.models.wav2vec2.modeling_wav2vec2 import Wav2Vec2GumbelVectorQuantizer

    torch.manual_seed(0)
    config = Wav2Vec2Config(
        conv_dim=(8,), conv_kernel=(3,), conv_stride=(2,), num_feat_extract_layers=1, codevector_dim=6,
        num_codevectors_per_group=5,
    )  # fmt: skip
    mine, theirs = Quantiser(8, 2, 5, 6), Wav2Vec2GumbelVectorQuantizer(config)
    theirs.load_state_dict(mine.state_dict())
    return mine, theirs


def test_the_best_codes_are_those_of_the_library():
    mine, theirs = both()
    frames = torch.randn(2, 7, 8)
    codes, used = mine(frames.flatten(0, 1))
    expected, perplexity = theirs.eval()(frames)
    assert torch.allclose(codes, expected.flatten(0, 1), atol=1e-6)
    assert (1 - unused_part(used)).item() * 10 == pytest.approx(perplexity.item(), rel=1e-5)


def test_drawn_codes_and_their_gradient_are_those_of_the_library():
    mine, theirs = both()
    frames = torch.randn(2, 7, 8)
    torch.manual_seed(3)
    expected, perplexity = theirs.train()(frames)
    torch.manual_seed(3)
    noise = -torch.empty(28, 5).exponential_().log()
    codes, used = mine(frames.flatten(0, 1), noise.view(14, 2, 5), temperature=2.0)
    assert torch.allclose(codes, expected.flatten(0, 1), atol=1e-6)
    assert (1 - unused_part(used)).item() * 10 == pytest.approx(perplexity.item(), rel=1e-5)
    codes.square().sum().backward()
    expected.square().sum().backward()
    assert torch.allclose(mine.weight_proj.weight.grad, theirs.weight_proj.weight.grad, atol=1e-5)
    assert torch.allclose(mine.codevectors.grad, theirs.codevectors.grad, atol=1e-5)


def test_contrastive_loss_equals_a_slow_rewrite():
    torch.manual_seed(0)
    said, codes = torch.randn(2, 4, 5)
    codes[2] = codes[0]  # an other that equals the right one does not count
    others = torch.tensor([[1, 2, 3], [0, 2, 3], [0, 1, 3], [0, 1, 2]])
    total = 0.0
    for i, row in enumerate(said):
        kept = [codes[i], *(codes[k] for k in others[i].tolist() if not torch.equal(codes[k], codes[i]))]
        logits = torch.stack([row @ code / row.norm() / code.norm() / 0.1 for code in kept])
        total -= (logits[0] - logits.exp().sum().log()).item()
    assert contrastive_loss(said, codes, others, 0.1).item() == pytest.approx(total, rel=1e-5)


def test_an_entry_that_is_never_in_use_leaves_the_gradient_a_number():
    logits = torch.zeros(3, 2, 5)
    logits[..., 0] = 200.0  # so far above the others that their shares are exactly 0
    logits.requires_grad_()
    loss = unused_part(logits.softmax(-1))
    loss.backward()
    assert loss.item() == pytest.approx(0.8)
    assert logits.grad.isfinite().all()


def test_processes_share_their_codes():
    torch.manual_seed(0)
    logits = torch.randn(6, 2, 5, requires_grad=True)

    def loss(part, gather=None):
        return unused_part(part.softmax(-1), **({"gather": gather} if gather else {}))

    whole, split = loss(logits), mean_of_two(partial(loss), logits)
    assert split.item() == pytest.approx(whole.item(), rel=1e-5)
    wanted, found = (torch.autograd.grad(one, logits)[0] for one in (whole, split))
    assert torch.allclose(found, wanted, atol=1e-7)


def test_gumbel_noise_has_its_mean():
    noise = gumbel((100_000,), torch.Generator().manual_seed(0))
    assert noise.mean().item() == pytest.approx(0.5772, abs=0.02)
