"""`zoo conform`."""

import json

import pytest
from running import run

from zoo.catalog.query import find
from zoo.cli.conform import _names


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
        ([], "name backbones, or give --curated or --all"),
        (["timm/test_vit", "--all"], "and not both"),
        (["timm/test_vit", "--provider", "timm"], "--provider goes with --curated or --all"),
        (["timm/test_vitt"], "Nearest: timm/test_vit"),
        (["--all", "--max-params", "many"], "Write a number of parameters"),
    ],
)
def test_bad_input(capsys, tmp_path, arguments, said):
    code, _, err = run(capsys, "conform", *arguments, "--out", str(tmp_path / "out"))
    assert (code, said in err) == (2, True), err


def test_all_names_each_architecture_once():
    names = _names("timm", curated=False)
    assert len(names) == len({spec.arch for spec in find(provider="timm")})
    assert "timm/resnet18" in names
    assert set(_names(None, curated=True)) == {spec.name for spec in find(curated=True)}
