"""The hidden layers of any network: what each of its blocks gave, in the order in which they ran.

No provider takes part in it. The blocks are found by structure (`zoo.providers.blocks`), their outputs are seen by
hooks that are there during `encode` only, and how these are laid out is found by trying (`zoo.providers.layouts`). What
cannot be given honestly is refused when the backbone is loaded: docs/decisions/0014-hidden-layers.md.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from threading import get_ident
from typing import TYPE_CHECKING, Any

import torch

from zoo.contracts import Pair
from zoo.errors import IncompatibleError
from zoo.providers.batching import evaluating
from zoo.providers.blocks import rank, rows
from zoo.providers.hidden import calling
from zoo.providers.layouts import Layout, layouts_of
from zoo.providers.trials import modalities, trial

if TYPE_CHECKING:
    from torch import Tensor, nn

    from zoo.contracts import Backbone, Features

EQUAL = 1e-3  # relative; a sample that moves by more in a larger batch meets its neighbours


@dataclass(frozen=True)
class Row:
    """The blocks of one modality, in the order of their calls, and how what each call gives is laid out.

    `follows` says that layers have the tokens of the network; what it fills them up with inside is cut off.
    """

    calls: tuple[nn.Module, ...]
    layouts: tuple[Layout, ...]
    follows: bool

    def note(self, kept: dict[int, Tensor], part: nn.Module, given: Any, out: Any) -> None:
        """Keep what a call gave under its place among the calls; -1 is for what the first of them got."""
        place = next((at for at, own in enumerate(self.calls) if own is part and at not in kept), len(self.calls))
        layout = self.layouts[min(place, len(self.layouts) - 1)]
        if not kept and given and isinstance(given[0], torch.Tensor) and given[0].ndim == len(layout.order):
            kept[-1] = given[0].permute(layout.order)
        kept[place] = layout.read(out).clone()  # what runs next may work in place

    def finished(self, kept: dict[int, Tensor], features: Features, name: str) -> list[Tensor]:
        """The layers of a batch; a block that LayerDrop left out in training passed on what it got.

        Raises:
            IncompatibleError: the blocks ran in another way than when the backbone was loaded.
        """
        found: list[Tensor] = []
        for place, part in enumerate(self.calls):
            before = found[-1] if found else kept.get(-1)
            one = kept.get(place, before if part.training else None)
            if one is None or len(self.calls) in kept:
                raise IncompatibleError(
                    f"the blocks of {name} ran in another way than when it was loaded, so its layers are not known. "
                    "Fix: load it again, after what was changed in it."
                )
            found.append(one)
        if self.follows and features.tokens is not None:
            return [one[:, : features.tokens.shape[1]] for one in found]
        return found


def with_layers(backbone: Backbone) -> Backbone:
    """The same backbone, whose features have `layers` as well; see `zoo.contracts.Features`.

    It is tried on noise: whether its blocks run one by one, where the samples and the tokens are in what they give,
    whether token n of the last layer becomes token n of `tokens`, and whether a sample is the same in a larger batch.

    Raises:
        IncompatibleError: a network without such layers, with the reason.

    Example:
        >>> from zoo.providers.loading import load
        >>> backbone = with_layers(load("pocket/resnet10.glyphs"))
        >>> [list(one.shape) for one in backbone.encode(torch.zeros(2, 1, 32, 32))["vision"].layers]
        [[2, 16, 16, 16], [2, 32, 8, 8], [2, 96, 4, 4], [2, 256, 2, 2]]
    """
    plain, name = backbone.encoder, backbone.spec.name
    with evaluating(backbone.module), torch.no_grad(), torch.random.fork_rng():
        torch.manual_seed(0)
        found = {modality: _tried(backbone, modality) for modality in modalities(backbone)}
    owner = {id(part): modality for modality, row in found.items() for part in row.calls}
    parts = {id(part): part for row in found.values() for part in row.calls}
    if len(owner) != sum(len(set(map(id, row.calls))) for row in found.values()):
        raise _refusal(backbone, "its towers share their blocks")

    def encode(inputs: Any, mask: Tensor | None = None) -> dict[str, Features]:
        kept: dict[str, dict[int, Tensor]] = {modality: {} for modality in found}

        thread = get_ident()  # hooks are of the network, and see what other threads run through it as well

        def see(part: nn.Module, given: Any, out: Any) -> None:
            modality = owner[id(part)]
            if get_ident() == thread:
                found[modality].note(kept[modality], part, given, out)

        with calling(parts.values(), see):
            features = plain(inputs, mask)
        return {key: replace(one, layers=found[key].finished(kept[key], one, name)) for key, one in features.items()}

    return replace(backbone, encoder=encode)


def _tried(backbone: Backbone, modality: str) -> Row:
    """The row of blocks of one modality.

    Raises:
        IncompatibleError: there is none that can be given honestly.
    """
    two, three = trial(backbone, modality, 2), trial(backbone, modality, 3)
    parts = _row(backbone, two, modality)
    with torch.enable_grad():
        calls, few, features = _outputs(backbone, modality, two, parts)
    _, many, _ = _outputs(backbone, modality, three, parts)
    images: Any = two.vision if isinstance(two, Pair) else two
    aspect = images.shape[2] / images.shape[3] if modality == "vision" else None
    count = None if features.tokens is None else features.tokens.shape[1]
    follows = modality != "vision" and count is not None
    try:
        if len(few) != len(many) or len(few) < 2:
            raise IncompatibleError(f"for 2 samples they run {len(few)} times, for 3 {len(many)} times")
        layouts = layouts_of(few, many, count, aspect)
        for layout, a, b in zip(layouts, few, many, strict=True):
            own = layout.read(a)
            first = layouts[0].read(few[0])
            if follows and (own.ndim != 3 or own.shape[1] < (count or 0) or own.shape[1] != first.shape[1]):
                raise IncompatibleError(f"one of them gives {list(own.shape)} for 2 samples of {count} tokens")
            if not _relative(layout.read(b)[:2], own) <= EQUAL:
                raise IncompatibleError("what they give for a sample depends on the other samples of its batch")
            if not own.requires_grad and any(weight.requires_grad for weight in parts[0].parameters()):
                raise IncompatibleError("no gradient passes through what they give")
        _check_last(backbone, modality, two, parts, layouts, features)
    except IncompatibleError as error:
        raise _refusal(backbone, f"its blocks are {_kind(parts)}, and {error}") from None
    return Row(calls, layouts, follows)


def _row(backbone: Backbone, inputs: Any, modality: str) -> list[nn.Module]:
    """The blocks that run for such inputs: of all rows the first that gives more than one vector for each sample.

    One part that runs again and again (ALBERT) counts as a row. Of clips a row with linear layers comes first, since
    the convolutions that make frames of samples may have more weights than all that follows.

    Raises:
        IncompatibleError: no row runs, or the blocks do not all run by themselves.
    """
    parts = list(backbone.module.modules())
    times: Counter[int] = Counter()
    vectors: set[int] = set()

    def see(part: nn.Module, _given: Any, out: Any) -> None:
        times[id(part)] += 1
        if isinstance(out, torch.Tensor) and len(out) == 2 and (out.ndim == 2 or out.shape[2:] == (1, 1)):
            vectors.add(id(part))

    with calling(parts, see):
        backbone.encode(inputs)
    lists = [part for part in parts if isinstance(part, torch.nn.ModuleList) and len(part) == 1]
    again = [[part[0]] for part in lists if times[id(part[0])] > 1]

    def first(row: list[nn.Module]) -> tuple[bool, tuple[bool, int]]:
        return modality == "speech" and any(isinstance(one, torch.nn.Linear) for one in row[0].modules()), rank(row)

    found = [[part for _, part in row] for row in rows(backbone.module)]
    for row in sorted([*found, *again], key=first, reverse=True):
        if not any(times[id(inner)] for part in row for inner in part.modules()):
            continue  # it belongs to the other tower
        if lost := [part for part in row if not times[id(part)]]:
            raise _refusal(backbone, f"{len(lost)} of its {len(row)} blocks ({_kind(lost)}) do not run by themselves")
        if not all(id(part) in vectors for part in row):  # else these are the layers of a head, after the pooling
            return row
    raise _refusal(backbone, f"its network ({type(backbone.module).__name__}) has no row of blocks")


def _outputs(
    backbone: Backbone, modality: str, inputs: Any, parts: list[nn.Module]
) -> tuple[tuple[nn.Module, ...], list[Any], Features]:
    """The calls of the blocks in their order, what each gave, and the features of the same pass."""
    calls: list[nn.Module] = []
    found: list[Any] = []

    def see(part: nn.Module, _given: Any, out: Any) -> None:
        calls.append(part)
        found.append(_copied(out))

    with calling(parts, see):
        features = backbone.encode(inputs)[modality]
    return tuple(calls), found, features


def _copied(out: Any) -> Any:
    if isinstance(out, dict):
        return {key: _copied(one) for key, one in out.items()}
    if isinstance(out, (tuple, list)):
        return (list if isinstance(out, list) else tuple)(_copied(one) for one in out)
    return out.clone() if isinstance(out, torch.Tensor) else out


def _check_last(
    backbone: Backbone, modality: str, inputs: Any, parts: list[nn.Module], layouts: tuple[Layout, ...], plain: Features
) -> None:
    """Disturb the last layer of the first sample, and see that its features follow, at that token, and no other's do.

    Where a class token goes beside a map through the blocks, what the last of them gives may be used no more (PiT): the
    one before it counts then.

    Raises:
        IncompatibleError: they do not.
    """
    tokens = plain.tokens
    for index in (len(layouts) - 1, len(layouts) - 2):
        moved, place = _disturbed(backbone, modality, inputs, parts, layouts[index], index, tokens)
        if place is not None and tokens is not None and moved.tokens is not None:
            change = (moved.tokens - tokens).abs().amax(-1)
            if not change.max() > 0 or int(change[0].argmax()) != place or change[1].max() > EQUAL * change.max():
                raise IncompatibleError(f"token {place} of the last of them is not token {place} of the features")
            return
        own, other = (moved.pooled - plain.pooled).abs().amax(1)
        if own > 0 and other <= EQUAL * own:
            return
    raise IncompatibleError("the features of a sample do not follow from the last of them")


def _disturbed(
    backbone: Backbone,
    modality: str,
    inputs: Any,
    parts: list[nn.Module],
    layout: Layout,
    index: int,
    tokens: Tensor | None,
) -> tuple[Features, int | None]:
    """Features when one call's output is disturbed for the first sample: at one token, where these are the network's.

    The place of that token is the second result; None where all of the sample was disturbed.
    """
    left = index + 1
    place: int | None = None

    def disturb(_part: nn.Module, _given: Any, out: Any) -> None:
        nonlocal left, place
        left -= 1
        if left:
            return
        own = layout.read(out)[0]
        if tokens is not None and own.ndim == 2 and (len(own) == tokens.shape[1] or modality != "vision"):
            place = tokens.shape[1] // 2
            own = own[place]
        own.add_(torch.randn(own.shape, device=own.device, dtype=own.dtype) * (own.std() + 1e-3))

    with calling(parts, disturb):
        return backbone.encode(inputs)[modality], place


def _relative(a: Tensor, b: Tensor) -> float:
    return float((a - b).abs().max() / b.abs().max().clamp_min(1e-12))


def _kind(parts: list[nn.Module]) -> str:
    return " and ".join(dict.fromkeys(type(part).__name__ for part in parts))


def _refusal(backbone: Backbone, why: str) -> IncompatibleError:
    return IncompatibleError(
        f"{backbone.spec.name} cannot give its hidden layers: {why}. Fix: load it without layers, or choose another "
        "backbone."
    )
