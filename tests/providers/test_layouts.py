import pytest
import torch

from zoo.errors import IncompatibleError
from zoo.providers.layouts import Layout, layouts_of, tensors_in


def given(*shapes, count):
    """A block's output by its shapes, in which "B" stands for the batch."""
    made = [torch.zeros([count if size == "B" else size for size in shape]) for shape in shapes]
    return made[0] if len(made) == 1 else tuple(made)


def layouts(*blocks, **known):
    return layouts_of([given(*b, count=2) for b in blocks], [given(*b, count=3) for b in blocks], **known)


@pytest.mark.parametrize(
    ("shapes", "known", "expected"),
    [
        ([("B", 7, 4)], {"tokens": 7}, Layout((), (0, 1, 2))),
        ([(7, "B", 4)], {"tokens": 7}, Layout((), (1, 0, 2))),  # XLNet
        ([("B", 4, 7)], {"tokens": 7}, Layout((), (0, 2, 1))),  # SqueezeBERT
        ([("B", 14, 4)], {"tokens": 7}, Layout((), (0, 1, 2))),  # a block before tokens are pooled
        ([("B", 7, 7)], {"tokens": 7}, Layout((), (0, 1, 2))),
        ([("B", 5, 8, 8)], {"aspect": 1.0}, Layout((), (0, 1, 2, 3))),
        ([("B", 8, 8, 5)], {"aspect": 1.0}, Layout((), (0, 3, 1, 2))),
        ([("B", 5, 8, 16)], {"aspect": 0.5}, Layout((), (0, 1, 2, 3))),
        ([("B", 8, 16, 5)], {"aspect": 0.5}, Layout((), (0, 3, 1, 2))),
        ([("B", 7, 4), (7, 7)], {"tokens": 7}, Layout((0,), (0, 1, 2))),  # a bias beside the tokens
        ([(2, 3), ("B", 7, 4)], {"tokens": 7}, Layout((1,), (0, 1, 2))),
    ],
)
def test_where_everything_is(shapes, known, expected):
    assert layouts(shapes, **known) == (expected,)


def test_a_map_as_deep_as_it_is_wide_follows_its_neighbours():
    first, second = layouts([("B", 8, 8, 8)], [("B", 4, 4, 16)], aspect=1.0)
    assert first.order == second.order == (0, 3, 1, 2)
    first, second = layouts([("B", 8, 8, 8)], [("B", 16, 4, 4)], aspect=1.0)
    assert first.order == second.order == (0, 1, 2, 3)


@pytest.mark.parametrize(
    ("shapes", "known", "why"),
    [
        ([("B", 8, 8, 8)], {"aspect": 1.0}, "channel"),
        ([("B", 3, 5, 9)], {"aspect": 1.0}, "channel"),
        ([("B", 8, 8, 5)], {}, "channel"),
        ([(14, 4)], {}, r"gives \[14, 4\], and no axis"),  # packed: all tokens of all samples in one row
        ([("B", 4)], {}, "no axis"),
        ([(1, 7, 4)], {}, "no axis"),
    ],
)
def test_what_cannot_be_told_is_refused(shapes, known, why):
    with pytest.raises(IncompatibleError, match=why):
        layouts(shapes, **known)


def test_lists_side_by_side_are_refused():
    two, three = ([torch.zeros(count, 7, 4), torch.zeros(count, 3, 8)] for count in (2, 3))
    with pytest.raises(IncompatibleError, match="2 tensors on side by side"):
        layouts_of([two], [three])


def test_reading_gives_the_values_in_order():
    values = torch.randn(7, 2, 4)
    layout = Layout(("state", 0), (1, 0, 2))
    out = {"state": (values, None)}
    assert torch.equal(layout.read(out), values.transpose(0, 1))
    assert [path for path, _ in tensors_in(out)] == [("state", 0)]
    assert list(tensors_in("text")) == []
