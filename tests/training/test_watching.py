import json

import pytest
import torch

import zoo
from zoo.data.generated import TextureSource
from zoo.data.raw import from_labelled, from_list
from zoo.errors import MissingDependency, UnknownName
from zoo.training import watching
from zoo.training.sources import SampleSource
from zoo.training.watching import Watcher, knn_accuracy, probe_features, tracker_class


@pytest.fixture(scope="module")
def pocket():
    return zoo.load("pocket/resnet10.glyphs")


def watcher(backbone, source, tmp_path, **changed):
    return Watcher(backbone, source, **{"size": 4, "every": 2, "steps": 3, "tracker": "", "place": tmp_path} | changed)


def test_the_probe_comes_when_it_is_due_and_changes_nothing(pocket, tmp_path):
    source = SampleSource(from_labelled(zoo.read_data("digits")), pocket)
    learner = pocket.module.train()
    before = {name: one.clone() for name, one in learner.state_dict().items()}
    state = torch.get_rng_state()
    look = watcher(pocket, source, tmp_path)
    told = [look(step, 1.0, learner, "cpu") for step in (1, 2, 3)]
    assert [step for step, _ in look.scores] == [2, 3]
    assert look.scores[0][1] == look.scores[1][1] > 60  # digits by glyph features; chance is 10
    assert told[0] == ""
    assert told[1].startswith("kNN ")
    assert learner.training
    assert torch.equal(state, torch.get_rng_state())
    assert all(torch.equal(one, before[name]) for name, one in learner.state_dict().items())
    assert look.seconds > 0


def test_generated_sources_are_corrupted_to_the_right_size(pocket):
    features, targets = probe_features(pocket, TextureSource(classes=4), "cpu")
    assert features.shape == (watching.SAMPLES, 256)
    assert targets.max() < 4
    again, _ = probe_features(pocket, TextureSource(classes=4), "cpu")
    assert torch.equal(features, again) or not pocket.module.training


def test_no_sample_of_the_users_own_votes_for_itself(pocket):
    digits = zoo.read_data("digits").taken(torch.arange(30).numpy())
    features, targets = probe_features(pocket, SampleSource(from_labelled(digits), pocket), "cpu")
    assert len(features) == len(features.unique(dim=0)) == 30
    assert sorted(targets.tolist()) == sorted(digits.targets.tolist())


def test_no_probe_without_labels_or_when_it_is_off(pocket, tmp_path):
    images = SampleSource(from_list(list(zoo.read_data("digits").samples[:8]), "vision"), pocket)
    labelled = SampleSource(from_labelled(zoo.read_data("digits")), pocket)
    for look in (watcher(pocket, images, tmp_path), watcher(pocket, labelled, tmp_path, every=0)):
        assert look(2, 1.0, pocket.module, "cpu") == ""
        assert look.scores == []


def test_the_accuracy_is_that_of_neighbours():
    features = torch.tensor([[1.0, 0], [0, 1], [0.9, 0.1], [0.2, 1]])
    assert knn_accuracy(features, torch.tensor([0, 1, 0, 1]), 2) == 100
    assert knn_accuracy(features, torch.tensor([0, 1, 1, 0]), 2) == 0


def test_a_tracker_gets_loss_pace_and_probe(pocket, tmp_path, monkeypatch):
    logged, ended = [], []

    class Fake:
        requires_logging_directory = True

        def __init__(self, name, folder):
            logged.append((name, folder))

        def start(self):
            logged.append("started")

        def log(self, values, step):
            logged.append((step, sorted(values)))

        def finish(self):
            ended.append(True)

    monkeypatch.setattr(watching, "tracker_class", lambda name: Fake)
    source = SampleSource(from_labelled(zoo.read_data("digits")), pocket)
    look = watcher(pocket, source, tmp_path, tracker="fake")
    assert logged == []
    for step in (1, 2):
        look(step, 0.5, pocket.module, "cpu")
    look.end()
    assert logged[:2] == [("zoo", str(tmp_path)), "started"]
    assert logged[2:] == [
        (1, ["effective_rank", "loss", "samples_per_second", "spread"]),
        (2, ["effective_rank", "knn_accuracy", "loss", "samples_per_second", "spread"]),
    ]
    assert ended


def test_trackers_by_name(monkeypatch):
    from accelerate import tracking

    with pytest.raises(UnknownName, match="Nearest: tensorboard"):
        tracker_class("tensorbord")
    monkeypatch.setattr(tracking, "is_tensorboard_available", lambda: False)
    with pytest.raises(MissingDependency, match=r"tensorboard.*\[track\]"):
        tracker_class("tensorboard")
    monkeypatch.setattr(tracking, "is_tensorboard_available", lambda: True)
    assert tracker_class("tensorboard").name == "tensorboard"


def test_features_that_collapse_are_told_once(pocket, tmp_path, monkeypatch):
    said = []
    source = SampleSource(from_labelled(zoo.read_data("digits")), pocket)
    look = watcher(pocket, source, tmp_path, say=said.append)
    monkeypatch.setattr(watching, "probe_features", lambda *_: (torch.randn(64, 8), torch.zeros(64, dtype=torch.long)))
    look(1, 0.5, pocket.module, "cpu")
    monkeypatch.setattr(watching, "probe_features", lambda *_: (torch.ones(64, 8), torch.zeros(64, dtype=torch.long)))
    look(2, 0.5, pocket.module, "cpu")
    look(4, 0.5, pocket.module, "cpu")
    assert len(said) == 1
    assert said[0].startswith("step 2: the features collapse")
    assert [row[0] for row in look.healths][:2] == [1, 2]


def test_a_resumed_run_knows_what_was_seen_before(pocket, tmp_path):
    source = SampleSource(from_labelled(zoo.read_data("digits")), pocket)
    look = watcher(pocket, source, tmp_path, every=1)
    for step in (1, 2):
        look(step, 1.0, pocket.module, "cpu")
    resumed = watcher(pocket, source, tmp_path, every=1)
    resumed.restore(json.loads(json.dumps(look.state())))
    assert resumed.state() == look.state()
    resumed(3, 1.0, pocket.module, "cpu")
    assert [step for step, _ in resumed.scores] == [2, 3]
    assert [row[0] for row in resumed.healths] == [1, 2, 3]
    resumed.restore({})  # of a checkpoint that an older version wrote
    assert resumed.scores == []


def test_curves_of_tensorboard_can_be_read_again(pocket, tmp_path):
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    source = SampleSource(from_labelled(zoo.read_data("digits")), pocket)
    look = watcher(pocket, source, tmp_path, tracker="tensorboard")
    losses = [0.5, 0.25, 0.125]
    for step, loss in enumerate(losses, start=1):
        look(step, loss, pocket.module, "cpu")
    look.end()
    read = accumulator.EventAccumulator(str(tmp_path / "zoo")).Reload()
    assert [(event.step, event.value) for event in read.Scalars("loss")] == list(enumerate(losses, start=1))
    assert [event.step for event in read.Scalars("samples_per_second")] == [1, 2, 3]
    accuracy = [[event.step, pytest.approx(event.value, abs=1e-3)] for event in read.Scalars("knn_accuracy")]
    assert accuracy == look.scores
