import json

import pytest
import torch

import zoo
from zoo.errors import IncompatibleError, UnknownName, WeightsError
from zoo.providers.loading import seeded
from zoo.providers.weights import weights_digest


def test_scratch_is_the_same_graph_with_other_weights():
    trained, scratch = zoo.load("pocket/resnet10.glyphs"), zoo.load("pocket/resnet10.glyphs", pretrained=False, seed=0)
    assert zoo.fingerprint(trained) == zoo.fingerprint(scratch)
    assert weights_digest(trained.module) != weights_digest(scratch.module)


def test_fingerprint_sees_a_changed_graph():
    one, other = zoo.load("pocket/resnet10", pretrained=False), zoo.load("pocket/resnet10", pretrained=False)
    other.module.layer1[0].act2 = torch.nn.GELU()
    assert zoo.fingerprint(one) != zoo.fingerprint(other)


def test_seed_fixes_the_initialisation_and_leaves_the_global_state():
    torch.manual_seed(5)
    state = torch.get_rng_state()
    one, same, other = (zoo.load("pocket/resnet10", pretrained=False, seed=seed) for seed in (1, 1, 2))
    assert torch.equal(state, torch.get_rng_state())
    assert weights_digest(one.module) == weights_digest(same.module) != weights_digest(other.module)


def test_seeded_restores_after_an_error():
    state = torch.get_rng_state()
    with pytest.raises(RuntimeError), seeded(3):
        torch.rand(1).expand(-2)
    assert torch.equal(state, torch.get_rng_state())


def test_unknown_name_offers_near_ones():
    with pytest.raises(UnknownName, match=r"pocket/resnet10\.glyphs"):
        zoo.load("pocket/resnet10.glyph")


def test_bare_architecture_has_no_weights():
    with pytest.raises(WeightsError, match=r"names an architecture, not weights.*glyphs"):
        zoo.load("pocket/resnet10")


def test_weights_of_another_architecture(tmp_path):
    from safetensors.torch import save_file

    save_file({"conv1.weight": torch.zeros(2, 2)}, tmp_path / "other.safetensors")
    with pytest.raises(WeightsError, match=r"another architecture.*missing.*1 unexpected \(conv1\.weight\)"):
        zoo.load("pocket/resnet10", weights=tmp_path / "other.safetensors")


def test_folder_without_a_record(tmp_path):
    with pytest.raises(WeightsError, match=r"not a backbone folder.*backbone\.json"):
        zoo.load(str(tmp_path))


def test_folder_with_replaced_weights(tmp_path):
    from safetensors.torch import save_file

    backbone = zoo.load("pocket/resnet10.glyphs")
    (tmp_path / "backbone.json").write_text(json.dumps(backbone.spec.to_json()))
    save_file({n: t.contiguous() for n, t in backbone.module.state_dict().items()}, tmp_path / "model.safetensors")
    with pytest.raises(WeightsError, match="damaged or was replaced"):
        zoo.load(str(tmp_path))


def test_plug_in_backbone(monkeypatch):
    """A third party's entry point is loaded by its full name, like any other."""
    from zoo.providers import loading

    def build(pretrained):
        return zoo.wrap(torch.nn.Flatten(), name="acme/flat", input_size=(1, 4, 4))

    monkeypatch.setattr(loading, "describe", lambda name: zoo.BackboneSpec(name, "acme", "flat"))
    monkeypatch.setattr(type(loading.backbones), "get", lambda self, name: build)
    assert zoo.load("acme/flat").pooled_dim == 16


def test_a_folder_may_not_name_code(tmp_path, monkeypatch):
    """What is downloaded never runs: neither by a folder's record nor by a module that lies beside it."""
    (tmp_path / "evil.py").write_text("raise SystemExit('code of a folder ran')")
    spec = zoo.BackboneSpec("module/evil:go", "module", "evil:go")
    (tmp_path / "backbone.json").write_text(json.dumps(spec.to_json()))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(
        WeightsError, match=r"runs no code that a folder names.*zoo\.load\(\"module/evil:go\", weights="
    ):
        zoo.load(".")


@pytest.mark.parametrize("content", [b"\xff\xfe", b"{", b"[]", b'{"schema": "zoo.BackboneSpec/1"}'])
def test_damaged_record(tmp_path, content):
    (tmp_path / "backbone.json").write_bytes(content)
    with pytest.raises(WeightsError, match="not a backbone folder"):
        zoo.load(str(tmp_path))


def test_weights_without_pretrained_are_refused(tmp_path):
    with pytest.raises(IncompatibleError, match="leave one of them out"):
        zoo.load("pocket/resnet10", pretrained=False, weights=tmp_path / "absent.safetensors")


def test_unknown_provider_and_architecture_of_a_record(tmp_path):
    for provider, arch, message in (("tim", "resnet18", "unknown backbone"), ("timm", "resnet19", "Nearest: resnet1")):
        spec = zoo.BackboneSpec(f"{provider}/{arch}", provider, arch)
        (tmp_path / "backbone.json").write_text(json.dumps(spec.to_json()))
        with pytest.raises(UnknownName, match=message):
            zoo.load(str(tmp_path), pretrained=False)


def test_a_folder_whose_record_is_nested_without_end(tmp_path):
    (tmp_path / "backbone.json").write_text("[" * 100_000)
    with pytest.raises(WeightsError, match="not a backbone folder"):
        zoo.load(str(tmp_path))


def test_layers_on_request():
    inputs = torch.zeros(2, 1, 32, 32)
    with_layers = zoo.load("pocket/resnet10.glyphs", layers=True).encode(inputs)["vision"]
    without = zoo.load("pocket/resnet10.glyphs").encode(inputs)["vision"]
    assert (len(with_layers.layers), without.layers) == (4, None)
    assert torch.equal(with_layers.pooled, without.pooled)
