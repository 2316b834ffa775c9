import pytest

from zoo.data import audio, images, tables
from zoo.errors import Offline, UnknownName, UnsafeContent, UsageError
from zoo.io import datasets
from zoo.io.datasets import DataName, choose_files, fetch_dataset, parse_data_name
from zoo.io.fetch import fetch
from zoo.io.repository import fetch_repository
from zoo.io.settings import hub_cache

CSV = b"text,label\na,x\nb,y\n"


@pytest.mark.parametrize(
    ("name", "parsed"),
    [
        ("hf-data:org/pets", DataName("org/pets")),
        ("hf-data:org/pets@refs/convert/parquet", DataName("org/pets", "", "refs/convert/parquet")),
        ("hf-data:org/pets/small/v1@main", DataName("org/pets", "small/v1", "main")),
    ],
)
def test_names(name, parsed):
    assert parse_data_name(name) == parsed


@pytest.mark.parametrize("name", ["hf-data:pets", "hf-data:org/", "hf-data:", "hf-data:org/..", "hf-data:org/a b"])
def test_names_that_are_none(name):
    with pytest.raises(UsageError):
        parse_data_name(name)
    with pytest.raises(UnsafeContent, match="leads out of its folder"):
        parse_data_name("hf-data:org/pets/../x")


def test_the_suffixes_are_those_of_the_readers():
    assert datasets.TABLES == tables.SUFFIXES
    assert datasets.IMAGES == images.SUFFIXES
    assert datasets.SOUNDS == audio.SUFFIXES


@pytest.mark.parametrize(
    ("names", "folder", "chosen"),
    [
        (["README.md", "a.csv", ".x.csv"], "", ("", ("*.csv",))),
        (
            ["data/train/0.parquet", "data/test/0.parquet"],
            "",
            ("data", ("data/*/*.parquet",)),
        ),
        (["a/x.csv", "b/x.csv", "b/img/0.PNG"], "b", ("b", ("b/*.csv", "b/*/*.PNG"))),
        (["cat/0.png", "dog[1]/0.jpg", "x.py"], "", ("", ("*/*.jpg", "*/*.png"))),
        (["a[1]/x.csv"], "a[1]", ("a[1]", ("a[[]1]/*.csv",))),
    ],
)
def test_which_files(names, folder, chosen):
    assert choose_files(names, DataName("org/pets", folder)) == chosen


def test_which_files_cannot_be_told():
    with pytest.raises(
        UsageError, match=r"tables in 2 folders: \(the top\), b\. Fix: name one, such as hf-data:org/pets/b"
    ):
        choose_files(["x.csv", "b/x.csv"], DataName("org/pets"))
    with pytest.raises(UsageError, match="no file that zoo reads as data"):
        choose_files(["x.py"], DataName("org/pets"))
    with pytest.raises(UnknownName, match="Nearest: b"):
        choose_files(["b/x.csv"], DataName("org/pets", "bb"))


def test_fetching(hub):
    sha = hub.add(
        "org/pets", {"train.csv": CSV, "x.py": b"", "big.jsonl": b'{"auto_map": {"a": "b.C"}}\n'}, repo_type="dataset"
    )
    snapshot, base = fetch_dataset("hf-data:org/pets")
    assert (sorted(snapshot.files), base, snapshot.commit) == (["big.jsonl", "train.csv"], "", sha)
    assert (hub_cache() / "datasets--org--pets" / "snapshots" / sha / "train.csv").read_bytes() == CSV
    assert (hub_cache() / "datasets--org--pets" / "refs" / "main").read_text() == sha
    fetched = fetch("hf-data:org/pets")
    assert (fetched.place, fetched.commit) == (snapshot.folder, sha)
    before = len(hub.requests)
    assert fetch_repository("org/pets", sha, ("train.csv",), kind="dataset").commit == sha
    assert len(hub.requests) == before


def test_a_hub_that_does_not_answer(hub, no_waits, monkeypatch):
    sha = hub.add("org/pets", {"data/train.csv": CSV}, repo_type="dataset")
    fetch_dataset("hf-data:org/pets")
    hub.close()
    snapshot, base = fetch_dataset("hf-data:org/pets")
    assert (snapshot.commit, base) == (sha, "data")
    assert "using commit" in snapshot.notes[0]
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert fetch_dataset("hf-data:org/pets")[0].folder == snapshot.folder
    with pytest.raises(Offline, match="zoo fetch hf-data:org/absent"):
        fetch_dataset("hf-data:org/absent")


def test_pickles_and_code_are_no_data(hub):
    hub.add("org/pets", {"x.pkl": b"x", "x.py": b"x"}, repo_type="dataset")
    for pattern in ("x.pkl", "x.py"):
        with pytest.raises(UnsafeContent, match="no data that zoo reads"):
            fetch_repository("org/pets", patterns=(pattern,), kind="dataset")
