import json

import pytest
from safetensors.numpy import save_file

from zoo.errors import PublishError
from zoo.hub.privacy import Machine, clean, leaks, this_machine, without_paths

ANNA = Machine("/home/anna", ("anna", "annas-laptop"))


@pytest.fixture
def folder(tmp_path):
    import numpy as np

    (tmp_path / "config.json").write_text(json.dumps({"architecture": "resnet18", "_name_or_path": "org/name"}))
    (tmp_path / "tokenizer.json").write_text(json.dumps({"vocab": {"anna": 1, "/home/": 2, "/usr/bin": 3}}))
    (tmp_path / "vocab.txt").write_text("anna\n/home\n/tmp/x\n")
    save_file({"w": np.zeros(2, np.float32)}, tmp_path / "model.safetensors", {"format": "pt"})
    return tmp_path


@pytest.mark.parametrize(
    "text",
    [
        "saved in /home/anna/photos/cats",
        "by Anna, for all",
        "host=annas-laptop",
        "C:\\Users\\somebody\\photos",
        "~/photos/cats",
        "file:///home/anna/x",
        "folder:/data/runs/x",
        "/Users/somebody/x",
        "'/tmp/run7/data'",
        "the token hf_abcdefghijklmnopqrstuvwx",
        "write-0123456789abcdef0123456789abcdef",
    ],
)
def test_a_text_that_gives_something_away(text):
    assert leaks(text, ANNA)


@pytest.mark.parametrize(
    "text",
    [
        "https://huggingface.co/home/page/data/x",
        "bananas and annals",
        "3/4 of a/b/c",
        "and/or",
        "timm/resnet18.a1_in1k",
        "10 km/h",
        "s/data/x/",
    ],
)
def test_a_text_that_does_not(text):
    assert leaks(text, ANNA) == []


def test_a_clean_folder_stays_as_it_is(folder):
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert clean(folder, ANNA) == []
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_planted_paths_in_json_are_cut(folder):
    (folder / "zoo.json").write_text(
        json.dumps({"data": "/home/anna/photos", "deep": [{"x": "read from /mnt/disk/pets, once"}], "/tmp/a/key": 1})
    )
    (folder / "sub").mkdir()
    (folder / "sub" / "rows.jsonl").write_text('{"a": "C:\\\\Users\\\\anna\\\\pets"}\n{"b": "folder:/data/runs/net"}\n')
    notes = clean(folder, ANNA)
    assert len(notes) == 2
    assert json.loads((folder / "zoo.json").read_text()) == {
        "data": "photos",
        "deep": [{"x": "read from pets, once"}],
        "key": 1,
    }
    first, second = map(json.loads, (folder / "sub" / "rows.jsonl").read_text().splitlines())
    assert first == {"a": "pets"}
    assert second == {"b": "folder:net"}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("README.md", "trained in /home/anna/runs"),
        ("notes.txt", "thanks to anna"),
        ("labels.json", '{"0": "anna"}'),
        ("chat.jinja", "{# annas-laptop #}"),
        ("settings.json", '{"token": "hf_abcdefghijklmnopqrstuvwx"}'),
        ("vocab.txt", "fine\n/home/anna/secret\n"),
        ("tokenizer.json", '{"cache": "hf_abcdefghijklmnopqrstuvwx"}'),
    ],
)
def test_what_cannot_be_cut_is_refused(folder, name, text):
    (folder / name).write_text(text)
    with pytest.raises(PublishError, match=name) as told:
        clean(folder, ANNA)
    assert "hf_abc" not in str(told.value)


def test_the_header_of_weights_is_read(folder):
    import numpy as np

    save_file({"w": np.zeros(2, np.float32)}, folder / "model.safetensors", {"from": "/home/anna/run"})
    with pytest.raises(PublishError, match=r"model\.safetensors"):
        clean(folder, ANNA)


def test_a_json_file_that_is_none(folder):
    (folder / "config.json").write_text("{")
    with pytest.raises(PublishError, match="no JSON"):
        clean(folder, ANNA)


def test_this_machine(monkeypatch):
    monkeypatch.setattr("getpass.getuser", lambda: "anna")
    monkeypatch.setattr("socket.gethostname", lambda: "annas-laptop.example.org")
    monkeypatch.setenv("HOME", "/home/anna")
    assert this_machine().names == ("anna", "annas-laptop", "annas-laptop.example.org")
    assert this_machine(but=["anna"]).names == ("annas-laptop", "annas-laptop.example.org")
    assert this_machine().home == "/home/anna"


def test_names_that_everybody_has_give_nobody_away(monkeypatch):
    monkeypatch.setattr("getpass.getuser", lambda: "root")
    monkeypatch.setattr("socket.gethostname", lambda: "vm")
    monkeypatch.setenv("HOME", "/root")
    assert this_machine().names == ()


def test_numbers_and_nothing_stay(folder):
    assert without_paths({"a": [1, 2.5, None, True], "b": ()}) == {"a": [1, 2.5, None, True], "b": ()}


def test_a_path_under_any_root_counts_if_it_is_here(monkeypatch):
    monkeypatch.setattr("os.path.exists", {"/gpfs/lab/photos"}.__contains__)
    assert leaks("read /gpfs/lab/photos. Done", Machine("/home/anna", ())) == ["/gpfs/lab/photos."]
    assert leaks("either/or, and/or /gpfs/lab/other", Machine("/home/anna", ())) == []
    assert without_paths({"note": "read /gpfs/lab/photos first"}) == {"note": "read photos first"}
