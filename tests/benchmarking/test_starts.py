"""The start of each role: what is random in it, what is not, and that the graph is always the same."""

import pytest
import torch

from zoo.benchmarking.starts import start
from zoo.providers.loading import fingerprint, load

NAME = "pocket/resnet10.glyphs"


def same(a, b):
    return all(
        torch.equal(x, y) for x, y in zip(a.module.state_dict().values(), b.module.state_dict().values(), strict=True)
    )


@pytest.mark.parametrize("role", "PF")
def test_trained_weights_do_not_depend_on_the_seed(role):
    assert same(start(role, NAME, 0), start(role, NAME, 1))
    assert same(start(role, NAME, 0), load(NAME))


def test_scratch_is_the_seeded_initialisation():
    assert same(start("S", NAME, 3), load(NAME, pretrained=False, seed=3))
    assert not same(start("S", NAME, 3), start("S", NAME, 4))


def test_noise_has_the_scale_of_every_trained_tensor_and_none_of_its_values():
    trained, noise = load(NAME).module.state_dict(), start("M", NAME, 0).module.state_dict()
    names = [name for name, _ in load(NAME).module.named_parameters()]
    for name in names:
        value, drawn = trained[name], noise[name]
        spread = float(value.std(correction=0))
        assert abs(float(drawn.mean() - value.mean())) <= 5 * spread / value.numel() ** 0.5 + 1e-6, name
        if value.numel() > 1000:
            assert float(drawn.std()) == pytest.approx(spread, rel=0.1), name
    largest = max(names, key=lambda name: trained[name].numel())
    assert abs(float(torch.corrcoef(torch.stack([trained[largest].flatten(), noise[largest].flatten()]))[0, 1])) < 0.02


def test_noise_is_seeded_and_leaves_the_random_state_and_the_graph_alone():
    torch.manual_seed(5)
    before = torch.random.get_rng_state()
    assert same(start("M", NAME, 0), start("M", NAME, 0))
    assert not same(start("M", NAME, 0), start("M", NAME, 1))
    assert torch.equal(torch.random.get_rng_state(), before)
    assert fingerprint(start("M", NAME, 0)) == fingerprint(load(NAME))


def test_statistics_of_norms_are_those_of_scratch():
    buffers, scratch = (
        dict(start("M", NAME, 0).module.named_buffers()),
        load(NAME, pretrained=False).module.named_buffers(),
    )
    assert all(torch.equal(buffers[name], value) for name, value in scratch)
