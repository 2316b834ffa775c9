"""Real bundles of torchaudio with their widths reduced, and weights in torchaudio's own format in the torch cache."""

import functools
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest
import soundfile
import torch
import torchaudio

import zoo
from zoo.errors import (
    DataError,
    IncompatibleError,
    MissingDependency,
    Offline,
    UnknownName,
    UnsafeContent,
    WeightsError,
)
from zoo.io.settings import torch_cache
from zoo.providers.batching import encode_samples
from zoo.providers.loading import build
from zoo.providers.torchaudio import ARCHITECTURES, canonical, frames_of
from zoo.providers.torchaudio_repairs import repair

SMALL = {
    "extractor_conv_layer_config": [
        (16, 10, 5),
        (16, 3, 2),
        (16, 3, 2),
        (16, 3, 2),
        (16, 3, 2),
        (16, 2, 2),
        (16, 2, 2),
    ],
    "encoder_embed_dim": 32,
    "encoder_num_layers": 2,
    "encoder_num_heads": 4,
    "encoder_ff_interm_features": 48,
    "encoder_pos_conv_groups": 4,
}
NAMES = {
    "WAV2VEC2_BASE": "wav2vec2_base",  # group norm
    "HUBERT_ASR_LARGE": "hubert_large",  # layer norm, normalised clips, a layer for speech recognition
    "WAVLM_BASE": "wavlm_base",  # group norm, relative positions
    "WAVLM_LARGE": "wavlm_large",  # layer norm, relative positions, normalised clips
}
BUNDLES = [f"torchaudio/{arch}.{tag}" for tag, arch in NAMES.items()]
OLD = {".parametrizations.weight.original0": ".weight_g", ".parametrizations.weight.original1": ".weight_v"}


@pytest.fixture(autouse=True)
def small(monkeypatch, tmp_path):
    """The bundles with their own settings and small widths, and an empty torch cache."""
    for tag in NAMES:
        bundle = getattr(torchaudio.pipelines, tag)
        monkeypatch.setattr(bundle, "_params", bundle._params | SMALL)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setattr("torch.hub._hub_dir", None)
    torch_cache().mkdir(parents=True)


def bundle_of(name):
    return getattr(torchaudio.pipelines, name.partition(".")[2])


def perturbed(module, seed=0, scale=0.05):
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.add_(scale * torch.randn(parameter.shape, generator=generator))
    return module


def published(name, change=lambda state: state):
    """A checkpoint as torchaudio publishes it (old names of weights, three more labels), where it would be cached."""
    bundle = bundle_of(name)
    model = torchaudio.pipelines._wav2vec2.utils._get_model(bundle._model_type, bundle._params)
    state = {}
    for key, value in perturbed(model).state_dict().items():
        end = next((end for end in OLD if key.endswith(end)), "")
        more = torch.zeros(3, *value.shape[1:])
        state[key.removesuffix(end) + OLD.get(end, "")] = (
            torch.cat([value[:1], more, value[1:]]) if key.startswith("aux.") else value
        )
    path = torch_cache() / zoo.describe(name).source.rpartition("/")[2]
    torch.save(change(state), path)
    return path


def clips(*lengths, seed=0):
    rng = np.random.default_rng(seed)
    return [
        rng.standard_normal(length).astype(np.float32) * scale
        for length, scale in zip(lengths, (1, 0.1, 30, 2), strict=False)
    ]


@pytest.mark.parametrize("name", BUNDLES)
def test_pretrained_equals_torchaudios_own_loading(name):
    path = published(name)
    backbone = zoo.load(name, allow_pickle=path.name)
    upstream = bundle_of(name).get_model()
    getattr(upstream, "model", upstream).aux = None
    backbone.module.eval()
    for clip in clips(16_000, 5_000):
        with torch.inference_mode():
            found = backbone.encode(backbone.preprocess([clip]))["speech"]
            expected = upstream(torch.from_numpy(clip)[None])[0]
        assert torch.allclose(found.tokens, expected, atol=1e-6)
        assert torch.allclose(found.pooled, expected.mean(1), atol=1e-6)
    assert zoo.fingerprint(backbone) == zoo.fingerprint(zoo.load(name, pretrained=False))
    assert f"nobody states a digest of {path.name}" in backbone.notes[1]
    assert ("the layer for speech recognition is left out (aux.bias, aux.weight)" in backbone.notes) == ("ASR" in name)


@pytest.mark.parametrize("name", BUNDLES)
def test_padding_and_batching_change_nothing(name):
    backbone = zoo.load(name, pretrained=False, seed=0)
    perturbed(backbone.module)
    samples = clips(8_000, 2_500, 400, 5_003)
    together = encode_samples(backbone, samples)["speech"]
    assert backbone.spec.padding == "masked"
    assert together.mask.sum(1).tolist() == [24, 7, 1, 15]
    for row, sample in enumerate(samples):
        alone = encode_samples(backbone, [sample])["speech"]
        near = 1e-4 * alone.pooled.abs().max()
        assert (together.pooled[row] - alone.pooled[0]).abs().max() < near
        assert (together.tokens[row, : alone.tokens.shape[1]] - alone.tokens[0]).abs().max() < near
    assert (together.pooled[0] - together.pooled[3]).abs().max() > 1e-3 * together.pooled.abs().max()


