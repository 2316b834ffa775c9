import pytest
import torch
from torch import nn

import zoo
from zoo.adaptations.cutting import Resumed
from zoo.contracts import Batch, Padded, Pair
from zoo.data.batches import generator_at
from zoo.errors import IncompatibleError, OutOfMemory
from zoo.providers.bundles import Bundle, bundled
from zoo.tasks.classification import Classification
from zoo.training.fitting import TaskLearner
from zoo.training.halving import Halving, chunks, is_out_of_memory, taken

CPU = RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes. Error 12")


class Hungry(nn.Module):
    """A learner that runs out of memory above `room` samples; `late` does so in the backward pass."""

    def __init__(self, room, net, error=CPU, late=False):
        super().__init__()
        self.room, self.net, self.error, self.late = room, net, error, late
        self.seen = []

    def views(self, batch, generator):
        return Batch(batch.inputs + torch.randn(batch.inputs.shape, generator=generator), batch.targets)

    def forward(self, batch, generator):
        seen = batch if generator is None else self.views(batch, generator)
        self.seen.append(len(seen.targets))
        outputs = self.net(seen.inputs)
        if len(seen.targets) > self.room:
            if not self.late:
                raise self.error
            outputs = Fails.apply(outputs, self.error)
        return nn.functional.cross_entropy(outputs, seen.targets)


class Fails(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, error):
        ctx.error = error
        return x.clone()

    @staticmethod
    def backward(ctx, grad):
        raise ctx.error


def batch(size=8):
    generator = torch.Generator().manual_seed(0)
    return Batch(torch.randn(size, 4, generator=generator), torch.arange(size) % 2)


def net(norm=False, dropout=0.0):
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Linear(4, 6), nn.BatchNorm1d(6) if norm else nn.LayerNorm(6), nn.Dropout(dropout), nn.Linear(6, 2)
    )


def step(learner, size=8, halving=None):
    halving = halving or Halving(size, quiet=True)
    loss = halving.run(learner, batch(size), 1, 0, lambda loss: loss.backward())
    return loss, [parameter.grad.clone() for parameter in learner.parameters()], halving


@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("room", [1, 3, 4])
@pytest.mark.parametrize("error", [CPU, torch.OutOfMemoryError("CUDA out of memory."), MemoryError()])
def test_gradients_are_those_of_the_whole_batch(room, late, error):
    loss, expected, _ = step(Hungry(8, net()))
    halved, found, halving = step(Hungry(room, net(), error, late))
    assert halving.most <= room
    assert halved == pytest.approx(loss, rel=1e-5)
    for one, other in zip(found, expected, strict=True):
        assert torch.allclose(one, other, rtol=1e-4, atol=1e-6)


def test_later_steps_begin_with_the_smaller_chunks():
    learner = Hungry(2, net())
    _, _, halving = step(learner)
    assert learner.seen == [8, 4, 2, 2, 2, 2]
    learner.seen.clear()
    step(learner, halving=halving)
    assert learner.seen == [2, 2, 2, 2]
    assert len(halving.notes) == 2
    assert halving.notes[0].endswith(
        "4 at a time; their gradients are added up, and the result is the same up to rounding"
    )


def test_without_a_lack_the_step_is_untouched():
    learner, plain = Hungry(8, net(True, 0.5)), Hungry(8, net(True, 0.5))
    torch.manual_seed(3)
    loss, grads, halving = step(learner)
    torch.manual_seed(3)
    expected = plain(batch(), generator_at(1, 0))
    expected.backward()
    assert loss == expected.item()
    assert all(torch.equal(one, p.grad) for one, p in zip(grads, plain.parameters(), strict=True))
    assert halving.notes == []


def test_batchnorm_counts_each_step_once_and_the_note_says_what_differs():
    learner = Hungry(4, net(norm=True, dropout=0.1))
    _, _, halving = step(learner, halving=Halving(8, least=2, quiet=True))
    assert learner.net[1].num_batches_tracked == 2  # two chunks: the failed pass is taken back
    assert (
        "BatchNorm has the statistics of the smaller ones, so results differ; dropout draws other" in halving.notes[0]
    )
    assert "same up to rounding" not in halving.notes[0]


def test_the_random_state_of_a_failed_pass_is_taken_back():
    torch.manual_seed(5)
    one = step(Hungry(4, net(dropout=0.5)))
    torch.manual_seed(5)
    other = step(Hungry(8, net(dropout=0.5)), halving=Halving(8, most=4, quiet=True))
    assert one[0] == other[0]


def test_batchnorm_never_sees_one_sample():
    learner = Hungry(2, net(norm=True))
    with pytest.raises(OutOfMemory, match=r"memory ran out at step 0 with 2 samples at a time.*Fix"):
        step(learner, 7, Halving(7, least=2, quiet=True))
    assert min(learner.seen) >= 2


def test_not_even_one_sample():
    with pytest.raises(
        OutOfMemory, match=r"with 1 sample at a time \(.*can't allocate memory.*Fix: a smaller backbone"
    ):
        step(Hungry(0, net()))


