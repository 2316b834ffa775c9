"""zoo's own small networks: those of text and speech are transformers' classes, and travel in its format.

The tokenizer of the text network goes along as `tokenizer.json`, the feature extractor of the speech network as
`preprocessor_config.json`; a head stands beside, since both pool by a mean, which the library's heads do not.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from zoo.errors import IncompatibleError
from zoo.hub.native.samples import reading

if TYPE_CHECKING:
    from pathlib import Path

    from zoo.hub.native.parts import Model, Staged

TOKENS = """\
from transformers import AutoTokenizer

tokenizer = AutoTokenizer.from_pretrained(folder)
"""
ONE = 'inputs = tokenizer(example["text"], truncation=True, max_length={context}, return_tensors="pt")\n'
TWO = """\
first, second = (tokenizer.encode(text, add_special_tokens=False)[:{half}] for text in example["text"])
ids = torch.tensor([[tokenizer.bos_token_id, *first, tokenizer.eos_token_id, *second]])
inputs = {{"input_ids": ids, "attention_mask": torch.ones_like(ids)}}
"""
FRAMES = """\
from transformers import AutoFeatureExtractor

extractor = AutoFeatureExtractor.from_pretrained(folder)
"""
HEARD = """\
values = extractor(sound, sampling_rate=rate, return_tensors="pt")["input_features"]
with torch.inference_mode():
    tokens = model(values).last_hidden_state
frames = min(-(-len(sound) // extractor.hop_length), values.shape[2])
features = tokens[:, : -(-frames // 2)].mean(1)  # those of the clip
"""


def stage(model: Model, folder: Path) -> Staged:
    """Write a pocket network in the format of the library that has its class.

    Raises:
        IncompatibleError: a modality for which there is no pocket network that could be written.
    """
    from zoo.hub.native.plain import stage_pocket

    stages = {"vision": stage_pocket, "text": stage_text, "speech": stage_speech}
    if model.spec.modality not in stages:
        raise IncompatibleError(
            f"{model.spec.name} is for {model.spec.modality}, and zoo writes pocket networks for {', '.join(stages)}. "
            "Fix: save it (model.save); zoo loads that."
        )
    return stages[model.spec.modality](model, folder)


def stage_text(model: Model, folder: Path) -> Staged:
    """`GPT2Model` with zoo's word pieces as a fast tokenizer; a text is cut where zoo cuts it."""
    from zoo.data.word_pieces import Pieces, tokenizer
    from zoo.hub.native.transformers import RUN, TEXT_POOLING, load_line, save
    from zoo.providers.pocket_text import CONTEXT
    from zoo.providers.transformers_library import library

    pieces = tokenizer()
    special = {
        f"{role}_token": pieces.id_to_token(one)
        for role, one in (
            *(("pad", Pieces.pad), ("unk", Pieces.unknown), ("bos", Pieces.start), ("eos", Pieces.end)),
            ("mask", Pieces.mask),
        )
    }
    made = library().PreTrainedTokenizerFast(
        tokenizer_object=pieces,
        model_max_length=CONTEXT,
        padding_side="right",
        model_input_names=["input_ids", "attention_mask"],  # GPT-2 would add an embedding of token types
        **special,
    )
    made.save_pretrained(folder)
    read = TWO.format(half=(CONTEXT - 2) // 2) if model.inputs == "text_pair" else ONE.format(context=CONTEXT)
    code = TOKENS + load_line(model.backbone.module) + reading("text") + read + RUN["text"][0] + TEXT_POOLING["mean"]
    return _own_inputs(save(model.backbone.module, model, folder, code, inside=False))


def stage_speech(model: Model, folder: Path) -> Staged:
    """`WhisperEncoder` with its feature extractor, whose window is one second."""
    from zoo.data.mel import extractor
    from zoo.hub.native.transformers import load_line, save

    extractor().save_pretrained(folder)
    code = FRAMES + load_line(model.backbone.module) + reading("audio") + HEARD
    return _own_inputs(save(model.backbone.module, model, folder, code, inside=False))


def _own_inputs(made: Staged) -> Staged:
    """Say that zoo prepares these inputs by itself, and reads no tokenizer or extractor from the folder."""
    return dataclasses.replace(made, preprocessing=False)
