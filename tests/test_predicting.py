"""Answers for files: a row for each input, also for those that cannot be read."""

import csv
import json
import os
import sys
from pathlib import Path

import numpy as np
import pytest
from small_data import backbone_for, labelled, samples_for

import zoo
from zoo.errors import DataError, StoreError, UnknownName, UsageError, WeightsError
from zoo.predicting import predict_files

INPUTS = ("text", "text_pair", "audio")


@pytest.fixture
def photo_model(photos, tmp_path):
    options = {"method": "linear_probe", "out": tmp_path / "model", "quiet": True}
    return zoo.finetune("pocket/resnet10.glyphs", photos, **options)


def model_of(inputs, answer, tmp_path):
    backbone, data = backbone_for(inputs, tmp_path / "repository"), labelled(inputs, answer, tmp_path / "data")
    return zoo.finetune(backbone, data, method="linear_probe", device="cpu", quiet=True)


def read(path):
    if path.suffix == ".jsonl":
        return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def table(folder, rows, name="more.csv", columns=("first", "second")):
    with (folder / name).open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, delimiter="\t" if name.endswith("tsv") else ",").writerows([columns, *rows])
    return folder / name


def test_rows_are_what_predict_says(photo_model, photos, tmp_path):
    (photos / "left" / "bad.png").write_text("no image")
    found = predict_files(tmp_path / "model", [photos], tmp_path / "new" / "a.csv", quiet=True)
    assert found.rows == 25
    assert [(Path(path).name, reason[:20]) for path, reason in found.unreadable] == [("bad.png", str(photos)[:20])]
    rows = read(tmp_path / "new" / "a.csv")
    assert [row["path"] for row in rows] == [str(path) for path in sorted(photos.rglob("*.png"))]
    bad = next(row for row in rows if row["path"].endswith("bad.png"))
    assert "cannot be read as an image" in bad["error"]
    assert (bad["prediction"], bad["p(left)"], bad["row"]) == ("", "", "")
    good = [row for row in rows if not row["error"]]
    paths = [row["path"] for row in good]
    assert [row["prediction"] for row in good] == photo_model.predict(paths)
    shares = np.array([[float(row["p(left)"]), float(row["p(right)"])] for row in good])
    assert np.allclose(shares, photo_model.predict_proba(paths), atol=1e-6)
    lines = predict_files(photo_model, [photos], tmp_path / "a.jsonl", batch_size=3, quiet=True)
    assert lines == found
    again = read(tmp_path / "a.jsonl")
    assert [row["prediction"] or "" for row in again] == [row["prediction"] for row in rows]
    assert again[0]["probabilities"]["left"] == pytest.approx(shares[0, 0], abs=1e-6)
    assert next(row for row in again if row["error"])["probabilities"] == {}


def test_more_inputs_than_one_step(photo_model, photos, tmp_path, monkeypatch):
    monkeypatch.setattr("zoo.predicting.STEP", 5)
    predict_files(photo_model, [photos], tmp_path / "a.csv", quiet=True)
    monkeypatch.undo()
    predict_files(photo_model, [photos], tmp_path / "b.csv", quiet=True)
    assert (tmp_path / "a.csv").read_bytes() == (tmp_path / "b.csv").read_bytes()


def test_each_input_is_prepared_once(photo_model, photos, tmp_path, monkeypatch):
    counted = []
    from zoo.embedding.inputs import Item

    original = Item.read
    monkeypatch.setattr(Item, "read", lambda self: counted.append(self.path) or original(self))
    predict_files(photo_model, [photos], tmp_path / "a.csv", quiet=True)
    assert len(counted) == len(set(counted)) == 24


def test_standard_output(photo_model, photos, capsys):
    found = predict_files(photo_model, [photos / "left" / "0.png"])
    out, err = capsys.readouterr()
    assert out.splitlines()[0] == "path,row,prediction,error,p(left),p(right)"
    assert out.splitlines()[1].startswith(f"{photos / 'left' / '0.png'},,left,,")
    assert (found.rows, err) == (1, "")


