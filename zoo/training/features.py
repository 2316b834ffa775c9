"""Features of a frozen network, made once: what was extracted before is read from disk.

A row depends on the network (its weights and its graph), on what the preprocessing makes of a sample, on the data, on
the modality, the kind of device and the precision: these make the key. No library says who its preprocessing is, so
three samples (the first, the middle and the last one) pass through it, and the bytes that come out are in the key; this
covers a function of one's own too. What no key can hold, such as the code between the network and its pooled features,
is caught by trying: one kept row is made again at each use and compared.
"""

from __future__ import annotations

import hashlib
import sys
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.contracts import Padded, Pair
from zoo.errors import DataError
from zoo.io.settings import features_cache, features_limit
from zoo.io.shards import Shelf
from zoo.providers.weights import graph_digest, tensor_bytes, weights_digest
from zoo.specs import digest_of
from zoo.training.device import choose_device
from zoo.training.extraction import check_bfloat16, extract_fast
from zoo.training.inputs import Inputs
from zoo.version import __version__

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from torch import Tensor

    from zoo.contracts import Backbone
    from zoo.data.labelled import LabelledData

SHARD = 4096  # rows that are made between two writes: what a killed run loses at most
CLOSE = 1e-2  # relative: rounding on another machine is far below, another pooling or another layer far above
GOVERN = (  # what a record says of preprocessing
    *("provider", "input_size", "mean", "std", "interpolation", "crop_pct", "crop_mode", "padding", "sample_rate"),
    *("normalize_waveform", "context", "tokenizer", "lower_case"),
)


def on_stderr(note: str) -> None:
    """Tell the user."""
    print(f"zoo: {note}", file=sys.stderr)


def features_of(
    backbone: Backbone,
    data: LabelledData,
    indices: np.ndarray,
    device: str = "cpu",
    *,
    modality: str = "",
    layers: bool = False,
    inputs: Inputs | None = None,
    bfloat16: bool = False,
    say: Callable[[str], None] = on_stderr,
) -> np.ndarray:
    """Pooled features [n, D] float32 of the samples of `data` at `indices` [n], each extracted once and then kept.

    `ZOO_FEATURES` says where they are kept, or `off`; `ZOO_FEATURES_GB` how much. A disk that is full or read only, a
    damaged file and a preprocessing that is random cost time, and a note.

    Args:
        backbone: left as it was.
        data: the samples; they are known by `data.digest`, and nothing is kept of data without one.
        indices: which samples.
        device: auto, cpu, cuda or mps.
        modality: which features; empty for the backbone's own.
        layers: of each hidden layer, [n, L, D], of a backbone that was loaded with `layers=True`.
        inputs: what preprocessing makes of `data.samples`, where it is at hand.
        bfloat16: see `zoo.training.extraction.extract_fast`; such features are kept apart.
        say: is given notes for the user.

    Raises:
        DeviceError: the device is not there, or has no bfloat16.
        DataError: a sample that cannot be read.
        UsageError: ZOO_FEATURES_GB is no number.

    Example:
        >>> import zoo; from zoo.data.images import load_images
        >>> backbone, digits = zoo.load("pocket/resnet10.glyphs"), load_images("digits")
        >>> features_of(backbone, digits, np.arange(5)).shape
        (5, 256)
    """
    device = choose_device(device)
    check_bfloat16(device, bfloat16)
    inputs = inputs or Inputs(data.samples, backbone.preprocess, backbone.spec.padding, keep_bytes=0)

    def make(which: np.ndarray, keep: Callable[[np.ndarray, np.ndarray], None] | None = None) -> np.ndarray:
        return extract_fast(
            backbone, inputs, which, device, modality=modality, layers=layers, bfloat16=bfloat16, keep=keep
        )

    root = features_cache()
    if root is None or not data.digest or not len(indices):
        return make(indices)
    preprocessing = preprocessing_digests(backbone, data.samples)
    if preprocessing[:1] != preprocessing_digests(backbone, data.samples, places=1):
        say(f"features of {data.name} are not kept: the preprocessing of {backbone.spec.name} is random")
        return make(indices)
    about = {
        "backbone": backbone.spec.name,
        "data": data.name,
        "features": "layers" if layers else "pooled",
        "modality": modality or backbone.spec.modality,
        "device": device,
        "bfloat16": bfloat16,
        "weights": weights_digest(backbone.module),
        "graph": graph_digest(backbone.module),
        "preprocessing": [{name: getattr(backbone.spec, name) for name in GOVERN}, *preprocessing],
        "data digest": data.digest,
        "samples": len(data),
        "zoo": __version__,
    }
    shelf = Shelf(root, digest_of(about)[:20], features_limit(), say)
    with shelf.held():
        return _completed(shelf, about, indices, make)


