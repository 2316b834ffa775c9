import sys

import numpy as np
import pytest
import torch
from small_backbones import narrow, own
from torch import nn

import zoo
from zoo.adaptations.lora import Lora
from zoo.adaptations.probe import probe
from zoo.data.images import image_folder
from zoo.errors import IncompatibleError, MissingDependency, UnknownName
from zoo.providers.weights import weights_digest
from zoo.training.adapting import prepared

FAMILIES = ["timm/test_vit", "timm/test_convnext", "timm/test_resnet", "pocket/resnet10.glyphs"]


def built(name):
    return zoo.load(name, pretrained=name.startswith("pocket"), seed=0)


@pytest.mark.parametrize("dora", [False, True])
@pytest.mark.parametrize("name", FAMILIES)
def test_merged_equals_unmerged(name, dora):
    backbone, lora = built(name), Lora()
    graph = zoo.fingerprint(backbone)
    groups = prepared(lora, backbone, {"lr": 0.1, "dora": dora, "rank": 4}, seed=0)
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for group in groups:
            for weight in group["params"]:
                weight.add_(0.02 * torch.randn(weight.shape, generator=generator))
    backbone.module.eval()
    inputs = probe(backbone)
    with torch.no_grad():
        before = backbone.encode(inputs)["vision"].pooled
        plain = built(name)
        plain.module.eval()
        assert (before - plain.encode(inputs)["vision"].pooled).abs().max() > 1e-3  # it does something
        lora.finish(backbone)
        after = backbone.encode(inputs)["vision"].pooled
    assert ((after - before).norm() / before.norm()) < 1e-5
    assert zoo.fingerprint(backbone) == graph


def test_nothing_changes_before_training_and_dropping_gives_the_network_back():
    backbone, lora = built("timm/test_vit"), Lora()
    start = weights_digest(backbone.module)
    backbone.module.eval()
    inputs = probe(backbone)
    before = backbone.encode(inputs)["vision"].pooled
    prepared(lora, backbone, {"lr": 0.1}, seed=0)
    backbone.module.eval()
    assert torch.allclose(backbone.encode(inputs)["vision"].pooled, before, rtol=1e-5, atol=1e-6)
    lora.drop()
    assert weights_digest(backbone.module) == start


def test_rank_scale_and_names_as_asked():
    backbone = built("timm/test_vit")
    Lora().prepare(backbone, {"lr": 0.1, "rank": 3, "alpha": 9, "targets": "qkv"})
    named = {n: p for n, p in backbone.module.named_parameters() if p.requires_grad}
    assert len(named) == 2 * 6
    assert all(".attn.qkv.lora_" in name for name in named)
    assert {p.shape[0] for n, p in named.items() if "lora_A" in n} == {3}
    assert backbone.module.blocks[0].attn.qkv.scaling == {"zoo": 3.0}


def test_the_injected_start_follows_the_seed_and_leaves_the_global_one():
    torch.manual_seed(5)
    before = torch.get_rng_state()
    starts = []
    for seed in (0, 0, 1):
        backbone = built("pocket/resnet10.glyphs")
        groups = prepared(Lora(), backbone, {"lr": 0.1}, seed=seed)
        starts.append(torch.cat([p.flatten() for group in groups for p in group["params"]]))
    assert torch.equal(starts[0], starts[1])
    assert not torch.equal(starts[0], starts[2])
    assert torch.equal(torch.get_rng_state(), before)


def test_twice_is_refused():
    backbone = built("pocket/resnet10.glyphs")
    Lora().prepare(backbone, {"lr": 0.1})
    with pytest.raises(IncompatibleError, match="holds adapters of peft already"):
        Lora().prepare(backbone, {"lr": 0.1})


def test_refusals_leave_the_network_alone():
    backbone = built("timm/test_vit")
    start = weights_digest(backbone.module)
    with pytest.raises(UnknownName, match="Nearest: fc1"):
        Lora().prepare(backbone, {"lr": 0.1, "targets": "qkv,fc11"})
    net = zoo.wrap(nn.Sequential(nn.PReLU()), input_size=(1, 4, 4))
    with pytest.raises(IncompatibleError, match="fits no layer"):
        Lora().prepare(net, {"lr": 0.1})
    assert weights_digest(backbone.module) == start


def test_a_failed_fit_leaves_no_adapters(photos, monkeypatch):
    from zoo.training import adapting

    backbone = built("pocket/resnet10.glyphs")
    start = weights_digest(backbone.module)

    def fail(*_args, **_named):
        raise KeyboardInterrupt

    monkeypatch.setattr(adapting, "fit_network", fail)
    with pytest.raises(KeyboardInterrupt):
        zoo.finetune(backbone, photos, method="lora", quiet=True)
    assert weights_digest(backbone.module) == start


def test_without_peft(monkeypatch):
    monkeypatch.setitem(sys.modules, "peft", None)
    with pytest.raises(MissingDependency, match=r"transfer-zoo\[peft\]"):
        Lora().prepare(built("pocket/resnet10.glyphs"), {"lr": 0.1})


def test_a_saved_model_loads_without_peft(photos, tmp_path, monkeypatch):
    model = zoo.finetune("pocket/resnet10.glyphs", photos, method="lora", rank=2, dora=True, steps=20, device="cpu",
                         out=tmp_path / "m", quiet=True)  # fmt: skip
    assert (model.spec.options["rank"], model.spec.options["dora"]) == (2, True)
    monkeypatch.setitem(sys.modules, "peft", None)
    images = image_folder(photos).samples
    assert np.array_equal(zoo.load_model(tmp_path / "m").predict_proba(images), model.predict_proba(images))


class Alike(nn.Module):
    """Two parts with layers of the same name, as the towers of open_clip have them; one of them is not used."""

    def __init__(self):
        super().__init__()
        self.body = nn.ModuleList([nn.Linear(16, 16), nn.Linear(16, 16)])
        self.other = nn.ModuleDict({"body": nn.ModuleList([nn.Linear(16, 16), nn.Linear(16, 16)])})

    def forward(self, x):
        for layer in self.body:
            x = layer(x.flatten(1)).relu()
        return x


def test_layers_whose_names_end_alike_are_left_alone():
    backbone = zoo.wrap(Alike(), input_size=(1, 4, 4))
    Lora().prepare(backbone, {"lr": 0.1})
    named = [name for name, weight in backbone.module.named_parameters() if weight.requires_grad]
    assert named
    assert all(name.startswith("body.") for name in named)
    assert not any("lora" in name for name, _ in backbone.module.other.named_parameters())


def test_torchs_own_transformer_layers_run_the_correction_in_evaluation():
    backbone, lora = own("attending"), Lora()
    prepared(lora, backbone, {"lr": 0.1}, seed=0)
    backbone.module.eval()
    inputs = probe(backbone)
    with torch.no_grad():
        before = backbone.encode(inputs)["vision"].pooled
        for name, weight in backbone.module.named_parameters():
            if "lora_B" in name:
                weight.fill_(0.05)
        moved = backbone.encode(inputs)["vision"].pooled
        assert (moved - before).abs().max() > 1e-3
        lora.finish(backbone)
        assert torch.allclose(backbone.encode(inputs)["vision"].pooled, moved, atol=1e-5)
    assert not any(part._forward_hooks for part in backbone.module.modules())


def test_gpt2s_turned_layers_are_taken_without_a_warning():
    backbone, lora = narrow("gpt2"), Lora()
    prepared(lora, backbone, {"lr": 0.1}, seed=0)
    assert any("c_attn.lora_A" in name for name, weight in backbone.module.named_parameters() if weight.requires_grad)
    lora.finish(backbone)
