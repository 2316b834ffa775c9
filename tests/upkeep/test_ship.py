import json
import shutil

import pytest

import zoo
from zoo.errors import IncompatibleError, WeightsError
from zoo.upkeep import ship


@pytest.fixture
def package(tmp_path):
    (tmp_path / "package" / "weights").mkdir(parents=True)
    (tmp_path / "package" / "catalog").mkdir()
    shutil.copy(ship.PACKAGE / "catalog" / "pocket.json", tmp_path / "package" / "catalog")
    return tmp_path / "package"


def test_weights_digest_and_recipe_are_taken(package, tmp_path):
    made = zoo.pretrain("textures", tmp_path / "made", steps=1, quiet=True)
    assert ship.ship(tmp_path / "made", package) == "pocket/resnet10.textures"
    index = json.loads((package / "catalog" / "pocket.json").read_text())
    row = next(row for row in index["backbones"] if row["name"] == made.spec.name)
    assert row["digest"] == made.spec.digest
    assert row["recipe_digest"] == made.spec.recipe_digest
    copied = (package / "weights" / "resnet10.textures.safetensors").read_bytes()
    assert copied == (tmp_path / "made" / "model.safetensors").read_bytes()


def test_shipping_the_same_again_changes_no_byte(package, tmp_path):
    zoo.pretrain("textures", tmp_path / "made", steps=1, quiet=True)
    ship.ship(tmp_path / "made", package)
    before = (package / "catalog" / "pocket.json").read_bytes()
    ship.ship(tmp_path / "made", package)
    assert (package / "catalog" / "pocket.json").read_bytes() == before


def test_catalog_file_is_in_its_own_form():
    text = (ship.PACKAGE / "catalog" / "pocket.json").read_text()
    assert ship._compact(json.loads(text)) == text


def test_refusals(package, tmp_path, monkeypatch):
    with pytest.raises(WeightsError, match="not a backbone folder"):
        ship.ship(tmp_path, package)
    zoo.pretrain("textures", tmp_path / "made", steps=1, quiet=True)
    monkeypatch.setattr(ship, "LIMIT", 1000)
    with pytest.raises(IncompatibleError, match="at most 1000"):
        ship.ship(tmp_path / "made", package)
