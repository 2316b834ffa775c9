"""The command that writes the indexes, on a small library of its own."""

import json
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

import zoo
from zoo.catalog.rows import expand, spec_of
from zoo.errors import MissingDependency
from zoo.specs import BackboneSpec
from zoo.upkeep import catalog

ROWS = [
    {
        "name": "acme/net",
        "provider": "acme",
        "arch": "net",
        "input_size": (3, 8, 8),
        "mean": (0.0,) * 3,
        "std": (1.0,) * 3,
    },
    {
        "name": "acme/net.web",
        "provider": "acme",
        "arch": "net",
        "tag": "web",
        "licence": "mit",
        "source": "hf-hub:acme/net.web",
    },
    {"name": "acme/net.own", "provider": "acme", "arch": "net", "tag": "own", "source": "https://acme.org/net.pth"},
    {"name": "acme/org/name", "provider": "acme", "arch": "bert", "tag": "org/name", "source": "hf-hub:org/name"},
]


@pytest.fixture
def acme(monkeypatch, tmp_path):
    """A library with four rows, whose networks have 7 parameters."""
    measured = []

    def measure(row):
        measured.append(row["name"])
        return {"parameters": 7, "can": ["pooled", "tokens"]}

    reader = SimpleNamespace(
        HUB="acme/", library=lambda: "acme 1", rows=lambda: [dict(row) for row in ROWS], measure=measure
    )
    reader.measured = measured
    monkeypatch.setitem(sys.modules, "acme_index", reader)
    monkeypatch.setattr(catalog, "PROVIDERS", {"acme": "acme_index"})
    monkeypatch.setattr(catalog, "FOLDER", tmp_path)
    return reader


def test_rows_come_back_as_they_went_in(acme):
    given = {row["name"]: spec_of(row) for row in expand(catalog.build("acme"))}
    measured = {"parameters": 7, "can": ("pooled", "tokens"), "library": "acme 1"}
    assert given == {row["name"]: BackboneSpec(**row, **measured) for row in ROWS}


def test_sources_that_follow_the_rule_are_not_written(acme):
    archs = catalog.build("acme")["archs"]
    assert archs["net"]["web"] == [0, 0, 1]
    assert archs["net"]["own"] == [0, 0, 0, "https://acme.org/net.pth"]
    assert len(archs["bert"]["org/name"]) == 3


def test_each_network_is_measured_once_and_then_known(acme):
    index = catalog.build("acme")
    assert sorted(acme.measured) == ["acme/net", "acme/net.web", "acme/org/name"]
    assert catalog.render(catalog.build("acme", index)) == catalog.render(index)
    assert len(acme.measured) == 3
    catalog.build("acme", index | {"library": "acme 0"})
    assert len(acme.measured) == 6


def test_the_command_writes_and_checks(acme, tmp_path, capsys):
    assert catalog.main(["--check"]) == 1
    assert "acme.json is missing. Fix: python -m zoo.upkeep.catalog acme" in capsys.readouterr().err
    assert catalog.main([]) == 0
    assert catalog.main(["--check"]) == 0
    assert capsys.readouterr().out.count("acme.json is fresh (acme 1; 3 of 3 networks measured again).") == 2
    assert (tmp_path / "acme.json").read_text(encoding="utf-8").endswith("}}\n")


def test_other_rows_and_other_measurements_are_stale(acme, tmp_path):
    catalog.main([])
    acme.measure = lambda row: {"parameters": 8}
    fresh, message = catalog.check("acme", tmp_path)
    assert (fresh, message.rpartition(".")[2]) == (False, "catalog acme --measure")
    acme.rows = lambda: ROWS[:2]
    fresh, message = catalog.check("acme", tmp_path)
    assert not fresh
    assert "acme.json is stale: acme 1 gives other rows." in message
    assert catalog.main(["--measure"]) == 0


def test_another_version_cannot_be_checked_and_says_so(acme, tmp_path):
    catalog.main([])
    acme.library = lambda: "acme 2"
    fresh, message = catalog.check("acme", tmp_path)
    assert fresh
    assert message == "not checked: acme.json was made from acme 1, and acme 2 is installed."


def test_a_library_that_is_not_installed_cannot_be_checked_and_says_so(acme, capsys):
    def library():
        raise MissingDependency("acme", "acme")

    catalog.main([])
    capsys.readouterr()
    acme.library = library
    assert catalog.main(["--check"]) == 0
    assert capsys.readouterr().out == "not checked: acme.json, because acme is not installed.\n"
    with pytest.raises(MissingDependency):
        catalog.main([])


def test_the_shipped_files_are_small():
    files = list((Path(zoo.__file__).parent / "catalog").glob("*.json"))
    assert len(files) == 7
    assert sum(file.stat().st_size for file in files) < 1_500_000
    assert all(json.loads(file.read_text(encoding="utf-8")) for file in files)
