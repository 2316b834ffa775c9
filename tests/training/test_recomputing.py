import pytest
import torch
from small_backbones import small
from torch import nn

import zoo
from zoo.contracts import Padded
from zoo.errors import IncompatibleError
from zoo.objectives import OBJECTIVES
from zoo.training.recomputing import recomputing


def gradients(backbone, inputs):
    backbone.module.train().zero_grad()
    torch.manual_seed(0)
    backbone.encode(inputs)[backbone.spec.modality].pooled.square().sum().backward()
    return [one.grad.clone() for one in backbone.module.parameters() if one.grad is not None]


@pytest.mark.parametrize("name", ["transformers/bert", "timm/resnet10t"])
def test_gradients_stay_and_less_is_kept(name):
    backbone = small(name)
    ids = torch.arange(10, 26)[None].repeat(2, 1)
    text = name.startswith("transformers")
    inputs = Padded(ids, torch.ones(2, 16, dtype=torch.bool)) if text else torch.rand(2, 3, 64, 64)
    plain = gradients(backbone, inputs)
    saved = []
    hooks = torch.autograd.graph.saved_tensors_hooks
    with hooks(lambda one: saved.append(one.nbytes) or one, lambda one: one):
        gradients(backbone, inputs)
    before, saved[:] = sum(saved), []
    with recomputing(backbone.module), hooks(lambda one: saved.append(one.nbytes) or one, lambda one: one):
        again = gradients(backbone, inputs)
    for one, other in zip(plain, again, strict=True):
        assert torch.allclose(one, other, rtol=1e-4, atol=1e-5)
    assert sum(saved) < before
    after = zoo.fingerprint(backbone)
    assert after == zoo.fingerprint(small(name))


@pytest.mark.parametrize(("name", "objective"), [("transformers/bert", "mlm"), ("transformers/gpt2", "causal")])
def test_heads_without_layers_are_passed_over(name, objective):
    backbone = small(name)
    learner = nn.ModuleDict({"module": backbone.module, "heads": OBJECTIVES.get(objective)().build(backbone)})
    with recomputing(learner):
        assert any(getattr(part, "gradient_checkpointing", False) for part in backbone.module.modules())
    assert not any(getattr(part, "gradient_checkpointing", False) for part in backbone.module.modules())


def test_what_does_not_offer_it():
    with pytest.raises(IncompatibleError, match=r"Linear does not offer it.*accumulate"), recomputing(nn.Linear(1, 1)):
        pass
