import json

import pytest

from zoo.errors import UnsafeContent, WeightsError
from zoo.providers.exported import Exported
from zoo.providers.published import fetched, hub_spec, published_folder
from zoo.providers.repositories import looked_at
from zoo.specs import BackboneSpec
from zoo.testing.hub import Hub


@pytest.fixture
def hub(monkeypatch, tmp_path):
    monkeypatch.setenv("ZOO_TIMEOUT", "2")
    monkeypatch.setattr("zoo.io.transport._silent", {})
    with Hub() as hub:
        for name, value in hub.environment(home=tmp_path / "hf").items():
            monkeypatch.setenv(name, value)
        yield hub


def test_all_files_that_are_named_come_and_no_other(hub):
    record = json.dumps({"files": {"notes.txt": "", "sub/a.json": ""}}).encode()
    hub.add(
        "me/pets", {"zoo.json": record, "notes.txt": b"n", "sub/a.json": b"{}", "other.json": b"{}", "README.md": b""}
    )
    folder = published_folder("hf-hub:me/pets")
    names = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert names == {"zoo.json", "notes.txt", "sub/a.json"}


def test_a_repository_of_somebody_else(hub):
    hub.add("me/pets", {"config.json": b"{}"})
    with pytest.raises(WeightsError, match="no fitted model that zoo published"):
        published_folder("hf-hub:me/pets")


@pytest.mark.parametrize("record", [b"{}", b'{"files": 3}', b"[]"])
def test_a_record_that_cannot_be_read(hub, record):
    hub.add("me/pets", {"zoo.json": record})
    with pytest.raises(WeightsError, match="cannot be read"):
        published_folder("hf-hub:me/pets")


@pytest.mark.parametrize("name", ["../../evil", "/etc/passwd", "*.json", "a?b"])
def test_names_that_lead_elsewhere(hub, name):
    hub.add("me/pets", {"zoo.json": json.dumps({"files": {name: ""}}).encode()})
    with pytest.raises(UnsafeContent):
        published_folder("hf-hub:me/pets")


def test_a_file_that_is_not_there(hub):
    hub.add("me/pets", {"zoo.json": b'{"files": {"model.safetensors": ""}}'})
    with pytest.raises(WeightsError, match=r"model\.safetensors"):
        fetched(looked_at("hf-hub:me/pets"))


def test_the_name_and_licence_of_what_was_asked_for(hub):
    commit = hub.add("me/pets", {"zoo.json": b"{}"})
    spec = BackboneSpec("timm/a", "timm", "a", licence="mit")
    found = looked_at("hf-hub:me/pets")
    assert hub_spec(Exported("timm", "logits", spec), found).licence == "mit"
    told = hub_spec(Exported("timm", "logits", spec, published={"licence": "gpl-3.0"}), found)
    assert (told.name, told.licence) == (f"hf-hub:me/pets@{commit}", "gpl-3.0")
