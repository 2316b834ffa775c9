"""Convolution and BatchNorm as one convolution, while features are extracted: fewer passes over every map.

In evaluation mode BatchNorm is one multiplication and one addition for each channel, which the weights of the
convolution before it can take in (Jacob et al. 2018, https://arxiv.org/abs/1712.05877, section 3.2). Which convolution
feeds which BatchNorm is not read from the code of a network but watched on a batch, and whether the folded network
gives the same features is tried on it. The weights of the network stay as they are: folded weights stand beside them,
and parts are stood in for within a block only.
"""

from __future__ import annotations

from collections import Counter
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_weights

from zoo.providers.bundles import pooled

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from zoo.contracts import Backbone, Features

TOLERANCE = 1e-4  # relative to the norm of a sample's features, in float32
CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)

Pairs = list[tuple[nn.Module, nn.Module]]


@contextmanager
def folded(
    backbone: Backbone,
    batch: Any,
    modality: str = "",
    read: Callable[[Features], Tensor] = lambda features: features.pooled,
) -> Iterator[int]:
    """Within the block the network runs with its BatchNorms folded; gives how many, 0 where it runs as it is.

    Args:
        backbone: in evaluation mode, and left as it was.
        batch: a few inputs on the device of the network, to try it on.
        modality: which features are compared; empty for the backbone's own.
        read: what is compared of them: a convolution may be a layer of its own, which folding would change.

    Example:
        >>> import torch, zoo
        >>> backbone, batch = zoo.load("pocket/resnet10.glyphs"), torch.rand(2, 1, 32, 32)
        >>> _ = backbone.module.eval()
        >>> with torch.no_grad(), folded(backbone, batch) as count:
        ...     count
        14
    """
    pairs, before = _watched(backbone, batch, modality, read)
    replaced: list[nn.Module] = []
    try:
        for convolution, norm in pairs:
            for part, forward in ((convolution, _convolved(convolution, norm)), (norm, _passed(norm))):
                vars(part)["forward"] = forward  # found before the class's own
                replaced.append(part)
        if pairs:
            off = (_features(backbone, batch, modality, read) - before).norm(dim=-1) / before.norm(dim=-1)
            if not bool((off <= TOLERANCE).all()):
                _restore(replaced)
        yield len(replaced) // 2
    finally:
        _restore(replaced)


def _restore(replaced: list[nn.Module]) -> None:
    while replaced:
        del vars(replaced.pop())["forward"]


@torch.no_grad()
def _features(backbone: Backbone, batch: Any, modality: str, read: Callable[[Features], Tensor]) -> Tensor:
    """Features in full float32: the rounding of TF32 on a GPU would hide what is looked for."""
    cudnn = torch.backends.cudnn
    exact = cudnn.flags(enabled=cudnn.enabled, allow_tf32=False) if torch.cuda.is_available() else nullcontext()
    with exact:
        return pooled(backbone, batch, modality, read).float()


def _watched(backbone: Backbone, batch: Any, modality: str, read: Callable[[Features], Tensor]) -> tuple[Pairs, Tensor]:
    """Convolutions whose output is the very tensor that a BatchNorm takes, each of both running once; and features."""
    makers: dict[int, nn.Module] = {}
    fed: dict[nn.Module, nn.Module] = {}
    runs: Counter[nn.Module] = Counter()
    kept: list[Tensor] = []  # an identity stays a tensor's own only while the tensor lives

    def made(part: nn.Module, _given: Any, out: Any) -> None:
        runs[part] += 1
        makers[id(out)] = part
        kept.append(out)

    def taken(part: nn.Module, given: Any) -> None:
        runs[part] += 1
        if given and id(given[0]) in makers:
            fed[part] = makers[id(given[0])]

    handles: list[Any] = []
    for part in backbone.module.modules():
        if "forward" in vars(part) or part._forward_hooks or part._forward_pre_hooks:
            continue  # somebody else stands in for it, or looks at what goes through
        if type(part) in CONVOLUTIONS:
            handles.append(part.register_forward_hook(made))
        elif isinstance(part, NORMS) and _passed(part) is not None and part.running_mean is not None:
            handles.append(part.register_forward_pre_hook(taken))
    try:
        features = _features(backbone, batch, modality, read)
    finally:
        for handle in handles:
            handle.remove()
    feeds = Counter(fed.values())
    pairs = [(made_by, norm) for norm, made_by in fed.items() if runs[norm] == runs[made_by] == feeds[made_by] == 1]
    return pairs, features


@torch.no_grad()
def _convolved(convolution: Any, norm: Any) -> Callable[[Tensor], Tensor]:
    """The convolution with what the norm would do in its weights."""
    fused = fuse_conv_bn_weights(
        convolution.weight, convolution.bias, norm.running_mean, norm.running_var, norm.eps, norm.weight, norm.bias
    )
    weight, bias = (part.detach() for part in fused)

    def forward(inputs: Tensor) -> Tensor:
        out: Tensor = convolution._conv_forward(inputs, weight, bias)
        return out

    return forward


def _passed(norm: Any) -> Callable[[Tensor], Tensor] | None:
    """What is left of a norm: nothing, or the activation that timm's has in it; None for one that is not known."""
    if type(norm) in NORMS:
        return lambda inputs: inputs
    if type(norm).__name__ == "BatchNormAct2d" and hasattr(norm, "act") and hasattr(norm, "drop"):
        return lambda inputs: norm.act(norm.drop(inputs))
    return None
