"""What a row says of the machine and the libraries that made it."""

from __future__ import annotations

import json
import platform
import subprocess

import numpy as np
import pytest
import sklearn
import torch

import zoo.benchmarking.environment as module
from zoo.benchmarking.environment import environment
from zoo.version import __version__


def test_versions_are_those_that_run():
    versions = environment()["versions"]
    assert versions["zoo"] == __version__
    assert versions["python"] == platform.python_version()
    assert (versions["numpy"], versions["scikit-learn"]) == (np.__version__, sklearn.__version__)
    assert versions["torch"] == torch.__version__


def test_it_is_plain_json_and_the_same_twice():
    first = environment()
    assert json.loads(json.dumps(first)) == first == environment()


def test_processor_and_system():
    found = environment()
    assert found["cpu_capability"] == torch.backends.cpu.get_cpu_capability()
    assert (found["machine"], found["system"]) == (platform.machine(), platform.system())


def test_a_package_that_is_absent_is_left_out(monkeypatch):
    monkeypatch.setattr(module, "PACKAGES", ("numpy", "no-such-package-of-zoo"))
    assert set(environment()["versions"]) == {"zoo", "python", "numpy", "torch"}


def checkout(folder, monkeypatch):
    """Make `folder` the root that the package seems to run from."""
    monkeypatch.setattr(module, "__file__", str(folder / "zoo" / "benchmarking" / "environment.py"))
    return folder


def test_the_commit_of_a_checkout(tmp_path, monkeypatch):
    root = checkout(tmp_path, monkeypatch)
    git = ["git", "-C", str(root), "-c", "user.name=a", "-c", "user.email=a@b"]
    subprocess.run([*git, "init", "-q"], check=True)
    subprocess.run([*git, "commit", "-q", "--allow-empty", "-m", "one"], check=True)
    head = subprocess.run([*git, "rev-parse", "HEAD"], check=True, capture_output=True, text=True).stdout
    assert environment()["commit"] == head[:12]


def test_an_installed_package_has_no_commit(tmp_path, monkeypatch):
    checkout(tmp_path, monkeypatch)
    assert environment()["commit"] == ""


@pytest.mark.parametrize("error", [FileNotFoundError("git"), subprocess.TimeoutExpired("git", 5)])
def test_without_git_there_is_no_commit(tmp_path, monkeypatch, error):
    def fail(*arguments, **options):
        raise error

    (checkout(tmp_path, monkeypatch) / ".git").mkdir()
    monkeypatch.setattr(subprocess, "run", fail)
    assert environment()["commit"] == ""
