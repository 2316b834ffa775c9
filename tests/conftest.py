"""Shared by all tests: one thread, no network, small data."""

from __future__ import annotations

import os
import signal

# A job that a script runs in the background ignores Ctrl-C from birth, and so would all that the tests start.
signal.signal(signal.SIGINT, signal.default_int_handler)
os.environ.update(HF_HUB_OFFLINE="1", OMP_NUM_THREADS="1", TOKENIZERS_PARALLELISM="false", ZOO_FEATURES="off")

import numpy as np
import pytest
from PIL import Image


@pytest.fixture(autouse=True)
def _one_thread():
    import torch

    torch.set_num_threads(1)


@pytest.fixture
def photos(tmp_path):
    """A folder of two easy classes, 12 images each: bright on the left, bright on the right."""
    rng = np.random.default_rng(0)
    for name, side in (("left", slice(0, 6)), ("right", slice(6, 12))):
        (tmp_path / "photos" / name).mkdir(parents=True)
        for index in range(12):
            pixels = rng.integers(0, 60, (12, 12), dtype=np.uint8)
            pixels[:, side] += 180
            Image.fromarray(pixels).save(tmp_path / "photos" / name / f"{index}.png")
    return tmp_path / "photos"
