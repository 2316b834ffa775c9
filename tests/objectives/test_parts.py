import torch

from zoo.contracts import Batch
from zoo.objectives.parts import joined, parts_of
from zoo.providers.bundles import Bundle
from zoo.training.halving import taken


def test_targets_in_parts_are_cut_like_their_inputs():
    inputs = Bundle((torch.tensor([[1, 2], [3, 4]]), torch.tensor([[5, 6, 7]])), torch.tensor([0, 2, 1]))
    targets = joined([part * 10 for part in parts_of(inputs)], inputs)
    cut = taken(Batch(inputs, targets), slice(1, 3))
    assert [part.tolist() for part in parts_of(cut.inputs)] == [[[3, 4]], [[5, 6, 7]]]
    assert [part.tolist() for part in parts_of(cut.targets)] == [[[30, 40]], [[50, 60, 70]]]


def test_one_tensor_is_its_own_part():
    whole = torch.arange(3)
    assert joined([whole + 1], whole).tolist() == [1, 2, 3]
