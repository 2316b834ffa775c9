"""The format of open_clip: `open_clip_config.json` and `open_clip_model.safetensors`, and its tokenizer."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from zoo.errors import IncompatibleError
from zoo.hub.native.parts import Staged, write_tensors
from zoo.hub.native.samples import reading
from zoo.providers.open_clip_configs import CONFIG, WEIGHTS, image_config, model_config
from zoo.providers.open_clip_texts import FILES, tokenizer_files

if TYPE_CHECKING:
    from pathlib import Path

    from zoo.hub.native.parts import Model

CODE = """\
import open_clip

model, transform = open_clip.create_model_from_pretrained(f"local-dir:{folder}")  # or "hf-hub:NAMESPACE/NAME"
model.eval()
"""
TOKENIZER = 'tokenizer = open_clip.get_tokenizer(f"local-dir:{folder}")\n'
IMAGES, TEXTS = (
    "model.encode_image(transform(image)[None], normalize=False)",
    'model.encode_text(tokenizer(example["text"]), normalize=False)',
)
RUN = {
    "image": f"features = {IMAGES}",
    "text": f"features = {TEXTS}",
    "both": f"features = torch.cat([\n        {IMAGES},\n        {TEXTS},\n    ])",
}


def stage(model: Model, folder: Path) -> Staged:
    """Write both files; open_clip has no heads of tasks, so one always travels beside it.

    Raises:
        IncompatibleError: a text tower of transformers, whose configuration open_clip fetches from elsewhere.
    """
    spec = model.backbone.spec
    config = model_config(spec)
    text = config["text_cfg"]
    if text.get("hf_model_name"):
        raise IncompatibleError(
            f"the text tower of {spec.name} is {text['hf_model_name']}, whose configuration open_clip fetches from its "
            "own repository: no folder can stand alone. Fix: save it (model.save); zoo loads that."
        )
    if text.get("hf_tokenizer_name"):
        found = tokenizer_files(spec, text)
        for pattern in FILES if found else ():
            for file in sorted(found.folder.glob(pattern)):  # type: ignore[union-attr]  # seen in the line above
                (folder / file.name).write_bytes(file.read_bytes())
    vision = config["vision_cfg"]
    if vision.get("timm_model_name"):
        vision["timm_model_pretrained"] = False
    images = image_config(spec)
    told = {
        "mean": list(images.mean), "std": list(images.std), "interpolation": images.interpolation,
        "resize_mode": images.resize_mode,
    }  # fmt: skip
    content = json.dumps({"model_cfg": config, "preprocess_cfg": told}, indent=1)
    (folder / CONFIG).write_text(content, encoding="utf-8")
    write_tensors(folder / WEIGHTS, model.state)
    code = CODE + ("" if model.inputs == "image" else TOKENIZER) + reading(model.inputs)
    run = f"\nwith torch.inference_mode():\n    {RUN[model.inputs]}\n"
    return Staged("open_clip", code + run, weights=WEIGHTS, preprocessing=bool(text.get("hf_tokenizer_name")))
