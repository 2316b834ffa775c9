import threading
import time

import pytest

from zoo.errors import DataError
from zoo.training.prefetching import Prefetched


def test_batches_come_in_their_order_from_any_step_on():
    def slow_when_odd(step):
        time.sleep(0.01 * (step % 2))
        return step

    for workers in (0, 1, 3):
        with Prefetched(slow_when_odd, steps=12, workers=workers) as batches:
            assert [batches(step) for step in range(5, 12)] == list(range(5, 12))


def test_they_are_made_ahead_and_not_beyond_the_end():
    made = []
    with Prefetched(lambda step: made.append(step), steps=4, workers=1, ahead=10) as batches:
        batches(0)
        for step in (1, 2, 3):
            batches(step)
    assert made == [0, 1, 2, 3]


def test_a_batch_is_asked_for_twice():
    with Prefetched(lambda step: step, steps=3, workers=1) as batches:
        assert [batches(1), batches(1)] == [1, 1]


def test_an_error_comes_where_its_batch_is_asked_for():
    def bad(step):
        if step == 2:
            raise DataError("batch 2 is bad")
        return step

    with Prefetched(bad, steps=5, workers=2) as batches:
        assert [batches(0), batches(1)] == [0, 1]
        with pytest.raises(DataError, match="batch 2"):
            batches(2)


def test_threads_end_with_the_block():
    before = threading.active_count()
    with Prefetched(lambda step: step, steps=9, workers=3) as batches:
        batches(0)
    assert threading.active_count() == before
