"""Log-mel frames of one-second clips: the inputs of zoo's own small speech networks.

They are what transformers' `WhisperFeatureExtractor` makes with these settings, and are made by it, so that a
checkpoint that is published as Whisper's encoder reads the same numbers there.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from zoo.data.synthesiser import RATE
from zoo.errors import MissingDependency

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

BINS, FRAMES, WINDOW_SECONDS = 40, 100, 1


@cache
def extractor() -> Any:
    """The feature extractor: 40 mel bins, a window of one second, 100 frames.

    Raises:
        MissingDependency: transformers is not installed.
    """
    try:
        from transformers import WhisperFeatureExtractor
    except ImportError as error:
        raise MissingDependency("transformers", "transformers") from error
    made: Any = WhisperFeatureExtractor
    return made(feature_size=BINS, sampling_rate=RATE, chunk_length=WINDOW_SECONDS)


def log_mel(clips: np.ndarray) -> Tensor:
    """Frames [B, 100, 40] of clips [B, T] at 16 kHz; a longer clip is cut after one second, a shorter one is filled.

    Example:
        >>> import numpy as np
        >>> log_mel(np.zeros((2, 16_000), np.float32)).shape
        torch.Size([2, 100, 40])
    """
    found = extractor()(list(clips), sampling_rate=RATE, return_tensors="pt")["input_features"]
    frames: Tensor = found.float().transpose(1, 2)
    return frames
