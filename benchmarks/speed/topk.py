"""What caching the frozen part saves: CPU of 10 epochs of `top_k` against 10 epochs of `full`, through `zoo.finetune`.

Paired runs (A B A B), medians of ratios, one thread; the same images, labels, batches and steps, no augmentation. The
CPU of `top_k` holds everything: the one pass of the frozen part, the trial of the cut, the evaluation that ends a fit.
What both pay alike (making the network, reading and preprocessing the images, scoring) is in both.

    top_k     the last block and the head train; what the blocks before it give is kept
    full      all weights train

.venv/bin/python benchmarks/speed/topk.py [--runs 3] [--out benchmarks/speed/results/topk.json]
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import time
from pathlib import Path

os.environ.update(OMP_NUM_THREADS="1", HF_HUB_OFFLINE="1")

EPOCHS, IMAGES, BATCH = 10, 40, 8
NETWORKS = ("timm/resnet18", "timm/vit_tiny_patch16_224")  # from scratch: their weights change no time


def images(count: int):
    """`count` images of noise, 224 x 224, of two classes; 60 % of them are trained on."""
    import numpy as np
    from PIL import Image

    from zoo.data.labelled import LabelledData

    rng = np.random.default_rng(0)
    pictures = [Image.fromarray(rng.integers(0, 256, (224, 224, 3), dtype=np.uint8)) for _ in range(count)]
    return LabelledData("noise", pictures, np.arange(count) % 2, ("a", "b"), "noise")


def fit_cpu(name: str, data, method: str) -> float:
    """CPU seconds of one fit."""
    import zoo

    steps = EPOCHS * (len(data) * 6 // 10) // BATCH
    before = time.process_time()
    model = zoo.finetune(name, data, pretrained=False, method=method, steps=steps, batch_size=BATCH,
                         augmentation="none", device="cpu", quiet=True)  # fmt: skip
    spent = time.process_time() - before
    if method == "top_k" and "ran once" not in model.spec.notes[0]:
        raise SystemExit(f"nothing was cached ({model.spec.notes[0]}): this measures nothing")
    return spent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()

    import torch

    from zoo.training.threads import pinned_threads
    from zoo.version import __version__

    data, ways = images(IMAGES), ("top_k", "full")
    results = {
        "epochs": EPOCHS,
        "images trained on": IMAGES * 6 // 10,
        "batch": BATCH,
        "runs": options.runs,
        "python": platform.python_version(),
        "torch": str(torch.__version__),
        "zoo": __version__,
        "cpu_capability": torch.backends.cpu.get_cpu_capability(),
        "limits": {"full / top_k": "at least 3"},
        "networks": {},
    }
    with pinned_threads(1):
        for name in NETWORKS:
            fit_cpu(name, images(10), "top_k")  # warm: imports, kernels
            spent = {way: [] for way in ways}
            for run in range(options.runs):
                for way in ways:
                    spent[way].append(fit_cpu(name, data, way))
                print(
                    f"{name} run {run + 1}: " + ", ".join(f"{way} {spent[way][-1]:.1f} s" for way in ways), flush=True
                )
            found = {"cpu_seconds": {way: round(statistics.median(spent[way]), 2) for way in ways}}
            ratios = [a / b for a, b in zip(spent["full"], spent["top_k"], strict=True)]
            low, middle, high = min(ratios), statistics.median(ratios), max(ratios)
            found["full / top_k"] = {"median": round(middle, 3), "min": round(low, 3), "max": round(high, 3)}
            print(f"{name} full / top_k: {middle:.2f}  (min {low:.2f}, max {high:.2f})", flush=True)
            results["networks"][name] = found
    if options.out:
        options.out.parent.mkdir(parents=True, exist_ok=True)
        options.out.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
