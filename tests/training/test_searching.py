"""A search: the same from the same seed, from the same weights each time, and without a look at the test part."""

import builtins

import numpy as np
import pytest
from small_data import backbone_for, job_of, labelled

import zoo
from zoo.adaptations import ADAPTATIONS
from zoo.adaptations.options import own_options
from zoo.errors import IncompatibleError, MissingDependency, TrainingDiverged
from zoo.providers.weights import weights_digest
from zoo.training import searching
from zoo.training.inputs import Inputs
from zoo.training.jobs import Job
from zoo.training.searching import DECAYS, RATES, search_settings
from zoo.training.trainspec import TrainSpec

SPEC = TrainSpec(4, 4, 1e-3, weight_decay=0.02, device="cpu")


@pytest.fixture
def texts(tmp_path):
    return backbone_for("text", tmp_path / "repository"), labelled("text", "classification", tmp_path / "data")


def search(job, trials=4, say=None, spec=SPEC, fixed=(), **options):
    own = own_options(job.method, ADAPTATIONS.get(job.method)(), options)
    return search_settings(job, spec, own, trials, say, fixed)


def watched(monkeypatch):
    """The calls of `fit` in a search: settings, and the weights that it starts from."""
    calls = []
    original = searching.fit

    def fit(job, spec, options, **more):
        calls.append((spec.lr, spec.weight_decay, dict(options), weights_digest(job.backbone.module)))
        return original(job, spec, options, **more)

    monkeypatch.setattr(searching, "fit", fit)
    return calls


def test_it_is_the_same_again_and_starts_each_trial_from_the_same_weights(texts, monkeypatch):
    backbone, data = texts
    calls, before = watched(monkeypatch), weights_digest(backbone.module)
    first = search(job_of(backbone, data))
    assert weights_digest(backbone.module) == before
    assert len(calls) == 4
    assert {digest for *_, digest in calls} == {before}
    assert calls[0][:2] == (SPEC.lr, SPEC.weight_decay)  # as given
    assert len({lr for lr, *_ in calls}) == 4
    assert all(RATES[0] <= lr <= RATES[1] and DECAYS[0] <= decay <= DECAYS[1] for lr, decay, *_ in calls)
    assert search(job_of(backbone, data)) == first
    other = search(job_of(backbone, data), spec=TrainSpec(4, 4, 1e-3, weight_decay=0.02, seed=1, device="cpu"))
    assert calls[1][0] != calls[9][0]
    assert other[0].seed == 1


def test_the_best_trial_wins_and_lines_are_told(texts, monkeypatch):
    backbone, data = texts
    marks = iter([1.0, 5.0, 3.0])
    monkeypatch.setattr(Job, "score", lambda *given: next(marks))
    calls, lines = watched(monkeypatch), []
    monkeypatch.setattr(searching, "fit", lambda job, spec, options, **more: calls.append(spec) or FakeFit())
    spec, _, notes = search(job_of(backbone, data), trials=3, say=lines.append)
    assert spec == calls[1]
    assert "the best of 3 trials on validation (5.00), 0 stopped early" in notes[0]
    assert [line[:12] for line in lines[:3]] == ["trial 1 of 3", "trial 2 of 3", "trial 3 of 3"]


class FakeFit:
    head = None


def test_options_of_the_method_are_searched_unless_they_are_given(texts, monkeypatch):
    backbone, data = texts
    calls = watched(monkeypatch)
    search(job_of(backbone, data, "lora"), trials=6)
    ranks = {options["rank"] for *_, options, _ in calls}
    assert len(ranks) > 1
    assert calls[0][2]["rank"] == 8
    calls.clear()
    search(job_of(backbone, data, "lora"), trials=2, fixed=("rank",), rank=3)
    assert {options["rank"] for *_, options, _ in calls} == {3}


def test_trials_of_lora_leave_no_adapters_behind(texts):
    backbone, data = texts
    before, names = weights_digest(backbone.module), set(backbone.module.state_dict())
    search(job_of(backbone, data, "lora"), trials=5)
    assert weights_digest(backbone.module) == before
    assert set(backbone.module.state_dict()) == names
    assert not any(type(part).__module__.startswith("peft.") for part in backbone.module.modules())