def preprocessing_digests(backbone: Backbone, samples: Sequence[Any], places: int = 3) -> list[str]:
    """SHA-256 of what preprocessing makes of the first, the middle and the last sample (or of the first `places`).

    A sample that cannot be read counts as such, and is an error only where it is asked for.

    Example:
        >>> import zoo
        >>> images = [np.full((8, 8), value, dtype=np.uint8) for value in (0, 128, 255)]
        >>> len(set(preprocessing_digests(zoo.load("pocket/resnet10.glyphs"), images)))
        3
    """
    chosen = list(dict.fromkeys([0, len(samples) // 2, len(samples) - 1]))[:places]
    found = []
    for place in chosen:
        try:
            found.append(_content(backbone.preprocess([samples[place]])))
        except DataError:
            found.append("unreadable")
    return found


def _completed(shelf: Shelf, about: dict[str, Any], indices: np.ndarray, make: Callable[..., np.ndarray]) -> np.ndarray:
    """Rows that are kept, and those that are not yet: these are made, kept, and put between the others."""
    asked, places = np.unique(indices, return_inverse=True)
    there, kept = shelf.read(asked)
    if len(kept):
        again = make(asked[there][:1])[0]
        off = float(np.linalg.norm(kept[0] - again) / max(float(np.linalg.norm(again)), 1e-12))
        if not off <= CLOSE:
            shelf.say(
                f"features in {shelf.folder} are not used: the network now gives others (off by {off:.1g}). "
                "Fix: remove the folder, if it is this network that you go on with"
            )
            return make(indices)
    if there.all():
        return np.asarray(kept[places])
    waiting: list[tuple[np.ndarray, np.ndarray]] = []
    failed: list[bool] = []

    def flush() -> None:
        if waiting and not failed:
            which, rows = (np.concatenate(part) for part in zip(*waiting, strict=True))
            if not np.isfinite(rows).all() or not shelf.write(which, rows, about):
                failed.append(True)
        waiting.clear()

    def keep(which: np.ndarray, rows: np.ndarray) -> None:
        waiting.append((which, rows))
        if sum(len(part) for part, _ in waiting) >= SHARD:
            flush()

    made = make(asked[~there], keep)
    flush()
    whole = np.empty((len(asked), *made.shape[1:]), np.float32)
    whole[there], whole[~there] = kept.reshape(-1, *made.shape[1:]), made
    return np.asarray(whole[places])


def _content(batch: Any) -> str:
    """SHA-256 over types, shapes and bytes of a batch of inputs."""
    content = hashlib.sha256()
    for tensor in _tensors(batch):
        content.update(f"{tensor.dtype} {list(tensor.shape)}\n".encode())
        content.update(tensor_bytes(tensor))
    return content.hexdigest()


def _tensors(batch: Any) -> list[Tensor]:
    if isinstance(batch, Padded):
        return [batch.values, batch.mask]
    if isinstance(batch, Pair):
        return [tensor for part in (batch.vision, batch.text) if part is not None for tensor in _tensors(part)]
    return [batch]
