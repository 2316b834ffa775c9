import pyarrow
import pyarrow.parquet
import pytest

from zoo.data import table_rows
from zoo.data.stored import Store
from zoo.data.table_rows import head_of, stored_table, unpacked_size
from zoo.data.tables import read_table
from zoo.errors import DataError

TEXTS = ["one", 'two, "three"', "line\nbreak", None, "é日"]


def written(folder, kind):
    path = folder / f"a.{kind}"
    if kind == "parquet":
        pyarrow.parquet.write_table(pyarrow.table({"text": TEXTS, "n": [1, 2, 3, 4, 5]}), path)
    elif kind == "jsonl":
        import json

        path.write_text("\n\n".join(json.dumps({"text": text, "n": 1}) for text in TEXTS), encoding="utf-8-sig")
    else:
        import csv

        with path.open("w", newline="", encoding="utf-8-sig") as file:
            csv.writer(file, delimiter="\t" if kind == "tsv" else ",").writerows(
                [["text", "n"], *zip(TEXTS, "12345", strict=True)]
            )
    return path


@pytest.mark.parametrize("kind", ["csv", "tsv", "jsonl", "parquet"])
@pytest.mark.parametrize("head", [2, 1000])
def test_rows_are_those_of_the_table_in_memory(tmp_path, monkeypatch, kind, head):
    monkeypatch.setattr(table_rows, "HEAD", head)
    path, store = written(tmp_path, kind), Store()
    whole, made = read_table(path), stored_table(path, ["text"], store)
    assert [cell or "" for cell in made.columns["text"]] == [cell or "" for cell in whole.columns["text"]]
    assert (made.name, made.folder, made.written) == (whole.name, whole.folder, whole.written)
    first = head_of(path)
    assert list(first.columns) == ["text", "n"]
    assert list(first.columns["n"]) == list(whole.columns["n"])[:head]
    assert unpacked_size([path, path]) == 2 * unpacked_size([path]) > 0


def test_names_of_files_stay_in_memory(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("image,text\na.png,one\nb.png,two\n")
    made = stored_table(path, ["image", "text"], Store(), confined=True)
    assert made.columns["image"] == ["a.png", "b.png"]
    assert made.media["image"] == "image"
    assert made.confined


def test_large_row_groups_are_read_in_parts(tmp_path, monkeypatch):
    path = tmp_path / "a.parquet"
    pyarrow.parquet.write_table(pyarrow.table({"text": [f"{n} " * 50 for n in range(500)]}), path)
    monkeypatch.setattr(table_rows, "_BATCH", 1000)
    sizes = [len(batch) for batch in table_rows._batches(path, ["text"])]
    assert sum(sizes) == 500
    assert max(sizes) < 50


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("a.csv", b"text,text\na,b\n", "two columns 'text'"),
        ("a.csv", b"text;n\na;b\n", "';' between its cells"),
        ("a.csv", b"text,n\na,b,c\n", r"line 2 of .*has 3 cells, and its first row names 2"),
        ("a.csv", b'text,n\n"a"b,c\n', r"beyond line 2.*doubled"),
        ("a.csv", b"text,n\n\xff,c\n", "is not UTF-8 text"),
        ("a.jsonl", b'{"text": "a"}\n{"te\n', "line 2 of .* is no JSON"),
        ("a.parquet", b"PAR1 no", "no Parquet file that can be read"),
    ],
)
def test_what_cannot_be_read(tmp_path, name, content, told):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(DataError, match=told):
        stored_table(path, ["text"], Store())
    with pytest.raises(DataError, match="cannot be read"):
        unpacked_size([tmp_path / "absent.csv"])


def test_two_columns_of_one_name_in_parquet(tmp_path):
    pyarrow.parquet.write_table(pyarrow.table([["a"], ["b"]], names=["text", "text"]), tmp_path / "a.parquet")
    with pytest.raises(DataError, match=r"has two columns 'text'\. Fix: rename one"):
        head_of(tmp_path / "a.parquet")
