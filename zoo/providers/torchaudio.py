"""Backbones of torchaudio (https://github.com/pytorch/audio): wav2vec 2.0, XLS-R, HuBERT and WavLM on waveforms."""

from __future__ import annotations

import dataclasses
import importlib
from typing import TYPE_CHECKING, Any

from zoo.contracts import Backbone, Features, Padded
from zoo.data.audio import as_waveform
from zoo.errors import DataError, IncompatibleError, MissingDependency, UnknownName, UnsafeContent, WeightsError
from zoo.io.digests import file_digest
from zoo.io.urls import fetch_url, file_name
from zoo.providers.masking import masked_mean
from zoo.providers.weights import load_strictly, read_weights

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from torch import Tensor, nn

    from zoo.providers.weights import Tensors
    from zoo.specs import BackboneSpec

ARCHITECTURES = (
    *("wav2vec2_base", "wav2vec2_large", "wav2vec2_large_lv60k"),
    *("wav2vec2_xlsr_300m", "wav2vec2_xlsr_1b", "wav2vec2_xlsr_2b"),
    *("hubert_base", "hubert_large", "hubert_xlarge", "wavlm_base", "wavlm_large"),
)
RATE = 16_000  # Hz; of all architectures and weights of the family
# torchaudio's files are older than the names that torch gives to a normalised weight today.
_RENAMED = {".weight_g": ".parametrizations.weight.original0", ".weight_v": ".parametrizations.weight.original1"}


def load(spec: BackboneSpec, *, pretrained: bool, tensors: Tensors | None, allow_pickle: str = "") -> Backbone:
    """Build `torchaudio/arch.BUNDLE` without its layer for speech recognition.

    Tokens are the encoder's output, one for each `stride` samples, and `pooled` is their mean over real frames.
    Padding is masked: torchaudio lets it change the features, so its layers are repaired (`torchaudio_repairs`). A
    bundle's weights are a pickle at an address: it is fetched and read (tensors only) if `allow_pickle` names its file.

    Raises:
        UnknownName: torchaudio has no such architecture.
        UnsafeContent: pre-trained weights, and `allow_pickle` does not name their file.
        WeightsError, Offline: weights that are missing, damaged, or made for another architecture.
        MissingDependency: torchaudio is not installed.
    """
    library = import_torchaudio()
    if pretrained and tensors is None and not spec.tag:
        raise WeightsError(
            f"{spec.name} names an architecture, not weights. Fix: choose a tag "
            f"(`zoo list '{spec.name}.*'` shows them), or train it from scratch (pretrained=False, --scratch)."
        )
    notes: tuple[str, ...] = ()
    if pretrained and tensors is None:  # before anything large is built
        tensors, notes = _bundled(spec, allow_pickle)
    module = _network(library, spec)
    if tensors is not None:
        own, left_out = canonical(tensors)
        load_strictly(module, own, spec.name)
        notes = (*notes, *left_out)
    backbone = assemble(spec, module)
    return dataclasses.replace(backbone, notes=(*backbone.notes, *notes))


def assemble(spec: BackboneSpec, module: nn.Module) -> Backbone:
    """A network of the family behind the contract: repaired, and its widths measured on one short input of zeros."""
    import torch

    from zoo.providers.measure import measured_spec
    from zoo.providers.torchaudio_repairs import repair

    repair(module)
    frame, stride = frames_of(module)
    spec = dataclasses.replace(spec, padding="masked", stride=stride, sample_rate=spec.sample_rate or RATE)
    encode = speech_encoder(module)
    spec = measured_spec(spec, module, encode, torch.zeros(1, frame))
    return Backbone(spec, module, speech_preprocess(spec, frame), encode, _policy(spec))


def speech_encoder(module: Any) -> Callable[[Tensor, Tensor | None], dict[str, Features]]:
    """`encode` over waveforms [B, T] and their mask, which must be True first and False after."""
    import torch

    def encode(inputs: Tensor, mask: Tensor | None = None) -> dict[str, Features]:
        if mask is None or bool(mask.all()):  # nothing is padded: torchaudio's own path
            tokens = module(inputs)[0]
            return {"speech": Features(tokens.mean(1), tokens)}
        lengths = mask.sum(1)
        if bool((mask[:, 1:] & ~mask[:, :-1]).any()):
            raise IncompatibleError("waveforms must be padded on the right: a mask was False before it was True.")
        tokens, counts = module(inputs, lengths)
        real = torch.arange(tokens.shape[1], device=tokens.device) < counts[:, None]
        return {"speech": Features(masked_mean(tokens, real), tokens, real)}

    return encode


