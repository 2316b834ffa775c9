"""Bring your own `nn.Module`: `zoo.wrap(module)` in Python, `module/package.module:function` on the command line."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.contracts import Backbone, Features
from zoo.errors import IncompatibleError, UnknownName, WeightsError
from zoo.providers.measure import measured_spec
from zoo.providers.weights import load_strictly
from zoo.specs import BackboneSpec

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from torch import Tensor, nn

    from zoo.providers.weights import Tensors


def wrap(
    module: nn.Module,
    *,
    name: str = "module/own",
    input_size: tuple[int, int, int] = (3, 224, 224),
    mean: Sequence[float] = (),
    std: Sequence[float] = (),
    preprocess: Callable[[Sequence[Any]], Tensor] | None = None,
    layers: bool = False,
) -> Backbone:
    """Any image network behind zoo's contract.

    Args:
        module: maps [B, C, H, W] to pooled [B, D], tokens [B, N, D] or a map [B, D, h, w]; the last two are averaged.
        name: shown in tables and rows.
        input_size: [C, H, W] of what the network takes.
        mean, std: statistics of each channel, on a scale of 0 to 1; none by default.
        preprocess: raw images to a batch; by default resize, centre crop and normalise.
        layers: True gives `Features.layers`, the output of every block, as well.

    Raises:
        IncompatibleError: the network does not accept that size, or gives neither of the three shapes; or `layers` of
            one that has none.

    Example:
        >>> from torch import nn
        >>> wrap(nn.Sequential(nn.Flatten(), nn.Linear(64, 7)), input_size=(1, 8, 8)).pooled_dim
        7
    """
    spec = BackboneSpec(
        name=name,
        provider="module",
        arch=name.removeprefix("module/"),
        input_size=tuple(input_size),
        mean=tuple(mean),
        std=tuple(std),
        interpolation="bilinear",
    )
    encode = _encoder(module, name)
    spec = measured_spec(spec, module, encode)
    if preprocess is None:
        from zoo.providers.timm import image_preprocess

        preprocess = image_preprocess(spec)
    backbone = Backbone(spec, module, preprocess, encode)
    if layers:
        from zoo.providers.layers import with_layers

        backbone = with_layers(backbone)
    return backbone


def _encoder(module: nn.Module, name: str) -> Callable[[Tensor, Tensor | None], dict[str, Features]]:
    def encode(inputs: Tensor, _mask: Tensor | None = None) -> dict[str, Features]:
        out = module(inputs)
        shape = list(getattr(out, "shape", ()))
        if len(shape) == 2:
            features = Features(out)
        elif len(shape) == 3:
            features = Features(out.mean(1), tokens=out)
        elif len(shape) == 4:
            features = Features(out.mean((2, 3)), maps=[out])
        else:
            raise IncompatibleError(
                f"{name} must return [B, D], [B, N, D] or [B, D, H, W], received {shape or type(out).__name__}. "
                "Fix: wrap a module that returns one of these."
            )
        return {"vision": features}

    return encode


def load(spec: BackboneSpec, *, pretrained: bool, tensors: Tensors | None) -> Backbone:
    """`module/package.module:function`: the function returns an `nn.Module`, or a `Backbone` made by `zoo.wrap`."""
    built = _factory(spec.arch)()
    backbone = built if isinstance(built, Backbone) else wrap(built, name=spec.name)
    if tensors is not None:
        load_strictly(backbone.module, tensors, spec.name)
    elif pretrained:
        raise WeightsError(
            f"{spec.name} is your own module, so zoo knows no weights for it. Fix: pass weights=FILE.safetensors, or "
            "pretrained=False to take it as its function builds it."
        )
    return backbone


def _factory(path: str) -> Callable[[], Any]:
    module_name, _, attribute = path.partition(":")
    if not attribute:
        raise UnknownName("module", f"module/{path}", [], "Expected module/PACKAGE.MODULE:FUNCTION.")
    folder = str(Path.cwd())
    if folder not in sys.path:  # the console script, unlike `python -m`, does not look in the current folder
        sys.path.insert(0, folder)
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        raise UnknownName(
            "Python module", module_name, [], f"{error}. Looked in {folder} and in what is installed."
        ) from error
    if not callable(factory := getattr(module, attribute, None)):
        functions = [name for name, value in vars(module).items() if callable(value)]
        raise UnknownName(f"function in {module_name}", attribute, functions, "It must return an nn.Module.")
    found: Callable[[], Any] = factory
    return found
