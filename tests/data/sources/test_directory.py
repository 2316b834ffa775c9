import hashlib
import shutil

import numpy as np
import pytest
import soundfile
from PIL import Image

from zoo.data.images import image_folder
from zoo.data.sources.directory import read_folder
from zoo.errors import DataError, UnknownName, UsageError


@pytest.fixture
def clips(tmp_path):
    for at, name in enumerate(("no/0.wav", "no/1.wav", "yes/0.flac", "yes/ä ☂.wav")):
        path = tmp_path / "clips" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, np.full(800 + at, 0.1, dtype=np.float32), 16000 if at else 8000)
    return tmp_path / "clips"


@pytest.fixture
def notes(tmp_path):
    for name, text in {"good/0.txt": "fïne", "good/1.txt": "\ufeffnice", "bad/0.txt": "", "bad/1.txt": "awful"}.items():
        path = tmp_path / "notes" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return tmp_path / "notes"


def parted(photos, *parts):
    """The photos again in folders of parts."""
    for part in parts:
        shutil.copytree(photos, photos.parent / "parted" / part)
    return photos.parent / "parted"


def test_image_folders_are_what_they_were(photos):
    (photos / "left" / "about.txt").write_text("x")
    one, other = read_folder(photos), image_folder(photos)
    assert (one.digest, one.notes, one.classes, one.origins) == (
        other.digest,
        other.notes,
        other.classes,
        other.origins,
    )
    expected = hashlib.sha256()
    for path in sorted(photos.rglob("*.png")):
        expected.update(f"{path.relative_to(photos)}\0".encode() + hashlib.sha256(path.read_bytes()).digest())
    assert one.digest == expected.hexdigest()


def test_audio_by_class(clips):
    data = read_folder(clips)
    assert data.kind == "audio_classification"
    assert data.classes == ("no", "yes")
    assert list(data.samples) == [str(clips / name) for name in ("no/0.wav", "no/1.wav", "yes/0.flac", "yes/ä ☂.wav")]
    assert data.notes == (
        "sample rates differ: 3 clips of 16000 Hz, 1 of 8000 Hz; each is resampled to what the backbone takes",
    )


def test_texts_by_class(notes):
    data = read_folder(notes)
    assert data.kind == "text_classification"
    assert list(data.samples) == ["", "awful", "fïne", "nice"]
    assert data.notes == ("1 of 4 texts are empty; they are samples as all others",)
    (notes / "bad" / "2.txt").write_bytes(b"\xff")
    with pytest.raises(DataError, match=r"2\.txt is not UTF-8 text"):
        read_folder(notes)


def test_parts(photos):
    root = parted(photos, "train", "val", "Test")
    for side in ("left", "right"):
        for part in ("val", "Test"):
            for index in range(6, 12):
                (root / part / side / f"{index}.png").unlink()
    (root / "Test" / "new").mkdir()
    Image.new("L", (4, 4)).save(root / "Test" / "new" / "0.png")
    (root / "readme.md").touch()
    data = read_folder(root)
    assert data.classes == ("left", "new", "right")
    assert {part: int((data.parts == part).sum()) for part in ("train", "validation", "test")} == {
        "train": 24, "validation": 12, "test": 13,
    }  # fmt: skip
    assert data.notes == ("classes without images in train: new",)
    assert data.samples[0].size == (12, 12)
    assert data.origin(0) == str(root / "train" / "left" / "0.png")
    test = read_folder(root, split="test")
    assert (len(test), test.parts) == (13, None)
    with pytest.raises(UnknownName, match="unknown split 'dev'"):
        read_folder(photos, split="dev")


def test_classes_that_are_called_like_parts(photos):
    """Trains, beside boats, are a class."""
    (photos / "left").rename(photos / "train")
    (photos / "right").rename(photos / "boat")
    assert read_folder(photos).classes == ("boat", "train")
    assert read_folder(photos).parts is None


@pytest.mark.parametrize("part", ["dev", "valid", "Validation"])
def test_other_names_of_parts(photos, part):
    assert set(read_folder(parted(photos, "Training", part)).parts) == {"train", "validation"}


