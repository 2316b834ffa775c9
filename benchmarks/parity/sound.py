"""Parity on sound: five kinds of generated clips, a small network over log-mel spectra, a loop written by hand.

.venv/bin/python benchmarks/parity/sound.py [--seeds 12] [--out benchmarks/parity/results/sound.json]
"""

from __future__ import annotations

from functools import cache, lru_cache

from sides import Recipe, by_plain_loop, by_zoo, compared, divided

RECIPE, EACH = Recipe(steps=150, batch_size=32, lr=2e-3), 300
MELS, WIDTH = 40, 64
ABOUT = (
    "**Generated, not recorded**: no library that zoo depends on carries recordings, but for tests of file formats. "
    "Five kinds of clips of a quarter of a second (a steady, rising, falling or wavering pitch, or a burst of noise) "
    "in noise of random loudness. Three convolutions over log-mel spectra with random weights, the same on both sides. "
    "The peer is a loop written by hand, as for vision."
)


@cache
def everything():
    from sounds import RATE, five_kinds

    import zoo

    clips, kinds = five_kinds(EACH)
    return zoo.read_data(([(one, RATE) for one in clips], kinds), inputs="audio", answer="classification")


@lru_cache(maxsize=2)
def data_of(seed: int):
    return divided(everything(), seed)


def spectrum(wave, rate: int):
    """Log-mel values [1, 1, MELS, frames] of a clip, with mean 0 and variance 1."""
    import torch
    from torchaudio.functional import melscale_fbanks

    window = 400
    power = (
        torch.stft(torch.as_tensor(wave), 512, 160, window, torch.hann_window(window), return_complex=True).abs() ** 2
    )
    bands = melscale_fbanks(257, 50.0, rate / 2, MELS, rate).T
    values = (bands @ power + 1e-6).log()
    return ((values - values.mean()) / (values.std() + 1e-6))[None, None]


def network_of(seed: int):
    """Three convolutions with BatchNorm, with the weights of this seed: [B, 1, MELS, T] -> [B, WIDTH]."""
    import torch
    from torch import nn

    torch.manual_seed(seed)
    layers, before = [], 1
    for width in (16, 32, WIDTH):
        layers += [
            nn.Conv2d(before, width, 3, padding=1, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(),
            nn.MaxPool2d(2),
        ]
        before = width
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten())


def zoo_side(seed: int) -> float:
    import torch

    from zoo.contracts import Backbone, Features
    from zoo.data.audio import as_waveform
    from zoo.specs import BackboneSpec

    network, rate = network_of(seed), data_of(seed).samples[0][1]

    def preprocess(clips):
        return torch.cat([spectrum(as_waveform(one, rate), rate) for one in clips])

    spec = BackboneSpec("module/small-cnn", "module", "small-cnn", modality="speech", padding="fixed",
                        sample_rate=rate, pooled_dim=WIDTH)  # fmt: skip
    backbone = Backbone(spec, network, preprocess, lambda values, _mask=None: {"speech": Features(network(values))})
    return by_zoo(backbone, data_of(seed), RECIPE, seed)


def loop_side(seed: int) -> float:
    import torch

    network, data = network_of(seed), data_of(seed)
    inputs = torch.cat([spectrum(wave, rate) for wave, rate in data.samples])
    return by_plain_loop(network, network, WIDTH, lambda at: inputs[at], data, RECIPE, seed)


if __name__ == "__main__":
    compared(
        "sound", {"zoo": zoo_side, "a plain loop": loop_side}, data_of, RECIPE,
        short="generated clips", about=ABOUT, libraries=("torchaudio",),
    )  # fmt: skip
