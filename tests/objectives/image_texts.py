"""Small image-text backbones from scratch, and a source of pairs."""

import torch
from small_backbones import small
from steps import Given

from zoo.contracts import Backbone, Padded, Pair
from zoo.objectives.pairs import towers
from zoo.providers.open_clip import _build
from zoo.providers.open_clip_towers import encoder
from zoo.specs import BackboneSpec

CONFIG = {
    "embed_dim": 24,
    "vision_cfg": {"image_size": 32, "layers": 2, "width": 32, "head_width": 16, "patch_size": 16},
    "text_cfg": {"context_length": 16, "vocab_size": 300, "width": 32, "heads": 2, "layers": 2},
}


def open_clip_small(**changes):
    """A CLIP of open_clip; `init_logit_bias` gives it a bias."""
    torch.manual_seed(0)
    module = _build({**CONFIG, "vision_cfg": {**CONFIG["vision_cfg"]}, "text_cfg": {**CONFIG["text_cfg"]}, **changes})
    spec = BackboneSpec("open_clip/small", "open_clip", "small", modality="image-text", pooled_dim=24)
    return Backbone(spec, module, None, encoder(module))


def transformers_small(arch):
    return small(f"transformers/{arch}")


def pairs(size=32, context=16, vocabulary=300):
    """Pairs whose text tells the colour of the image, from batch to batch others."""

    def make(count, generator):
        colours = torch.rand(count, 3, generator=generator)
        words = 5 + (colours * 200).long()
        texts = torch.full((count, context), vocabulary - 1)
        texts[:, :3] = words
        texts[:, 3] = vocabulary - 1
        mask = torch.arange(context).expand(count, -1) < 4
        return Pair(colours[:, :, None, None].expand(-1, -1, size, size).contiguous(), Padded(texts, mask))

    class Pairs(Given):
        def corrupt(self, inputs, generator):
            noise = 0.01 * torch.randn(inputs.vision.shape, generator=generator)
            return Pair(inputs.vision + noise, inputs.text)

    return Pairs(make)


__all__ = ["open_clip_small", "pairs", "towers", "transformers_small"]
