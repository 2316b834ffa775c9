import numpy as np
import pytest
import torch
from torch import nn

import zoo
from zoo.adaptations.top_k import TopK
from zoo.errors import IncompatibleError
from zoo.tasks.classification import Classification
from zoo.training.adapting import fit_adapted, prepared
from zoo.training.fitting import Labelled
from zoo.training.trainspec import TrainSpec


def names(backbone):
    return {name.split(".")[0] for name, p in backbone.module.named_parameters() if p.requires_grad}


def test_the_last_blocks_and_what_follows_train():
    vit = zoo.load("timm/test_vit", pretrained=False, seed=0)
    TopK().prepare(vit, {"lr": 0.1, "blocks": 2})
    trained = {name.rsplit(".", 3)[0] if "blocks" not in name else ".".join(name.split(".")[:2])
               for name, p in vit.module.named_parameters() if p.requires_grad}  # fmt: skip
    assert {name for name in trained if name.startswith("blocks")} == {"blocks.4", "blocks.5"}
    assert names(vit) == {"blocks", "norm"}
    pocket = zoo.load("pocket/resnet10.glyphs")
    TopK().prepare(pocket, {"lr": 0.1})
    assert names(pocket) == {"layer4"}


def test_too_many_blocks_or_none():
    with pytest.raises(IncompatibleError, match=r"the last 5 blocks, and pocket/resnet10.glyphs .* has 4 blocks"):
        TopK().prepare(zoo.load("pocket/resnet10.glyphs"), {"lr": 0.1, "blocks": 5})
    net = zoo.wrap(nn.Sequential(nn.Flatten(), nn.Linear(16, 4)), input_size=(1, 4, 4))
    with pytest.raises(IncompatibleError, match=r"has no row of blocks\. Fix: method='full'"):
        TopK().prepare(net, {"lr": 0.1})


class Noise:
    def __init__(self):
        self.values = torch.randn(12, 1, 32, 32, generator=torch.Generator().manual_seed(0))

    def __getitem__(self, indices):
        return self.values[indices]


def test_cached_training_equals_training_that_runs_the_frozen_part(monkeypatch):
    """The same steps by both ways: weights agree to rounding, and the frozen part's statistics never move."""
    fits = []
    for cached in (True, False):
        backbone, method = zoo.load("pocket/resnet10.glyphs"), TopK()
        groups = prepared(method, backbone, {"lr": 0.01}, seed=0)
        if not cached:
            monkeypatch.setattr(TopK, "cut", lambda self, backbone, options: "for this test")
        torch.manual_seed(0)
        head = nn.Linear(256, 3)
        data = Labelled(Noise(), np.arange(12) % 3, np.arange(12))
        spec = TrainSpec(10, 4, 0.01, device="cpu", threads=1)
        notes = fit_adapted(method, groups, backbone, head, Classification(), data, spec, {},
                            classes=3, head_lr=0.01, quiet=True)  # fmt: skip
        assert ("ran once" in notes[0]) == cached
        fits.append(backbone.module.state_dict() | {"head": head.weight.detach()})
    for name, value in fits[0].items():
        assert torch.allclose(value.float(), fits[1][name].float(), rtol=1e-3, atol=1e-4), name
    start = zoo.load("pocket/resnet10.glyphs").module.state_dict()
    assert all(torch.equal(start[name], fits[0][name]) for name in start if not name.startswith("layer4"))


def test_the_fit_says_whether_it_was_cut(photos, capsys):
    cut = zoo.finetune("pocket/resnet10.glyphs", photos, method="top_k", steps=2, device="cpu")
    assert cut.spec.notes == ("the frozen part ran once, over images without augmentation",)
    assert cut.spec.notes[0] in capsys.readouterr().err
    assert cut.spec.options["augmentation"] == "none"
    whole = zoo.finetune("pocket/resnet10.glyphs", photos, method="top_k", blocks=2, augmentation="warp", steps=2,
                         device="cpu", quiet=True)  # fmt: skip
    assert "augmented (warp)" in whole.spec.notes[0]
    assert "runs at every step" in whole.spec.notes[0]
    assert whole.spec.options["blocks"] == 2
