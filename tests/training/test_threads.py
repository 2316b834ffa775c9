"""Threads are limited within a block and put back after it, whatever is loaded, and without loading torch."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
import torch

from zoo.training.threads import pinned_threads, usable_cores

VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS")


@pytest.mark.parametrize("error", [None, KeyboardInterrupt])
def test_threads_are_pinned_and_put_back(error, monkeypatch):
    monkeypatch.setenv("MKL_NUM_THREADS", "7")
    monkeypatch.delenv("OPENBLAS_NUM_THREADS", raising=False)
    before = {name: os.environ.get(name) for name in VARIABLES}
    torch.set_num_threads(3)  # the next test has one again, by `_one_thread`
    try:
        with pinned_threads(2):
            assert torch.get_num_threads() == 2
            assert {os.environ[name] for name in VARIABLES} == {"2"}
            if error:
                raise error
    except KeyboardInterrupt:
        pass
    assert torch.get_num_threads() == 3
    assert {name: os.environ.get(name) for name in VARIABLES} == before


def test_blas_that_is_loaded_already_is_pinned_too():
    threadpoolctl = pytest.importorskip("threadpoolctl")

    def blas():
        return {pool["num_threads"] for pool in threadpoolctl.threadpool_info() if pool["user_api"] == "blas"}

    before = blas()
    with pinned_threads(1):
        assert blas() <= {1}
    assert blas() == before


def test_without_torch():
    code = "import sys, zoo.training.threads as t\nwith t.pinned_threads(1): print('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"


def test_usable_cores(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 2, 5}, raising=False)
    assert usable_cores() == 3
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert usable_cores() == 1
