import copy

import pytest
import torch
from torch import nn

import zoo
from zoo.training.folding import folded


def lively(module):
    """Statistics and weights of every norm that are not those of a fresh network."""
    generator = torch.Generator().manual_seed(0)
    for part in module.modules():
        if isinstance(part, nn.BatchNorm2d):
            with torch.no_grad():
                part.running_mean.normal_(0, 0.3, generator=generator)
                part.running_var.uniform_(0.5, 1.5, generator=generator)
                part.weight.uniform_(0.5, 1.5, generator=generator)
                part.bias.normal_(0, 0.2, generator=generator)
    return module.eval()


def wrapped(module, size=(3, 8, 8)):
    torch.manual_seed(0)
    return zoo.wrap(lively(module), input_size=size)


def features(backbone, batch):
    with torch.no_grad():
        return backbone.encode(batch)["vision"].pooled


def norms(backbone):
    return sum(isinstance(part, nn.BatchNorm2d) for part in backbone.module.modules())


@pytest.mark.parametrize(
    "name",
    [
        "timm/test_resnet",
        "timm/test_efficientnet",
        "timm/mobilenetv3_small_050",
        "torchvision/resnet18",
        "torchvision/shufflenet_v2_x0_5",
        "pocket/resnet10",
    ],
)
def test_features_agree_and_the_network_is_left_as_it_was(name):
    backbone = zoo.load(name, pretrained=False, seed=0)
    lively(backbone.module)
    batch = torch.rand(2, *backbone.spec.input_size, generator=torch.Generator().manual_seed(1))
    state = copy.deepcopy(backbone.module.state_dict())
    before = features(backbone, batch)
    with folded(backbone, batch[:1]) as count:
        assert count == norms(backbone)
        inside = features(backbone, batch)
    off = (inside - before).norm(dim=1) / before.norm(dim=1)
    assert 0 < off.max() <= 1e-4  # something was done, and it changed nothing
    assert torch.equal(features(backbone, batch), before)
    assert not [part for part in backbone.module.modules() if "forward" in vars(part) or part._forward_hooks]
    now = backbone.module.state_dict()
    assert all(torch.equal(value, now[name]) for name, value in state.items())


def test_folding_equals_the_two_layers_written_out():
    convolution, norm = nn.Conv2d(3, 4, 3, padding=1, padding_mode="reflect"), nn.BatchNorm2d(4)
    backbone, batch = wrapped(nn.Sequential(convolution, norm)), torch.rand(2, 3, 8, 8)
    with torch.no_grad():
        slow = convolution(batch) - norm.running_mean[:, None, None]
        slow = slow / (norm.running_var[:, None, None] + norm.eps).sqrt()
        slow = (slow * norm.weight[:, None, None] + norm.bias[:, None, None]).mean((2, 3))
    with folded(backbone, batch) as count:
        assert count == 1
        assert torch.allclose(features(backbone, batch), slow, rtol=1e-5, atol=1e-6)


class Shared(nn.Module):
    """One convolution feeds two norms."""

    def __init__(self):
        super().__init__()
        self.convolution, self.one, self.two = nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.BatchNorm2d(4)

    def forward(self, batch):
        out = self.convolution(batch)
        return self.one(out) + self.two(out)


class Skips(Shared):
    """The output of the convolution is used beside the norm: no hook sees it, the comparison does."""

    def forward(self, batch):
        out = self.convolution(batch)
        return self.one(out) + out


class Twice(Shared):
    """A convolution that runs twice."""

    def forward(self, batch):
        return self.one(self.convolution(batch)) + self.convolution(batch * 2)


class NormFirst(Shared):
    """The norm does not see what the convolution gives, but what was made of it."""

    def forward(self, batch):
        return self.one(self.convolution(batch).relu())


@pytest.mark.parametrize("kind", [Shared, Skips, Twice, NormFirst])
def test_a_network_where_it_would_change_something_runs_as_it_is(kind):
    backbone, batch = wrapped(kind()), torch.rand(2, 3, 8, 8)
    before = features(backbone, batch)
    with folded(backbone, batch) as count:
        assert count == 0
        assert torch.equal(features(backbone, batch), before)
    assert not [part for part in backbone.module.modules() if "forward" in vars(part)]


def test_other_layers_than_torch_s_own_are_left_alone():
    class Own(nn.Conv2d):
        """Its weight is not what it multiplies by."""

        def forward(self, batch):
            return self._conv_forward(batch, self.weight * 2, self.bias)

    weighted = nn.utils.parametrizations.weight_norm(nn.Conv2d(3, 4, 3))
    for first in (Own(3, 4, 3), weighted):
        with folded(wrapped(nn.Sequential(first, nn.BatchNorm2d(4))), torch.rand(1, 3, 8, 8)) as count:
            assert count == 0
    hooked = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4))
    hooked[0].register_forward_hook(lambda *_: None)
    with folded(wrapped(hooked), torch.rand(1, 3, 8, 8)) as count:
        assert count == 0


def test_without_statistics_there_is_nothing_to_fold():
    plain = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4, track_running_stats=False))
    with folded(zoo.wrap(plain.eval(), input_size=(3, 8, 8)), torch.rand(2, 3, 8, 8)) as count:
        assert count == 0


def test_an_error_inside_leaves_no_trace():
    backbone, batch = wrapped(nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4))), torch.rand(1, 3, 8, 8)
    with pytest.raises(KeyboardInterrupt), folded(backbone, batch):
        raise KeyboardInterrupt
    assert not [part for part in backbone.module.modules() if "forward" in vars(part)]