def test_parts_that_cannot_be(photos):
    with pytest.raises(DataError, match="two folders of one part: dev, train, val"):
        read_folder(parted(photos, "train", "val", "dev"))
    (photos.parent / "flat" / "train").mkdir(parents=True)
    shutil.copy(photos / "left" / "0.png", photos.parent / "flat" / "train" / "0.png")
    with pytest.raises(DataError, match="train holds no class folders, so its images have no labels"):
        read_folder(photos.parent / "flat")


def test_a_folder_without_labels(photos, tmp_path):
    with pytest.raises(
        DataError, match=r"left holds images and no labels\. Fix: use one of the known layouts: CLASS/file"
    ):
        read_folder(photos / "left")
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="holds nothing that zoo reads as data"):
        read_folder(tmp_path / "empty")


def test_kinds_do_not_mix(photos, clips):
    shutil.copytree(clips, photos, dirs_exist_ok=True)
    with pytest.raises(DataError, match="holds 24 images and 4 clips"):
        read_folder(photos)
    for name in ("left", "right"):
        shutil.copy(clips / "no" / "0.wav", photos / name)
    assert read_folder(photos, inputs="audio").inputs == "audio"
    with pytest.raises(DataError, match="holds no files of text"):
        read_folder(photos, inputs="text")


def test_what_makes_no_sense_for_folders(photos):
    with pytest.raises(UsageError, match="has no table, so roles"):
        read_folder(photos, roles={"label": "x"})
    with pytest.raises(UsageError, match="class folders are classification, not regression"):
        read_folder(photos, answer="regression")


def rows(path, *lines, head="text,label"):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join([head, *lines]) + "\n", encoding="utf-8")


def test_tables_of_parts(tmp_path):
    rows(tmp_path / "t" / "train.csv", "so good,up", "so bad,down")
    rows(tmp_path / "t" / "test.csv", "fine,up")
    data = read_folder(tmp_path / "t")
    assert (data.name, list(data.samples), data.parts.tolist()) == (
        "t", ["so good", "so bad", "fine"], ["train", "train", "test"],
    )  # fmt: skip
    assert data.origin(2) == f"row 0 of {tmp_path / 't' / 'test.csv'}"
    rows(tmp_path / "t" / "dev.csv", "bad", head="text")
    assert "part 'validation' is not read (1 rows): it has no labels" in read_folder(tmp_path / "t").notes


def test_pieces_of_tables(tmp_path):
    for name, line in {
        "train-00000-of-00002": "a,up",
        "train-00001-of-00002": "b,down",
        "test-00000-of-00001": "c,up",
    }.items():
        rows(tmp_path / "t" / "data" / f"{name}.csv", line)
    assert read_folder(tmp_path / "t").parts.tolist() == ["train", "train", "test"]
    rows(tmp_path / "u" / "train" / "0000.csv", "a,up", "b,down")
    rows(tmp_path / "u" / "test" / "0000.csv", "c,up")
    assert read_folder(tmp_path / "u").parts.tolist() == ["train", "train", "test"]
    rows(tmp_path / "v" / "0.csv", "a,up")
    rows(tmp_path / "v" / "1.csv", "b,down")
    assert (len(read_folder(tmp_path / "v")), read_folder(tmp_path / "v").parts) == (2, None)


def test_only_one_part_is_no_part(tmp_path):
    rows(tmp_path / "t" / "train.csv", "a,up", "b,down")
    assert read_folder(tmp_path / "t").parts is None


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (("a.csv", "b.csv"), "holds several tables: a.csv, b.csv"),
        (("train.csv", "test.csv", "extra.csv"), "parts and others: extra.csv, test.csv, train.csv"),
        (("train.csv", "train_small.csv", "test.csv"), "several tables of the part train"),
    ],
)
def test_tables_that_do_not_belong_together(tmp_path, names, said):
    for name in names:
        rows(tmp_path / "t" / name, "a,up", "b,down")
    with pytest.raises(DataError, match=said):
        read_folder(tmp_path / "t")


def test_a_table_and_the_files_that_it_names(photos):
    rows(photos / "labels.csv", "left/0.png,x", "right/1.png,y", "left/2.png,x", head="file,label")
    data = read_folder(photos)
    assert (data.kind, data.classes, len(data)) == ("image_classification", ("x", "y"), 3)
    assert data.samples[1].size == (12, 12)
    rows(photos / "labels.csv", "some words,x", "more words,y")
    with pytest.raises(
        DataError, match=r"holds class folders and the table .*labels.csv, which does not name their files"
    ):
        read_folder(photos)
