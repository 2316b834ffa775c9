"""What is told of a pairing before anything is built is what building it says, for families of every library."""

import pytest
import torch
from small_backbones import narrow, of_torchaudio, own, small

from zoo.catalog.fit import KNOWN_WHEN_BUILT
from zoo.catalog.query import describe
from zoo.contracts import Batch
from zoo.errors import IncompatibleError
from zoo.objectives import NEEDS, OBJECTIVES, compatible

NARROW = ("convnext", "hubert", "segformer", "swin", "vit", "wav2vec2", "wavlm")
SMALL = (  # model types of transformers whose smallest network is small
    *("albert", "bart", "bert", "bloom", "clip", "distilbert", "electra", "esmc", "gpt2", "gpt_neox", "llama", "mpnet"),
    *("opt", "roberta", "t5", "xlnet", "luke", "canine"),
)
BACKBONES = {
    **{f"transformers/{arch}": lambda arch=arch: narrow(arch) for arch in NARROW},
    **{f"transformers/{arch}": lambda arch=arch: small(f"transformers/{arch}") for arch in SMALL},
    "pocket/resnet10": lambda: small("pocket/resnet10"),
    "timm/test_vit": lambda: small("timm/test_vit"),
    "timm/test_resnet": lambda: small("timm/test_resnet"),
    "timm/test_convnext": lambda: small("timm/test_convnext"),
    "timm/test_nfnet": lambda: small("timm/test_nfnet"),
    "timm/test_mambaout": lambda: small("timm/test_mambaout"),
    "torchvision/squeezenet1_1": lambda: small("torchvision/squeezenet1_1"),
    "torchaudio/wav2vec2_base": lambda: of_torchaudio("wav2vec2"),
    "torchaudio/wavlm_base": lambda: of_torchaudio("wavlm"),
}
NAMES = sorted(set(OBJECTIVES.builtins) - {"distillation"})  # which is a matter of its teacher
SMALLER = {"masked_prediction": {"clusters": 2, "clips": 2}, "dino": {"prototypes": 8}, "mae": {"decoder_depth": 1}}


class Samples:
    """As much of a source as an objective asks for when it is built; texts are pairs."""

    classes = 2
    labels = ("a", "b")

    def __init__(self, backbone):
        self.backbone = backbone

    def corrupt(self, inputs, _generator):
        return inputs

    def batch(self, size, _generator):
        inputs = torch.zeros(1)
        if self.backbone.spec.modality == "speech":
            inputs = torch.randn(size, 16_000, generator=torch.Generator().manual_seed(0))
        if self.backbone.spec.modality == "text":
            inputs = tuple(self.backbone.preprocess(["a text"] * size) for _ in range(2))
        return Batch(inputs, torch.zeros(size, dtype=torch.long))


def refused(objective, backbone):
    try:
        if backbone.spec.modality == "text":
            backbone.preprocess(["a text"])
        OBJECTIVES.get(objective)(**SMALLER.get(objective, {})).build(backbone, Samples(backbone))
    except IncompatibleError:
        return True
    return bool(OBJECTIVES.get(objective).needs - set(backbone.spec.can))


@pytest.mark.parametrize("name", BACKBONES)
def test_the_answer_before_is_the_answer_after(name):
    spec = describe(name)
    for objective in NAMES:
        told = compatible(objective, spec)
        assert told != KNOWN_WHEN_BUILT
        if spec.modality in NEEDS[objective].modalities:
            assert bool(told) == refused(objective, BACKBONES[name]()), (objective, told)
        else:
            assert told.startswith(f"{objective} is for ")


@pytest.mark.parametrize("kind", ["convolutions", "attending"])
def test_of_a_persons_own_module_only_the_built_network_says(kind):
    assert {str(compatible(objective, "module/mine:net")) for objective in NAMES} == {"known when built"}
    backbone = own(kind)
    for objective in NAMES:
        if "vision" in NEEDS[objective].modalities:
            assert bool(compatible(objective, backbone.spec)) == refused(objective, backbone), objective
