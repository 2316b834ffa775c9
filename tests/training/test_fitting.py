import numpy as np
import torch
from torch import nn

import zoo
from zoo.tasks.classification import Classification
from zoo.training.fitting import Labelled, extract, fit_network, logits
from zoo.training.inputs import Inputs
from zoo.training.stopping import Judge
from zoo.training.trainspec import TrainSpec


def blobs(count=40):
    generator = torch.Generator().manual_seed(0)
    targets = np.arange(count) % 2
    images = torch.randn(count, 1, 4, 4, generator=generator) + 3 * torch.from_numpy(targets)[:, None, None, None]
    return Inputs(list(images), torch.stack), targets.astype(np.int64)


def small():
    torch.manual_seed(0)
    return zoo.wrap(nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU()), input_size=(1, 4, 4))


def test_extract_is_in_evaluation_mode_and_independent_of_the_batch():
    backbone, (inputs, _) = small(), blobs()
    backbone.module.train()
    everything = np.arange(40)
    before = backbone.module[1].running_mean.clone()
    one, other = (extract(backbone, inputs, everything, size=size) for size in (40, 7))
    assert torch.allclose(one, other, rtol=1e-5, atol=1e-6)
    assert torch.equal(backbone.module[1].running_mean, before)
    assert torch.equal(extract(backbone, inputs, everything[::-1].copy()).flip(0), one)


def test_fit_network_uses_only_the_given_samples_and_learns():
    backbone, (inputs, targets) = small(), blobs()
    seen = set()

    class Watching(Inputs):
        def __getitem__(self, indices):
            seen.update(indices.tolist())
            return inputs[indices]

    allowed = np.arange(0, 20)
    kind, head = Classification(), nn.Linear(4, 2)
    spec = TrainSpec(steps=40, batch_size=8, lr=0.01, device="cpu")
    groups = [{"params": list(backbone.module.parameters()), "lr": spec.lr, "weight_decay": 0.0}]
    data = Labelled(Watching(inputs.samples, torch.stack), targets, allowed)
    history = fit_network(backbone, head, kind, groups, data, spec, head_lr=0.05, quiet=True)
    assert seen == set(range(20))
    assert history.losses[-1] < history.losses[0] / 3
    predictions = logits(backbone, head, inputs, np.arange(20, 40)).argmax(1).numpy()
    assert (predictions == targets[20:]).mean() > 0.9


def test_a_judge_scores_what_is_being_trained():
    backbone, (inputs, targets) = small(), blobs()
    kind, head = Classification(), nn.Linear(4, 2)
    spec = TrainSpec(steps=40, batch_size=8, lr=0.01, device="cpu")
    groups = [{"params": list(backbone.module.parameters()), "lr": spec.lr, "weight_decay": 0.0}]
    held = np.arange(20, 40)

    def score():
        predictions = logits(backbone, head, inputs, held).argmax(1).numpy()
        return kind.metrics(predictions, targets[held])["accuracy"]

    data = Labelled(inputs, targets, np.arange(20))
    judge = Judge(score, every=4, patience=2)
    history = fit_network(backbone, head, kind, groups, data, spec, head_lr=0.05, judge=judge, quiet=True)
    best = max(value for _, value in history.scores)
    assert score() == best > 90
    assert history.stopped is not None
