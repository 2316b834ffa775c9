import json

import pytest
from safetensors.numpy import save_file

from zoo.errors import PublishError
from zoo.hub.native.samples import write_sample
from zoo.hub.privacy import Machine, check_text, clean, leaks, this_machine, without_paths

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
    monkeypatch.setattr("os.path.exists", {"/institute/lab/photos"}.__contains__)
    assert leaks("read /institute/lab/photos. Done", Machine("/home/anna", ())) == ["/institute/lab/photos."]
    assert leaks("either/or, and/or /institute/lab/other", Machine("/home/anna", ())) == []
    assert without_paths({"note": "read /institute/lab/photos first"}) == {"note": "read photos first"}


BJOERN = Machine("/home/bj\u00f6rn", ("bj\u00f6rn",), "my-own-secret-of-a-hub")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("zoo.json", json.dumps({"note": "made by Bj\u00f6rn"})),
        ("zoo.json", json.dumps({"note": "made by bjo\u0308rn"})),
        ("labels.json", '{"0": "bj\\u00f6rn"}'),
        ("tokenizer.json", '{"cache": "\\/home\\/bj\\u00f6rn\\/x"}'),
        ("tokenizer.model", "\n\x0c/home/bj\u00f6rn/words.txt"),
        ("README.md", "by bjo\u0308rn"),
        ("config.json", json.dumps({"note": "my-own-secret-of-a-hub"})),
        ("vocab.txt", "my-own-secret-of-a-hub"),
        ("config.json", json.dumps({"from": "https://me:secret@example.org/data"})),
        ("config.json", json.dumps({"note": "TOKEN=github_pat_0123456789abcdefghijklmn"})),
    ],
)
def test_what_is_written_otherwise_is_found_all_the_same(folder, name, text):
    (folder / name).write_text(text)
    with pytest.raises(PublishError, match=name) as told:
        clean(folder, BJOERN)
    assert "secret" not in str(told.value)
    assert "github_pat" not in str(told.value)


def test_words_of_sentencepiece_are_nobodys_name(folder):
    (folder / "tokenizer.model").write_text("\u2581bj\u00f6rn\n\u2581/home/page\n")
    assert clean(folder, BJOERN) == []


def test_classes_that_only_look_like_paths_stay():
    assert without_paths(["/m/09x0r", "/g/122z_qxw", "/t/dd00001", "/m/anna/x"]) == [
        "/m/09x0r", "/g/122z_qxw", "/t/dd00001", "x",
    ]  # fmt: skip


def test_ends_of_lines_that_only_python_knows(folder):
    rows = [{"a": "one\u2028two\x85three", "b": "/home/anna/x"}, {"a": "\ud800"}]
    text = "".join(json.dumps(row, ensure_ascii=number == 1) + "\n" for number, row in enumerate(rows))
    (folder / "rows.jsonl").write_text(text, encoding="utf-8")
    assert len(clean(folder, ANNA)) == 1
    lines = (folder / "rows.jsonl").read_bytes().splitlines()
    assert list(map(json.loads, lines)) == [rows[0] | {"b": "x"}, rows[1]]


def test_a_text_that_cannot_be_written():
    with pytest.raises(PublishError, match=r"another encoding.*rename"):
        check_text("classes: caf\udce9, tea", "the card", ANNA)


def test_the_token_of_this_machine_is_known(monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "my-own-secret")
    assert this_machine().token == "my-own-secret"
    assert "my-own-secret" not in repr(this_machine())


@pytest.mark.parametrize("rate", [8000, 44100, 48000])
def test_the_bytes_of_a_sound_are_no_text(folder, rate):
    write_sample("audio", folder, rate)
    assert clean(folder, Machine("/home/bob", ("bob",))) == []
    with (folder / "sample.wav").open("ab") as file:
        file.write(b"/home/bob/x.wav")
    with pytest.raises(PublishError, match="sample"):
        clean(folder, Machine("/home/bob", ("bob",)))
