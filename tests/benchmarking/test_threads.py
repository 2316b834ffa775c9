from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

import pytest
from processes import outcomes

from zoo.benchmarking.executors import ForkPool, InProcess
from zoo.benchmarking.threads import pinned_threads, start_method

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="forked workers and /proc")


@pytest.fixture
def with_threads() -> Iterator[Callable[[int], Any]]:
    """Torch with so many threads in the driver, until the end of the test."""
    torch = pytest.importorskip("torch")
    before = torch.get_num_threads()

    def change(threads: int) -> Any:
        torch.set_num_threads(threads)
        return torch

    yield change
    torch.set_num_threads(before)


def test_threads_are_pinned_and_put_back(with_threads: Callable[[int], Any]) -> None:
    torch = with_threads(3)
    before = {name: os.environ.get(name) for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")}
    for executor in (InProcess(), ForkPool(1)):
        got = outcomes(executor, [0], lambda _: (torch.get_num_threads(), os.environ["OMP_NUM_THREADS"]))
        assert got[0].value == (1, "1")
    with pinned_threads(2):
        assert torch.get_num_threads() == 2
    assert torch.get_num_threads() == 3
    assert {name: os.environ.get(name) for name in before} == before


def test_a_cell_cannot_unpin_the_next(with_threads: Callable[[int], Any]) -> None:
    torch = with_threads(2)

    def unpin(_: int) -> int:
        found = int(torch.get_num_threads())
        torch.set_num_threads(2)
        return found

    assert [outcome.value for outcome in ForkPool(1).run([0, 1, 2], unpin)] == [1, 1, 1]


def test_a_forked_worker_trains_after_the_driver_has_used_many_threads(with_threads: Callable[[int], Any]) -> None:
    torch = with_threads(4)

    def work(seed: int) -> list[float]:
        generator = torch.Generator().manual_seed(seed)
        x = torch.randn(300, 300, generator=generator, requires_grad=True)
        (x @ x).relu().sum().backward()
        assert x.grad is not None
        return [float(value) for value in x.grad.flatten()[:5]]

    reference = [outcome.value for outcome in InProcess().run([0, 1, 2], work)]
    work(0)  # with four threads
    got = outcomes(ForkPool(2, timeout=60), [0, 1, 2], work)
    assert [got[seed].value for seed in range(3)] == reference


def test_start_method(monkeypatch: pytest.MonkeyPatch) -> None:
    class Cuda:
        def __init__(self, used: bool) -> None:
            self.cuda = self
            self.is_initialized = lambda: used

    monkeypatch.setitem(sys.modules, "torch", Cuda(False))
    assert (start_method(), start_method(threads=2)) == ("fork", "spawn")
    monkeypatch.setitem(sys.modules, "torch", Cuda(True))
    assert start_method() == "spawn"
    monkeypatch.delitem(sys.modules, "torch")
    assert start_method() == "fork"
    monkeypatch.setattr(sys, "platform", "darwin")
    assert start_method() == "spawn"
