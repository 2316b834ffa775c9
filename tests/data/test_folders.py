"""Class folders of other kinds than images, which tests/data/test_images.py looks at."""

import hashlib

import pytest

from zoo.data.folders import Files, Folder, class_folder, content_digest, shown
from zoo.errors import DataError

NOTES = Files("note", (".md",), lambda path: path.read_text(), "write notes as .md", "text")


@pytest.fixture
def notes(tmp_path):
    for name in ("up/a.md", "up/deep/b.MD", "down/c.md", "down/d.txt", ".git/e.md"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(f"text of {name}")
    return tmp_path


def test_any_kind_of_files(notes):
    data = class_folder(notes, NOTES)
    assert data.classes == ("down", "up")
    assert data.targets.tolist() == [0, 1, 1]
    assert list(data.samples) == ["text of down/c.md", "text of up/a.md", "text of up/deep/b.MD"]
    assert data.kind == "text_classification"
    assert data.origin(1).endswith("up/a.md")
    assert data.notes == ("not read in class folders: 1 .txt. Fix: write notes as .md.",)


def test_digest(notes):
    expected = hashlib.sha256()
    for name in ("down/c.md", "up/a.md", "up/deep/b.MD"):
        expected.update(f"{name}\0".encode() + hashlib.sha256((notes / name).read_bytes()).digest())
    assert (
        class_folder(notes, NOTES).digest
        == expected.hexdigest()
        == content_digest(notes, Folder(notes / "down", (".md",)).files + Folder(notes / "up", (".md",)).files)
    )


def test_the_layout_is_told(notes):
    (notes / "up").rename(notes / ".up")
    with pytest.raises(DataError, match=r"needs at least 2\. Expected layout: .*/CLASS/note\.md"):
        class_folder(notes, NOTES)


def test_bytes_that_are_no_utf8():
    import os

    assert shown(os.fsdecode(b"caf\xe9")) == r"caf\xe9"
