import io
import os

import datasets
import numpy as np
import pandas as pd
import pytest
from PIL import Image

import zoo
from zoo.data.images import digits, image_folder
from zoo.data.labelled import LabelledData
from zoo.data.sources import read_data
from zoo.errors import DataError, Offline, UnknownName, UsageError, WeightsError

TEXT, LABEL = ["so good", "so bad", "fine", "poor"], ["up", "down", "up", "down"]
CSV = b"text,label\n" + b"".join(f"{t},{y}\n".encode() for t, y in zip(TEXT, LABEL, strict=True))


def test_names_and_folders(photos, monkeypatch):
    assert zoo.read_data is read_data
    assert read_data("digits").digest == digits().digest
    assert read_data(photos).digest == read_data(str(photos)).digest == image_folder(photos).digest
    monkeypatch.chdir(photos.parent)
    photos.rename("digits")
    assert read_data("digits").notes[0].endswith("the local folder is not read. Fix: ./digits reads it.")
    assert len(read_data("./digits")) == 24


def test_the_digest_of_digits_is_what_rows_have_stored():
    assert digits().digest == "0b7e9c3202d7bcd255d6a19a238d3743bf5e320ba74812a6679958a017c55382"


def test_one_table_from_anywhere_is_the_same_data(tmp_path):
    (tmp_path / "a.csv").write_bytes(CSV)
    frame = pd.DataFrame({"text": TEXT, "label": LABEL})
    frame.to_parquet(tmp_path / "a.parquet")
    frame.to_json(tmp_path / "a.jsonl", orient="records", lines=True)
    sources = [tmp_path / "a.csv", tmp_path / "a.parquet", tmp_path / "a.jsonl", frame, (TEXT, LABEL)]
    sources += [datasets.Dataset.from_pandas(frame), list(zip(TEXT, LABEL, strict=True)), {}]
    digests = {read_data(source).digest for source in sources[:-1]}
    assert len(digests) == 1
    with pytest.raises(UsageError, match="dict is no source of labelled data"):
        read_data(sources[-1])


def test_labelled_data_are_themselves():
    data = LabelledData("d", TEXT, np.array([0, 1, 0, 1]), ("x", "y"), "", inputs="text")
    assert read_data(data) is data
    assert read_data(data, inputs="text", answer="classification") is data
    with pytest.raises(UsageError, match="inputs of d is 'text', not 'image'"):
        read_data(data, inputs="image")
    with pytest.raises(UsageError, match="d has no columns"):
        read_data(data, roles={"label": "x"})
    with pytest.raises(UnknownName, match="d has no parts"):
        read_data(data, split="test")


def test_what_is_not_there(tmp_path):
    (tmp_path / "moods.csv").write_bytes(CSV)
    with pytest.raises(UnknownName, match=r"unknown data set .*moods.tsv'\. Nearest: .*moods.csv"):
        read_data(tmp_path / "moods.tsv")
    for strange in ("x" * 5000, "a\0b", ""):
        with pytest.raises((UnknownName, DataError)):
            read_data(strange)
    with pytest.raises(UnknownName, match="Nearest: digits"):
        read_data("digit")
    with pytest.raises(UnknownName, match=r"unknown kind of inputs 'images'. Nearest: image"):
        read_data("digits", inputs="images")
    (tmp_path / "a.xlsx").touch()
    with pytest.raises(DataError, match="no table that zoo reads"):
        read_data(tmp_path / "a.xlsx")
    with pytest.raises(UsageError, match="no source of labelled data"):
        read_data(3)


def test_a_table_of_the_hub(hub):
    hub.add(
        "org/moods",
        {"README.md": b"# Moods", "moods.py": b"raise SystemExit", "data/train.csv": CSV},
        repo_type="dataset",
    )
    sha = hub.add("org/moods", {"data/test.csv": b"text,label\nok,up\n", "data/.hidden.csv": b"x"}, repo_type="dataset")
    data = read_data("hf-data:org/moods")
    assert (data.name, data.parts.tolist()) == ("org/moods", ["train"] * 4 + ["test"])
    assert data.notes[-1] == f"org/moods at commit {sha}"
    asked = [path for _, path in hub.requests]
    assert not any("moods.py" in path or "README" in path for path in asked)


