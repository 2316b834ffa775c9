"""Every check holds for a sound backbone and fails for one that breaks what it is about."""

import pytest
import torch
from torch import nn
from toys import subject, toy

from zoo.conformance.checks import CHECKS, calibrate, nudge, prepare, relative
from zoo.conformance.samples import samples_for
from zoo.providers.loading import build, spec_of

OWN = [name for name in CHECKS if name not in ("same_graph", "reload")]  # these build by name


@pytest.mark.parametrize("check", OWN)
def test_a_sound_backbone_holds(check):
    assert CHECKS[check](subject()).state == "holds"


@pytest.mark.parametrize("check", OWN)
def test_a_broken_promise_is_seen_by_its_check(check):
    found = CHECKS[check](subject(check))
    assert found.state == "fails"
    assert found.detail


def test_weights_that_no_gradient_reaches_are_named():
    found = CHECKS["gradient"](subject("gradient"))
    assert "unused.weight" in found.detail
    assert found.value == pytest.approx(2550 / (2550 + 15))


@pytest.mark.parametrize("name", ["pocket/resnet10", "timm/test_vit", "timm/test_resnet"])
@pytest.mark.parametrize("check", CHECKS)
def test_real_backbones(name, check, prepared):
    assert CHECKS[check](prepared(name)).state == "holds"


@pytest.fixture(scope="module")
def prepared():
    kept = {}
    return lambda name: kept[name] if name in kept else kept.setdefault(name, prepare(spec_of(name)))


def test_the_noise_is_seeded_and_moves_every_weight():
    a, b = toy().module, toy().module
    before = [p.clone() for p in a.parameters()]
    nudge(a)
    nudge(b)
    assert all(torch.equal(x, y) for x, y in zip(a.parameters(), b.parameters(), strict=True))
    assert all((x != y).all() for x, y in zip(a.parameters(), before, strict=True))


def test_zero_initialised_branches_are_moved():
    layer = nn.Linear(3, 3)
    nn.init.zeros_(layer.weight)
    nudge(layer)
    assert layer.weight.abs().min() > 0


def test_batch_norm_sees_the_samples_and_is_left_as_it_was():
    backbone = build(spec_of("timm/test_resnet"), pretrained=False, seed=0)
    norms = [part for part in backbone.module.modules() if isinstance(part, nn.BatchNorm2d)]
    before = [norm.momentum for norm in norms]
    calibrate(backbone, samples_for(backbone.spec))
    assert all(float(norm.num_batches_tracked) == 1 and not norm.training for norm in norms)
    assert [norm.momentum for norm in norms] == before
    seen = []
    first = norms[0].register_forward_hook(lambda part, given, out: seen.append((given[0], out)))
    with torch.no_grad():
        backbone.module.eval()
        backbone.encode(backbone.preprocess(samples_for(backbone.spec)))
    first.remove()
    values = seen[0][0].transpose(0, 1).flatten(1)
    assert torch.allclose(norms[0].running_mean, values.mean(1), atol=1e-5)


def test_relative_error_by_hand():
    assert relative(torch.tensor([1.0, -3.0]), torch.tensor([2.0, -4.0])) == pytest.approx(0.25)
    assert relative(torch.zeros(2), torch.zeros(2)) == 0.0
