"""Backbones that break one promise each."""

import torch
from torch import nn

from zoo.conformance.checks import Subject
from zoo.conformance.samples import samples_for
from zoo.contracts import Backbone, Features
from zoo.providers.batching import encode_samples
from zoo.specs import BackboneSpec


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(4, 3)
        self.unused = nn.Linear(50, 50)
        self.calls = 0


def toy(break_=""):
    """A backbone over the mean of image quarters; `break_` names what is wrong with it."""
    torch.manual_seed(0)
    net = Net()
    if break_ != "gradient":
        del net.unused

    def preprocess(images):
        import numpy as np

        grey = [
            torch.from_numpy(np.asarray(image.convert("L").resize((2, 2)), dtype=np.float32)) / 255 for image in images
        ]
        return torch.stack(grey).flatten(1)

    def encode(x, mask=None):
        net.calls += 1
        pooled = net.layer(x)
        if break_ == "sensitivity":
            pooled = net.layer(torch.ones_like(x))
        if break_ == "batching":
            pooled = pooled - pooled.mean(0) * (len(x) > 1)
        if break_ == "determinism":
            pooled = pooled + net.calls
        if break_ == "finite":
            pooled = pooled / 0.0
        if break_ == "widths":
            pooled = pooled[:, :2]
        return {"vision": Features(pooled)}

    spec = BackboneSpec("toy/toy", "toy", "toy", pooled_dim=3, input_size=(1, 2, 2))
    return Backbone(spec, net, preprocess, encode)


def subject(break_=""):
    backbone = toy(break_)
    samples = samples_for(backbone.spec)
    with torch.no_grad():
        alone = [encode_samples(backbone, [sample]) for sample in samples]
    return Subject(backbone.spec, backbone, samples, alone)
