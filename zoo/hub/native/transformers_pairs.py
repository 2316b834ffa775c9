"""Snippets for image-text networks of transformers: each tower by the library's own call, heads always beside."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zoo.hub.native.parts import LAYOUT
from zoo.hub.native.samples import reading
from zoo.providers.transformers_pairs import READS_PADDING

if TYPE_CHECKING:
    from zoo.hub.native.parts import Model

IMAGES = """\
from transformers import AutoImageProcessor

processor = AutoImageProcessor.from_pretrained(folder, backend="torchvision")
pixels = processor(images=image, return_tensors="pt")["pixel_values"]{layout}
"""
TEXTS = """\
from transformers import AutoTokenizer

tokenizer = AutoTokenizer.from_pretrained(folder)
inputs = tokenizer(example["text"], truncation=True, padding="max_length", max_length={context}, return_tensors="pt")
inputs = {{name: inputs[name] for name in {names}}}
"""
SEE = "model.get_image_features(pixel_values=pixels).pooler_output"
READ = "model.get_text_features(**inputs).pooler_output"
RUN = {"image": SEE, "text": READ, "both": f"torch.cat([{SEE}, {READ}])"}


def code_of(model: Model) -> str:
    """Code that ends with `features` [1, D] of an image or a text, or [2, D] of both."""
    from zoo.hub.native.transformers import load_line

    spec = model.backbone.spec
    code = reading(model.inputs)
    if model.inputs != "text":
        code += IMAGES.format(layout=LAYOUT)
    if model.inputs != "image":
        names = ("input_ids",) if spec.arch in READS_PADDING else ("input_ids", "attention_mask")
        code += TEXTS.format(context=spec.context, names=names)
    run = f"with torch.inference_mode():\n    features = {RUN[model.inputs]}\n"
    return code + load_line(model.backbone.module) + run
