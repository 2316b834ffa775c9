import io
from pathlib import Path

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest
import soundfile
from PIL import Image

import zoo
from zoo.data import raw, raw_files, raw_tables
from zoo.data.raw_files import read_raw
from zoo.errors import DataError, UnknownName


def test_a_folder_of_images_with_their_classes(photos):
    raw = read_raw(photos, "vision")
    assert len(raw) == 24
    assert raw.classes == ("left", "right")
    assert raw.targets.tolist() == [0] * 12 + [1] * 12
    assert raw.samples[0].size == (12, 12)
    assert raw.origin(0).endswith("left/0.png")
    assert raw.digest == read_raw(str(photos), "vision").digest
    (photos / "left" / "0.png").write_bytes((photos / "left" / "1.png").read_bytes())
    assert raw.digest != read_raw(photos, "vision").digest


def test_a_flat_folder_has_no_classes(photos):
    assert read_raw(photos / "left", "vision").targets is None


def test_parts_are_no_classes(photos):
    (photos / "left").rename(photos / "train")
    (photos / "right").rename(photos / "test")
    assert read_raw(photos, "vision").classes == ()


def test_large_folders_are_told_by_names_and_sizes(photos, monkeypatch):
    monkeypatch.setattr(raw, "WHOLE", 10)
    large = read_raw(photos, "vision")
    assert "names and sizes" in large.notes[0]
    (photos / "left" / "0.png").unlink()
    assert read_raw(photos, "vision").digest != large.digest


def test_sounds_are_paths(tmp_path):
    soundfile.write(tmp_path / "a.wav", np.zeros(100), 8000)
    (tmp_path / ".b.wav").write_bytes(b"hidden")
    raw = read_raw(tmp_path, "speech")
    assert list(raw.samples) == [tmp_path / "a.wav"]
    assert isinstance(raw.samples[0], Path)


def test_texts_of_files_and_folders(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "a.txt").write_text("one\n\ntwo\n")
    (tmp_path / "in" / "b.txt").write_text("three four five")
    raw = read_raw(tmp_path, "text")
    assert list(raw.samples) == ["one", "two", "three four five"]
    assert raw.notes == ("1 blank lines are left out",)
    assert raw.origin(2).endswith("b.txt from byte 0")
    cut = read_raw(tmp_path, "text", most=lambda some: 6)
    assert list(cut.samples)[2:] == ["three", "four", "five"]
    assert cut.notes[0] == "2 places where lines were cut into pieces of at most 6 bytes"
    assert list(read_raw(tmp_path / "a.txt", "text").samples) == ["one", "two"]


def test_tables_where_there_are_no_files(tmp_path):
    pyarrow.parquet.write_table(pyarrow.table({"text": ["a", "b"], "n": [1, 2]}), tmp_path / "0.parquet")
    pyarrow.parquet.write_table(pyarrow.table({"text": ["c"], "n": [1]}), tmp_path / "1.parquet")
    raw = read_raw(tmp_path, "text")
    assert list(raw.samples) == ["a", "b", "c"]
    assert raw.name == tmp_path.name
    assert list(read_raw(tmp_path / "1.parquet", "text").samples) == ["c"]


def test_known_names_frames_and_lists():
    assert len(read_raw("digits", "vision")) == 1797
    assert read_raw(["a"], "text").samples == ["a"]
    pair = (["a", "b"], ["up", "down"])
    assert read_raw(pair, "text").classes == zoo.read_data(pair).classes


def test_what_cannot_be_read(tmp_path):
    with pytest.raises(DataError, match=r"holds nothing for a backbone of vision.*Fix"):
        read_raw(tmp_path, "vision")
    (tmp_path / "a.txt").write_text("\n\n")
    with pytest.raises(DataError, match="only blank lines"):
        read_raw(tmp_path, "text")
    with pytest.raises(DataError, match="is no data for a backbone of speech"):
        read_raw(tmp_path / "a.txt", "speech")
    with pytest.raises(UnknownName, match=r"Nearest: .*a\.txt"):
        read_raw(tmp_path / "b.txt", "text")


def test_the_hub(tmp_path, monkeypatch):
    """The snapshot is read as a folder, and told by repository and commit."""
    from types import SimpleNamespace

    Image.new("L", (4, 4)).save(tmp_path / "a.png")
    snapshot = SimpleNamespace(folder=tmp_path, notes=("fetched",), commit="c0ffee")
    monkeypatch.setattr(raw_files, "fetch_dataset", lambda name: (snapshot, ""))
    raw = read_raw("hf-data:org/pets@v2", "vision")
    assert (raw.name, len(raw)) == ("org/pets", 1)
    assert raw.notes == ("fetched", "org/pets at commit c0ffee")


@pytest.mark.parametrize("bound", [0, raw_tables.IN_MEMORY])
def test_a_data_set_of_the_hub_in_several_shards_of_parts(hub, monkeypatch, bound):
    """All of its files are fetched; then the train part alone is read, unpacked to disk where it is large."""
    monkeypatch.setattr(raw_tables, "IN_MEMORY", bound)
    files, expected = {}, []
    for part, count in (("train", 3), ("validation", 1), ("test", 2)):
        for shard in range(count):
            texts = [f"{part} {shard} {row}" for row in range(20)]
            expected += texts if part == "train" else []
            written = io.BytesIO()
            pyarrow.parquet.write_table(pyarrow.table({"text": texts, "label": [0, 1] * 10}), written)
            files[f"data/{part}-{shard:05d}-of-{count:05d}.parquet"] = written.getvalue()
    commit = hub.add("org/texts", files, repo_type="dataset")
    raw = read_raw("hf-data:org/texts", "text")
    assert list(raw.samples) == expected
    assert raw.name == "org/texts"
    assert any(note.startswith("only the train part is read; left out: test-00000") for note in raw.notes)
    assert f"org/texts at commit {commit}" in raw.notes
    assert read_raw(f"hf-data:org/texts@{commit}", "text").digest == raw.digest
