"""One sample for each kind of transformers network, and the features that come back: enough to measure widths."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from zoo.catalog.rows import Row
    from zoo.contracts import Features


def features(module: Any, config: Any, row: Row) -> Features:
    """Features of one sample of zeros; of a network with encoder and decoder, those of its encoder.

    Raises:
        Exception: whatever the network raises when it does not take such a sample.
    """
    kinds = {"text": _text, "vision": _vision, "speech": _speech, "image-text": _image_text}
    return kinds[row["modality"]](module, config, row)


def _text(module: Any, config: Any, _row: Row) -> Features:
    import torch

    from zoo.contracts import Features

    network = module.get_encoder() if getattr(config, "is_encoder_decoder", False) else module
    tokens = network(input_ids=torch.zeros(1, 8, dtype=torch.long)).last_hidden_state
    return Features(tokens.mean(1), tokens=tokens)


def _vision(module: Any, _config: Any, row: Row) -> Features:
    import torch

    from zoo.contracts import Features

    given = module(torch.zeros(1, *row["input_size"]))
    hidden = given.last_hidden_state
    pooled = getattr(given, "pooler_output", None)
    if hidden.ndim == 4:
        return Features(hidden.mean((2, 3)) if pooled is None else pooled.flatten(1), maps=[hidden])
    return Features(hidden.mean(1) if pooled is None else pooled.flatten(1), tokens=hidden)


def _speech(module: Any, config: Any, row: Row) -> Features:
    import torch

    from zoo.contracts import Features

    arch = row["arch"]
    if arch == "clap":  # a log-mel picture of 10 s
        pooled = module.get_audio_features(torch.zeros(1, 1, 1001, config.audio_config.num_mel_bins))
        return Features(pooled if isinstance(pooled, torch.Tensor) else pooled.pooler_output)
    network = module.get_encoder() if getattr(config, "is_encoder_decoder", False) else module
    if arch == "audio-spectrogram-transformer":
        sample = torch.zeros(1, config.max_length, config.num_mel_bins)
    elif arch == "whisper":
        sample = torch.zeros(1, config.num_mel_bins, 2 * config.max_source_positions)
    elif getattr(module, "main_input_name", "") == "input_values":
        sample = torch.zeros(1, row.get("sample_rate") or 16000)
    else:
        width: Any = getattr(config, "feature_projection_input_dim", None) or getattr(config, "num_mel_bins", 80)
        sample = torch.zeros(1, 100, width)
    tokens = network(sample).last_hidden_state
    return Features(tokens.mean(1), tokens=tokens)


def _image_text(module: Any, _config: Any, row: Row) -> Features:
    import torch

    from zoo.contracts import Features

    image = module.get_image_features(pixel_values=torch.zeros(1, *row["input_size"]))
    image = image if isinstance(image, torch.Tensor) else image.pooler_output
    text = module.get_text_features(input_ids=torch.zeros(1, 8, dtype=torch.long))
    text = text if isinstance(text, torch.Tensor) else text.pooler_output
    if image.shape != text.shape:
        raise ValueError("the towers do not share a space")
    return Features(image)
