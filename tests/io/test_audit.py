import os

import pytest

from zoo.errors import Offline, UnknownName, UnsafeContent, UsageError
from zoo.io.audit import audit
from zoo.io.repository import fetch_repository
from zoo.io.settings import hub_cache


def verdicts(found):
    return {line.name: line.verdict for line in found.lines}


@pytest.fixture
def files(weights):
    return {
        "model.safetensors": weights,
        "config.json": b'{"hf_tokenizer_name": "org/tokenizer"}',
        "README.md": b"words",
        "pytorch_model.bin": b"\x80\x02",
        "modeling.py": b"raise SystemExit",
        "model.onnx": b"x",
    }


EXPECTED = {
    "model.safetensors": "reads",
    "config.json": "reads",
    "README.md": "reads",
    "pytorch_model.bin": "skips",
    "modeling.py": "skips",
    "model.onnx": "skips",
}


def test_a_repository_that_loads(hub, files):
    sha = hub.add("org/name", files | {"onnx/config.json": b"{}"})
    found = audit("hf-hub:org/name")
    assert found.loads
    assert found.reasons == ()
    assert (found.what, found.commit) == ("hf-hub:org/name", sha)
    assert verdicts(found) == EXPECTED | {"onnx/config.json": "skips"}
    assert found.notes == ("config.json refers to org/tokenizer, which is another repository",)
    assert {line.name: line.why for line in found.lines}["model.safetensors"] == "1 tensors, and a header that fits"
    assert not hub_cache().exists()  # an audit stores nothing
    assert found.to_json()["loads"] is True


def test_a_folder_that_loads(tmp_path, files):
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    found = audit(str(tmp_path))
    assert found.loads
    assert verdicts(found) == EXPECTED
    assert audit(str(tmp_path / "model.safetensors")).loads


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        ("config.json", b'{"auto_map": {"a": "b.C"}}', "auto_map"),
        ("model.safetensors", b"\x80\x02" * 50, "not a valid safetensors file"),
        ("tokenizer.json", b"[" * 100_000, "nested too deeply"),
    ],
)
@pytest.mark.parametrize("where", ["folder", "repository"])
def test_one_bad_file(hub, files, tmp_path, where, name, data, reason):
    if where == "repository":
        hub.add("org/name", files | {name: data})
        found = audit("hf-hub:org/name")
    else:
        (tmp_path / "f").mkdir()
        for each, content in (files | {name: data}).items():
            (tmp_path / "f" / each).write_bytes(content)
        found = audit(str(tmp_path / "f"))
    assert not found.loads
    assert any(reason in said for said in found.reasons)
    assert verdicts(found)[name] == "refuses"


def test_pickles_only(hub, tmp_path):
    hub.add("org/old", {"pytorch_model.bin": b"x", "config.json": b"{}"})
    assert audit("hf-hub:org/old").reasons == ("no weights in safetensors",)


def test_a_folder_with_a_link_out_and_a_lost_part(tmp_path, weights):
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "model.safetensors").write_bytes(weights)
    (folder / "vocab.txt").symlink_to("/etc/hostname")
    assert "leads out" in audit(str(folder)).reasons[0]
    (folder / "vocab.txt").unlink()
    (folder / "model.safetensors.index.json").write_text('{"weight_map": {"a": "2.safetensors"}}')
    assert "1 parts of the weights" in audit(str(folder)).reasons[0]


def test_offline_and_from_the_cache(hub, files, monkeypatch):
    hub.add("org/name", files)
    folder = fetch_repository("org/name").folder
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    before = len(hub.requests)
    found = audit("hf-hub:org/name")
    assert found.loads
    assert verdicts(found) == {"config.json": "reads", "model.safetensors": "reads"}
    assert audit(str(folder)).loads  # a snapshot is made of links into its cache
    with pytest.raises(Offline, match="zoo fetch hf-hub:org/other"):
        audit("hf-hub:org/other")
    assert len(hub.requests) == before


def test_a_hostile_listing(hub, files):
    hub.add("org/evil", files | {"../../x.json": b"{}"})
    with pytest.raises(UnsafeContent, match="leads out of its folder"):
        audit("hf-hub:org/evil")


def test_nothing_to_look_at():
    with pytest.raises(UsageError, match="comes with zoo"):
        audit("pocket/resnet10.glyphs")
    with pytest.raises(UsageError, match="is an address"):
        audit("https://h/w.pth")
    with pytest.raises(UnknownName):
        audit("/no/such/folder")


def test_a_header_that_comes_too_slowly(hub, make_tensors):
    hub.add("org/name", {"model.safetensors": make_tensors(**{f"w{n}": [1] for n in range(100)})})
    hub.fault("slow", path="/blobs/*", times=None, rate=100)
    with pytest.raises(Offline, match="sends almost nothing"):
        audit("hf-hub:org/name")


def test_a_configuration_is_as_large_as_when_it_is_loaded(hub, files, monkeypatch):
    monkeypatch.setattr("zoo.io.documents.SIZE_LIMIT", 100)
    hub.add("org/name", files | {"config.json": b" " * 101})
    assert "no configuration needs more" in audit("hf-hub:org/name").reasons[0]


def test_what_is_no_file_is_not_read(tmp_path):
    os.mkfifo(tmp_path / "config.json")
    with pytest.raises(UsageError, match="neither a folder nor a file"):
        audit(str(tmp_path / "config.json"))
    assert not audit(str(tmp_path)).loads


def test_an_address_is_told_without_its_secrets():
    with pytest.raises(UsageError) as caught:
        audit("https://me:s3cret@h/w.pth?token=s3cret")
    assert "s3cret" not in str(caught.value)
