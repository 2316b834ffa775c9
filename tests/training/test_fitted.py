"""A fitted model answers the same after a reload, in other batches, in another process, and without its repository."""

import json
import shutil
import subprocess
import sys

import numpy as np
import pytest
import torch
from PIL import Image
from small_data import ANSWERS, INPUTS, backbone_for, labelled, labels_for, samples_for

import zoo
from zoo.errors import DataError, IncompatibleError, UnknownName, WeightsError
from zoo.training.fitted import FittedSpec


@pytest.fixture
def model(photos, tmp_path):
    """A linear probe on 24 photos, saved."""
    return zoo.finetune("pocket/resnet10.glyphs", photos, method="linear_probe", out=tmp_path / "model", quiet=True)


def fitted(inputs, answer, tmp_path, method="linear_probe", **options):
    """A model of such samples, saved in `tmp_path / "model"`; its repository is gone, and so is its data."""
    backbone = backbone_for(inputs, tmp_path / "repository")
    data = labelled(inputs, answer, tmp_path / "data")
    options = {"steps": 2, "batch_size": 4, "device": "cpu", "quiet": True, "augmentation": "none", **options}
    made = zoo.finetune(backbone, data, method=method, out=tmp_path / "model", **options)
    shutil.rmtree(tmp_path / "repository", ignore_errors=True)
    return made


@pytest.mark.parametrize("answer", ANSWERS)
@pytest.mark.parametrize("inputs", INPUTS)
def test_every_kind_of_task_survives_a_reload_and_other_batches(inputs, answer, tmp_path):
    one = fitted(inputs, answer, tmp_path, "full")
    again = zoo.load_model(tmp_path / "model")
    samples = samples_for(inputs, 7, tmp_path / "new")
    outputs = one.outputs(samples)
    assert torch.equal(again.outputs(samples), outputs)
    for size in (1, 3):
        assert np.allclose(again.outputs(samples, size), outputs, rtol=1e-4, atol=1e-5)
    assert again.predict(samples) == one.predict(samples)
    assert again.evaluate((samples, labels_for(answer, 7))) == one.evaluate((samples, labels_for(answer, 7)))
    assert again.spec.task.kind == f"{inputs}_{answer}"
    if answer == "regression":
        assert all(isinstance(number, float) for number in again.predict(samples))
        with pytest.raises(IncompatibleError, match="answers have no probability"):
            again.predict_proba(samples)
        return
    shares = again.predict_proba(samples)
    assert shares.shape == (7, len(again.spec.classes))
    if answer == "classification":
        assert np.allclose(shares.sum(1), 1, atol=1e-5)
        assert again.predict(samples) == [again.spec.classes[place] for place in shares.argmax(1)]
    else:
        there = [tuple(np.array(again.spec.classes)[row > 0.5]) for row in shares]
        assert again.predict(samples) == there


@pytest.mark.parametrize(
    ("inputs", "method"),
    [
        ("text", "knn"),
        ("text", "layer_mix"),
        ("audio", "layer_mix"),
        ("image", "knn"),
        ("text", "lp_ft"),
        ("text", "lora"),
    ],
)
@pytest.mark.parametrize("answer", ANSWERS)
def test_heads_of_other_methods_are_rebuilt(inputs, method, answer, tmp_path):
    backbone = backbone_for(inputs, tmp_path / "repository")
    if method == "layer_mix":
        backbone = zoo.load(str(tmp_path / "repository"), layers=True)
    data = labelled(inputs, answer, tmp_path / "data")
    one = zoo.finetune(backbone, data, method=method, steps=2, device="cpu", out=tmp_path / "model", quiet=True)
    samples = samples_for(inputs, 5, tmp_path / "new")
    assert torch.equal(zoo.load_model(tmp_path / "model").outputs(samples), one.outputs(samples))


def test_another_process_gives_the_same_answers(tmp_path):
    one = fitted("text_pair", "classification", tmp_path)
    samples = samples_for("text_pair", 5, tmp_path)
    code = (
        "import json, sys, torch, zoo; torch.set_num_threads(1); model = zoo.load_model(sys.argv[1]); "
        "samples = [tuple(pair) for pair in json.loads(sys.argv[2])]; "
        "print(json.dumps([model.predict(samples), model.predict_proba(samples).tolist()]))"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "model"), json.dumps(samples)]
    answers, shares = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    assert answers == one.predict(samples)
    assert np.allclose(shares, one.predict_proba(samples), rtol=1e-5)


def test_a_model_that_was_loaded_can_be_saved_again_elsewhere(tmp_path):
    one = fitted("text", "classification", tmp_path)
    zoo.load_model(tmp_path / "model").save(tmp_path / "second")
    shutil.rmtree(tmp_path / "model")
    again = zoo.load_model(tmp_path / "second")
    assert np.array_equal(again.predict_proba(["a cat", "the dog"]), one.predict_proba(["a cat", "the dog"]))
    assert again.spec.scores == one.spec.scores


def test_folders_may_move_and_names_may_have_spaces_and_accents(tmp_path):
    one = fitted("text", "classification", tmp_path)
    (tmp_path / "model").rename(tmp_path / "mein Modell – été")
    again = zoo.load_model(str(tmp_path / "mein Modell – été"))
    assert np.array_equal(again.predict_proba(["a cat"]), one.predict_proba(["a cat"]))


