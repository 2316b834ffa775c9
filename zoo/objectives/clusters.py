"""Clusters of short-time spectra: the targets of HuBERT's first round, at a network's own frame rate."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from zoo.errors import DataError, MissingDependency

if TYPE_CHECKING:
    from collections.abc import Iterable

    from torch import Tensor

_COEFFICIENTS, _BANDS = 13, 23  # of Kaldi's MFCC, which HuBERT clusters with their first and second differences


class Clusters(nn.Module):
    """Which of K clusters each frame of a waveform is in.

    A frame is described by 13 mel-frequency cepstral coefficients of the samples that the network's frame sees, and
    their first and second differences over time.

    Attributes:
        centres: [K, 39]; a buffer, so that it is saved with the heads.
    """

    centres: Tensor

    def __init__(self, clusters: int, rate: int, field: int, stride: int) -> None:
        super().__init__()
        try:
            import torchaudio
        except (ImportError, OSError) as error:  # OSError: built for another torch
            raise MissingDependency("torchaudio", "audio") from error
        size = max(512, field)
        self._field, self._stride, self._around = field, stride, size - field
        self._deltas = torchaudio.functional.compute_deltas
        spectra = {"n_fft": size, "win_length": field, "hop_length": stride, "n_mels": _BANDS, "center": False}
        self._coefficients = torchaudio.transforms.MFCC(rate, _COEFFICIENTS, log_mels=True, melkwargs=spectra)
        for buffer in self._coefficients.buffers():  # a view of something larger cannot be loaded from a checkpoint
            buffer.data = buffer.clone(memory_format=torch.contiguous_format)
        self.register_buffer("centres", torch.zeros(clusters, 3 * _COEFFICIENTS))

    def describe(self, waves: Tensor) -> Tensor:
        """Waveforms [B, T] to descriptions [B, N, 39] of the N frames that the network makes of them."""
        with torch.no_grad(), torch.autocast(waves.device.type, enabled=False):
            left = self._around // 2
            padded = nn.functional.pad(waves.float(), (left, self._around - left))
            found = self._coefficients(padded)
            first = self._deltas(found)
            whole: Tensor = torch.cat([found, first, self._deltas(first)], dim=1).transpose(1, 2)
        return whole

    def describe_each(self, waves: Tensor, lengths: Tensor) -> list[Tensor]:
        """Descriptions [N, 39] of each clip by its own `lengths` [B] samples: padding would reach its last frames."""
        if bool((lengths == waves.shape[1]).all()):
            return list(self.describe(waves))
        return [self.describe(wave[None, :length])[0] for wave, length in zip(waves, lengths.tolist(), strict=True)]

    def forward(self, waves: Tensor, lengths: Tensor) -> Tensor:
        """The cluster [B, N] (int64) of each of the N frames of the waves; 0 where it is padding."""
        centres = self.centres.float()
        count = max(0, (waves.shape[1] - self._field) // self._stride + 1)  # no clip need be as long as its batch
        found = torch.zeros(len(waves), count, dtype=torch.int64, device=waves.device)
        for row, one in zip(found, self.describe_each(waves, lengths), strict=True):
            row[: len(one)] = torch.cdist(one, centres).argmin(1)
        return found

    def fit(self, described: Iterable[Tensor], seed: int = 0) -> None:
        """Set the centres by k-means over descriptions [M, 39] of real frames.

        Raises:
            DataError: fewer different frames than clusters.
        """
        from sklearn.cluster import MiniBatchKMeans

        frames = torch.cat(list(described)).cpu().numpy()
        different = len(torch.unique(torch.from_numpy(frames), dim=0))
        if different < len(self.centres):
            raise DataError(
                f"{len(self.centres)} clusters need as many different frames, and the clips that were drawn have "
                f"{different}. Fix: more or longer clips (option clips), or fewer clusters (option clusters)."
            )
        model: Any = MiniBatchKMeans(len(self.centres), random_state=seed, n_init=5, batch_size=10_000)
        self.centres.copy_(torch.from_numpy(model.fit(frames).cluster_centers_))


class ClusterHead(nn.Module):
    """Tokens [M, D] to logits [M, K]: cosines with a learned vector of each cluster, over a temperature.

    Attributes:
        clusters: what tells the targets.
        vector: [D], what stands in the place of a hidden frame; None where the network has its own.
    """

    def __init__(
        self, clusters: Clusters, dimension: int, width: int, temperature: float, hidden: int | None = None
    ) -> None:
        super().__init__()
        self.clusters = clusters
        self.project = nn.Linear(dimension, width)
        self.labels = nn.Parameter(torch.rand(len(clusters.centres), width))
        self.vector = None if hidden is None else nn.Parameter(torch.rand(hidden))
        self.temperature = temperature

    def forward(self, tokens: Tensor) -> Tensor:
        """In float32."""
        found = nn.functional.normalize(self.project(tokens).float(), dim=-1)
        return found @ nn.functional.normalize(self.labels.float(), dim=-1).T / self.temperature
