"""What running the frozen part once saves: CPU of a linear probe on texts, against 20 epochs with it.

The same encoder (of the size of MiniLM, random weights), tokeniser, texts and labels, one thread. Runs are interleaved
(a d b a d c a d), and each slow one is compared with the mean of the fast ones before and after it.

    a    zoo: `features_of` into an empty cache, then the fits of `linear_probe` for all penalties it chooses from
    d    zoo: a second probe, other labels, on the features that a has kept; its key is measured anew
    b    the uncached loop: each epoch runs the frozen encoder without gradients; Adam on the head
    c    transformers' Trainer with the encoder frozen: its defaults, so dynamic padding and 8 texts a batch

Tokenising is in a and c, once, and left out of b. In c dropout is on, as the Trainer has it. Nothing is scored in any
of them. A run takes about 4 minutes.

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


def probe_by_zoo(ours, data) -> None:
    """Way a and d."""
    import numpy as np

    from zoo.adaptations.linear_probe import LinearProbe
    from zoo.training.features import features_of

    features, method = features_of(ours, data, np.arange(len(data))), LinearProbe()
    for each in method.candidates({}, len(data)):
        method.fit_head(features, data.targets, each, CLASSES)


def probe_uncached(ours, data, inputs, epochs: int) -> None:
    """Way b."""
    import numpy as np
    import torch

    from zoo.data.batches import EpochOrder
    from zoo.providers.bundles import pooled

    head, order = torch.nn.Linear(384, CLASSES), EpochOrder(len(data), BATCH, 0)
    optimiser = torch.optim.Adam(head.parameters(), lr=1e-3)
    for step in range(epochs * len(data) // BATCH):
        chosen = np.asarray(order(step))
        with torch.no_grad():
            features = pooled(ours, inputs[chosen])
        loss = torch.nn.functional.cross_entropy(head(features), torch.from_numpy(data.targets[chosen]))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()


def probe_by_trainer(network, tokens, data, epochs: int, folder: str) -> None:
    """Way c."""
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

    rows = [{**tokens(text), "labels": int(label)} for text, label in zip(data.samples, data.targets, strict=True)]
    for row in rows:
        row.pop("token_type_ids", None)
    arguments = TrainingArguments(
        folder, num_train_epochs=epochs, use_cpu=True, report_to=[], disable_tqdm=True, save_strategy="no",
        logging_strategy="no", dataloader_pin_memory=False,
    )  # fmt: skip
    Trainer(Probe(), arguments, DataCollatorWithPadding(tokens), rows).train()
    network.eval()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=1)
    parser.add_argument("--texts", type=int, default=TEXTS)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()

    import numpy as np
    from frozen import backbone, encoder, machine, spread, stored, texts, tokenizer

    from zoo.data.labelled import LabelledData
    from zoo.training.inputs import Inputs
    from zoo.training.threads import pinned_threads

    network, tokens, rng = encoder(), tokenizer(), np.random.default_rng(1)
    ours, samples = backbone(network, tokens), texts(options.texts)
    inputs = Inputs(samples, ours.preprocess, "masked")
    lengths = [inputs.one(place).values.shape[1] for place in range(len(samples))]
    first, second = (
        LabelledData("words", samples, rng.integers(0, CLASSES, len(samples)), tuple("abcd"), "words", inputs="text")
        for _ in range(2)
    )
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
            return timed("a", lambda: probe_by_zoo(ours, first)), timed("d", lambda: probe_by_zoo(ours, second))

    with pinned_threads(1), tempfile.TemporaryDirectory() as folder:
        few = first.taken(np.arange(32))  # warm: imports, kernels
        os.environ["ZOO_FEATURES"] = "off"
        probe_by_zoo(ours, few)
        probe_uncached(ours, few, Inputs(few.samples, ours.preprocess, "masked"), 1)
        probe_by_trainer(network, tokens, few, 1, folder)
        slow = {
            "b": lambda: probe_uncached(ours, first, inputs, EPOCHS),
            "c": lambda: probe_by_trainer(network, tokens, first, EPOCHS, folder),
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
        **machine(), "texts": options.texts, "classes": CLASSES, "epochs": EPOCHS,
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
