import dataclasses
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

import zoo
from zoo.data.labelled import LabelledData
from zoo.errors import DataError
from zoo.io.shards import shard_files, shelves
from zoo.training import features
from zoo.training.features import features_of, preprocessing_digests
from zoo.training.fitting import extract
from zoo.training.inputs import Inputs

HOUSE = Path(zoo.__file__).parents[1]


class Counted:
    """A backbone of one small network, that counts the samples which ran through it."""

    def __init__(self, scale=1.0, seed=0):
        torch.manual_seed(seed)
        self.module = nn.Sequential(nn.Conv2d(1, 6, 3), nn.BatchNorm2d(6), nn.ReLU())
        self.ran = 0
        preprocess = lambda images: torch.stack([torch.as_tensor(image) * scale for image in images])  # noqa: E731
        self.backbone = zoo.wrap(self.module, input_size=(1, 6, 6), preprocess=preprocess)
        inner = self.backbone.encoder

        def encode(inputs, mask=None):
            self.ran += len(inputs)
            return inner(inputs, mask)

        self.backbone = dataclasses.replace(self.backbone, encoder=encode)


@pytest.fixture
def root(tmp_path, monkeypatch):
    monkeypatch.setenv("ZOO_FEATURES", str(tmp_path / "features"))
    monkeypatch.delenv("ZOO_FEATURES_GB", raising=False)
    return tmp_path / "features"


@pytest.fixture
def said():
    return []


def numbers(count=40, digest="d" * 64, seed=0):
    images = list(np.random.default_rng(seed).random((count, 1, 6, 6), dtype=np.float32))
    return LabelledData("numbers", images, np.arange(count) % 2, ("a", "b"), digest)


def slow(backbone, data, indices):
    return extract(backbone, Inputs(data.samples, backbone.preprocess), indices).numpy()


def test_only_what_is_missing_runs_and_the_answer_is_that_of_extract(root, said):
    counted, data = Counted(), numbers()
    backbone = counted.backbone
    for indices, runs in (
        (np.arange(10), 10),  # all of them
        (np.arange(10), 1),  # the one that is tried
        (np.array([12, 3, 12, 7, 11]), 3),  # two new ones, and the one that is tried
        (np.array([12, 11]), 1),
    ):
        counted.ran = 0
        made = features_of(backbone, data, indices, say=said.append)
        assert counted.ran == runs
        assert made.dtype == np.float32
        assert np.allclose(made, slow(backbone, data, indices), rtol=1e-4, atol=1e-7)
    assert len(shelves(root)) == 1
    assert said == []


def test_off_and_data_without_a_digest_keep_nothing(root, said, monkeypatch):
    counted = Counted()
    features_of(counted.backbone, numbers(digest=""), np.arange(5), say=said.append)
    monkeypatch.setenv("ZOO_FEATURES", "off")
    made = features_of(counted.backbone, numbers(), np.arange(5), say=said.append)
    assert np.allclose(made, slow(counted.backbone, numbers(), np.arange(5)), rtol=1e-4)
    assert not root.exists()
    assert features_of(counted.backbone, numbers(), np.arange(0)).shape == (0, 6)


@pytest.mark.parametrize(
    "change",
    [
        lambda: (Counted(seed=1), numbers()),  # other weights
        lambda: (Counted(scale=2.0), numbers()),  # another preprocessing, which is a function of one's own
        lambda: (Counted(), numbers(digest="e" * 64)),  # other data, as it says
        lambda: (Counted(), numbers(seed=1)),  # other data under the digest of these
        lambda: (Counted(), numbers(count=41)),
    ],
    ids=["weights", "preprocessing", "data", "samples", "count"],
)
def test_what_differs_has_a_key_of_its_own(root, said, change):
    features_of(Counted().backbone, numbers(), np.arange(5), say=said.append)
    features_of(Counted().backbone, numbers(), np.arange(5), say=said.append)
    assert len(shelves(root)) == 1
    counted, data = change()
    made = features_of(counted.backbone, data, np.arange(5), say=said.append)
    assert len(shelves(root)) == 2
    assert np.allclose(made, slow(counted.backbone, data, np.arange(5)), rtol=1e-4, atol=1e-7)
    assert said == []


def test_statistics_graph_and_record_are_in_the_key(root):
    counted, data = Counted(), numbers()
    features_of(counted.backbone, data, np.arange(3))
    counted.module[1].running_mean += 1
    features_of(counted.backbone, data, np.arange(3))
    counted.module[2] = nn.Sigmoid()
    features_of(counted.backbone, data, np.arange(3))
    spec = dataclasses.replace(counted.backbone.spec, crop_pct=0.5)
    features_of(dataclasses.replace(counted.backbone, spec=spec), data, np.arange(3))
    assert len(shelves(root)) == 4


def test_what_no_key_holds_is_found_by_trying(root, said):
    counted, data = Counted(), numbers()
    features_of(counted.backbone, data, np.arange(5), say=said.append)
    inner = counted.backbone.encoder

    def squared(inputs, mask=None):
        return {name: dataclasses.replace(found, pooled=found.pooled**2 + 1) for name, found in inner(inputs).items()}

    other = dataclasses.replace(counted.backbone, encoder=squared)
    made = features_of(other, data, np.arange(8), say=said.append)
    assert np.allclose(made, slow(other, data, np.arange(8)), rtol=1e-4)
    assert "the network now gives others" in said[0]
    assert len(shard_files(shelves(root)[0])) == 1


