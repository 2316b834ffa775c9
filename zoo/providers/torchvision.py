"""Backbones of torchvision (https://github.com/pytorch/vision): its image classification models, without last layer.

Everything that torchvision publishes is a pickle, so its weights load only where a person names the file (promise: no
code runs from a download), and then only tensors are read of it:

    zoo.load("torchvision/resnet50.IMAGENET1K_V2", allow_pickle="resnet50-11ad3fa6.pth")

`zoo.load` without it fetches nothing and says the name. The name holds the first digits of the file's SHA-256, so what
was named is what is read.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from typing import TYPE_CHECKING, Any

from zoo.contracts import Backbone, Features
from zoo.data.pixels import as_mode
from zoo.errors import MissingDependency, UnknownName, WeightsError
from zoo.providers.addresses import weights_at_address
from zoo.providers.hidden import pyramid, watched
from zoo.providers.measure import measured_spec
from zoo.providers.weights import load_strictly

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from torch import Tensor, nn

    from zoo.contracts import Encode
    from zoo.providers.weights import Tensors
    from zoo.specs import BackboneSpec

HEADS = ("fc", "heads", "head", "classifier")
AFTER_MAPS = {*HEADS, "avgpool", "dropout", "flatten", "AuxLogits", "aux1", "aux2"}
_OLD_DENSENET = re.compile(r"^(.*denselayer\d+\.(?:norm|relu|conv))\.([12]\..*)$")


def load(spec: BackboneSpec, *, pretrained: bool, tensors: Tensors | None, allow_pickle: str = "") -> Backbone:
    """Build `torchvision/arch.TAG` without its last layer: `pooled` is what that layer would have scored.

    Tokens come from ViT (its class token first) and Swin, pyramids of maps from all but ViT. Published weights must fit
    the whole network, its classifier included, before that is dropped; `tensors` must fit the backbone.

    Raises:
        UnknownName: no such classification model.
        WeightsError: an architecture without weights, a pickle that was not named, or weights that do not fit.
        Offline: weights that are not on this machine, without a network.
    """
    models = import_torchvision().models
    known = models.list_models(module=models)
    if spec.arch not in known:
        raise UnknownName("torchvision architecture", spec.arch, known)
    published = None
    if pretrained and tensors is None:
        if not spec.source:
            raise WeightsError(
                f"{spec.name} names an architecture, not weights. Fix: choose a tag "
                f"(`zoo list '{spec.name}.*'` shows them), or train it from scratch (pretrained=False, --scratch)."
            )
        published = weights_at_address(spec, allow_pickle)
    module = _whole(models, spec)
    if published is not None:
        _fill(module, published, spec.name)
    remove_head(module)
    if tensors is not None:
        load_strictly(module, tensors, spec.name)
    encode = encoder(module)
    return Backbone(measured_spec(spec, module, encode), module, image_preprocess(spec), encode)


def remove_head(module: Any) -> None:
    """Replace the last layer that scores classes by nothing and drop auxiliary ones; what lies before it stays.

    Example:
        >>> from torchvision.models import squeezenet1_0
        >>> module = squeezenet1_0()
        >>> remove_head(module)
        >>> module.classifier[1]
        Identity()
    """
    from torch import nn

    for name in ("AuxLogits", "aux1", "aux2"):
        if hasattr(module, name):
            setattr(module, name, None)
    if hasattr(module, "aux_logits"):
        module.aux_logits = False
    name = next(name for name in HEADS if hasattr(module, name))
    head = getattr(module, name)
    if isinstance(head, nn.Linear):
        setattr(module, name, nn.Identity())
        return
    scores = (nn.Linear, nn.Conv2d)  # squeezenet scores by a convolution
    last = [place for place, layer in head.named_children() if isinstance(layer, scores)][-1]
    setattr(head, last, nn.Identity())


def encoder(module: Any) -> Encode:
    """`encode` over torchvision's own forward, of which the hidden layers are watched."""
    from torchvision.models import SwinTransformer, VisionTransformer

    is_vit, is_swin = isinstance(module, VisionTransformer), isinstance(module, SwinTransformer)
    parts = {"encoder": module.encoder} if is_vit else _trunk(module)

    def encode(inputs: Tensor, _mask: Tensor | None = None) -> dict[str, Features]:
        with watched(parts) as kept:
            pooled = module(inputs)
        if is_vit:
            return {"vision": Features(pooled, tokens=kept["encoder"])}
        if is_swin:  # all but its last part give [B, H, W, C]
            last = kept.pop("permute")
            maps = pyramid([*(out.permute(0, 3, 1, 2) for out in kept.values()), last], inputs.shape[2])
            return {"vision": Features(pooled, tokens=last.flatten(2).transpose(1, 2), maps=maps)}
        maps = [out for out in kept.values() if out.ndim == 4]
        return {"vision": Features(pooled, maps=pyramid(maps, inputs.shape[2]))}

    return encode


