"""Parity on real text: docstrings of four libraries, a small BERT from scratch, and the Trainer of transformers.

The Trainer runs twice: with zoo's head (the mean over tokens, then a linear layer), so that only the engine differs,
and with the library's own head for classification (pooler of the first token, tanh, dropout). All else is its default:
gradients are clipped at 1.0 (zoo: 3.0), and batches are padded to their longest text.

.venv/bin/python benchmarks/parity/text.py [--seeds 12] [--out benchmarks/parity/results/text.json]
"""

from __future__ import annotations

import tempfile
from functools import cache, lru_cache

from sides import Recipe, by_zoo, compared, divided, part

RECIPE = Recipe(steps=300, batch_size=32, lr=1e-3)
WORDS, CONTEXT = 4000, 64
ABOUT = (
    "Real text: what functions and classes of numpy, scipy, scikit-learn and torch say of themselves (the first "
    "48 words, names of libraries masked); the answer is the library. A BERT of 2 layers of 64 with random weights, "
    "the same on all sides; its tokenizer (a word a token) is made from the train part. One peer is the Trainer of "
    "transformers with the same head as zoo, the other the Trainer with the library's own head (pooler, dropout)."
)


@cache
def everything():
    from docstrings import which_library

    import zoo

    return zoo.read_data(which_library(), inputs="text", answer="classification")


@lru_cache(maxsize=2)
def data_of(seed: int):
    return divided(everything(), seed)


def save_tokenizer(texts: list[str], folder: str) -> None:
    """A word is a token, with [CLS] and [SEP] around."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
    made = Tokenizer(models.WordLevel(unk_token="[UNK]"))
    made.normalizer, made.pre_tokenizer = normalizers.Lowercase(), pre_tokenizers.WhitespaceSplit()
    made.train_from_iterator(texts, trainers.WordLevelTrainer(vocab_size=WORDS, special_tokens=special))
    made.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    PreTrainedTokenizerFast(
        tokenizer_object=made, pad_token="[PAD]", unk_token="[UNK]", cls_token="[CLS]", sep_token="[SEP]",
        model_max_length=CONTEXT,
    ).save_pretrained(folder)  # fmt: skip


@lru_cache(maxsize=2)
def repository(seed: int) -> tempfile.TemporaryDirectory:
    """A folder as transformers writes it: the network with the weights of this seed, and the tokenizer."""
    import torch
    from transformers import BertConfig, BertModel
    from transformers.utils import logging

    logging.set_verbosity_error()
    logging.disable_progress_bar()
    folder, data = tempfile.TemporaryDirectory(), data_of(seed)
    torch.manual_seed(seed)
    config = BertConfig(
        vocab_size=WORDS, hidden_size=64, num_hidden_layers=2, num_attention_heads=4, intermediate_size=128,
        max_position_embeddings=CONTEXT,
    )  # fmt: skip
    BertModel(config).save_pretrained(folder.name)
    save_tokenizer([data.samples[place] for place in part(data, "train")], folder.name)
    return folder


def zoo_side(seed: int) -> float:
    return by_zoo(repository(seed).name, data_of(seed), RECIPE, seed)


def same_head(folder: str, classes: int):
    """The encoder with the head that zoo puts on it."""
    import torch
    from transformers import AutoModel

    class Mean(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.encoder = AutoModel.from_pretrained(folder)
            self.head = torch.nn.Linear(self.encoder.config.hidden_size, classes)

        def forward(self, input_ids, attention_mask, labels):
            hidden = self.encoder(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
            weights = attention_mask[..., None].float()
            logits = self.head((hidden * weights).sum(1) / weights.sum(1))
            return {"loss": torch.nn.functional.cross_entropy(logits, labels), "logits": logits}

    return Mean()


def own_head(folder: str, classes: int):
    """The library's network for classification."""
    from transformers import AutoModelForSequenceClassification

    return AutoModelForSequenceClassification.from_pretrained(folder, num_labels=classes)


def trainer_side(seed: int, make) -> float:
    import torch
    from transformers import AutoTokenizer, DataCollatorWithPadding, PrinterCallback, Trainer, TrainingArguments

    data, folder = data_of(seed), repository(seed).name
    tokens = AutoTokenizer.from_pretrained(folder)
    rows = {
        name: [
            {**tokens(data.samples[place], truncation=True, return_token_type_ids=False),
             "labels": int(data.targets[place])}
            for place in part(data, name)
        ]
        for name in ("train", "test")
    }  # fmt: skip
    torch.manual_seed(1000 + seed)
    network = make(folder, len(data.classes))
    with tempfile.TemporaryDirectory() as out:
        arguments = TrainingArguments(
            out, max_steps=RECIPE.steps, per_device_train_batch_size=RECIPE.batch_size, learning_rate=RECIPE.lr,
            weight_decay=RECIPE.weight_decay, lr_scheduler_type="cosine",
            warmup_steps=round(RECIPE.warmup * RECIPE.steps), seed=1000 + seed, use_cpu=True, report_to=[],
            disable_tqdm=True, save_strategy="no", logging_strategy="no", dataloader_pin_memory=False,
            dataloader_drop_last=True,
        )  # fmt: skip
        trainer = Trainer(network, arguments, DataCollatorWithPadding(tokens), rows["train"])
        trainer.remove_callback(PrinterCallback)
        trainer.train()
    right = 0  # not `trainer.predict`, which leaves the last batch of the test part out too
    with torch.no_grad():
        for at in range(0, len(rows["test"]), 64):
            batch = trainer.data_collator(rows["test"][at : at + 64])
            right += int((network.eval()(**batch)["logits"].argmax(1) == batch["labels"]).sum())
    return 100.0 * right / len(rows["test"])


if __name__ == "__main__":
    compared(
        "text",
        {
            "zoo": zoo_side,
            "Trainer, same head": lambda seed: trainer_side(seed, same_head),
            "Trainer, its own head": lambda seed: trainer_side(seed, own_head),
        },
        data_of, RECIPE, short="docstrings", about=ABOUT,
        libraries=("transformers", "numpy", "scipy", "scikit-learn"),
    )  # fmt: skip