def test_a_random_preprocessing_is_told_and_not_kept(root, said):
    counted, data = Counted(), numbers()
    noisy = dataclasses.replace(counted.backbone, preprocess=lambda images: torch.rand(len(images), 1, 6, 6))
    features_of(noisy, data, np.arange(5), say=said.append)
    assert said == ["features of numbers are not kept: the preprocessing of module/own is random"]
    assert not root.exists()


def test_features_that_are_not_finite_are_not_kept(root):
    counted, data = Counted(), numbers()
    with torch.no_grad():
        counted.module[0].bias[0] = float("inf")
    assert not np.isfinite(features_of(counted.backbone, data, np.arange(5))).all()
    assert not shelves(root)


def test_a_full_disk_costs_a_note_and_no_answer(root, said, monkeypatch):
    counted, data = Counted(), numbers()
    monkeypatch.setattr(features, "SHARD", 1)

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("zoo.io.shards.publish", full)
    made = features_of(counted.backbone, data, np.arange(40), say=said.append)
    assert np.allclose(made, slow(counted.backbone, data, np.arange(40)), rtol=1e-4, atol=1e-7)
    assert len(said) == 1
    assert "No space left on device" in said[0]


def test_a_place_that_cannot_be_written_costs_a_note(tmp_path, said, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("ZOO_FEATURES", str(tmp_path / "file" / "below"))
    assert features_of(Counted().backbone, numbers(), np.arange(5), say=said.append).shape == (5, 6)
    assert len(said) == 1


def test_a_damaged_file_is_made_again(root, said):
    counted, data = Counted(), numbers()
    first = features_of(counted.backbone, data, np.arange(5), say=said.append)
    path = shard_files(shelves(root)[0])[0]
    whole = path.read_bytes()
    path.write_bytes(whole[:-3])
    assert np.array_equal(features_of(counted.backbone, data, np.arange(5), say=said.append), first)
    assert len(said) == 1
    assert path.read_bytes() == whole


def test_a_killed_run_keeps_what_it_had(root, monkeypatch):
    monkeypatch.setattr(features, "SHARD", 10)
    monkeypatch.setattr("zoo.training.extraction.WINDOW", 1)
    counted, data = Counted(), numbers()

    class Stops(Inputs):
        def __getitem__(self, indices):
            if indices[0] == 25:
                raise KeyboardInterrupt
            return super().__getitem__(indices)

    with pytest.raises(KeyboardInterrupt):
        features_of(counted.backbone, data, np.arange(40), inputs=Stops(data.samples, counted.backbone.preprocess))
    counted.ran = 0
    features_of(counted.backbone, data, np.arange(40))
    assert counted.ran == 20 + 1


def test_the_user_is_told_on_stderr(root, monkeypatch, capsys):
    monkeypatch.setenv("ZOO_FEATURES_GB", "1e-9")
    features_of(Counted().backbone, numbers(), np.arange(5))
    assert capsys.readouterr().err.startswith("zoo: features are not kept: with them ")


def test_three_samples_are_looked_at_and_one_is_enough():
    backbone = Counted().backbone
    assert len(preprocessing_digests(backbone, numbers(40).samples)) == 3
    assert len(preprocessing_digests(backbone, numbers(2).samples)) == 2
    assert len(preprocessing_digests(backbone, numbers(1).samples)) == 1


def test_a_sample_that_cannot_be_read_is_an_error_only_where_it_is_asked_for(root):
    counted, data = Counted(), numbers()
    middle = data.samples[20]

    def preprocess(images):
        if images[0] is middle:
            raise DataError("cut off")
        return counted.backbone.preprocess(images)

    backbone = dataclasses.replace(counted.backbone, preprocess=preprocess)
    made = features_of(backbone, data, np.arange(5))
    assert np.allclose(made, slow(backbone, data, np.arange(5)), rtol=1e-4)
    with pytest.raises(DataError, match="cut off"):
        features_of(backbone, data, np.arange(25))


BOTH = """
import sys
import numpy as np, torch, zoo
from zoo.data.labelled import LabelledData
from zoo.training.features import features_of

torch.manual_seed(0)
module = torch.nn.Sequential(torch.nn.Conv2d(1, 6, 3), torch.nn.BatchNorm2d(6), torch.nn.ReLU())
preprocess = lambda images: torch.stack([torch.as_tensor(image) for image in images])
images = list(np.random.default_rng(0).random((90, 1, 6, 6), dtype=np.float32))
data = LabelledData("numbers", images, np.arange(90) % 2, ("a", "b"), "d" * 64)
start, end, out = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
np.save(out, features_of(zoo.wrap(module, input_size=(1, 6, 6), preprocess=preprocess), data, np.arange(start, end)))
"""


def test_two_processes_at_once(root, tmp_path):
    running = [
        subprocess.Popen([sys.executable, "-c", BOTH, str(start), str(end), str(tmp_path / name)], cwd=HOUSE)
        for name, start, end in (("one.npy", 0, 60), ("two.npy", 30, 90))
    ]
    assert [one.wait(120) for one in running] == [0, 0]
    one, two = (np.load(tmp_path / name) for name in ("one.npy", "two.npy"))
    counted, data = Counted(), numbers(90)
    alone = slow(counted.backbone, data, np.arange(90))
    assert np.allclose(np.concatenate([one, two[30:]]), alone, rtol=1e-4, atol=1e-7)
    assert len(shelves(root)) == 1
    counted.ran = 0
    both = features_of(counted.backbone, data, np.arange(90))
    assert counted.ran == 1  # all of it is there: the other two made it, in the same key
    assert np.allclose(both, alone, rtol=1e-4, atol=1e-7)