@pytest.mark.parametrize("name", BUNDLES)
def test_without_the_repair_it_would_not_hold(name):
    bundle = bundle_of(name)
    make = torchaudio.models.wavlm_model if bundle._model_type == "WavLM" else torchaudio.models.wav2vec2_model
    module = perturbed(make(**bundle._params | {"aux_num_out": None})).eval()
    keys = list(module.state_dict())
    inputs, lengths = torch.zeros(2, 8_000), torch.tensor([8_000, 2_500])
    for row, clip in enumerate(clips(8_000, 2_500)):
        inputs[row, : len(clip)] = torch.from_numpy(clip)
    with torch.no_grad():
        alone = module(inputs[1:, :2_500])[0][0]
        if bundle._model_type == "WavLM":
            with pytest.raises(AssertionError):
                module(inputs, lengths)
        elif bundle._params["extractor_mode"] == "group_norm":
            assert (module(inputs, lengths)[0][1, :7] - alone).abs().max() > 1e-2
        repair(module)
        assert (module(inputs, lengths)[0][1, :7] - alone).abs().max() < 1e-5
    assert list(module.state_dict()) == keys


@pytest.mark.parametrize("name", BUNDLES)
def test_gradient_reaches_every_weight_with_and_without_padding(name):
    backbone = zoo.load(name, pretrained=False, seed=0)
    perturbed(backbone.module).eval()
    for lengths in ((8_000, 8_000), (8_000, 3_000)):
        backbone.module.zero_grad()
        inputs = backbone.preprocess(clips(*lengths))
        backbone.encode(inputs)["speech"].pooled.pow(2).sum().backward()
        without = [n for n, p in backbone.module.named_parameters() if p.grad is None or not p.grad.abs().any()]
        allowed = [n for n in without if n.endswith("k_proj.bias")]  # the softmax does not see a shift of all keys
        assert without == allowed


def test_each_clip_is_normalised_by_its_own_samples():
    backbone = zoo.load(BUNDLES[3], pretrained=False, seed=0)
    batch = backbone.preprocess(clips(3_000, 1_000, 2_000))
    for row, length in enumerate((3_000, 1_000, 2_000)):
        real = batch.values[row, :length]
        assert real.mean().abs() < 1e-5
        assert real.var(unbiased=False) == pytest.approx(1, abs=2e-3)
        assert not batch.values[row, length:].any()
        assert batch.mask[row].sum() == length
    assert "normalised by its own mean" in backbone.notes[0]


def test_any_architecture_by_its_bare_name():
    backbone = zoo.load("torchaudio/wav2vec2_base", pretrained=False, seed=0)
    assert (backbone.pooled_dim, backbone.spec.token_dim, backbone.spec.parameters) == (768, 768, 94_370_944)
    assert (backbone.spec.stride, backbone.spec.sample_rate, backbone.spec.can) == (320, 16_000, ("pooled", "tokens"))
    assert {spec.arch for spec in zoo.find("*", provider="torchaudio")} == set(ARCHITECTURES)


def test_files_stereo_and_other_rates(tmp_path):
    backbone = zoo.load(BUNDLES[0], pretrained=False, seed=0)
    left = np.sin(np.arange(44_100) / 20)
    soundfile.write(tmp_path / "a.wav", np.stack([left, -0.5 * left], 1), 44_100, subtype="FLOAT")
    given = backbone.preprocess([tmp_path / "a.wav", (np.stack([left, -0.5 * left]), 44_100)])
    assert given.values.shape == (2, 16_000)
    assert torch.allclose(given.values[0], given.values[1], atol=1e-5)
    assert "audio becomes mono at 16000 Hz: channels are averaged, other rates resampled" in backbone.notes[0]


def test_what_is_too_short(tmp_path):
    backbone = zoo.load(BUNDLES[0], pretrained=False, seed=0)
    assert frames_of(backbone.module) == (400, 320)
    with pytest.raises(DataError, match=r"sample 1 has 399 samples at 16000 Hz.*at least 400 for one token"):
        backbone.preprocess([np.zeros(400), np.zeros(399)])
    with pytest.raises(DataError, match="no samples"):
        backbone.preprocess([np.zeros(0)])
    soundfile.write(tmp_path / "click.wav", np.zeros(10), 16_000)
    with pytest.raises(DataError, match=r"click\.wav has 10 samples"):
        backbone.preprocess([tmp_path / "click.wav"])
    silence = encode_samples(backbone, [np.zeros(4_000)])["speech"]
    assert torch.isfinite(silence.pooled).all()


