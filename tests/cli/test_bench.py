"""`zoo bench` and `zoo report`."""

import json

from running import run


def test_report_of_stored_rows(capsys, tmp_path):
    stored = "benchmarks/results/digits-quick.jsonl"
    code, out, _ = run(capsys, "report", stored, "--out", str(tmp_path))
    assert code == 0
    assert "glyphs, fine-tuned" in out
    assert (tmp_path / "report.html").is_file()
    summary = json.loads(run(capsys, "report", stored, "--json")[1])
    assert summary["suite"] == "digits"


def test_status_of_stored_rows(capsys):
    stored = "benchmarks/results/digits-quick.jsonl"
    code, out, _ = run(capsys, "bench", "status", stored)
    assert code == 0
    assert out.splitlines()[-1] == f"{stored}: suite digits, level quick: 242 cells finished, 0 failed, 0 missing"
    assert run(capsys, "bench", "status", "--out", stored)[1] == out
    found = json.loads(run(capsys, "bench", "status", stored, "--json")[1])
    assert (found["finished"], found["missing"], found["reasons"]) == (242, 0, {})
