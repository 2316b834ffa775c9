from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from zoo.embedding.inputs import Item, find_items
from zoo.errors import DataError, UnknownName, UsageError


def told(items):
    return [(Path(item.path).name, item.row, item.cell) for item in items]


def test_a_folder_is_sorted_and_files_stand_in_their_order(photos):
    (photos / ".hidden").mkdir()
    (photos / ".hidden" / "0.png").touch()
    (photos / "notes.txt").touch()
    items = find_items([photos / "right" / "3.png", photos / "left"], "vision")
    assert [item.path for item in items] == [
        str(photos / "right" / "3.png"),
        *sorted(str(p) for p in (photos / "left").iterdir()),
    ]
    assert {(item.kind, item.row) for item in items} == {("image", None)}
    assert items[0].read().size == (12, 12)
    assert len(find_items([photos], "vision")) == 24


def test_lines_of_text_keep_their_numbers(tmp_path):
    (tmp_path / "a.txt").write_bytes("\ufefffirst\r\n\nthïrd\u2028still\nlast".encode())
    items = find_items([tmp_path / "a.txt"], "text")
    assert told(items) == [
        ("a.txt", 0, "first"),
        ("a.txt", 1, ""),
        ("a.txt", 2, "thïrd\u2028still"),
        ("a.txt", 3, "last"),
    ]
    assert items[0].read() == "first"
    (tmp_path / "b.txt").write_text("one\n")
    assert told(find_items([tmp_path], "text"))[-1] == ("b.txt", 0, "one")


def test_csv(tmp_path):
    (tmp_path / "a.csv").write_text('id,text\n1,"two\nlines, one cell"\n2,\n3\n', newline="")
    items = find_items([tmp_path / "a.csv"], "text", "text")
    assert told(items) == [("a.csv", 0, "two\nlines, one cell"), ("a.csv", 1, ""), ("a.csv", 2, None)]
    with pytest.raises(DataError, match=r"row 2 of .*a\.csv is empty"):
        items[2].read()


def test_parquet(tmp_path):
    pq.write_table(pa.table({"text": ["a", None, "c"], "n": [1, 2, 3]}), tmp_path / "a.parquet")
    assert told(find_items([tmp_path / "a.parquet"], "image-text", "text")) == [
        ("a.parquet", 0, "a"),
        ("a.parquet", 1, None),
        ("a.parquet", 2, "c"),
    ]
    with pytest.raises(DataError, match="must hold texts, received int"):
        find_items([tmp_path / "a.parquet"], "text", "n")
    with pytest.raises(UnknownName, match=r"unknown column 'txt'. Nearest: text"):
        find_items([tmp_path / "a.parquet"], "text", "txt")


def test_cells_of_a_table_name_files_beside_it(photos):
    (photos / "list.csv").write_text(f"file\nleft/0.png\n{photos / 'right' / '1.png'}\nleft/absent.png\n\n")
    items = find_items([photos / "list.csv"], "vision", "file")
    assert [item.kind for item in items] == ["image"] * 3
    assert items[0].read().size == items[1].read().size == (12, 12)
    with pytest.raises(DataError, match=r"absent\.png cannot be read"):
        items[2].read()
    sounds = find_items([photos / "list.csv"], "speech", "file")
    assert sounds[0].read() == str(photos / "left" / "0.png")  # a path, for the backbone to read


@pytest.mark.parametrize(
    ("name", "content", "modality", "column", "error", "said"),
    [
        ("absent.png", None, "vision", "", DataError, "does not exist"),
        ("a.pdf", b"", "vision", "", UsageError, r"no input of a backbone for vision.*\.png"),
        ("a.txt", b"x", "speech", "", UsageError, "no input of a backbone for speech"),
        ("a.png", b"", "text", "", UsageError, "no input of a backbone for text"),
        ("a.csv", b"text\nx", "text", "", UsageError, "--column NAME"),
        ("a.csv", b"text\nx", "text", "txet", UnknownName, "Nearest: text"),
        ("a.csv", b"text\n\xff", "text", "text", DataError, "not UTF-8"),
        ("a.csv", b'text\n"x', "text", "text", DataError, "no CSV that can be read"),
        ("a.parquet", b"PAR", "text", "text", DataError, "no Parquet file"),
        ("a.txt", b"", "text", "", DataError, "nothing to read"),
        ("a.txt", b"x", "unknown", "", UsageError, "no inputs of the modality 'unknown'"),
    ],
)
def test_what_is_refused(tmp_path, name, content, modality, column, error, said):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(error, match=said):
        find_items([tmp_path / name], modality, column)


def test_images_and_texts_do_not_mix(photos):
    (photos / "a.txt").write_text("x\n")
    with pytest.raises(UsageError, match="inputs are image and text"):
        find_items([photos / "left", photos / "a.txt"], "image-text")


def test_a_text_is_itself():
    assert Item("a.txt", 3, "text", "words").read() == "words"