@pytest.mark.parametrize("answer", ["classification", "multi_label", "regression"])
@pytest.mark.parametrize("inputs", INPUTS)
def test_tables_of_every_form(inputs, answer, tmp_path):
    model, samples = model_of(inputs, answer, tmp_path), samples_for(inputs, 5, tmp_path / "new")
    rows = [sample if isinstance(sample, tuple) else (sample, "x") for sample in samples]
    columns = ("first", "second") if inputs == "text_pair" else ("first",)
    lines = tmp_path / "more.jsonl"
    lines.write_text("".join(json.dumps(dict(zip(("first", "second"), row, strict=True))) + "\n" for row in rows))
    places = [table(tmp_path, rows), table(tmp_path, rows, "more.tsv"), lines]
    for place in places:
        out = tmp_path / f"{place.suffix[1:]}.jsonl"
        assert predict_files(model, [place], out, columns=columns, quiet=True).unreadable == []
        found = read(out)
        assert [row["row"] for row in found] == list(range(5))
        expected = json.loads(json.dumps(model.predict(samples)))
        if answer == "regression":
            assert np.allclose([row["prediction"] for row in found], expected, rtol=1e-4)
        else:
            assert [row["prediction"] for row in found] == expected
    predict_files(model, places, tmp_path / "all.csv", columns=columns, quiet=True)
    cells = [row["prediction"] for row in read(tmp_path / "all.csv")]
    if answer == "multi_label":
        assert cells[:5] == ["|".join(names) for names in model.predict(samples)]
    assert len(cells) == 15


def test_an_empty_cell_has_a_row_with_the_reason(tmp_path):
    model = model_of("text", "classification", tmp_path)
    (tmp_path / "a.jsonl").write_text('{"t": "a cat"}\n{"t": null}\n{"t": "dog"}\n')
    found = predict_files(model, [tmp_path / "a.jsonl"], tmp_path / "b.jsonl", columns=["t"], quiet=True)
    assert [where for where, _ in found.unreadable] == [f"{tmp_path / 'a.jsonl'} row 1"]
    assert [row["prediction"] is None for row in read(tmp_path / "b.jsonl")] == [False, True, False]


def test_lines_of_text(tmp_path):
    model = model_of("text", "classification", tmp_path)
    (tmp_path / "a.txt").write_text("a cat\n\nthe dog\n")
    predict_files(model, [tmp_path / "a.txt"], tmp_path / "b.jsonl", quiet=True)
    assert [row["prediction"] for row in read(tmp_path / "b.jsonl")] == model.predict(["a cat", "", "the dog"])


def test_names_of_files_that_are_no_utf_8(photo_model, photos, tmp_path, capsys):
    if sys.platform != "linux":
        pytest.skip("names are text there")
    name = os.fsencode(photos / "left") + b"/\xff.png"
    Path(os.fsdecode(name)).write_bytes((photos / "left" / "0.png").read_bytes())
    predict_files(photo_model, [photos], tmp_path / "a.csv", quiet=True)
    assert sum("\\udcff.png" in row["path"] for row in read(tmp_path / "a.csv")) == 1
    predict_files(photo_model, [photos])
    assert "\\udcff.png" in capsys.readouterr().out


@pytest.mark.parametrize("columns", [(), ("first",), ("first", "second", "first")])
def test_pairs_have_two_columns(tmp_path, columns):
    model = model_of("text_pair", "classification", tmp_path)
    with pytest.raises(UsageError, match=f"takes text_pair, so 2 --column, received {len(columns)}"):
        predict_files(model, [table(tmp_path, [("a", "b")])], columns=columns)
    (tmp_path / "a.txt").write_text("a cat\n")
    with pytest.raises(UsageError, match=r"pairs of texts stand in two columns of a table, received .*a\.txt"):
        predict_files(model, [tmp_path / "a.txt"], columns=("first", "second"))


def test_refused_before_anything_is_read(photo_model, photos, tmp_path, monkeypatch):
    monkeypatch.setattr(type(photo_model), "outputs_of", lambda *given: pytest.fail("it was read"))
    (tmp_path / "there.csv").write_text("kept")
    (tmp_path / "file").write_text("")
    for out, error, message in (
        ("there.csv", UsageError, "exists. Fix: remove it"),
        ("a.parquet", UsageError, "must end in .csv or .jsonl"),
        ("file/a.csv", StoreError, "cannot be written"),
    ):
        with pytest.raises(error, match=message):
            predict_files(photo_model, [photos], tmp_path / out, quiet=True)
    assert (tmp_path / "there.csv").read_text() == "kept"
    with pytest.raises(UsageError, match="at least 1 input"):
        predict_files(photo_model, [photos], batch_size=0)
    with pytest.raises(UsageError, match="so 1 --column, received 2"):
        predict_files(photo_model, [photos], columns=("a", "b"))
    with pytest.raises(DataError, match="nothing to read"):
        predict_files(photo_model, [tmp_path / "model"])
    with pytest.raises(UnknownName, match="has the columns 'first', 'second'"):
        predict_files(photo_model, [table(tmp_path, [("a", "b")])], columns=("path",))
    with pytest.raises(WeightsError, match="holds no fitted model"):
        predict_files(photos, [photos])