def speech_preprocess(spec: BackboneSpec, shortest: int) -> Callable[[Sequence[Any]], Padded]:
    """Paths, arrays [T] and `(array, rate)` to a Padded [B, T]; see `zoo.data.audio` for what they may be.

    Where the weights ask for it, each clip is brought to mean 0 and variance 1 by its own samples, before padding.
    (torchaudio's bundles normalise over the whole batch, so that one loud clip changes the features of the others.)

    Raises:
        DataError: a clip that cannot be read, or that is shorter than `shortest` samples, which make one token.
    """
    import torch
    from torch.nn.functional import layer_norm

    from zoo.providers.batching import pad

    rate = spec.sample_rate or RATE

    def one(sample: Any, index: int) -> Padded:
        wave = torch.from_numpy(as_waveform(sample, rate))
        if len(wave) < shortest:
            raise DataError(
                f"audio {_named(sample, index)} has {len(wave)} samples at {rate} Hz, and {spec.name} needs at least "
                f"{shortest} for one token. Fix: leave the clip out, or pad it with silence."
            )
        wave = layer_norm(wave, wave.shape) if spec.normalize_waveform else wave
        return Padded(wave[None], torch.ones(1, len(wave), dtype=torch.bool))

    def preprocess(samples: Sequence[Any]) -> Padded:
        return pad([one(sample, index) for index, sample in enumerate(samples)])

    return preprocess


def frames_of(module: Any) -> tuple[int, int]:
    """How many samples the first token sees, and how many lie between two tokens: 400 and 320 for all of the family."""
    field, stride = 1, 1
    for layer in module.feature_extractor.conv_layers:
        field += (layer.kernel_size - 1) * stride
        stride *= layer.stride
    return field, stride


def canonical(tensors: Tensors) -> tuple[dict[str, Tensor], tuple[str, ...]]:
    """Tensors of a bundle by the names of today's network; the layer for speech recognition is left out, and said."""
    left_out = sorted(name for name in tensors if name.startswith("aux."))
    found = {}
    for name, tensor in tensors.items():
        if name not in left_out:
            end = next((end for end in _RENAMED if name.endswith(end)), "")
            found[name.removesuffix(end) + _RENAMED.get(end, "")] = tensor
    note = f"the layer for speech recognition is left out ({', '.join(left_out)})"
    return found, (note,) if left_out else ()


def _network(library: Any, spec: BackboneSpec) -> nn.Module:
    """The network from scratch: with a bundle's own settings, else with those of the architecture."""
    if spec.arch not in ARCHITECTURES:
        fix = f"torchaudio {library.__version__} is installed."
        raise UnknownName("torchaudio architecture", spec.arch, ARCHITECTURES, fix)
    bundle = getattr(importlib.import_module("torchaudio.pipelines"), spec.tag or " ", None)
    if bundle is None:  # no tag, or one that `zoo pretrain` made
        module: nn.Module = getattr(library.models, spec.arch)()
        return module
    make = library.models.wavlm_model if bundle._model_type == "WavLM" else library.models.wav2vec2_model
    made: nn.Module = make(**bundle._params | {"aux_num_out": None})
    return made


def _bundled(spec: BackboneSpec, allow_pickle: str) -> tuple[Tensors, tuple[str, ...]]:
    """A bundle's tensors, from the torch cache or its address, and what was decided for the user."""
    name = file_name(spec.source)
    if allow_pickle != name:
        named = f"{allow_pickle!r} is another file's name" if allow_pickle else "zoo reads none without being told"
        raise UnsafeContent(
            f"the weights of {spec.name} are a pickle, {name}, which could hold code; {named}. Fix: if you trust "
            f"{spec.source}, say allow_pickle={name!r} (--allow-pickle {name}), and only tensors are read of it."
        )
    path = fetch_url(spec.source, spec.digest)
    tensors = read_weights(path, spec.digest, allow_pickle=name)
    if spec.digest:
        return tensors, ()
    found = file_digest(path, "0" * 64)
    return tensors, (f"{spec.name}: nobody states a digest of {name}; the file read has SHA-256 {found[:12]}...",)


def _policy(spec: BackboneSpec) -> tuple[str, ...]:
    rate = spec.sample_rate
    norm = "; each clip is normalised by its own mean and variance" if spec.normalize_waveform else ""
    return (
        f"audio becomes mono at {rate} Hz: channels are averaged, other rates resampled "
        f"(torchaudio.functional.resample), and an array without a rate counts as {rate} Hz{norm}",
    )


def _named(sample: Any, index: int) -> str:
    return str(sample) if isinstance(sample, str) or hasattr(sample, "__fspath__") else f"sample {index}"


def import_torchaudio() -> Any:
    """torchaudio, or the error that says how to get it."""
    try:
        import torchaudio.models
        import torchaudio.pipelines
    except (ImportError, OSError) as error:  # OSError: built for another torch
        raise MissingDependency("torchaudio", "audio") from error
    return torchaudio