@pytest.mark.parametrize("method", ["full", "lora"])
def test_trials_that_lie_behind_are_stopped_and_counted(texts, monkeypatch, method):
    backbone, data = texts
    scores = []

    def worse_each_time(self, head, indices):
        scores.append(0)
        return -float(len(scores))

    monkeypatch.setattr(Job, "score", worse_each_time)
    before = weights_digest(backbone.module)
    notes = search(job_of(backbone, data, method), trials=6)[2]
    assert "3 stopped early" in notes[0]  # the median rule compares with three trials that ran to their end
    assert weights_digest(backbone.module) == before
    assert not any(type(part).__module__.startswith("peft.") for part in backbone.module.modules())


def test_the_test_part_is_never_read(texts, monkeypatch):
    backbone, data = texts
    job = job_of(backbone, data)
    seen = set()
    original = Inputs.one
    monkeypatch.setattr(Inputs, "one", lambda self, index: seen.add(index) or original(self, index))
    search(job)
    assert seen == {*job.split.train.tolist(), *job.split.validation.tolist()}
    assert not seen & set(job.split.test.tolist())
    assert len(job.split.test)


def test_settings_under_which_training_diverges_are_passed_over(texts, monkeypatch):
    backbone, data = texts
    calls, original = [], searching.fit

    def fit(job, spec, options, **more):
        calls.append(spec)
        if len(calls) in (1, 3):
            raise TrainingDiverged("the loss became nan")
        return original(job, spec, options, **more)

    monkeypatch.setattr(searching, "fit", fit)
    lines = []
    spec, *_ = search(job_of(backbone, data), say=lines.append)
    assert spec in (calls[1], calls[3])
    assert "trial 1 of 4: the loss became nan" in lines


def test_the_reason_is_told_where_no_trial_ends(texts, monkeypatch):
    backbone, data = texts

    def fit(*given, **more):
        raise IncompatibleError("this network has BatchNorm. Fix: a batch size of 2 or more.")

    monkeypatch.setattr(searching, "fit", fit)
    with pytest.raises(IncompatibleError, match="Fix: a batch size of 2"):
        search(job_of(backbone, data), trials=2)


def test_an_error_of_the_data_is_not_taken_for_a_bad_setting(texts, monkeypatch):
    backbone, data = texts
    before = weights_digest(backbone.module)
    with pytest.raises(zoo.ZooError, match="Known: high, low"):
        search(job_of(backbone, data, class_weights={"lo": 2.0}))
    assert weights_digest(backbone.module) == before


def test_without_optuna_nothing_is_loaded(monkeypatch):
    original = builtins.__import__

    def importing(name, *more):
        if name == "optuna":
            raise ImportError(name)
        return original(name, *more)

    monkeypatch.setattr(builtins, "__import__", importing)
    monkeypatch.setattr("zoo.training.finetuning.load", lambda *given, **options: pytest.fail("it was loaded"))
    with pytest.raises(MissingDependency, match=r"optuna is needed here.*transfer-zoo\[search\]"):
        zoo.finetune("pocket/resnet10", "digits", search=2)


@pytest.mark.parametrize("early", [None, 2])
def test_by_finetune_the_settings_found_are_those_of_the_model(texts, early):
    backbone, data = texts
    lines = []
    model = zoo.finetune(backbone, data, search=3, steps=4, early_stopping=early, device="cpu", tell=lines.append)
    assert sum(line.startswith("trial ") for line in lines) == 3
    note = next(note for note in model.spec.notes if "the best of 3 trials" in note)
    assert note.startswith(f"lr={model.spec.options['lr']:.3g}, weight_decay={model.spec.options['weight_decay']:.3g}")
    best = max(float(line.split(":")[1].split()[0]) for line in lines if line.startswith("trial "))
    assert np.isclose(model.spec.scores["validation"], best, atol=0.01)  # the same fit once more
