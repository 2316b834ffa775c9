"""Folders with small backbones that count as pre-trained: random weights, saved as `zoo pretrain` does."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from typing import TYPE_CHECKING, Any

import numpy as np
from safetensors.torch import save_file
from small_backbones import narrow

if TYPE_CHECKING:
    from pathlib import Path

WORDS = {"sea": ["wave", "tide", "salt", "boat", "shore"], "wood": ["tree", "leaf", "bark", "moss", "root"]}


def trained(arch: str, folder: Path) -> str:
    """The path of a folder that `zoo.load` takes, from scratch too."""
    backbone = narrow(arch)
    folder.mkdir(parents=True)
    state = {name: tensor.contiguous().clone() for name, tensor in backbone.module.state_dict().items()}
    save_file(state, folder / "model.safetensors")
    digest = hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()
    spec = dataclasses.replace(backbone.spec, name=f"transformers/{arch}.mine", tag="mine", digest=digest, source="")
    (folder / "backbone.json").write_text(json.dumps(spec.to_json()), encoding="utf-8")
    return str(folder)


def texts(path: Path, count: int = 60, **columns: Any) -> Path:
    """A CSV file of `count` texts of 1 to 6 words about the sea or the wood; more columns by their values."""
    rng, rows = np.random.default_rng(0), []
    for index in range(count):
        name = sorted(WORDS)[index % 2]
        words = " ".join(rng.choice([*WORDS[name], "the", "old"], rng.integers(1, 7)))
        rows.append(",".join([f"{words} {WORDS[name][0]}", name, *(str(value[index]) for value in columns.values())]))
    path.write_text("\n".join([",".join(["text", "label", *columns]), *rows]) + "\n", encoding="utf-8")
    return path


def sounds(root: Path, each: int = 30) -> Path:
    """A folder with low and high tones of 60 to 100 ms at 16 kHz, in noise."""
    import soundfile

    rng = np.random.default_rng(0)
    for name, pitch in (("high", 1800), ("low", 300)):
        (root / name).mkdir(parents=True)
        for index in range(each):
            at = np.arange(rng.choice([960, 1280, 1600])) / 16_000
            wave = 0.3 * np.sin(2 * np.pi * pitch * rng.uniform(0.8, 1.2) * at) + 0.05 * rng.standard_normal(len(at))
            soundfile.write(root / name / f"{index}.wav", wave.astype(np.float32), 16_000)
    return root
