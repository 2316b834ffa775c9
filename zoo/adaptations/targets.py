"""Where LoRA can be added in a network: layers that peft can wrap, that are called, and that receive a gradient."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zoo.adaptations.depths import running_blocks
from zoo.adaptations.probe import receiving, run_watched
from zoo.errors import IncompatibleError, UnknownName

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import nn

    from zoo.contracts import Backbone

CLASSIFIERS = ("head", "heads", "fc", "classifier", "lm_head", "cls", "logits")


def targets(backbone: Backbone, wanted: Sequence[str] = ()) -> list[str]:
    """Full names of the layers to adapt.

    By default these are all that fit in the blocks of the network (of a ViT: qkv, proj, fc1 and fc2; of a ConvNeXt: the
    fc1 and fc2 of each stage and the convolutions between them; of a ResNet: its convolutions). In a network without a
    row of blocks they are all that fit but a classifier. `wanted` names layers instead, by the ends of their names.

    Raises:
        IncompatibleError: nothing fits, or a wanted layer does not; the message says why.
        UnknownName: no layer has a wanted name.

    Example:
        >>> import zoo
        >>> targets(zoo.load("pocket/resnet10.glyphs"))[:3]
        ['layer1.0.conv1', 'layer1.0.conv2', 'layer2.0.conv1']
    """
    named = dict(backbone.module.named_modules())
    obstacles = {name: _obstacle(part) for name, part in named.items() if name}
    fitting = {name: named[name] for name, obstacle in obstacles.items() if not obstacle}
    working = _working(backbone, fitting)
    obstacles |= {name: "it receives no gradient by itself" for name in fitting if name not in working}
    if wanted:
        return _asked(backbone.spec.name, wanted, obstacles)
    row = tuple(f"{name}." for name, _ in running_blocks(backbone))
    rows = {prefix.removesuffix(".") for prefix in row}
    inside = [name for name in fitting if name in working and (name.startswith(row) or name in rows)] if row else []
    if not inside:
        inside = [name for name in fitting if name in working and name.rpartition(".")[2] not in CLASSIFIERS]
    if not inside:
        kinds = sorted(
            {type(part).__name__ for part in named.values() if next(part.parameters(False), None) is not None}
        )
        raise IncompatibleError(
            f"lora fits no layer of {backbone.spec.name} ({type(backbone.module).__name__} of {', '.join(kinds[:8])}): "
            "it needs a Linear, Conv1d or Conv2d layer that is called and receives a gradient; convolutions in groups, "
            "dilated or with their own padding do not fit. Fix: method='full', or 'top_k'."
        )
    return inside


def _obstacle(part: nn.Module) -> str:
    """Why peft's LoRA does not fit this layer, or ""."""
    from torch import nn

    kind = type(part)  # exactly: a subclass may compute something else than base + low rank
    if kind is nn.Linear or (kind.__name__ == "Conv1D" and kind.__module__ == "transformers.pytorch_utils"):
        return ""
    if kind is nn.Conv2d or kind is nn.Conv1d:
        assert isinstance(part, (nn.Conv1d, nn.Conv2d))
        if part.groups != 1:
            return f"its {part.groups} groups leave no room for a low rank"
        plain = set(part.dilation) == {1} and part.padding_mode == "zeros"
        return "" if plain else "peft knows neither dilation nor other padding than zeros"
    return f"a {kind.__name__} is no Linear, Conv1d or Conv2d"


def _working(backbone: Backbone, parts: dict[str, nn.Module]) -> set[str]:
    """Those that are called as modules (an attention may take the weight alone) and whose weight gets a gradient."""
    called: set[str] = set()
    handles = [part.register_forward_hook(lambda *_, name=name: called.add(name)) for name, part in parts.items()]
    run_watched(backbone, handles)
    weights = {name: part.weight for name, part in parts.items() if name in called}
    return receiving(backbone, weights) if weights else set()  # type: ignore[arg-type]  # all have a weight


def _asked(network: str, wanted: Sequence[str], obstacles: dict[str, str]) -> list[str]:
    chosen: list[str] = []
    for end in wanted:
        found = [name for name in obstacles if name == end or name.endswith(f".{end}")]
        if not found:
            ends = {name.rpartition(".")[2] for name, obstacle in obstacles.items() if not obstacle}
            raise UnknownName(f"layer of {network}", end, ends, f"Layers that fit: {', '.join(sorted(ends))}.")
        if bad := [name for name in found if obstacles[name]]:
            raise IncompatibleError(
                f"lora does not fit {bad[0]} of {network}: {obstacles[bad[0]]}"
                f"{f' ({len(bad)} layers of that name do not fit)' if len(bad) > 1 else ''}. "
                "Fix: leave `targets` out, and zoo takes the layers that fit."
            )
        chosen += [name for name in found if name not in chosen]
    return chosen
