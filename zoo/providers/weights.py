"""Weights on disk and in a module: read safely, compared exactly, loaded strictly."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from zoo.errors import WeightsError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from torch import Tensor, nn

    Tensors = Mapping[str, Tensor]


def read_weights(path: Path, digest: str = "") -> dict[str, Tensor]:
    """Tensors of a safetensors file, half precision widened to float32.

    Args:
        path: the file.
        digest: expected SHA-256 (hex) of the file's bytes; empty to skip the check.

    Raises:
        WeightsError: no such file, another format, a damaged file, or another digest.
    """
    import torch
    from safetensors.torch import load

    if path.suffix != ".safetensors":
        raise WeightsError(
            f"{path} is not a .safetensors file, and zoo reads no other format, because others can run code. "
            "Fix: convert it with safetensors.torch.save_file(state_dict, ...)."
        )
    try:
        data = path.read_bytes()
    except OSError as error:
        raise WeightsError(f"weights {path} cannot be read: {error.strerror}. Fix: check the path.") from error
    found = hashlib.sha256(data).hexdigest()
    if digest and found != digest:
        raise WeightsError(
            f"weights {path} have SHA-256 {found[:12]}..., expected {digest[:12]}...: the file is damaged or was "
            "replaced. Fix: install zoo again, or re-make the weights with `zoo pretrain`."
        )
    try:
        tensors: dict[str, Tensor] = load(data)
    except Exception as error:  # safetensors raises its own type for each kind of damage
        raise WeightsError(f"{path} is not a valid safetensors file: {error}. Fix: copy it again.") from error
    return {name: t.float() if t.dtype in (torch.float16, torch.bfloat16) else t for name, t in tensors.items()}


def load_strictly(module: nn.Module, tensors: Tensors, origin: str) -> None:
    """Copy `tensors` into `module`, or refuse and leave the module as it was.

    Raises:
        WeightsError: missing, unexpected or wrongly shaped tensors; the message counts them and shows the first.
    """
    own = module.state_dict()
    missing = [name for name in own if name not in tensors]
    unexpected = [name for name in tensors if name not in own]
    shapes = [
        f"{name} {list(tensors[name].shape)} instead of {list(own[name].shape)}"
        for name in own
        if name in tensors and tensors[name].shape != own[name].shape
    ]
    problems = [
        f"{len(found)} {what} ({', '.join(found[:3])}{', ...' if len(found) > 3 else ''})"
        for what, found in (("missing", missing), ("unexpected", unexpected), ("of another shape", shapes))
        if found
    ]
    if problems:
        raise WeightsError(
            f"the weights given for {origin} were made for another architecture than its {type(module).__name__}: "
            f"{'; '.join(problems)} of {len(own)} tensors. Fix: name the backbone that these weights belong to."
        )
    module.load_state_dict(dict(tensors), strict=True)


def weights_digest(module: nn.Module) -> str:
    """SHA-256 over names, types, shapes and bytes of all parameters and buffers: equal exactly when they are."""
    content = hashlib.sha256()
    for name, tensor in sorted(module.state_dict().items()):
        value = tensor.detach().cpu().contiguous()
        content.update(f"{name} {value.dtype} {list(value.shape)}\n".encode())
        content.update(value.numpy().tobytes())
    return content.hexdigest()


def graph_digest(module: nn.Module) -> str:
    """SHA-256 over the module tree (names, classes, settings) and the shapes of its tensors; weights do not enter."""
    content = hashlib.sha256()
    for name, part in module.named_modules():
        content.update(f"{name}|{type(part).__module__}.{type(part).__qualname__}|{part.extra_repr()}\n".encode())
    for name, tensor in sorted(module.state_dict().items()):
        content.update(f"{name} {tensor.dtype} {list(tensor.shape)}\n".encode())
    return content.hexdigest()
