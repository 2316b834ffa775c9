import torch

from zoo.objectives.projections import Prototypes, mlp


def test_mlp_has_two_layers():
    layers = mlp(8, 16, 4)
    x = torch.randn(3, 8)
    first, _, last = layers
    assert torch.allclose(layers(x), (x @ first.weight.T + first.bias).relu() @ last.weight.T + last.bias, atol=1e-6)


def test_prototypes_give_cosines():
    torch.manual_seed(0)
    head = Prototypes(8, hidden=16, bottleneck=4, out=10)
    x = torch.randn(3, 8)
    points = head.layers(x)
    for row, point in zip(head(x), points, strict=True):
        for cosine, prototype in zip(row, head.prototypes, strict=True):
            assert torch.allclose(cosine, point @ prototype / point.norm() / prototype.norm(), atol=1e-5)