def image_preprocess(spec: BackboneSpec) -> Callable[[Sequence[Any]], Tensor]:
    """The evaluation transform, of torchvision, with the sizes and statistics of the record.

    It equals `weights.transforms()` for all of torchvision's weights, which a test compares.
    """
    import torch

    transform = preset(spec)

    def preprocess(images: Sequence[Any]) -> Tensor:
        return torch.stack([transform(as_mode(image, "RGB")) for image in images])

    return preprocess


def preset(spec: BackboneSpec) -> Any:
    """The transform of one image; built of the record, because weights that zoo made have no entry in torchvision."""
    import_torchvision()
    from torchvision.transforms import InterpolationMode
    from torchvision.transforms._presets import ImageClassification

    side = (spec.input_size or (3, 224, 224))[1]
    return ImageClassification(
        crop_size=side,
        resize_size=round(side / spec.crop_pct),
        mean=spec.mean,
        std=spec.std,
        interpolation=InterpolationMode(spec.interpolation),
    )


def import_torchvision() -> Any:
    """The library, or the error that says how to get it."""
    try:
        import torchvision
    except ImportError as error:
        raise MissingDependency("torchvision", "torchvision") from error
    return torchvision


def _whole(models: Any, spec: BackboneSpec) -> nn.Module:
    """The network with its classifier, as its checkpoints are, initialised by the architecture's own rule."""
    options: dict[str, Any] = {}
    if spec.arch.startswith("vit_"):  # position weights are for one size
        options["image_size"] = (spec.input_size or (3, 224, 224))[1]
    if spec.arch in ("inception_v3", "googlenet"):  # as with weights: they expect other statistics, and rescale
        options = {"transform_input": True, "aux_logits": True, "init_weights": True}
    module: nn.Module = models.get_model(spec.arch, weights=None, **options)
    return module


def _fill(module: nn.Module, published: Tensors, name: str) -> None:
    """Load a checkpoint as torchvision does: all of it, and strictly."""
    state = OrderedDict((_OLD_DENSENET.sub(r"\1\2", key), tensor) for key, tensor in published.items())
    state._metadata = {"": {"version": module._version}}  # type: ignore[attr-defined]  # mnasnet asks for its own
    try:
        module.load_state_dict(state, strict=True)
    except (RuntimeError, ValueError) as error:
        text = " ".join(str(error).split())
        raise WeightsError(
            f"the weights of {name} do not fit torchvision's {type(module).__name__}: {text[:300]}"
            f"{'...' if len(text) > 300 else ''} Fix: remove the file from the cache and load again."
        ) from error


def _trunk(module: nn.Module) -> dict[str, nn.Module]:
    """The parts of a network up to its pooling, in order; sequences are opened once, to see each of their steps."""
    from torch import nn

    parts: dict[str, nn.Module] = {}
    for name, child in module.named_children():
        if name in AFTER_MAPS:
            continue
        opened = child.named_children() if isinstance(child, nn.Sequential | nn.ModuleList) else ()
        parts |= {f"{name}.{step}": part for step, part in opened} or {name: child}
    return parts
