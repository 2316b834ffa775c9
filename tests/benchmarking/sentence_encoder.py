"""A small network in the layout that sentence-transformers writes (as of all-MiniLM-L6-v2), with random weights."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import torch
import transformers
from trained import WORDS

from zoo.upkeep.transformers_padding import perturbed

if TYPE_CHECKING:
    from pathlib import Path

MODULES = ("Transformer", "1_Pooling", "2_Normalize")
MODES = ("cls_token", "mean_tokens", "max_tokens", "mean_sqrt_len_tokens")
LONGEST = 6  # tokens


def sentence_encoder(folder: Path, pooling: str = "mean_tokens") -> Path:
    """The folder, with what a clone of such a repository holds: also a pickle and code, which are not to be read."""
    folder.mkdir(parents=True)
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "the", "old", *WORDS["sea"], *WORDS["wood"]]
    config = transformers.BertConfig(
        vocab_size=len(words), hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=64,
        max_position_embeddings=64,
    )  # fmt: skip
    torch.manual_seed(0)
    perturbed(transformers.BertModel(config), 0).save_pretrained(folder)
    transformers.BertTokenizer(vocab={word: k for k, word in enumerate(words)}).save_pretrained(folder)
    whole = json.loads((folder / "tokenizer.json").read_text())
    cut = {"direction": "Right", "max_length": 128, "strategy": "LongestFirst", "stride": 0}
    fill = {"strategy": {"Fixed": 128}, "direction": "Right", "pad_to_multiple_of": None, "pad_id": 0,
            "pad_type_id": 0, "pad_token": "[PAD]"}  # fmt: skip
    kinds = [
        {"idx": k, "name": str(k), "path": "" if k == 0 else name,
         "type": f"sentence_transformers.models.{name.partition('_')[2] or name}"}
        for k, name in enumerate(MODULES)
    ]  # fmt: skip
    for name in MODULES[1:]:
        (folder / name).mkdir()
    said = {
        "tokenizer.json": whole | {"truncation": cut, "padding": fill},
        "modules.json": kinds,
        "sentence_bert_config.json": {"max_seq_length": LONGEST, "do_lower_case": False},
        "config_sentence_transformers.json": {"__version__": {"sentence_transformers": "2.0.0"}},
        "1_Pooling/config.json": {"word_embedding_dimension": 32, **{f"pooling_mode_{m}": m == pooling for m in MODES}},
    }
    for name, content in said.items():
        (folder / name).write_text(json.dumps(content), encoding="utf-8")
    (folder / "vocab.txt").write_text("\n".join(words) + "\n", encoding="utf-8")
    (folder / "README.md").write_text("---\nlicense: apache-2.0\n---\n# small\n", encoding="utf-8")
    (folder / "pytorch_model.bin").write_bytes(b"a pickle that nobody reads")
    (folder / "train_script.py").write_text("raise SystemExit('code of a repository was run')\n", encoding="utf-8")
    return folder
