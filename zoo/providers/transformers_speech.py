"""Speech networks of transformers behind the contract: clips of any kind to features, each clip on its own.

Every clip is brought to the weights' sample rate (`zoo.data.audio`), then goes through the library's own feature
extractor alone, so that nothing of its neighbours enters its normalisation. Whisper, AST and CLAP take windows of one
length: a longer clip is cut at the end of the window, which `notes` tell, and a shorter one is filled as upstream does.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

from zoo.contracts import Features, Padded
from zoo.data.audio import as_waveform
from zoo.errors import DataError, WeightsError
from zoo.providers.batching import pad
from zoo.providers.masking import masked_mean
from zoo.providers.transformers_library import LOCAL, library, mapped, quietly, takes

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from torch import Tensor

    from zoo.specs import BackboneSpec

WINDOWED = ("whisper", "audio-spectrogram-transformer", "clap")
# Types whose features kept to 1e-4 when clips were padded and masked, for both norms of the first convolution.
MASKED = ("wav2vec2", "hubert", "wavlm", "unispeech", "unispeech-sat")


def padding_of(arch: str, *, adapter: bool) -> str:
    """`fixed` for windows, `masked` where it was tested (without an adapter on top), else `equal_length`.

    Example:
        >>> padding_of("hubert", adapter=False), padding_of("hubert", adapter=True), padding_of("clap", adapter=False)
        ('masked', 'equal_length', 'fixed')
    """
    if arch in WINDOWED:
        return "fixed"
    return "masked" if arch in MASKED and not adapter else "equal_length"


def extractor_of(folder: Path | None, spec: BackboneSpec, config: Any) -> Any:
    """The feature extractor of a folder; with None that of the model type, for this network's sizes.

    Raises:
        WeightsError: the folder has none, or it cannot be read.
    """
    if folder is not None:
        try:
            with quietly():
                return library().AutoFeatureExtractor.from_pretrained(folder, **LOCAL)
        except Exception as error:  # the library raises many kinds
            raise WeightsError(
                f"{spec.name} has no feature extractor that can be read: {type(error).__name__}: {str(error)[:200]}. "
                "Fix: choose a repository with preprocessor_config.json."
            ) from error
    name = mapped("feature_extraction_auto", "FEATURE_EXTRACTOR_MAPPING_NAMES", spec.arch) or "Wav2Vec2FeatureExtractor"
    if spec.arch == "wav2vec2-bert":  # the library's table names the extractor of wav2vec2
        name = "SeamlessM4TFeatureExtractor"
    cls = getattr(library(), name)
    known = {
        "do_normalize": spec.normalize_waveform if name.startswith("Wav2Vec2") else None,
        "num_mel_bins": getattr(config, "num_mel_bins", None),
        "max_length": getattr(config, "max_length", None) if spec.arch == "audio-spectrogram-transformer" else None,
    }
    if spec.arch == "clap":
        known["truncation"] = "fusion" if config.audio_config.enable_fusion else "rand_trunc"
    known["feature_size"] = known["num_mel_bins"] if spec.arch == "whisper" else None
    return cls(**{key: value for key, value in known.items() if value is not None and takes(cls.__init__, key)})


def speech_preprocess(extractor: Callable[[], Any], arch: str, shortest: int) -> Callable[[Sequence[Any]], Padded]:
    """Clips to a Padded: waveforms [B, T], or log-mel frames [B, T, F]; `extractor` is made at the first call.

    Raises (when called):
        DataError: no clips; or one without samples, shorter than `shortest` samples, or otherwise refused by
            `zoo.data.audio.as_waveform`.
    """
    made: list[Any] = []

    def preprocess(clips: Sequence[Any]) -> Padded:
        if not len(clips):
            raise DataError("there are no clips. Fix: give at least one.")
        if not made:
            made.append(extractor())
        rate = made[0].sampling_rate
        return pad([_one(made[0], as_waveform(clip, rate), arch, shortest) for clip in clips])

    return preprocess


def _one(extractor: Any, wave: Any, arch: str, shortest: int) -> Padded:
    import torch

    rate = extractor.sampling_rate
    if len(wave) < shortest:
        raise DataError(
            f"a clip has {len(wave)} samples ({1000 * len(wave) / rate:.1f} ms), and the network needs {shortest} for "
            "its first frame. Fix: leave the clip out, or join it with its neighbour."
        )
    if arch == "clap":
        wave = wave[: extractor.nb_max_samples]  # upstream draws the place where it cuts
    options = {"return_attention_mask": True} if arch == "whisper" else {}
    with quietly():
        found = extractor(wave, sampling_rate=rate, return_tensors="pt", **options)
    if "input_values" in found:
        values = found["input_values"].float()
        return Padded(values, torch.ones(values.shape[:2], dtype=torch.bool))
    values = found["input_features"].float()
    if arch == "whisper":
        values = values.transpose(1, 2)
        real = min(values.shape[1], -(-len(wave) // extractor.hop_length))
        return Padded(values, (torch.arange(values.shape[1]) < real)[None])
    if arch == "clap":
        values = values[:, 0] if values.shape[1] == 1 else values.permute(0, 2, 1, 3).flatten(2)
    mask = torch.ones(values.shape[:2], dtype=torch.bool)
    if (told := found.get("attention_mask")) is not None:
        mask = told.bool()
    count = int(mask.sum())
    return Padded(values[:, :count], mask[:, :count])


def speech_encoder(network: Any, arch: str) -> Callable[[Tensor, Tensor | None], dict[str, Features]]:
    """`encode(values, mask)` over a speech network; `pooled` is the mean of the frames that are real.

    AST pools its two class tokens, as upstream does.
    """
    from zoo.providers.transformers_repairs import convolutions, frames, repair

    norm = repair(network)
    has_mask = takes(network.forward, "attention_mask") and arch not in WINDOWED

    def encode(values: Tensor, mask: Tensor | None = None) -> dict[str, Features]:
        if arch == "whisper":
            tokens = network(values.transpose(1, 2)).last_hidden_state
            real = None if mask is None else _halved(mask)
            return {"speech": Features(masked_mean(tokens, real), tokens=tokens, mask=real)}
        if arch == "audio-spectrogram-transformer":
            out = network(values)
            return {"speech": Features(out.pooler_output, tokens=out.last_hidden_state)}
        partly = mask is not None and not bool(mask.all())
        options = {"attention_mask": mask.long()} if mask is not None and partly and has_mask else {}
        if norm is not None:
            norm.lengths = frames(convolutions(network)[0], mask.sum(1)) if mask is not None and partly else None
        if mask is not None and partly and values.ndim == 2:
            values = values.masked_fill(~mask, 0)
        try:
            with warnings.catch_warnings():  # WavLM's two masks are of two types, which is upstream's business
                warnings.filterwarnings("ignore", "Support for mismatched key_padding_mask", UserWarning)
                out = network(values, **options)
        finally:
            if norm is not None:
                norm.lengths = None
        tokens = out.last_hidden_state
        real = _frames(network, tokens, mask) if mask is not None else None
        return {"speech": Features(masked_mean(tokens, real), tokens=tokens, mask=real)}

    return encode


def _halved(mask: Tensor) -> Tensor:
    """Frames [B, T] as tokens [B, T / 2]: a token is real if its first frame is."""
    return mask[:, ::2]


def _frames(network: Any, tokens: Tensor, mask: Tensor) -> Tensor:
    """Which tokens [B, N] are real."""
    import torch

    steps = tokens.shape[1]
    if hasattr(network, "_get_feat_extract_output_lengths") and hasattr(network, "feature_extractor"):
        lengths = network._get_feat_extract_output_lengths(mask.sum(1))
    else:
        lengths = torch.ceil(mask.sum(1) * steps / mask.shape[1])
    real: Tensor = torch.arange(steps, device=tokens.device) < lengths[:, None]
    return real


def trial(spec: BackboneSpec, config: Any) -> Tensor:
    """Zeros of a shape that the network takes: [1, T] samples or [1, T, F] frames."""
    import torch

    if spec.arch == "clap":
        audio = config.audio_config
        return torch.zeros(1, 1001, audio.num_mel_bins * (4 if audio.enable_fusion else 1))
    if spec.arch == "audio-spectrogram-transformer":
        return torch.zeros(1, config.max_length, config.num_mel_bins)
    if spec.arch == "whisper":
        return torch.zeros(1, 2 * config.max_source_positions, config.num_mel_bins)
    if mapped("modeling_auto", "MODEL_MAPPING_NAMES", spec.arch) and spec.arch in _FRAMES:
        inner = getattr(config, "encoder_config", config)
        width = next((getattr(inner, name) for name in _WIDTHS if isinstance(getattr(inner, name, None), int)), 80)
        return torch.zeros(1, 100, width)
    return torch.zeros(1, spec.sample_rate or 16_000)


_FRAMES = ("wav2vec2-bert", "parakeet_ctc", "lasr_ctc", "granite_speech5_ctc")  # these read log-mel frames
_WIDTHS = ("feature_projection_input_dim", "num_mel_bins", "input_dim")
