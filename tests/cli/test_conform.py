"""`zoo conform`."""

import json

import pytest
from running import run

from zoo.catalog.query import find
from zoo.cli.conform import CHOICES


def test_names_on_the_command_line(capsys, tmp_path):
    code, out, _ = run(capsys, "conform", "timm/test_vit", "--workers", "1", "--out", str(tmp_path))
    assert code == 0
    assert out.splitlines()[0].split() == ["timm/test_vit", "conforms"]
    assert out.splitlines()[-1] == f"1 of 1 conform; {tmp_path}/table.md"
    assert "| vision | timm |" in (tmp_path / "table.md").read_text()
    _, out, _ = run(capsys, "conform", "timm/test_vit", "--out", str(tmp_path), "--json")
    assert [row["state"] for row in json.loads(out)] == ["conforms"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "name backbones, or give --families, --curated or --all"),
        (["timm/test_vit", "--all"], "and not both"),
        (["timm/test_vit", "--provider", "timm"], "--provider goes with --families, --curated or --all"),
        (["timm/test_vitt"], "Nearest: timm/test_vit"),
        (["--all", "--max-params", "many"], "Write a number of parameters"),
    ],
)
def test_bad_input(capsys, tmp_path, arguments, said):
    code, _, err = run(capsys, "conform", *arguments, "--out", str(tmp_path / "out"))
    assert (code, said in err) == (2, True), err


def test_all_names_each_architecture_once():
    names = CHOICES["all"]("timm", 30_000_000)
    assert len(names) == len({spec.arch for spec in find(provider="timm", max_params="30M")})
    assert "timm/resnet18" in names


def test_the_smallest_of_each_family():
    names = CHOICES["families"]("timm", 0)
    families = {spec.family or spec.arch for spec in find(provider="timm")}
    assert len(names) == len(families)
    smallest = min((s for s in find(family="resnet", provider="timm") if s.parameters), key=lambda s: s.parameters)
    assert smallest.name in names


def test_curated():
    assert set(CHOICES["curated"](None, 0)) == {spec.name for spec in find(curated=True)}


def test_only_new_failures_count_against_an_earlier_run(capsys, tmp_path, monkeypatch):
    import zoo.conformance.checks as checks

    monkeypatch.setitem(checks.CHECKS, "widths", lambda subject: checks.Finding("fails", "seen"))
    command = ["conform", "timm/test_vit", "--workers", "1", "--out", str(tmp_path / "out")]
    assert run(capsys, *command, "--pack", str(tmp_path / "rows.jsonl"))[0] == 1
    assert run(capsys, *command, "--against", str(tmp_path / "rows.jsonl"))[0] == 0
    (tmp_path / "empty.jsonl").write_text("")
    code, _, err = run(capsys, *command, "--against", str(tmp_path / "empty.jsonl"))
    assert (code, err.splitlines()[-1]) == (1, "new failures: timm/test_vit")
    assert run(capsys, *command, "--against", str(tmp_path / "none.jsonl"))[0] == 2
