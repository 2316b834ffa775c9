"""One fit: merged adapters, the best weights, weights of classes, calibration, and parts that are empty."""

import math

import numpy as np
import pytest
import torch
from small_backbones import small
from small_data import backbone_for, job_of, labelled

import zoo
from zoo.adaptations import ADAPTATIONS
from zoo.adaptations.options import own_options
from zoo.data.splits import Split, split_data
from zoo.errors import UnknownName
from zoo.providers.batching import encode_samples
from zoo.providers.weights import weights_digest
from zoo.tasks.calibration import ece, fit_temperature, top_label
from zoo.training import jobs
from zoo.training.jobs import Job, fit, scored
from zoo.training.trainspec import TrainSpec


def fitted(job, steps=8, lr=1e-2, **options):
    spec = TrainSpec(steps, 4, lr, device="cpu")
    return fit(job, spec, own_options(job.method, ADAPTATIONS.get(job.method)(), options))


@pytest.fixture
def texts(tmp_path):
    return backbone_for("text", tmp_path / "repository"), labelled("text", "classification", tmp_path / "data")


BACKBONES = {"vit": "timm/test_vit", "conv": "pocket/resnet10", "bert": "transformers/bert"}


@pytest.mark.parametrize("dora", [False, True])
@pytest.mark.parametrize("name", BACKBONES)
def test_a_merged_correction_equals_the_network_beside_which_it_was_learnt(name, dora, tmp_path, monkeypatch):
    inputs = "text" if name == "bert" else "image"
    backbone = backbone_for("text", tmp_path / "r") if name == "bert" else small(BACKBONES[name])
    data = labelled(inputs, "classification", tmp_path / "data")
    samples = [data.samples[index] for index in range(4)]
    before, keys = weights_digest(backbone.module), set(backbone.module.state_dict())
    seen = []

    def pooled():
        backbone.module.eval()
        with torch.no_grad():
            return next(iter(encode_samples(backbone, samples).values())).pooled

    lora = ADAPTATIONS.get("lora")
    finish = lora.finish

    def watching(self, given):
        seen.append(pooled())
        finish(self, given)

    monkeypatch.setattr(lora, "finish", watching)
    fitted(job_of(backbone, data, "lora"), dora=dora, rank=2, lr=5e-2)
    assert (pooled() - seen[0]).norm() < 1e-5 * seen[0].norm()
    assert set(backbone.module.state_dict()) == keys
    assert weights_digest(backbone.module) != before
    assert not any(type(part).__module__.startswith("peft.") for part in backbone.module.modules())


def test_early_stopping_ends_with_the_best_weights(texts, monkeypatch):
    backbone, data = texts
    job = job_of(backbone, data, early_stopping=2)
    seen = []
    score = Job.score

    def noting(self, head, indices):
        seen.append(score(self, head, indices) + math.sin(5 * len(seen)))  # the best one is in the midst
        return seen[-1]

    monkeypatch.setattr(Job, "score", noting)
    found = fitted(job, steps=20)
    monkeypatch.undo()
    best = seen.index(max(seen))
    assert 0 < best < len(seen) - 1
    assert job.score(found.head, job.split.validation) == pytest.approx(seen[best] - math.sin(5 * best), abs=1e-4)
    assert any("whose weights are kept" in note for note in found.notes)


def test_being_watched_changes_nothing(texts):
    """The trials of a search must end as the fit will that uses their settings."""
    backbone, data = texts
    start = {name: tensor.clone() for name, tensor in backbone.module.state_dict().items()}
    seen, spec = [], TrainSpec(15, 4, 3e-2, device="cpu")
    options = own_options("full", ADAPTATIONS.get("full")(), {})
    heads = []
    for watch in (seen.append, None):
        backbone.module.load_state_dict(start)
        heads.append(fit(job_of(backbone, data), spec, options, watch=watch).head)
    assert len(seen) == 15
    assert torch.equal(heads[0].weight, heads[1].weight)


