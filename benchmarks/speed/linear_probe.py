"""What running the frozen part once saves: CPU of a linear probe on texts, against 20 epochs with it.

The same encoder (of the size of MiniLM, random weights), tokeniser, texts, labels and split (60 % train, 20 %
validation, 20 % test), one thread. Runs are interleaved (a d b a d c a d), and each slow one is compared with the mean
of the fast ones before and after it.

    a    the whole `zoo.finetune((texts, labels), method="linear_probe")`, from reading the data to the scores, with no
         features kept before: all penalties are tried, and the best by validation is scored on test
    d    a second such call, with another seed and so another split, on the features that a has kept; labels are part of
         what data is known by, so other labels would mean other features
    b    the uncached loop: each epoch runs the frozen encoder without gradients; Adam on the head; scored as in a
    c    transformers' Trainer with the encoder frozen: its defaults, so dynamic padding and 8 texts a batch; scored
         likewise

Tokenising is in a, d and c, and left out of b. In c dropout is on in training, as the Trainer has it. A run takes about
3 minutes.

.venv/bin/python benchmarks/speed/linear_probe.py [--runs 1] [--out benchmarks/speed/results/linear_probe.json]
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from pathlib import Path

os.environ.update(OMP_NUM_THREADS="1", HF_HUB_OFFLINE="1", TOKENIZERS_PARALLELISM="false")

TEXTS, CLASSES, EPOCHS, BATCH = 256, 4, 20, 16


def probe_by_zoo(ours, pairs, seed: int = 0) -> None:
    """Way a and d."""
    import zoo

    zoo.finetune(
        ours, pairs, inputs="text", answer="classification", method="linear_probe", seed=seed, device="cpu", quiet=True
    )


def probe_uncached(ours, data, parts, inputs, epochs: int) -> None:
    """Way b."""
    import numpy as np
    import torch

    from zoo.data.batches import EpochOrder
    from zoo.providers.bundles import pooled

    train = parts.train
    head, order = torch.nn.Linear(384, CLASSES), EpochOrder(len(train), BATCH, 0)
    optimiser = torch.optim.Adam(head.parameters(), lr=1e-3)
    for step in range(epochs * len(train) // BATCH):
        chosen = train[np.asarray(order(step))]
        with torch.no_grad():
            features = pooled(ours, inputs[chosen])
        loss = torch.nn.functional.cross_entropy(head(features), torch.from_numpy(data.targets[chosen]))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    with torch.no_grad():
        for held in (parts.validation, parts.test):
            found = [
                head(pooled(ours, inputs[held[at : at + BATCH]])).argmax(1).numpy() for at in range(0, len(held), BATCH)
            ]
            np.mean(np.concatenate(found) == data.targets[held])


def probe_by_trainer(network, tokens, data, parts, epochs: int, folder: str) -> None:
    """Way c."""
    import numpy as np
    import torch
    from transformers import DataCollatorWithPadding, Trainer, TrainingArguments

    class Probe(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.encoder, self.head = network, torch.nn.Linear(384, CLASSES)

        def forward(self, input_ids, attention_mask, labels):
            hidden = self.encoder(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
            weights = attention_mask[..., None].float()
            logits = self.head((hidden * weights).sum(1) / weights.sum(1))
            return {"loss": torch.nn.functional.cross_entropy(logits, labels), "logits": logits}

    def rows(chosen):
        return [
            {**tokens(data.samples[at], return_token_type_ids=False), "labels": int(data.targets[at])} for at in chosen
        ]

    arguments = TrainingArguments(
        folder, num_train_epochs=epochs, use_cpu=True, report_to=[], disable_tqdm=True, save_strategy="no",
        logging_strategy="no", dataloader_pin_memory=False,
    )  # fmt: skip
    trainer = Trainer(Probe(), arguments, DataCollatorWithPadding(tokens), rows(parts.train))
    trainer.train()
    for held in (parts.validation, parts.test):
        found = trainer.predict(rows(held))
        np.mean(found.predictions.argmax(1) == found.label_ids)
    network.eval()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=1)
    parser.add_argument("--texts", type=int, default=TEXTS)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()

    import numpy as np
    from frozen import backbone, encoder, machine, spread, stored, texts, tokenizer

    import zoo
    from zoo.data.splits import split_data
    from zoo.training.inputs import Inputs
    from zoo.training.threads import pinned_threads

    network, tokens, rng = encoder(), tokenizer(), np.random.default_rng(1)
    ours, samples = backbone(network, tokens), texts(options.texts)
    pairs = (samples, [f"class {each}" for each in rng.integers(0, CLASSES, len(samples))])
    data = zoo.read_data(pairs, inputs="text", answer="classification")
    parts, _ = split_data(data)
    inputs = Inputs(samples, ours.preprocess, "masked")
    lengths = [inputs.one(place).values.shape[1] for place in range(len(samples))]
    spent: dict[str, list[float]] = {way: [] for way in "adbc"}
    around: dict[str, list[tuple[float, float]]] = {"b / a": [], "c / a": [], "b / d": [], "c / d": []}

    def timed(way: str, run) -> float:
        before = time.process_time()
        run()
        spent[way].append(time.process_time() - before)
        return spent[way][-1]

    def fast() -> tuple[float, float]:
        with tempfile.TemporaryDirectory() as kept:
            os.environ["ZOO_FEATURES"] = kept
            return timed("a", lambda: probe_by_zoo(ours, pairs)), timed("d", lambda: probe_by_zoo(ours, pairs, 1))

    with pinned_threads(1), tempfile.TemporaryDirectory() as folder:
        os.environ["ZOO_FEATURES"] = "off"  # warm: imports, kernels
        probe_by_zoo(ours, pairs)
        probe_uncached(ours, data, parts, inputs, 1)
        probe_by_trainer(network, tokens, data, parts, 1, folder)
        slow = {
            "b": lambda: probe_uncached(ours, data, parts, inputs, EPOCHS),
            "c": lambda: probe_by_trainer(network, tokens, data, parts, EPOCHS, folder),
        }
        for run in range(options.runs):
            before = fast()
            for way, fit in slow.items():
                took, after = timed(way, fit), fast()
                for place, name in enumerate("ad"):
                    around[f"{way} / {name}"].append((took, (before[place] + after[place]) / 2))
                before = after
            print(f"run {run + 1}: " + ", ".join(f"{way} {spent[way][-1]:.2f} s" for way in spent), flush=True)
    results = {
        **machine(), "texts": options.texts, "of them to learn from": len(parts.train),
        "classes": CLASSES, "epochs": EPOCHS,
        "tokens": {"median": float(np.median(lengths)), "mean": round(float(np.mean(lengths)), 1),
                   "longest": max(lengths)},
        "runs": options.runs,
        "cpu_seconds": {way: [round(each, 3) for each in found] for way, found in spent.items()},
        "limits": {"b / a": "at least 15", "c / a": "at least 15", "b / d": "at least 100"},
    }  # fmt: skip
    for name, pairs in around.items():
        results[name] = spread([slow_one / fast_one for slow_one, fast_one in pairs])
        print(f"{name}: {results[name]['median']}  (all: {results[name]['all']})")
    stored(results, options.out)


if __name__ == "__main__":
    main()
