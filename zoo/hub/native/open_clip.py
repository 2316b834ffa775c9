"""The format of open_clip: `open_clip_config.json` and `open_clip_model.safetensors`, and its tokenizer."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from zoo.hub.native.parts import LAYOUT, Staged, write_tensors
from zoo.hub.native.samples import reading
from zoo.io.repository import fetch_repository
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
HF_CODE = """\
import json

import open_clip

with open(f"{folder}/open_clip_config.json") as file:
    text = json.load(file)["model_cfg"]["text_cfg"]
text |= {"hf_model_name": f"{folder}/text", "hf_model_pretrained": False}  # else it is looked for on the hub
model, transform = open_clip.create_model_from_pretrained(f"local-dir:{folder}", text_cfg=text)
model.eval()
"""
TOKENIZER = 'tokenizer = open_clip.get_tokenizer(f"local-dir:{folder}")\n'
IMAGES, TEXTS = (
    f"model.encode_image(transform(image)[None]{LAYOUT}, normalize=False)",
    'model.encode_text(tokenizer(example["text"]), normalize=False)',
)
RUN = {
    "image": f"features = {IMAGES}",
    "text": f"features = {TEXTS}",
    "both": f"features = torch.cat([\n        {IMAGES},\n        {TEXTS},\n    ])",
}


def stage(model: Model, folder: Path) -> Staged:
    """Write both files; open_clip has no heads of tasks, so one always travels beside it.

    A text tower of transformers is built from a configuration that open_clip fetches from its own repository: a copy
    goes along as `text/config.json`, and the snippet takes that.
    """
    spec = model.backbone.spec
    config = model_config(spec)
    text = config["text_cfg"]
    tower = text.get("hf_model_name", "")
    if tower:
        found = fetch_repository(tower, "", ("config.json",)).folder / "config.json"
        (folder / "text").mkdir()
        (folder / "text" / "config.json").write_bytes(found.read_bytes())
    if text.get("hf_tokenizer_name"):
        settings = tokenizer_files(spec, text)
        for pattern in FILES if settings else ():
            for file in sorted(settings.folder.glob(pattern)):  # type: ignore[union-attr]  # seen in the line above
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
    code = (HF_CODE if tower else CODE) + ("" if model.inputs == "image" else TOKENIZER) + reading(model.inputs)
    run = f"\nwith torch.inference_mode():\n    {RUN[model.inputs]}\n"
    return Staged("open_clip", code + run, weights=WEIGHTS, preprocessing=bool(text.get("hf_tokenizer_name")))