def test_balanced_weights_change_the_loss_and_the_answer(texts):
    backbone, data = texts
    start = {name: tensor.clone() for name, tensor in backbone.module.state_dict().items()}
    heads = {}
    chosen = np.concatenate([np.flatnonzero(data.targets == 0)[:8], np.flatnonzero(data.targets == 1)[:2]])
    for how in ("none", "balanced", {"low": 1.0}):
        backbone.module.load_state_dict(start)
        heads[str(how)] = fitted(job_of(backbone, data, class_weights=how, chosen=chosen)).head.weight
    assert not torch.equal(heads["none"], heads["balanced"])
    assert torch.allclose(heads["none"], heads["{'low': 1.0}"], atol=1e-6)


def test_wrong_weights_leave_no_adapters_behind(texts):
    backbone, data = texts
    before = weights_digest(backbone.module)
    with pytest.raises(UnknownName, match="Known: high, low"):
        fitted(job_of(backbone, data, "lora", class_weights={"lo": 2.0}))
    assert not any(type(part).__module__.startswith("peft.") for part in backbone.module.modules())
    assert weights_digest(backbone.module) == before


def test_validation_chooses_the_penalty(texts, monkeypatch):
    backbone, data = texts
    job = job_of(backbone, data, "linear_probe")
    marks = iter([0.0, 0.3, 0.9, 0.3])
    monkeypatch.setattr(Job, "judged", lambda *given: next(marks))
    assert fitted(job).used["penalty"] == 1.0


def test_features_are_read_out_once(texts, monkeypatch):
    backbone, data = texts
    counted = []
    original = jobs.features_of
    monkeypatch.setattr(
        jobs,
        "features_of",
        lambda b, d, indices, *a, **o: counted.append(len(indices)) or original(b, d, indices, *a, **o),
    )
    job = job_of(backbone, data, "linear_probe")
    scored(job, fitted(job).head, 0)
    scored(job, fitted(job).head, 0)
    assert counted == [len(data)]  # all parts in one go


def test_scores_are_of_calibrated_probabilities(texts):
    backbone, data = texts
    job = job_of(backbone, data)
    head = fitted(job, steps=30).head
    found, temperature = scored(job, head, 0)
    validation, test = job.split.validation, job.split.test
    assert temperature == fit_temperature(job.outputs(head, validation), data.targets[validation])
    outputs = job.outputs(head, test)
    for name, divided in (("ece", temperature), ("ece_uncalibrated", 1.0)):
        shares = (outputs / divided).softmax(1).double().numpy()
        assert found[name] == pytest.approx(ece(*top_label(shares, data.targets[test])), abs=1e-3)
    assert found["low"] <= found[found["metric"]] <= found["high"]


@pytest.mark.parametrize("method", ["linear_probe", "full"])
@pytest.mark.parametrize("answer", ["classification", "multi_label", "regression"])
def test_a_test_part_may_be_empty(answer, method, tmp_path):
    backbone, data = backbone_for("text", tmp_path / "r"), labelled("text", answer, tmp_path)
    whole = split_data(data)[0]
    none = np.zeros(0, dtype=np.int64)
    job = job_of(backbone, data, method, split=Split(whole.train, whole.validation, none))
    found, _ = scored(job, fitted(job).head, 0)
    assert found["test_items"] == 0
    assert "validation" in found
    assert found["metric"] not in found


def test_with_a_test_part_only_nothing_is_calibrated(texts):
    backbone, data = texts
    whole = split_data(data)[0]
    job = job_of(backbone, data, split=Split(whole.train, np.zeros(0, dtype=np.int64), whole.test))
    found, temperature = scored(job, fitted(job).head, 0)
    assert temperature == 1.0
    assert "validation" not in found
    assert found["ece"] == found["ece_uncalibrated"]


def test_balanced_weights_by_finetune(tmp_path):
    """From the outermost call: the record says what it was, and a regression has no classes to weigh."""
    backbone = backbone_for("text", tmp_path / "r")
    data = labelled("text", "regression", tmp_path)
    with pytest.raises(zoo.ZooError, match="a regression has no classes to weigh"):
        zoo.finetune(backbone, data, steps=1, class_weights="balanced", device="cpu", quiet=True)
    with pytest.raises(zoo.ZooError, match="labels_per_class counts labels of a class"):
        zoo.finetune(backbone, data, steps=1, labels_per_class=2, device="cpu", quiet=True)
