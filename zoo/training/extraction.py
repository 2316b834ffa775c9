"""Pooled features of many samples, as fast as the network allows without changing them.

Samples of near lengths share a batch, so that little is padded; a batch holds as many values as some samples of middle
length do; images are laid out channels last; and BatchNorm is folded into convolutions where there are samples enough
to pay for it. Row i is of sample i, equal to what it gets alone up to 1e-4 (relative).

`zoo.training.fitting.extract` goes through the samples in the given order and changes nothing of the network: rows of a
benchmark are made with it, and must come out bit by bit.
"""

from __future__ import annotations

from contextlib import ExitStack, nullcontext
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from zoo.adaptations.layer_mix import pooled_layers
from zoo.contracts import Padded, Pair
from zoo.errors import DeviceError
from zoo.providers.batching import evaluating
from zoo.providers.bundles import Bundle, bundled, moved, pooled
from zoo.training.device import choose_device
from zoo.training.folding import folded
from zoo.training.inputs import nbytes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from torch import Tensor

    from zoo.contracts import Backbone, Features
    from zoo.training.fitting import Samples

SIZES = {"cpu": 16}  # samples of middle length in a batch: more do not fit into the caches of a core
SIZE = 128  # ... and fewer do not fill an accelerator
WINDOW = 2**28  # bytes of inputs that are prepared together, so that near lengths find each other
PAYS = 64  # samples from which on folding costs less than it saves


def extract_fast(
    backbone: Backbone,
    inputs: Samples,
    indices: np.ndarray,
    device: str = "cpu",
    *,
    modality: str = "",
    layers: bool = False,
    size: int | None = None,
    fold: bool = True,
    bfloat16: bool = False,
    keep: Callable[[np.ndarray, np.ndarray], None] | None = None,
) -> np.ndarray:
    """Pooled features [n, D] float32 of the samples at `indices` [n], in evaluation mode; or of all layers [n, L, D].

    Args:
        backbone: left as it was: weights, mode, device.
        inputs: `inputs[indices]` is a batch of preprocessed samples.
        indices: which samples.
        device: auto, cpu, cuda or mps.
        modality: which features; empty for the backbone's own.
        layers: each hidden layer, as `zoo.adaptations.layer_mix.pooled_layers` pools it.
        size: samples of middle length that share a batch; by default 16 on a CPU, else 128.
        fold: fold BatchNorm into convolutions while this runs.
        bfloat16: run in bfloat16 where torch deems it safe (autocast): on a GPU faster, and right to two digits only.
        keep: is given each part (indices [k], rows [k, D]) as soon as it is ready.

    Raises:
        DeviceError: bfloat16 on a device that has none in hardware.

    Example:
        >>> import zoo; from zoo.training.inputs import Inputs
        >>> backbone = zoo.load("pocket/resnet10.glyphs")
        >>> images = [np.full((8, 8), value, dtype=np.uint8) for value in (0, 128, 255)]
        >>> extract_fast(backbone, Inputs(images, backbone.preprocess), np.array([2, 0])).shape
        (2, 256)
    """
    device = choose_device(device)
    check_bfloat16(device, bfloat16)
    size = size or SIZES.get(device, SIZE)
    module = backbone.module
    home = next((tensor.device for tensor in module.state_dict().values()), torch.device("cpu"))
    out, at = np.zeros((0, backbone.spec.pooled_dim or 0), np.float32), 0
    with ExitStack() as stack:
        stack.enter_context(evaluating(module))
        stack.callback(module.to, home)
        module.to(device)
        read = pooled_layers if layers else last
        for prepared in _windows(inputs, indices):
            if not at and fold and len(indices) > PAYS:
                few = bundled(prepared[:2], backbone.spec.padding)
                few = prepared[0] if isinstance(few, Bundle) else few  # each part of a network is to run once
                stack.enter_context(folded(backbone, moved(channels_last(few), device), modality, read))
            rows = _rows(backbone, prepared, device, modality, size, bfloat16, read)
            if not at:
                out = np.empty((len(indices), *rows.shape[1:]), np.float32)
            out[at : at + len(rows)] = rows
            if keep is not None:
                keep(indices[at : at + len(rows)], rows)
            at += len(rows)
    return out


