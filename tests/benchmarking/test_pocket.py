"""The members of the pocket collection run without any network, and twice in a row with the same results."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from zoo.benchmarking.collection import collection_file, load_collection
from zoo.benchmarking.store import Store
from zoo.benchmarking.suite import load_suite
from zoo.specs import canonical

GUARD = """
import socket
whole = socket.socket.connect
def connect(self, address):
    if self.family != socket.AF_UNIX and address[0] not in ("127.0.0.1", "::1", "localhost"):
        raise SystemExit(f"a connection to {address} was tried")
    return whole(self, address)
socket.socket.connect = connect
def lookup(*names, **options):
    raise SystemExit(f"{names} was looked up")
socket.getaddrinfo = lookup
from zoo.cli import main
raise SystemExit(main(["bench", {suite!r}, "--out", {out!r}, "--workers", "2"]))
"""


def shortened(name, folder):
    """A shipped suite with two steps, two seeds and one rate: all of its data, networks and arms."""
    text = Path(collection_file("pocket")).with_name(f"{name}.toml").read_text(encoding="utf-8")
    for field, value in {
        "seeds": "[0, 1]",
        "tuning_seeds": "[1000]",
        "steps": "2",
        "longer": "[2]",
        "budgets": "[5]",
        "grids": "{ lr = [1e-3, 3e-3], penalty = [1.0, 10.0] }",
    }.items():
        text = re.sub(rf"^{field} = .*$", f"{field} = {value}", text, flags=re.MULTILINE)
    path = folder / f"{name}.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_every_member_is_a_suite_at_each_level_with_ten_seeds():
    for level in ("quick", "default"):
        for member in load_collection("pocket", level).members:
            suite = load_suite(member.suite, level)
            assert len(suite.seeds) == 10, (member.suite, level)
            assert {"S", "P", "F", "C"} <= {arm.role for arm in suite.arms}
            assert all(arm.backbone.startswith("pocket/") for arm in suite.arms if arm.role != "C")


@pytest.mark.slow
@pytest.mark.parametrize("name", [member.suite for member in load_collection("pocket", "default").members])
def test_no_network_and_the_same_results_twice(name, tmp_path):
    suite, found = shortened(name, tmp_path), []
    for run in ("first", "second"):
        out = tmp_path / run
        environment = {**os.environ, "PYTHONHASHSEED": str(len(run)), "HOME": str(tmp_path / f"home of {run}")}
        code = GUARD.replace("{suite!r}", repr(str(suite))).replace("{out!r}", repr(str(out)))
        done = subprocess.run(
            [sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=600
        )
        assert done.returncode == 0, done.stderr[-3000:]
        found.append({row.key: canonical([row.run.to_json(), row.result]) for row in Store(out).rows()})
    assert found[0] == found[1]
    assert len(found[0]) > 10
