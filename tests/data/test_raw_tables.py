import io

import numpy as np
import pandas
import pyarrow
import pyarrow.parquet
import pytest
from PIL import Image

from zoo.data import raw_tables
from zoo.data.raw_tables import Joined, from_tables
from zoo.errors import DataError, UnknownName


def png(shade):
    stream = io.BytesIO()
    Image.new("L", (4, 4), shade).save(stream, "PNG")
    return stream.getvalue()


def test_a_column_of_texts_is_found_or_named(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("n,words,text\n1,x,first\n2,y,\n3,z,third\n")
    raw = from_tables([path], "text")
    assert list(raw.samples) == ["first", "third"]
    assert raw.notes == ("1 rows with an empty cell are left out",)
    assert raw.origin(1) == f"row 2 of {path}"
    assert list(from_tables([path], "text", "words").samples) == ["x", "y", "z"]
    with pytest.raises(UnknownName, match="Nearest: words"):
        from_tables([path], "text", "word")
    path.write_text("one,other\na,b\n")
    with pytest.raises(DataError, match=r"2 columns of text: one, other.*--column NAME"):
        from_tables([path], "text")
    with pytest.raises(DataError, match="no column of image"):
        from_tables([path], "vision")


def test_two_texts_are_pairs(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text('{"q": "a", "a": "b"}\n{"q": "c", "a": "d"}\n')
    raw = from_tables([path], "text", "q, a")
    assert list(raw.samples) == [("a", "b"), ("c", "d")]
    assert raw.pairs


def test_long_texts_come_in_pieces(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("text\none two three\nfour\n")
    raw = from_tables([path], "text", most=lambda some: 6)
    assert list(raw.samples) == ["one", "two", "three", "four"]
    assert raw.origins == ()


def test_images_stay_where_they_are(tmp_path):
    path = tmp_path / "a.parquet"
    pyarrow.parquet.write_table(pyarrow.table({"image": [png(1), None, png(3)], "text": ["a", "b", "c"]}), path)
    raw = from_tables([path], "vision")
    assert [int(np.asarray(image)[0, 0]) for image in raw.samples] == [1, 3]
    pairs = from_tables([path], "image-text")
    assert [text for _, text in pairs.samples] == ["a", "c"]
    assert not pairs.pairs
    with pytest.raises(DataError, match="names 1, and image and text are wanted"):
        from_tables([path], "image-text", "image")


def test_only_the_train_part_of_several_is_read(tmp_path):
    for name in ("train-0.csv", "train-1.csv", "test.csv"):
        (tmp_path / name).write_text(f"text\n{name}\n")
    raw = from_tables(sorted(tmp_path.iterdir()), "text", root=tmp_path)
    assert list(raw.samples) == ["train-0.csv", "train-1.csv"]
    assert raw.notes == ("only the train part is read; left out: test.csv",)


def test_no_samples(tmp_path):
    (tmp_path / "a.csv").write_text("text,n\n,1\n")
    with pytest.raises(DataError, match="no samples"):
        from_tables([tmp_path / "a.csv"], "text", "text")


def test_joined():
    joined = Joined(["ab", "", "c"])
    assert list(joined) == ["a", "b", "c"]
    for beyond in (-1, 3):
        with pytest.raises(IndexError):
            joined[beyond]


def same_when_large(monkeypatch, *given, **options):
    """The data of tables below and above the bound, and their samples, which are the same."""
    small = from_tables(*given, **options)
    with monkeypatch.context() as patch:
        patch.setattr(raw_tables, "IN_MEMORY", 0)
        large = from_tables(*given, **options)
    assert (small.digest, small.notes, small.pairs, len(small)) == (large.digest, large.notes, large.pairs, len(large))
    assert [small.origin(at) for at in range(len(small))] == [large.origin(at) for at in range(len(large))]
    return small, large


@pytest.mark.parametrize("suffix", ["csv", "jsonl", "parquet"])
def test_tables_larger_than_memory_give_the_same(tmp_path, monkeypatch, suffix):
    shards = []
    for number in range(3):
        frame = pandas.DataFrame({"text": [f"text {number}-{n} " * (n % 5) for n in range(30)], "other": "x y"})
        path = tmp_path / f"train-{number}.{suffix}"
        writer = {"csv": frame.to_csv, "parquet": frame.to_parquet}.get(suffix)
        writer(path, index=False) if writer else frame.to_json(path, orient="records", lines=True)
        shards.append(path)
    for column, most in (("text", None), ("text", lambda some: 15), ("text,other", None)):
        small, large = same_when_large(monkeypatch, shards, "text", column, most)
        assert list(small.samples) == list(large.samples)
        assert not isinstance(large.samples, list)


def test_images_of_tables_larger_than_memory(tmp_path, monkeypatch):
    paths = []
    for number, wrap in enumerate((lambda image: image, lambda image: {"bytes": image, "path": "a.png"})):
        path = tmp_path / f"{number}.parquet"
        images = [wrap(png(number)), None, wrap(png(3))]
        pyarrow.parquet.write_table(pyarrow.table({"image": images, "text": ["a", "b", "c"]}), path)
        paths.append(path)
    small, large = same_when_large(monkeypatch, paths, "vision")
    shades = [int(np.asarray(image)[0, 0]) for image in large.samples]
    assert shades == [int(np.asarray(image)[0, 0]) for image in small.samples] == [0, 3, 1, 3]
    _, pairs = same_when_large(monkeypatch, paths, "image-text")
    assert [text for _, text in pairs.samples] == ["a", "c", "a", "c"]
