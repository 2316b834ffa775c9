"""Shared by the tests of vision providers: pictures, disturbed weights, records straight from an index file."""

import hashlib

import numpy as np
import torch
from PIL import Image

from zoo.catalog.rows import rows_of, spec_of


def picture(height=80, width=120, seed=0):
    return Image.fromarray(np.random.default_rng(seed).integers(0, 255, (height, width, 3), dtype=np.uint8))


def record(name):
    """The record of a row, whether its provider is shown or not."""
    return next(spec_of(row) for row in rows_of(name.partition("/")[0]) if row["name"] == name)


def records(provider):
    return [spec_of(row) for row in rows_of(provider)]


def disturbed(module, seed=0, size=0.02):
    """Weights that differ from any initialisation, so that no branch is exactly zero and no signal dies out."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.add_(size * torch.randn(parameter.shape, generator=generator))
        for buffer in module.buffers():
            if buffer.is_floating_point() and buffer.ndim == 1 and not torch.isinf(buffer).any():
                buffer.add_(size * torch.rand(buffer.shape, generator=generator))
    return module


def settle(module, inputs):
    """Let batch normalisation see the inputs once, so that a deep random network does not lose them; then eval."""
    norms = [layer for layer in module.modules() if isinstance(layer, torch.nn.modules.batchnorm._BatchNorm)]
    for layer in norms:
        layer.momentum = 1.0
    module.train()
    with torch.no_grad():
        if norms:
            module(inputs)
    return module.eval()


def saved(tensors, folder, stem):
    """A pickle, named after its content by the rule of torch.hub."""
    torch.save(tensors, folder / "file")
    digest = hashlib.sha256((folder / "file").read_bytes()).hexdigest()[:8]
    return (folder / "file").rename(folder / f"{stem}-{digest}.pth")
