import pickle

import torch

from zoo.tasks.scaled import ScaledLinear


def test_outputs_are_the_layer_times_deviation_plus_mean():
    head = ScaledLinear(3)
    head.settle(5.0, 2.0)
    head.requires_grad_(False)
    features = torch.randn(4, 3, generator=torch.Generator().manual_seed(0))
    for row, found in zip(features, head(features), strict=True):
        plain = sum(float(a) * float(b) for a, b in zip(row, head.weight[0], strict=True)) + float(head.bias)
        assert abs(float(found) - (2 * plain + 5)) < 1e-5


def test_mean_and_deviation_are_saved_and_do_not_train():
    head, other = ScaledLinear(3), ScaledLinear(3)
    head.settle(5.0, 2.0)
    assert {name for name, _ in head.named_parameters()} == {"weight", "bias"}
    other.load_state_dict(head.state_dict())
    assert torch.equal(other(torch.ones(1, 3)), head(torch.ones(1, 3)))
    assert torch.equal(pickle.loads(pickle.dumps(head))(torch.ones(1, 3)), head(torch.ones(1, 3)))