def test_a_loss_that_compares_samples_is_never_cut():
    learner = Hungry(4, net())
    learner.divisible = False
    with pytest.raises(OutOfMemory, match="not a mean over samples, so a batch of 8 cannot be cut"):
        step(learner)
    assert learner.seen == [8]


def test_a_weighted_mean_is_that_of_the_whole_batch():
    weights = torch.tensor([0.2, 3.0])

    class Weighted(nn.Module):
        def __init__(self):
            super().__init__()
            self.net = net()

        def mass(self, batch):
            return weights[batch.targets].sum()

        def forward(self, batch, generator):
            return nn.functional.cross_entropy(self.net(batch.inputs), batch.targets, weights, label_smoothing=0.1)

    uneven = Batch(batch().inputs, torch.tensor([0, 0, 0, 1, 1, 1, 1, 0]))
    found = []
    for most in (8, 3):
        learner = Weighted()
        loss = Halving(8, most=most, quiet=True).run(learner, uneven, 0, 0, lambda loss: loss.backward())
        found.append((loss, learner.net[0].weight.grad))
    assert found[1][0] == pytest.approx(found[0][0], rel=1e-5)
    assert torch.allclose(found[1][1], found[0][1], rtol=1e-4, atol=1e-6)


def test_other_errors_pass():
    with pytest.raises(RuntimeError, match="shapes"):
        step(Hungry(4, net(), RuntimeError("shapes do not fit")))
    assert not is_out_of_memory(OutOfMemory("memory ran out (can't allocate memory)"))


def test_it_is_said_on_stderr(capsys):
    step(Hungry(4, net()), halving=Halving(8))
    assert capsys.readouterr().err.startswith("memory ran out at step 0, so batches of 8 go through the network 4 at")


def padded(*lengths):
    return [Padded(torch.full((1, n), float(n)), torch.ones(1, n, dtype=torch.bool)) for n in lengths]


def values(bundle):
    rows = [row.tolist() for part in bundle.parts for row in part.values]
    return [rows[at] for at in bundle.order.tolist()]


@pytest.mark.parametrize("rows", [slice(0, 2), slice(1, 4), slice(3, 5), slice(0, 5)])
def test_a_bundle_is_cut_by_samples(rows):
    lengths = (3, 5, 3, 2, 5)
    cut = taken(bundled(padded(*lengths), "equal_length"), rows)
    assert len(cut) == len(lengths[rows])
    assert values(cut) == [[float(n)] * n for n in lengths[rows]]


def test_every_kind_of_batch_is_cut():
    inputs = torch.arange(8.0).reshape(4, 2)
    whole = Padded(inputs, inputs > 2)
    assert torch.equal(taken(whole, slice(1, 3)).mask, whole.mask[1:3])
    cut = taken(Pair(inputs, whole), slice(2, 4))
    assert torch.equal(cut.vision, inputs[2:])
    assert torch.equal(cut.text.values, inputs[2:])
    assert taken(Pair(None, whole), slice(2, 4)).vision is None
    assert torch.equal(taken(Resumed(inputs, inputs * 2), slice(0, 1)).hidden, inputs[:1] * 2)
    assert [len(one) for one in taken((inputs, ["a", "b", "c", "d"]), slice(0, 3))] == [3, 3]
    pairs = Bundle((Pair(inputs, whole), Pair(inputs + 1, whole)), torch.tensor([5, 0, 7]))
    assert torch.equal(taken(pairs, slice(0, 2)).parts[0].vision, inputs[:1])
    with pytest.raises(IncompatibleError, match="a batch of object cannot be cut"):
        taken(object(), slice(0, 1))


@pytest.mark.parametrize("least", [1, 2])
def test_chunks_are_the_whole_batch_in_order(least):
    for size in range(least, 12):
        for most in range(least, size + 1):
            parts = list(chunks(batch(size), size, most, least))
            assert torch.equal(torch.cat([part.inputs for part, _ in parts]), batch(size).inputs)
            assert sum(share for _, share in parts) == pytest.approx(1)
            assert min(len(part.targets) for part, _ in parts) >= least
            assert max(len(part.targets) for part, _ in parts) <= (most if least == 1 else most + 1)


def test_augmentation_of_a_cut_batch_is_that_of_the_whole():
    backbone = zoo.load("pocket/resnet10.glyphs")
    backbone.module.eval()
    learner = TaskLearner(backbone, nn.Linear(256, 2), Classification(), "warp", 0.1).eval()
    images = Batch(torch.randn(6, 1, 32, 32, generator=torch.Generator().manual_seed(0)), torch.arange(6) % 2)
    losses = []
    for most in (6, 2):
        losses.append(Halving(6, most=most, quiet=True).run(learner, images, 0, 3, lambda loss: loss.backward()))
        losses.append(learner.head.weight.grad.clone())
        learner.zero_grad()
    assert losses[0] == pytest.approx(losses[2], rel=1e-5)
    assert torch.allclose(losses[1], losses[3], rtol=1e-4, atol=1e-6)
