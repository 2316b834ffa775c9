"""zoo's own small backbones, whose weights ship with it: they work on a fresh machine without a network.

Each checkpoint was made by a recipe in `zoo/recipes` and is re-made by `zoo pretrain --recipe NAME`.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from zoo.errors import UnknownName, WeightsError
from zoo.providers import pocket_speech, pocket_text
from zoo.providers.timm import assemble, import_timm
from zoo.providers.weights import load_strictly, read_weights

if TYPE_CHECKING:
    from torch import nn

    from zoo.contracts import Backbone
    from zoo.providers.weights import Tensors
    from zoo.specs import BackboneSpec

WEIGHTS = Path(__file__).parent.parent / "weights"


def load(spec: BackboneSpec, *, pretrained: bool, tensors: Tensors | None) -> Backbone:
    """Build `pocket/arch.tag`; shipped weights are checked against the digest in the catalog."""
    builders = {"resnet10": resnet10, "gpt2": pocket_text.gpt2, "whisper3": pocket_speech.whisper3}
    if spec.arch not in builders:
        raise UnknownName("pocket architecture", spec.arch, builders)
    module = builders[spec.arch]()
    if tensors is not None:
        load_strictly(module, tensors, spec.name)
    elif pretrained:
        if not spec.tag:
            raise WeightsError(
                f"{spec.name} names an architecture, not weights. Fix: choose {_shipped(spec.arch)}, "
                "or train it from scratch (pretrained=False, --scratch)."
            )
        file = WEIGHTS / f"{spec.arch}.{spec.tag}.safetensors"
        load_strictly(module, read_weights(file, spec.digest), spec.name)
    finish = {"text": pocket_text.assemble_text, "speech": pocket_speech.assemble}.get(spec.modality, assemble)
    return finish(spec, module)


def _shipped(arch: str) -> str:
    """The backbones of an architecture whose weights are here, for a message."""
    return " or ".join(f"pocket/{file.stem}" for file in sorted(WEIGHTS.glob(f"{arch}.*.safetensors")))


def resnet10() -> nn.Module:
    """A ResNet-10 for 1 x 32 x 32 images: deep stem, no max-pool, four basic blocks, 0.97 M parameters.

    Source: He et al. 2016 (https://arxiv.org/abs/1512.03385), deep stem of He et al. 2018
    (https://arxiv.org/abs/1812.01187), as timm's `ResNet` builds them.
    """
    import_timm()
    from timm.models.resnet import BasicBlock, ResNet
    from torch import nn

    module: nn.Module = ResNet(
        BasicBlock,  # type: ignore[arg-type]  # timm annotates the instance and takes the class
        (1, 1, 1, 1),
        channels=(16, 32, 96, 256),
        stem_type="deep",
        stem_width=8,
        in_chans=1,
        num_classes=0,
    )
    module.maxpool = nn.Identity()  # 32 x 32 inputs are small already
    return module