def last(features: Features) -> Tensor:
    """The pooled features [B, D]."""
    return features.pooled


def check_bfloat16(device: str, asked: bool) -> None:
    """Refuse bfloat16 where it is emulated, which is slower and less exact than float32.

    Raises:
        DeviceError: the device has none in hardware.

    Example:
        >>> check_bfloat16("cpu", True)
        Traceback (most recent call last):
        zoo.errors.DeviceError: bfloat16 was asked for on cpu, and zoo uses it on GPUs that have it in hardware. ...
    """
    if asked and not (device == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)):
        raise DeviceError(
            f"bfloat16 was asked for on {device}, and zoo uses it on GPUs that have it in hardware. "
            "Fix: leave bfloat16 out, or choose device='cuda' on a machine with such a GPU."
        )


# Not inference_mode: some networks keep tables that they make in a pass (biases by resolution, rotary positions), and
# one made in inference mode would end in an error when the network is trained later. The gain was 2 % (0017).
@torch.no_grad()
def _rows(
    backbone: Backbone,
    prepared: Sequence[Any],
    device: str,
    modality: str,
    size: int,
    bfloat16: bool,
    read: Callable[[Features], Tensor],
) -> np.ndarray:
    """Features [n, ...] of prepared samples, in their order."""
    lengths = np.array([_length(one) for one in prepared])
    batches = _batches(lengths, size, mixing=backbone.spec.padding == "masked")
    context = torch.autocast("cuda", torch.bfloat16) if bfloat16 else nullcontext()
    parts = []
    with context:
        for batch in batches:
            whole = bundled([prepared[place] for place in batch], backbone.spec.padding)
            parts.append(pooled(backbone, moved(channels_last(whole), device), modality, read).float().cpu())
    rows = np.asarray(torch.cat(parts).numpy())
    return rows[np.argsort(np.concatenate(batches), kind="stable")]


def _batches(lengths: np.ndarray, size: int, mixing: bool) -> list[np.ndarray]:
    """Places of samples, by length, in batches of as many values as `size` samples of middle length have.

    With `mixing` a batch may hold several lengths and counts as padded to its longest, else it holds one.
    """
    order = np.argsort(lengths, kind="stable")
    budget = size * max(1.0, float(lengths.mean()))
    batches, start = [], 0
    for place in range(1, len(order) + 1):
        if place < len(order):
            longest = lengths[order[place]]
            fits = (place + 1 - start) * longest <= budget
            if fits and (mixing or longest == lengths[order[start]]):
                continue
        batches.append(order[start:place])
        start = place
    return batches


def channels_last(batch: Any) -> Any:
    """A batch with the channels of each image's pixels side by side, which convolutions pass on: their fast layout.

    Example:
        >>> channels_last(torch.zeros(1, 3, 4, 4)).stride()
        (48, 1, 12, 3)
    """
    if isinstance(batch, torch.Tensor) and batch.ndim == 4:
        return batch.contiguous(memory_format=torch.channels_last)
    if isinstance(batch, Pair):
        return Pair(channels_last(batch.vision), batch.text)
    if isinstance(batch, Bundle):
        return Bundle(tuple(channels_last(part) for part in batch.parts), batch.order)
    return batch


def _windows(inputs: Samples, indices: np.ndarray) -> Iterator[list[Any]]:
    """Prepared samples, as many at a time as stay below `WINDOW` bytes."""
    window: list[Any] = []
    held = 0
    for index in indices:
        window.append(inputs[np.array([index])])
        held += nbytes(window[-1])
        if held >= WINDOW:
            yield window
            window, held = [], 0
    if window:
        yield window


def _length(one: Any) -> int:
    """What a batch is padded along, or how many values a sample has where nothing is padded."""
    if isinstance(one, Padded):
        return int(one.values.shape[1])
    if isinstance(one, Pair):
        return 1 if one.text is None else _length(one.text)
    return int(one.numel())
