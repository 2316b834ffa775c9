import torch

from zoo.objectives.mae_decoder import MaeDecoder


def test_every_token_goes_to_its_place():
    torch.manual_seed(0)
    decoder = MaeDecoder(8, grid=(2, 3), prefix=1, pixels=5, width=32, depth=0).eval()
    tokens = torch.randn(1, 1 + 2, 8)
    order = torch.tensor([[4, 1, 0, 2, 3, 5]])  # patches 4 and 1 are visible
    found = decoder(tokens, order.argsort(dim=1))
    for patch in range(6):
        shown = {4: tokens[:, 1], 1: tokens[:, 2]}.get(patch)
        inner = decoder.mask_token[:, 0] if shown is None else decoder.embed(shown)
        assert torch.allclose(found[:, patch], decoder.predict(decoder.norm(inner + decoder.positions[:, patch])))


def test_positions_do_not_learn_and_are_not_saved():
    decoder = MaeDecoder(8, grid=(2, 2), prefix=0, pixels=5, width=64, depth=2)
    assert not decoder.positions.requires_grad
    assert "positions" not in decoder.state_dict()
    assert [len(block.self_attn.in_proj_weight) for block in decoder.blocks] == [3 * 64] * 2
    assert decoder.blocks[0].self_attn.num_heads == 2
