"""Parity on real handwriting: scikit-learn's digits, a network that is pre-trained on glyphs, a loop written by hand.

.venv/bin/python benchmarks/parity/vision.py [--seeds 12] [--out benchmarks/parity/results/vision.json]
"""

from __future__ import annotations

from functools import lru_cache

from sides import Recipe, by_plain_loop, by_zoo, compared, divided

NAME, PER_CLASS = "pocket/resnet10.glyphs", 20
RECIPE = Recipe(steps=100, batch_size=32, lr=2e-3)
ABOUT = (
    "Real handwritten digits (scikit-learn), all weights of `pocket/resnet10.glyphs` trained on 20 images a class. "
    "The peer is a loop written by hand: AdamW over all weights, LambdaLR, cross-entropy."
)


@lru_cache(maxsize=2)
def data_of(seed: int):
    from zoo.data.images import load_images

    return divided(load_images("digits"), seed, PER_CLASS)


def zoo_side(seed: int) -> float:
    import zoo

    return by_zoo(zoo.load(NAME), data_of(seed), RECIPE, seed)


def loop_side(seed: int) -> float:
    import torch

    import zoo
    from zoo.providers.bundles import pooled

    backbone, data = zoo.load(NAME), data_of(seed)
    images = torch.cat([backbone.preprocess([image]) for image in data.samples])

    def features(batch):
        return pooled(backbone, batch)

    return by_plain_loop(
        backbone.module, features, backbone.pooled_dim, lambda at: images[at], data, RECIPE, seed
    )  # fmt: skip


if __name__ == "__main__":
    compared(
        "vision", {"zoo": zoo_side, "a plain loop": loop_side}, data_of, RECIPE,
        short="digits", about=ABOUT, libraries=("scikit-learn",),
    )  # fmt: skip
