import io

import datasets
import numpy as np
import pytest
import soundfile
from PIL import Image

from zoo.data.sources.directory import read_folder
from zoo.data.sources.libraries import from_datasets, from_disk
from zoo.errors import DataError, MissingDependency, UnknownName, UsageError

datasets.disable_progress_bars()


def encoded(write):
    data = io.BytesIO()
    write(data)
    return data.getvalue()


def png(value):
    return encoded(lambda file: Image.new("L", (5, 4), value).save(file, "PNG"))


def wav(rate):
    return encoded(lambda file: soundfile.write(file, np.zeros(rate // 10, dtype=np.float32), rate, format="WAV"))


def images(count=6):
    features = datasets.Features({"image": datasets.Image(), "label": datasets.ClassLabel(names=["b", "a"])})
    rows = {
        "image": [{"bytes": png(10 * i), "path": None} for i in range(count)],
        "label": [i % 2 for i in range(count)],
    }
    return datasets.Dataset.from_dict(rows, features=features)


def test_images_and_names_of_classes():
    data = from_datasets(images())
    assert (data.kind, data.classes, data.targets.tolist()) == ("image_classification", ("b", "a"), [0, 1] * 3)
    assert [image.getpixel((0, 0)) for image in data.samples] == [0, 10, 20, 30, 40, 50]


def test_rows_that_were_shuffled_and_formats():
    plain = from_datasets(images())
    data = from_datasets(images().with_format("numpy").select([4, 1, 0]))
    assert [image.getpixel((0, 0)) for image in data.samples] == [40, 10, 0]
    assert data.targets.tolist() == [0, 1, 0]
    assert from_datasets(images().select([1, 0, 2, 3, 4, 5])).digest != plain.digest
    assert from_datasets(images()).digest == plain.digest


def test_audio_needs_no_torchcodec(tmp_path):
    (tmp_path / "a.wav").write_bytes(wav(8000))
    cells = [{"bytes": wav(16000), "path": "x.wav"}, {"bytes": None, "path": str(tmp_path / "a.wav")}]
    source = datasets.Dataset.from_dict({"audio": cells, "label": ["x", "y"]})
    data = from_datasets(source.cast_column("audio", datasets.Audio()))
    assert data.kind == "audio_classification"
    wave, rate = data.samples[0]
    assert (wave.shape, rate, data.samples[1]) == ((1600, 1), 16000, str(tmp_path / "a.wav"))
    assert data.notes[-1].startswith("sample rates differ")


def test_splits_become_parts(tmp_path):
    source = datasets.DatasetDict(
        {
            "train": datasets.Dataset.from_dict({"text": ["a b", "c d"], "label": ["x", "y"]}),
            "validation": datasets.Dataset.from_dict({"text": ["e f"], "label": ["x"]}),
            "unsupervised": datasets.Dataset.from_dict({"text": ["g h"], "label": ["x"]}),
        }
    )
    data = from_datasets(source)
    assert (list(data.samples), data.parts.tolist()) == (["a b", "c d", "e f"], ["train", "train", "validation"])
    assert data.origin(2) == "row 0 of dataset (validation)"
    assert "part 'unsupervised' is not read (1 rows)" in data.notes[1]
    assert len(from_datasets(source, split="train")) == 2
    with pytest.raises(UnknownName, match="unknown split 'test'"):
        from_datasets(source, split="test")
    source.save_to_disk(tmp_path / "saved")
    saved = from_disk(tmp_path / "saved")
    assert (saved.name, saved.digest, saved.parts.tolist()) == ("saved", data.digest, data.parts.tolist())


def test_several_labels_keep_their_names():
    features = datasets.Features(
        {"text": datasets.Value("string"), "tags": datasets.List(datasets.ClassLabel(names=["x", "y"]))}
    )
    data = from_datasets(datasets.Dataset.from_dict({"text": ["a", "b"], "tags": [[1], [0, 1]]}, features=features))
    assert (data.kind, data.classes, data.targets.tolist()) == ("text_multi_label", ("x", "y"), [[0, 1], [1, 1]])


def test_bytes_without_a_feature_stay_outside():
    source = datasets.Dataset.from_dict({"picture": [png(0), png(90)], "label": ["x", "y"]})
    data = from_datasets(source)
    assert data.samples[1].getpixel((0, 0)) == 90


def test_what_is_refused(tmp_path, monkeypatch):
    with pytest.raises(UsageError, match=r"IterableDataset is a stream without a length.*streaming=False"):
        from_datasets(images().to_iterable_dataset())
    with pytest.raises(DataError, match="has no splits"):
        from_datasets(datasets.DatasetDict())
    (tmp_path / "dataset_dict.json").write_text("{")
    with pytest.raises(DataError, match="cannot be read as a saved data set"):
        from_disk(tmp_path)
    monkeypatch.setitem(__import__("sys").modules, "datasets", None)
    with pytest.raises(MissingDependency, match=r"transfer-zoo\[data\]"):
        from_disk(tmp_path)


@pytest.mark.parametrize("path", ["{root}/../secret.png", "../secret.png"])
def test_what_strangers_saved_stays_in_its_folder(tmp_path, path):
    (tmp_path / "secret.png").write_bytes(png(1))
    cells = [{"bytes": None, "path": path.format(root=tmp_path / "saved")}, {"bytes": png(2), "path": "b.png"}]
    datasets.Dataset.from_dict({"image": cells, "label": ["a", "b"]}).save_to_disk(tmp_path / "saved")
    with pytest.raises(DataError, match="outside of its own folder"):
        from_disk(tmp_path / "saved", confined=True)
    with pytest.raises(DataError, match="outside of its own folder"):
        read_folder(tmp_path / "saved", confined=True)


def test_a_cell_without_bytes_and_path_is_empty():
    cells = [{"bytes": png(1), "path": None}, {"bytes": None, "path": None}]
    with pytest.raises(DataError, match=r"row 1 of dataset is empty\. Fix: fill it"):
        from_datasets(datasets.Dataset.from_dict({"image": cells, "label": ["a", "b"]}))
