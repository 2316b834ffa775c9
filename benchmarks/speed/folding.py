"""What extraction saves on images: CPU of `extract` against `extract_fast`, with and without folded BatchNorm.

Paired runs (A B C A B C), medians of ratios, one thread, the same preprocessed images of noise (224 x 224). That all
ways give equal features (1e-4, relative to the norm of a row) is checked at each run.

    extract    the given order, 256 images a batch, nothing changed: what rows of the benchmark are made with
    plain      `extract_fast` without folding: 16 images a batch, channels last
    folded     `extract_fast`, BatchNorm folded into convolutions; trying whether it may be is in it

.venv/bin/python benchmarks/speed/folding.py [--runs 3] [--out benchmarks/speed/results/folding.json]
"""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path

os.environ.update(OMP_NUM_THREADS="1", HF_HUB_OFFLINE="1", ZOO_FEATURES="off")

IMAGES = 96
NETWORKS = ("timm/resnet18", "timm/efficientnet_b0", "timm/mobilenetv3_small_100", "torchvision/mobilenet_v2")


def network(name: str):
    """From scratch, with statistics in its norms as training leaves them: not those of a fresh network."""
    import torch

    import zoo

    backbone = zoo.load(name, pretrained=False, seed=0)
    generator = torch.Generator().manual_seed(0)
    for part in backbone.module.modules():
        if isinstance(part, torch.nn.BatchNorm2d):
            part.running_mean.normal_(0, 0.3, generator=generator)
            part.running_var.uniform_(0.5, 1.5, generator=generator)
    return backbone


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()

    import numpy as np
    from frozen import machine, spread, stored
    from PIL import Image

    from zoo.training.extraction import extract_fast
    from zoo.training.fitting import extract
    from zoo.training.inputs import Inputs
    from zoo.training.threads import pinned_threads

    rng, everything = np.random.default_rng(0), np.arange(IMAGES)
    pictures = [Image.fromarray(rng.integers(0, 256, (224, 224, 3), dtype=np.uint8)) for _ in range(IMAGES)]
    results = {**machine(), "images": IMAGES, "runs": options.runs, "networks": {}}
    with pinned_threads(1):
        for name in NETWORKS:
            backbone = network(name)
            inputs = Inputs(pictures, backbone.preprocess)
            ways = {
                "extract": lambda: extract(backbone, inputs, everything).numpy(),  # noqa: B023
                "plain": lambda: extract_fast(backbone, inputs, everything, fold=False),  # noqa: B023
                "folded": lambda: extract_fast(backbone, inputs, everything),  # noqa: B023
            }
            extract(backbone, inputs, everything[:16])  # warm
            inputs[everything]
            spent, off = {way: [] for way in ways}, 0.0
            for _ in range(options.runs):
                made = {}
                for way, run in ways.items():
                    before = time.process_time()
                    made[way] = run()
                    spent[way].append(time.process_time() - before)
                norms = np.linalg.norm(made["extract"], axis=1)
                for rows in made.values():
                    off = max(off, float((np.linalg.norm(rows - made["extract"], axis=1) / norms).max()))
            assert off <= 1e-4, off
            found = {"cpu_seconds": {way: [round(each, 3) for each in spent[way]] for way in ways}, "off": off}
            for slow, fast in (("extract", "folded"), ("plain", "folded")):
                ratios = [a / b for a, b in zip(spent[slow], spent[fast], strict=True)]
                found[f"{slow} / {fast}"] = spread(ratios)
                print(f"{name} {slow} / {fast}: {found[f'{slow} / {fast}']['median']:.2f}  "
                      f"(min {min(ratios):.2f}, max {max(ratios):.2f}; off by {off:.0e})", flush=True)  # fmt: skip
            results["networks"][name] = found
    stored(results, options.out)


if __name__ == "__main__":
    main()