def test_padding_on_the_left_is_refused():
    backbone = zoo.load(BUNDLES[0], pretrained=False, seed=0)
    with pytest.raises(IncompatibleError, match="padded on the right"):
        backbone.encode(torch.zeros(1, 800), torch.arange(800)[None] > 10)


def test_a_pickle_is_read_only_if_it_is_named():
    path = published(BUNDLES[0])
    with pytest.raises(UnsafeContent, match=r"zoo reads none without being told.*allow_pickle='wav2vec2_fairseq_base"):
        zoo.load(BUNDLES[0])
    with pytest.raises(UnsafeContent, match=r"'other\.pth' is another file's name"):
        zoo.load(BUNDLES[0], allow_pickle="other.pth")
    with pytest.raises(IncompatibleError, match="comes with no pickle"):
        zoo.load("pocket/resnet10.glyphs", allow_pickle=path.name)


class Evil:
    def __reduce__(self):
        return print, ("this ran",)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda state: {k: v for k, v in state.items() if "layers.1" not in k}, "another architecture.*missing"),
        (lambda state: state | {"more": torch.ones(1)}, r"1 unexpected \(more\)"),
        (lambda state: state | {"encoder.feature_projection.projection.bias": torch.ones(7)}, "1 of another shape"),
        (lambda state: state | {"x": Evil()}, "holds more than tensors"),
        (lambda state: [1, 2], "no table of tensors"),
    ],
)
def test_wrong_weights(change, said, capsys):
    path = published(BUNDLES[0], change)
    with pytest.raises(WeightsError, match=said):
        zoo.load(BUNDLES[0], allow_pickle=path.name)
    assert "this ran" not in capsys.readouterr().out


def test_truncated_and_absent_weights():
    path = published(BUNDLES[0])
    path.write_bytes(path.read_bytes()[:5_000])
    with pytest.raises(WeightsError, match="no checkpoint of torch"):
        zoo.load(BUNDLES[0], allow_pickle=path.name)
    path.unlink()
    with pytest.raises(Offline, match=path.name):
        zoo.load(BUNDLES[0], allow_pickle=path.name)


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *arguments):
        pass


def test_weights_come_by_their_address(monkeypatch, tmp_path):
    import dataclasses

    path = published(BUNDLES[2])
    (tmp_path / "site").mkdir()
    path.rename(tmp_path / "site" / path.name)
    monkeypatch.setenv("HF_HUB_OFFLINE", "0")
    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(tmp_path / "site")))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        source = f"http://127.0.0.1:{server.server_port}/{path.name}"
        spec = dataclasses.replace(zoo.describe(BUNDLES[2]), source=source)
        backbone = build(spec, pretrained=True, allow_pickle=path.name)
    finally:
        server.shutdown()
        server.server_close()
    assert path.is_file()  # in the cache
    assert torch.equal(
        backbone.module.encoder.feature_projection.projection.bias,
        torch.load(path, weights_only=True)["encoder.feature_projection.projection.bias"],
    )


def test_own_weights_as_safetensors(tmp_path):
    from safetensors.torch import save_file

    state = torch.load(published(BUNDLES[1]), weights_only=True)
    save_file(state, tmp_path / "w.safetensors")
    backbone = zoo.load(BUNDLES[1], weights=tmp_path / "w.safetensors")
    assert "aux.weight" in backbone.notes[-1]
    assert torch.equal(
        backbone.module.encoder.transformer.layer_norm.bias, state["encoder.transformer.layer_norm.bias"]
    )


def test_names_of_old_and_new_files_are_one():
    tensors = {
        "a.weight_g": torch.ones(1),
        "b.parametrizations.weight.original1": torch.ones(2),
        "aux.bias": torch.ones(3),
    }
    found, notes = canonical(tensors)
    assert set(found) == {"a.parametrizations.weight.original0", "b.parametrizations.weight.original1"}
    assert len(notes) == 1


def test_names_that_mean_nothing():
    with pytest.raises(
        WeightsError, match=r"names an architecture, not weights.*zoo list 'torchaudio/hubert_base\.\*'"
    ):
        zoo.load("torchaudio/hubert_base")
    with pytest.raises(UnknownName, match="torchaudio/hubert_base"):
        zoo.load("torchaudio/hubert_bas")
    with pytest.raises(UnknownName, match=r"torchaudio architecture 'hubert'.*hubert_base"):
        build(zoo.BackboneSpec("torchaudio/hubert", "torchaudio", "hubert", modality="speech"), pretrained=False)


def test_missing_library_names_the_extra(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "torchaudio.models", None)
    with pytest.raises(MissingDependency, match=r"transfer-zoo\[audio\]"):
        zoo.load(BUNDLES[0], pretrained=False)
