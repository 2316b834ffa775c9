"""What batches of near lengths save: CPU of extracting features of short mixed texts, bucketed and in the given order.

Paired runs (A B A B), medians of ratios, one thread, the same encoder (of the size of MiniLM) and tokenised texts, and
the same number of texts in a batch. Both compare equal up to 1e-4, which is checked.

    given       batches as the texts come, each padded to its longest: what a collator with dynamic padding does
    bucketed    the same batches after sorting by length, the order restored
    zoo         `extract_fast`: sorted, and a batch holds a number of tokens and not of texts

.venv/bin/python benchmarks/speed/bucketed.py [--runs 5] [--out benchmarks/speed/results/bucketed.json]
"""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path

os.environ.update(OMP_NUM_THREADS="1", HF_HUB_OFFLINE="1", ZOO_FEATURES="off")

TEXTS, SIZES = 256, (16, 32)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--texts", type=int, default=TEXTS)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()

    import numpy as np
    import torch
    from frozen import backbone, encoder, machine, spread, stored, texts, tokenizer

    from zoo.providers.bundles import pooled
    from zoo.training.extraction import extract_fast
    from zoo.training.inputs import Inputs
    from zoo.training.threads import pinned_threads

    ours = backbone(encoder(), tokenizer())
    inputs = Inputs(texts(options.texts), ours.preprocess, "masked")
    everything = np.arange(options.texts)
    lengths = np.array([inputs.one(place).values.shape[1] for place in everything])

    @torch.no_grad()
    def in_order(order: np.ndarray, size: int) -> np.ndarray:
        batches = [order[start : start + size] for start in range(0, len(order), size)]
        rows = torch.cat([pooled(ours, inputs[batch]) for batch in batches]).numpy()
        return rows[np.argsort(order)]

    def bucketed(size: int) -> np.ndarray:
        return in_order(np.argsort(lengths, kind="stable"), size)

    results = {**machine(), "texts": options.texts, "tokens": {"median": float(np.median(lengths)),
               "mean": round(float(lengths.mean()), 1), "longest": int(lengths.max())}, "runs": options.runs,
               "limits": {"given / bucketed": "at least 1.5"}, "batches": {}}  # fmt: skip
    with pinned_threads(1):
        for size in SIZES:
            ways = {"given": lambda size=size: in_order(everything, size), "bucketed": lambda size=size: bucketed(size),
                    "zoo": lambda size=size: extract_fast(ours, inputs, everything, size=size)}  # fmt: skip
            spent = {way: [] for way in ways}
            in_order(everything[:size], size)  # warm
            for _ in range(options.runs):
                made = {}
                for way, run in ways.items():
                    before = time.process_time()
                    made[way] = run()
                    spent[way].append(time.process_time() - before)
                for rows in made.values():
                    off = np.linalg.norm(rows - made["given"], axis=1) / np.linalg.norm(made["given"], axis=1)
                    assert off.max() <= 1e-4, off.max()
            found = {"cpu_seconds": {way: [round(each, 3) for each in spent[way]] for way in ways}}
            for way in ("bucketed", "zoo"):
                ratios = [a / b for a, b in zip(spent["given"], spent[way], strict=True)]
                found[f"given / {way}"] = spread(ratios)
                print(f"{size} texts a batch, given / {way}: {found[f'given / {way}']['median']:.2f}  "
                      f"(min {min(ratios):.2f}, max {max(ratios):.2f})", flush=True)  # fmt: skip
            results["batches"][str(size)] = found
    stored(results, options.out)


if __name__ == "__main__":
    main()
