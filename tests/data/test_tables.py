import csv
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from zoo.data.tables import read_table, text_of
from zoo.errors import DataError

ROWS = {"text": ["fine, so far", "two\nlines", "thïrd \u2028 ☂"], "label": ["a", "b", "a"]}


def write(path, rows=ROWS):
    names = list(rows)
    if path.suffix == ".parquet":
        pq.write_table(pa.table(rows), path)
    elif path.suffix == ".jsonl":
        lines = [
            json.dumps(dict(zip(names, row, strict=True)), ensure_ascii=False)
            for row in zip(*rows.values(), strict=True)
        ]
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    else:
        with path.open("w", newline="", encoding="utf-8-sig") as file:
            writer = csv.writer(file, delimiter="\t" if path.suffix == ".tsv" else ",")
            writer.writerows([names, *zip(*rows.values(), strict=True)])
    return path


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".jsonl", ".parquet", ".CSV"])
def test_all_forms_give_the_same_cells(tmp_path, suffix):
    table = read_table(write(tmp_path / f"ä b{suffix.lower()}").rename(tmp_path / f"ä b{suffix}"))
    assert {name: list(values) for name, values in table.columns.items()} == ROWS
    assert len(table) == 3
    assert table.folder == tmp_path
    assert table.origin(2).startswith("row 2 of ")
    assert table.written == (suffix.lower() in (".csv", ".tsv"))


def test_absent_cells_are_none(tmp_path):
    (tmp_path / "a.jsonl").write_text('{"x": 1}\n\n{"y": [2]}\n')
    assert dict(read_table(tmp_path / "a.jsonl").columns) == {"x": [1, None], "y": [None, [2]]}
    (tmp_path / "a.csv").write_text("x,y\n1\n\n2,\n")
    assert dict(read_table(tmp_path / "a.csv").columns) == {"x": ["1", "2"], "y": [None, ""]}


def test_long_cells_and_the_limit_of_csv_stays(tmp_path):
    before = csv.field_size_limit()
    (tmp_path / "a.csv").write_text("text\n" + "x" * 200_000 + "\n")
    assert len(read_table(tmp_path / "a.csv").columns["text"][0]) == 200_000
    assert csv.field_size_limit() == before


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        (
            "a.csv",
            b"x,y\n1,2,3\n4,5,6\n",
            r"row 0 of .* has 3 cells, and its first row names 2 columns \(2 such rows\)",
        ),
        ("a.csv", b"x,x\n1,2\n", "two columns 'x'"),
        ("a.csv", b"x;y\n1;2\n", "seems to have ';' between its cells"),
        ("a.csv", b'x\n"1', "no CSV that can be read"),
        ("a.tsv", b"x\n\xff", "not UTF-8"),
        ("a.jsonl", b'{"x": 1}\n{"x"', r"line 2 of .* is no JSON"),
        ("a.jsonl", b"[1]\n", "line 1 of .* must be an object, received list"),
        ("a.parquet", b"PAR", "no Parquet file"),
        ("a.xlsx", b"", r"no table that zoo reads.*\.parquet"),
    ],
)
def test_what_is_refused(tmp_path, name, content, said):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=said):
        read_table(tmp_path / name)


def test_a_text_that_is_not_there(tmp_path):
    with pytest.raises(DataError, match="cannot be read"):
        text_of(tmp_path / "absent.txt")
