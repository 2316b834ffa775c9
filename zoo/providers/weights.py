"""Weights on disk and in a module: read safely, compared exactly, loaded strictly."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from typing import TYPE_CHECKING

from zoo.errors import UnsafeContent, WeightsError
from zoo.io.tensors import check_safetensors

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from torch import Tensor, nn

    Tensors = Mapping[str, Tensor]


def read_weights(path: Path, digest: str = "", *, allow_pickle: str = "") -> dict[str, Tensor]:
    """Tensors of a safetensors file, half precision widened to float32. The header is checked first.

    Args:
        path: the file.
        digest: expected SHA-256 (hex) of the file's bytes; empty to skip the check.
        allow_pickle: the name of this file, if it is a pickle and you trust it; then only tensors are read of it.

    Raises:
        WeightsError: no such file, another format, a damaged file, or another digest.
        UnsafeContent: a header that lies, or a pickle that holds more than tensors.
    """
    from safetensors.torch import load

    if path.suffix != ".safetensors":
        if allow_pickle and path.name == allow_pickle:
            return _widened(_read_pickle(path, digest))
        raise WeightsError(
            f"{path} is not a .safetensors file, and zoo reads no other format, because others can run code. "
            "Fix: convert it with safetensors.torch.save_file(state_dict, ...); or, if you trust this pickle, name it: "
            f"allow_pickle={path.name!r}."
        )
    try:
        check_safetensors(path, str(path))
        data = path.read_bytes()
    except OSError as error:
        raise WeightsError(f"weights {path} cannot be read: {error.strerror}. Fix: check the path.") from error
    _check_digest(path, data, digest)
    try:
        tensors: dict[str, Tensor] = load(data)
    except Exception as error:  # safetensors raises its own type for each kind of damage
        raise WeightsError(f"{path} is not a valid safetensors file: {error}. Fix: copy it again.") from error
    return _widened(tensors)


def _widened(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    import torch

    return {name: t.float() if t.dtype in (torch.float16, torch.bfloat16) else t for name, t in tensors.items()}


def _read_pickle(path: Path, digest: str) -> dict[str, Tensor]:
    """The tensors of a pickle that a person named. Anything in it but tensors and plain values is refused unread."""
    import io
    import pickle

    import torch

    try:
        data = path.read_bytes()
    except OSError as error:
        raise WeightsError(f"weights {path} cannot be read: {error.strerror}. Fix: check the path.") from error
    _check_digest(path, data, digest)
    try:
        found = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise UnsafeContent(
            f"{path} holds more than tensors, and was not loaded. Fix: ask its owner for safetensors."
        ) from error
    except Exception as error:  # torch raises many kinds for a damaged file
        raise WeightsError(f"{path} is no checkpoint of torch ({type(error).__name__}). Fix: copy it again.") from error
    inner = found.get("state_dict", found) if isinstance(found, dict) else found
    if not isinstance(inner, dict) or not all(isinstance(value, torch.Tensor) for value in inner.values()):
        raise WeightsError(f"{path} holds no table of tensors. Fix: save a state_dict as safetensors.")
    return {str(name): value for name, value in inner.items()}


def _check_digest(path: Path, data: bytes, digest: str) -> None:
    found = hashlib.sha256(data).hexdigest()
    if digest and found != digest:
        raise WeightsError(
            f"weights {path} have SHA-256 {found[:12]}..., expected {digest[:12]}...: the file is damaged or was "
            "replaced. Fix: install zoo again, or re-make the weights with `zoo pretrain`."
        )


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
    state = OrderedDict(tensors)
    state._metadata = own._metadata  # type: ignore[attr-defined]  # versions of layers, which tensors alone do not say
    module.load_state_dict(state, strict=True)


def weights_digest(module: nn.Module) -> str:
    """SHA-256 over names, types, shapes and bytes of all parameters and buffers: equal exactly when they are."""
    import torch

    content = hashlib.sha256()
    for name, tensor in sorted(module.state_dict().items()):
        value = tensor.detach().cpu().contiguous()
        content.update(f"{name} {value.dtype} {list(value.shape)}\n".encode())
        content.update(value.reshape(-1).view(torch.uint8).numpy())  # the bytes themselves, without a copy
    return content.hexdigest()


def tensor_bytes(tensor: Tensor) -> bytes:
    """The bytes of a tensor of any type: numpy has no bfloat16.

    Example:
        >>> import torch
        >>> tensor_bytes(torch.tensor(1.0, dtype=torch.bfloat16)).hex()
        '803f'
    """
    import torch

    flat: bytes = tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()
    return flat


def graph_digest(module: nn.Module) -> str:
    """SHA-256 over the module tree (names, classes, settings) and the shapes of its tensors; weights do not enter."""
    content = hashlib.sha256()
    for name, part in module.named_modules():
        content.update(f"{name}|{type(part).__module__}.{type(part).__qualname__}|{part.extra_repr()}\n".encode())
    for name, tensor in sorted(module.state_dict().items()):
        content.update(f"{name} {tensor.dtype} {list(tensor.shape)}\n".encode())
    return content.hexdigest()
