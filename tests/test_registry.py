"""Names are found without imports, and a plug-in that fails breaks only itself."""

import importlib.metadata
import sys
import zipfile
from pathlib import Path

import pytest

from zoo.errors import PluginError, UnknownName
from zoo.registry import Registry, declared

GROUP = "zoo.test_numbers"
POINTS = f"[{GROUP}]\ngood = acme_good:NUMBER\nbad = acme_bad:NUMBER\npi = acme_good:NUMBER\n"
FILES = {"acme_good.py": "NUMBER = 7\n", "acme_bad.py": "raise OSError('no sound card')\n"}
NAMED = "Metadata-Version: 2.1\nName: acme\nVersion: 1.0\n"
DIST_INFO = {"acme-1.0.dist-info/METADATA": NAMED, "acme-1.0.dist-info/entry_points.txt": POINTS}
EGG_INFO = {"acme.egg-info/PKG-INFO": NAMED, "acme.egg-info/entry_points.txt": POINTS}


def write(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)
    return folder


def write_zip(path: Path, files: dict[str, str]) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return path


@pytest.fixture
def numbers(tmp_path, monkeypatch):
    """Two built-ins and three plug-ins, of which one does not import and one bears a built-in's name."""
    monkeypatch.syspath_prepend(write(tmp_path, FILES | DIST_INFO))
    yield Registry("number", {"pi": "math:pi", "e": "math:e"}, group=GROUP)
    for module in ("acme_good", "acme_bad"):
        sys.modules.pop(module, None)


def test_built_ins_come_first_and_nothing_is_imported(numbers):
    assert numbers.names() == ["pi", "e", "bad", "good"]
    assert not {"acme_good", "acme_bad"} & set(sys.modules)


def test_get_imports_what_the_name_stands_for(numbers):
    assert numbers.get("e") == pytest.approx(2.71828, abs=1e-5)
    assert numbers.get("good") == 7


def test_a_plug_in_cannot_take_over_a_built_in(numbers):
    assert numbers.get("pi") == pytest.approx(3.14159, abs=1e-5)


def test_a_broken_plug_in_breaks_only_itself(numbers):
    with pytest.raises(PluginError, match=r"'bad' comes from the plug-in 'acme_bad:NUMBER'.*OSError: no sound card"):
        numbers.get("bad")
    assert list(numbers.failures()) == ["bad"]
    assert numbers.get("good") == 7


def test_an_unknown_name_carries_the_nearest(numbers):
    with pytest.raises(UnknownName, match=r"unknown number 'goood'. Nearest: good. Known: pi, e, bad, good"):
        numbers.get("goood")


def test_an_empty_registry_says_so():
    with pytest.raises(UnknownName, match="Known: none"):
        Registry("number", {}).get("pi")


def test_a_plug_in_can_be_seen_before_it_is_loaded(numbers):
    assert numbers.plugins["good"].value == "acme_good:NUMBER"
    assert numbers.plugins["good"].load() == 7


@pytest.mark.parametrize("metadata", [DIST_INFO, EGG_INFO], ids=["dist-info", "egg-info"])
@pytest.mark.parametrize("zipped", [False, True], ids=["folder", "zip"])
def test_plug_ins_are_found_wherever_importlib_finds_them(tmp_path, monkeypatch, metadata, zipped):
    place = write_zip(tmp_path / "acme.zip", metadata) if zipped else write(tmp_path, metadata)
    monkeypatch.syspath_prepend(place)
    assert sorted(Registry("number", {}, group=GROUP).plugins) == ["bad", "good", "pi"]


def test_every_group_that_importlib_knows_is_declared():
    groups = importlib.metadata.entry_points().groups
    assert groups
    assert all(declared(group) for group in groups)


def test_without_plug_ins_importlib_is_not_asked(tmp_path, monkeypatch):
    unrelated = {"acme-1.0.dist-info/entry_points.txt": "[console_scripts]\nacme = acme:main\n"}
    monkeypatch.setattr(sys, "path", [str(write(tmp_path, unrelated)), str(tmp_path / "missing")])
    monkeypatch.setattr(importlib.metadata, "entry_points", lambda **_: pytest.fail("asked"))
    assert Registry("number", {}, group=GROUP).names() == []


def test_a_finder_that_knows_distributions_is_asked(monkeypatch):
    class Finder:
        def find_spec(self, name, path=None, target=None):
            return None

        def find_distributions(self, context=None):
            return []

    monkeypatch.setattr(sys, "meta_path", [*sys.meta_path, Finder()])
    assert declared("zoo.nothing")
