"""A vision transformer on some of an image's patches: the others never enter its blocks.

What the network gives for a subset is tried when this is made, so nothing is believed of an architecture: its patches
must carry their positions with them, and must not be seen where they are left out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from zoo.errors import IncompatibleError

if TYPE_CHECKING:
    from torch import Tensor, nn

    from zoo.contracts import Backbone

_MOST_PREFIX = 8  # class and register tokens; more than these are no grid of patches


@dataclass(frozen=True)
class Visible:
    """How to run a backbone on a part of the patches.

    Attributes:
        backbone: the network.
        point: the part of it that gives all tokens of an image, before the first block.
        patch: height and width of a patch, in pixels.
        grid: patches in a column and in a row.
        prefix: tokens that come before those of patches, and are always kept.
    """

    backbone: Backbone
    point: nn.Module
    patch: tuple[int, int]
    grid: tuple[int, int]
    prefix: int = 0

    @property
    def patches(self) -> int:
        """How many there are in an image."""
        return self.grid[0] * self.grid[1]

    def encode(self, images: Tensor, keep: Tensor) -> Tensor:
        """Tokens [B, prefix + K, D] of images [B, C, H, W], of the patches `keep` [B, K] (indices) alone."""
        index = torch.arange(self.prefix, device=keep.device).expand(len(keep), -1)
        index = torch.cat([index, keep + self.prefix], dim=1)[..., None]

        def subset(_part: nn.Module, _inputs: Any, out: Any) -> Any:
            tokens = out[0] if isinstance(out, tuple) else out
            kept = tokens.gather(1, index.expand(-1, -1, tokens.shape[2]))
            return (kept, *out[1:]) if isinstance(out, tuple) else kept

        handle = self.point.register_forward_hook(subset)
        try:
            tokens = self.backbone.encode(images)["vision"].tokens
        finally:
            handle.remove()
        assert tokens is not None  # `needs` asks for tokens
        return tokens


def visible(backbone: Backbone) -> Visible:
    """A backbone that can be run on some patches.

    Raises:
        IncompatibleError: it is not such a network, with the reason.
    """
    module: Any = backbone.module
    point, patch = point_of(backbone.spec.provider, module), _patch_of(module)
    name, size = backbone.spec.name, backbone.spec.input_size or (3, 224, 224)
    if point is None or not patch:
        raise _refusal(name, "it is no plain vision transformer of timm, transformers or torchvision")
    if size[1] % patch[0] or size[2] % patch[1]:
        raise _refusal(name, f"images of {size[1]} x {size[2]} are not cut into whole patches of {patch}")
    made = Visible(backbone, point, patch, (size[1] // patch[0], size[2] // patch[1]))
    training = module.training
    module.eval()
    try:
        with torch.no_grad():
            return _tried(made, size)
    finally:
        module.train(training)


def point_of(provider: str, module: Any) -> Any:
    """The part of a library's network that gives all tokens of an image before its first block, or None.

    Example:
        >>> point_of("timm", torch.nn.Linear(2, 2)) is None
        True
    """
    if provider == "transformers":
        return getattr(module, "embeddings", None)
    if provider == "torchvision":
        return getattr(getattr(module, "encoder", None), "dropout", None)
    return getattr(module, "patch_drop", None) if provider == "timm" else None


def _tried(made: Visible, size: tuple[int, ...]) -> Visible:
    """The same, with its count of prefix tokens, once it was seen to work on random images."""
    name, seen = made.backbone.spec.name, []
    device = next(made.backbone.module.parameters()).device
    images = torch.rand(1, *size, generator=torch.Generator().manual_seed(0)).to(device)

    def note(_part: nn.Module, _inputs: Any, out: Any) -> None:
        seen.append(out[0] if isinstance(out, tuple) else out)

    handle = made.point.register_forward_hook(note)
    try:
        whole = made.backbone.encode(images)["vision"].tokens
    finally:
        handle.remove()
    if not seen or getattr(seen[0], "ndim", 0) != 3 or whole is None or seen[0].shape[1] != whole.shape[1]:
        raise _refusal(name, "it does not hand all tokens of an image from one part to its blocks")
    prefix = whole.shape[1] - made.patches
    if not 0 <= prefix <= _MOST_PREFIX:
        raise _refusal(name, f"it makes {whole.shape[1]} tokens of an image with {made.patches} patches")
    made = Visible(made.backbone, made.point, made.patch, made.grid, prefix)
    keep = torch.arange(made.patches - 1, -1, -2, device=device)[None]  # backwards: positions must come along
    hidden = torch.ones(made.patches, device=device)
    hidden[keep[0]] = 0
    other = images + _pixels(hidden.view(1, 1, *made.grid), made.patch)
    try:
        tokens = [made.encode(*one) for one in ((images, keep), (other, keep), (images, keep.flip(1)))]
    except (RuntimeError, ValueError, IndexError) as error:
        why = str(error).splitlines()[0][:120]
        raise _refusal(name, f"its blocks want all patches of an image ({why})") from error
    swapped = torch.cat([tokens[2][:, :prefix], tokens[2][:, prefix:].flip(1)], dim=1)
    for what, found in (("what is left out", tokens[1]), ("the order of patches", swapped)):
        if found.shape != tokens[0].shape or not torch.allclose(found, tokens[0], rtol=1e-3, atol=1e-3):
            raise _refusal(name, f"its tokens depend on {what}")
    return made


def _pixels(patches: Tensor, patch: tuple[int, int]) -> Tensor:
    return patches.repeat_interleave(patch[0], 2).repeat_interleave(patch[1], 3)


def _patch_of(module: Any) -> tuple[int, int] | None:
    holders = (getattr(module, "patch_embed", None), getattr(module, "config", None), module)
    sizes = (getattr(held, "patch_size", None) for held in holders)
    found = next((size for size in sizes if size is not None), None)
    if isinstance(found, int):
        return (found, found)
    return (int(found[0]), int(found[1])) if isinstance(found, tuple | list) and len(found) == 2 else None


def _refusal(name: str, why: str) -> IncompatibleError:
    return IncompatibleError(
        f"{name} cannot be run on a part of an image's patches: {why}. Fix: choose objective simmim, or a plain vision "
        "transformer such as timm/vit_small_patch16_224 or transformers/vit_mae."
    )