def test_parquet_of_the_hub_keeps_names_and_works_offline(hub, monkeypatch):
    datasets.disable_progress_bars()
    features = datasets.Features({"image": datasets.Image(), "label": datasets.ClassLabel(names=["b", "a"])})
    file = io.BytesIO()
    Image.new("L", (3, 2), 7).save(file, "PNG")
    rows = {"image": [{"bytes": file.getvalue(), "path": None}] * 4, "label": [0, 1, 0, 1]}
    parquet = io.BytesIO()
    datasets.Dataset.from_dict(rows, features=features).to_parquet(parquet)
    names = ("data/train-00000-of-00001.parquet", "data/test-00000-of-00001.parquet")
    sha = hub.add("org/pets", dict.fromkeys(names, parquet.getvalue()), repo_type="dataset")
    data = read_data("hf-data:org/pets")
    assert (data.classes, data.parts.tolist()) == (("b", "a"), ["train"] * 4 + ["test"] * 4)
    assert data.samples[7].getpixel((0, 0)) == 7
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    before = len(hub.requests)
    assert read_data("hf-data:org/pets").digest == read_data(f"hf-data:org/pets@{sha}").digest == data.digest
    assert len(read_data("hf-data:org/pets", split="test")) == 4
    assert len(hub.requests) == before
    with pytest.raises(Offline, match="zoo fetch hf-data:org/other"):
        read_data("hf-data:org/other")


def test_images_of_the_hub_by_folder(hub, photos):
    files = {str(path.relative_to(photos)): path.read_bytes() for path in photos.rglob("*.png")}
    hub.add("org/photos", {f"train/{name}": data for name, data in files.items()}, repo_type="dataset")
    hub.add("org/photos", {f"test/{name}": data for name, data in files.items()}, repo_type="dataset")
    data = read_data("hf-data:org/photos")
    assert (data.classes, len(data)) == (("left", "right"), 48)
    assert data.samples[0].size == (12, 12)


def test_a_hostile_table_of_the_hub(hub, tmp_path):
    Image.new("L", (3, 2)).save(tmp_path / "secret.png")
    rows = f"file,label\n{tmp_path / 'secret.png'},a\n{os.devnull}.png,b\n"
    hub.add("org/evil", {"train.csv": rows.encode()}, repo_type="dataset")
    with pytest.raises(DataError, match="outside of its own folder"):
        read_data("hf-data:org/evil")


def test_several_data_sets_in_one_repository(hub):
    hub.add("org/many", {"small/train.csv": CSV, "large/train.csv": CSV}, repo_type="dataset")
    with pytest.raises(
        UsageError, match=r"holds tables in 2 folders: large, small\. Fix: name one, such as hf-data:org/many/large"
    ):
        read_data("hf-data:org/many")
    data = read_data("hf-data:org/many/small")
    assert (data.name, len(data)) == ("org/many/small", 4)
    with pytest.raises(UnknownName, match=r"unknown folder 'smal'. Nearest: small"):
        read_data("hf-data:org/many/smal")


def test_repositories_that_hold_no_data(hub):
    hub.add("org/script", {"script.py": b"raise SystemExit"}, repo_type="dataset")
    with pytest.raises(UsageError, match="scripts are not run"):
        read_data("hf-data:org/script")
    hub.add("org/model", {"train.csv": CSV})
    with pytest.raises(WeightsError, match="cannot be read: the server answered"):
        read_data("hf-data:org/model")
    with pytest.raises(UsageError, match="names no data set of the hub"):
        read_data("hf-data:org")