def test_probabilities_are_those_of_the_temperature_that_validation_asks_for(tmp_path):
    one = fitted("text", "classification", tmp_path, "full", steps=30, lr=0.01)
    assert one.spec.temperature != 1.0
    outputs = one.outputs(["a cat", "far the dog runs"])
    assert np.allclose(one.predict_proba(["a cat", "far the dog runs"]), (outputs / one.spec.temperature).softmax(1))
    assert {"ece", "ece_uncalibrated"} <= set(one.spec.scores)
    assert zoo.load_model(tmp_path / "model").spec.temperature == one.spec.temperature


def test_no_samples_no_answers(model):
    assert model.predict([]) == []
    assert model.predict_proba([]).shape == (0, 2)


@pytest.mark.parametrize("wrong", ["photo.png", (letter for letter in "ab")])
def test_samples_are_a_list(model, wrong, tmp_path):
    with pytest.raises(DataError, match=r"samples must be a list.*Fix: pass \[sample"):
        model.predict(wrong)
    with pytest.raises(DataError, match="samples must be a list"):
        model.predict(tmp_path)


def test_a_sample_that_cannot_be_read_is_named(model, tmp_path):
    (tmp_path / "no.png").write_text("no image")
    with pytest.raises(DataError, match=r"no\.png cannot be read as an image"):
        model.predict([tmp_path / "no.png"])
    with pytest.raises(DataError, match=r"away\.png"):
        model.predict([str(tmp_path / "away.png")])


def test_evaluation_maps_classes_by_name_and_takes_roles(tmp_path):
    one = fitted("text", "classification", tmp_path)
    table = tmp_path / "more.csv"
    table.write_text("name,remark,mood,stars\n" + "".join(f"{i},{t},{m},1\n" for i, (t, m) in enumerate(
        [("a cat", "low"), ("the dog", "high"), ("far dog runs", "high"), ("cat", "low")])))  # fmt: skip
    found = one.evaluate(table, roles={"text": "remark", "label": "mood"})
    assert set(found) >= {"accuracy", "balanced_accuracy", "macro_f1", "log_loss", "ece"}
    texts = ["a cat", "the dog", "far dog runs", "cat"]
    assert found["accuracy"] == 25.0 * sum(np.array(one.predict(texts)) == ["low", "high", "high", "low"])


def test_evaluation_reads_numbers_as_the_task_does(tmp_path):
    """Whole numbers that repeat would else be taken for classes."""
    one = fitted("text", "regression", tmp_path)
    found = one.evaluate((["a cat", "the dog", "a cat and", "dog"] * 4, [0, 10, 0, 11] * 4))
    assert set(found) == {"rmse", "mae", "r2", "spearman"}


def test_several_labels_of_which_some_are_not_in_the_new_data(tmp_path):
    one = fitted("text", "multi_label", tmp_path)
    fewer = zoo.read_data((["a cat", "the dog"], [["low"], ["high"]]), answer="multi_label")
    assert fewer.classes == ("high", "low")
    assert one.evaluate(fewer)["exact_match"] >= 0


def test_evaluation_refuses_other_classes_and_other_tasks(tmp_path):
    one = fitted("text", "classification", tmp_path)
    with pytest.raises(DataError, match=r"not fitted to: medium\. It knows high, low\. Fix:"):
        one.evaluate((["a cat", "a dog"], ["low", "medium"]))
    with pytest.raises(DataError, match=r"is for text_regression, and this model does text_classification\. Fix:"):
        one.evaluate(labelled("text", "regression", tmp_path / "other"))


def test_what_the_record_says(model):
    spec = FittedSpec.from_json(json.loads(json.dumps(model.spec.to_json())))
    assert spec == model.spec
    assert (spec.method, spec.classes, spec.data["seed"]) == ("linear_probe", ("left", "right"), 0)
    assert {len(spec.data["digest"]), len(spec.data["split"])} == {64}
    assert spec.scores["labels"] + spec.scores["validation_items"] + spec.scores["test_items"] == 24


@pytest.mark.parametrize("content", ["", "[]", '{"schema": 1}', "{"])
def test_records_that_are_none(model, tmp_path, content):
    (tmp_path / "model" / "fitted.json").write_text(content)
    with pytest.raises(WeightsError, match=r"holds no fitted model: fitted\.json cannot be read .*Fix:"):
        zoo.load_model(tmp_path / "model")


def test_weights_that_are_gone_or_changed(model, tmp_path):
    data = bytearray((tmp_path / "model" / "model.safetensors").read_bytes())
    data[-1] ^= 1
    (tmp_path / "model" / "model.safetensors").write_bytes(bytes(data))
    with pytest.raises(WeightsError, match="damaged"):
        zoo.load_model(tmp_path / "model")
    (tmp_path / "model" / "model.safetensors").unlink()
    with pytest.raises(WeightsError, match=r"model\.safetensors"):
        zoo.load_model(tmp_path / "model")


def test_a_method_that_is_not_installed(model, tmp_path):
    path = tmp_path / "model" / "fitted.json"
    path.write_text(path.read_text().replace("linear_probe", "linear_prob"))
    with pytest.raises(UnknownName, match="Nearest: linear_probe"):
        zoo.load_model(tmp_path / "model")


def test_a_model_is_never_saved_over_another(model, photos, tmp_path):
    with pytest.raises(WeightsError, match="holds a fitted model already"):
        model.save(tmp_path / "model")
    (tmp_path / "file").write_text("")
    with pytest.raises(WeightsError, match="cannot write to"):
        model.save(tmp_path / "file")
    image = Image.open(photos / "left" / "0.png")
    assert zoo.load_model(tmp_path / "model").predict([image]) == ["left"]
