"""Inputs: preprocessing runs once for what is kept, and batches change no answer."""

import numpy as np
import pytest
import torch

from zoo.contracts import Padded
from zoo.training.inputs import Inputs


class Counting:
    def __init__(self):
        self.calls = 0

    def __call__(self, images):
        self.calls += len(images)
        return torch.stack([torch.full((1, 2, 2), float(image)) for image in images])


@pytest.mark.parametrize(("keep", "expected_calls"), [(2**30, 3), (0, 6)])
def test_inputs_are_kept_while_they_fit(keep, expected_calls):
    preprocess = Counting()
    inputs = Inputs([5, 6, 7], preprocess, keep_bytes=keep)
    for _ in range(2):
        assert inputs[np.array([2, 0, 1, 2])][:, 0, 0, 0].tolist() == [7, 5, 6, 7]
    assert preprocess.calls == expected_calls


def test_what_fits_is_kept_and_the_rest_made_again():
    preprocess = Counting()
    inputs = Inputs([5, 6, 7], preprocess, keep_bytes=2 * 4 * 4)
    for _ in range(2):
        assert inputs[np.array([0, 1, 2])][:, 0, 0, 0].tolist() == [5, 6, 7]
    assert preprocess.calls == 4


def texts(samples):
    (length,) = samples
    return Padded(torch.full((1, length), float(length)), torch.ones(1, length, dtype=torch.bool))


def test_lengths_share_a_batch_only_where_padding_is_masked():
    masked = Inputs([2, 3, 2], texts, "masked")[np.array([0, 1, 2])]
    assert masked.values.tolist() == [[2, 2, 0], [3, 3, 3], [2, 2, 0]]
    assert masked.mask.sum(1).tolist() == [2, 3, 2]
    apart = Inputs([2, 3, 2], texts, "equal_length")[np.array([0, 1, 2])]
    assert [part.values.tolist() for part in apart.parts] == [[[2, 2], [2, 2]], [[3, 3, 3]]]
    assert apart.order.tolist() == [0, 2, 1]
