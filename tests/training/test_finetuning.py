import json
import subprocess
import sys

import numpy as np
import pytest
import torch
from PIL import Image

import zoo
from zoo.data.images import image_folder
from zoo.data.labelled import LabelledData
from zoo.errors import DataError, IncompatibleError, UnknownName, WeightsError
from zoo.providers.weights import weights_digest


def test_full_learns_and_survives_a_reload(photos, tmp_path):
    options = {"steps": 60, "lr": 0.01, "augmentation": "none", "device": "cpu", "quiet": True}
    model = zoo.finetune("pocket/resnet10", photos, pretrained=False, out=tmp_path / "out", **options)
    assert model.spec.scores["accuracy"] == 100.0
    assert model.spec.scores["test_items"] == 5
    images = [Image.open(photos / side / "3.png") for side in ("left", "right", "left")]
    assert model.predict(images) == ["left", "right", "left"]
    again = zoo.load_model(tmp_path / "out")
    assert again.spec.classes == ("left", "right")
    assert np.array_equal(again.predict_proba(images), model.predict_proba(images))
    assert np.allclose(again.predict_proba(images[:1]), model.predict_proba(images)[:1], rtol=1e-4)
    assert again.evaluate(photos)["accuracy"] > 90


def test_linear_probe_trains_nothing_of_the_backbone(photos):
    backbone = zoo.load("pocket/resnet10.glyphs")
    before = weights_digest(backbone.module)
    model = zoo.finetune(backbone, photos, method="linear_probe", quiet=True)
    assert weights_digest(backbone.module) == before
    assert model.spec.options["penalty"] in (0.01, 0.1, 1.0, 10.0)
    assert model.spec.scores["accuracy"] == 100.0


def test_probe_extracts_features_once(photos, monkeypatch):
    from zoo.training import features

    sizes = []
    original = features.extract_fast

    def counting(backbone, inputs, indices, *more, **options):
        sizes.append(len(indices))
        return original(backbone, inputs, indices, *more, **options)

    monkeypatch.setattr(features, "extract_fast", counting)
    first = zoo.finetune("pocket/resnet10.glyphs", photos, method="linear_probe", quiet=True)
    assert sizes == [24]  # 14 of train, 5 of validation, 5 of test, whatever the number of penalties
    again = zoo.finetune("pocket/resnet10.glyphs", photos, method="linear_probe", quiet=True)
    assert again.spec.scores == first.spec.scores


def test_scratch_is_the_same_graph_from_the_seed(photos):
    fits = [
        zoo.finetune("pocket/resnet10.glyphs", photos, pretrained=False, steps=2, seed=seed, device="cpu", quiet=True)
        for seed in (0, 0, 1)
    ]
    one, same, other = (weights_digest(fit.backbone.module) for fit in fits)
    assert one == same != other
    assert zoo.fingerprint(fits[0].backbone) == zoo.fingerprint(zoo.load("pocket/resnet10.glyphs"))


def test_interrupted_run_goes_on(photos, tmp_path, monkeypatch):
    from zoo.training import loop

    options = {"pretrained": False, "steps": 6, "device": "cpu", "quiet": True}
    whole = zoo.finetune("pocket/resnet10", photos, **options)
    original = loop.Checkpoints.save
    monkeypatch.setattr(loop, "interruptible", _press_after(3))
    with pytest.raises(zoo.ZooError, match="stopped by Ctrl-C after step 3"):
        zoo.finetune("pocket/resnet10", photos, out=tmp_path, **options)
    monkeypatch.undo()
    assert loop.Checkpoints.save is original
    resumed = zoo.finetune("pocket/resnet10", photos, out=tmp_path, **options)
    assert weights_digest(resumed.backbone.module) == weights_digest(whole.backbone.module)


def _press_after(step):
    from contextlib import contextmanager

    @contextmanager
    def interruptible():
        asked = iter(range(100))
        yield lambda: next(asked) >= step - 1

    return interruptible


def test_unknown_method_and_augmentation(photos):
    with pytest.raises(UnknownName, match="Nearest: linear_probe"):
        zoo.finetune("pocket/resnet10.glyphs", photos, method="linear-probe")
    with pytest.raises(UnknownName, match="augmentation"):
        zoo.finetune("pocket/resnet10.glyphs", photos, augmentation="wrap")


def test_budget_above_the_class(photos):
    with pytest.raises(DataError, match="class 'left' has 7"):
        zoo.finetune("pocket/resnet10.glyphs", photos, labels_per_class=8)


def test_unseen_class_at_evaluation(photos, tmp_path):
    model = zoo.finetune("pocket/resnet10.glyphs", photos, method="linear_probe", quiet=True)
    (photos / "up").mkdir()
    Image.new("L", (12, 12)).save(photos / "up" / "0.png")
    with pytest.raises(DataError, match="not fitted to: up"):
        model.evaluate(photos)


def test_evaluate_maps_classes_by_name(photos):
    model = zoo.finetune("pocket/resnet10.glyphs", photos, method="linear_probe", quiet=True)
    data = image_folder(photos)
    swapped = LabelledData("swapped", data.samples, 1 - data.targets, ("right", "left"), "")
    assert model.evaluate(swapped) == model.evaluate(data)


def test_no_images_no_predictions(photos):
    model = zoo.finetune("pocket/resnet10.glyphs", photos, method="linear_probe", quiet=True)
    assert model.predict([]) == []


def test_folder_without_a_model(tmp_path):
    with pytest.raises(WeightsError, match="holds no fitted model"):
        zoo.load_model(tmp_path)


def test_damaged_model_is_refused(photos, tmp_path):
    zoo.finetune("pocket/resnet10.glyphs", photos, method="linear_probe", out=tmp_path, quiet=True)
    record = json.loads((tmp_path / "fitted.json").read_text())
    data = bytearray((tmp_path / "model.safetensors").read_bytes())
    data[-1] ^= 1
    (tmp_path / "model.safetensors").write_bytes(bytes(data))
    assert len(record["digest"]) == 64
    with pytest.raises(WeightsError, match="damaged"):
        zoo.load_model(tmp_path)


def test_own_module(tmp_path, photos):
    net = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(144, 8), torch.nn.ReLU())
    backbone = zoo.wrap(net, input_size=(1, 12, 12))
    model = zoo.finetune(backbone, photos, steps=40, augmentation="none", device="cpu", quiet=True)
    assert model.spec.scores["accuracy"] == 100.0


def test_another_start_does_not_go_on_from_these_checkpoints(photos, tmp_path, monkeypatch):
    """Otherwise a run from scratch would report what the pre-trained one had learnt."""
    from zoo.training import loop

    options = {"steps": 6, "device": "cpu", "quiet": True, "out": tmp_path}
    monkeypatch.setattr(loop, "interruptible", _press_after(3))
    with pytest.raises(zoo.ZooError, match="stopped by Ctrl-C"):
        zoo.finetune("pocket/resnet10.glyphs", photos, **options)
    monkeypatch.undo()
    with pytest.raises(WeightsError, match="belongs to another run"):
        zoo.finetune("pocket/resnet10.glyphs", photos, pretrained=False, **options)
    with pytest.raises(WeightsError, match="belongs to another run"):
        zoo.finetune("pocket/resnet10.glyphs", photos, labels_per_class=2, **options)
    assert zoo.finetune("pocket/resnet10.glyphs", photos, **options).spec.scores["test_items"] == 5
    assert not (tmp_path / "checkpoints").exists()


def test_a_model_is_never_overwritten(photos, tmp_path):
    options = {"method": "linear_probe", "out": tmp_path, "quiet": True}
    zoo.finetune("pocket/resnet10.glyphs", photos, **options)
    before = (tmp_path / "model.safetensors").read_bytes()
    with pytest.raises(WeightsError, match="holds a fitted model already"):
        zoo.finetune("pocket/resnet10.textures", photos, **options)
    assert (tmp_path / "model.safetensors").read_bytes() == before


def test_out_is_tried_before_anything_is_fitted(photos, tmp_path, monkeypatch):
    from zoo.training import finetuning

    (tmp_path / "file").write_text("")
    monkeypatch.setattr(finetuning, "read_data", None)  # would fail, if it came to that
    with pytest.raises(WeightsError, match=r"cannot write to .*file.*--out"):
        zoo.finetune("pocket/resnet10.glyphs", photos, out=tmp_path / "file")


def test_own_module_is_given_again_to_load(photos, tmp_path):
    net = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(144, 8), torch.nn.ReLU())
    backbone = zoo.wrap(net, input_size=(1, 12, 12))
    model = zoo.finetune(backbone, photos, steps=5, device="cpu", out=tmp_path, quiet=True)
    with pytest.raises(WeightsError, match=r"runs no code that a folder names.*backbone=zoo\.wrap"):
        zoo.load_model(tmp_path)
    fresh = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(144, 8), torch.nn.ReLU())
    again = zoo.load_model(tmp_path, backbone=zoo.wrap(fresh, input_size=(1, 12, 12)))
    image = Image.open(photos / "left" / "0.png")
    assert np.array_equal(again.predict_proba([image]), model.predict_proba([image]))


def test_a_tag_keeps_its_own_preprocessing_after_a_reload(photos, tmp_path):
    """timm/resnet18.tv_in1k resizes otherwise than the default tag of resnet18."""
    backbone = zoo.load("timm/resnet18.tv_in1k", pretrained=False, seed=0)
    model = zoo.finetune(backbone, photos, steps=1, batch_size=2, device="cpu", out=tmp_path, quiet=True)
    again = zoo.load_model(tmp_path)
    image = Image.open(photos / "left" / "0.png").resize((300, 260))
    assert torch.equal(again.backbone.preprocess([image]), backbone.preprocess([image]))
    assert np.array_equal(again.predict_proba([image]), model.predict_proba([image]))


@pytest.mark.parametrize("name", ["transformers/bert", "torchaudio/wav2vec2_base"])
def test_a_backbone_for_another_modality_is_refused_before_it_is_built(name, monkeypatch):
    monkeypatch.setattr("zoo.training.finetuning.load", lambda *given, **options: pytest.fail("it was loaded"))
    with pytest.raises(IncompatibleError, match=r"image_classification is for vision or image-text\. Fix:"):
        zoo.finetune(name, "digits", pretrained=False)


KILLED = """
import functools, json, os, sys, torch, zoo
from zoo.training import finetuning, loop
torch.set_num_threads(1)
finetuning.TrainSpec = functools.partial(finetuning.TrainSpec, checkpoint_every=2)
save = loop.Checkpoints.save
def saving(self, step, *more):
    save(self, step, *more)
    if step == 4:
        os.kill(os.getpid(), 9)
loop.Checkpoints.save = saving
zoo.finetune("pocket/resnet10", sys.argv[1], out=sys.argv[2], **json.loads(sys.argv[3]))
"""


@pytest.mark.parametrize("more", [{"early_stopping": 3}, {"search": 2}])
def test_killed_and_resumed_ends_the_same(more, photos, tmp_path):
    """Scores so far and the best weights are part of what is kept; a search finds the same settings again."""
    options = {"pretrained": False, "steps": 8, "device": "cpu", "quiet": True, **more}
    whole = zoo.finetune("pocket/resnet10", photos, out=tmp_path / "whole", **options)
    command = [sys.executable, "-c", KILLED, str(photos), str(tmp_path / "cut"), json.dumps(options)]
    assert subprocess.run(command, capture_output=True).returncode == -9
    assert (tmp_path / "cut" / "checkpoints" / "step-4").is_dir()
    with pytest.raises(WeightsError, match="holds no fitted model"):
        zoo.load_model(tmp_path / "cut")
    resumed = zoo.finetune("pocket/resnet10", photos, out=tmp_path / "cut", **options)
    assert weights_digest(resumed.backbone.module) == weights_digest(whole.backbone.module)
    assert resumed.spec == whole.spec
    assert not (tmp_path / "cut" / "checkpoints").exists()
    files = [(tmp_path / name / "model.safetensors").read_bytes() for name in ("whole", "cut")]
    assert files[0] == files[1]


def test_what_is_told_is_kept_in_the_record(photos):
    lines = []
    model = zoo.finetune("pocket/resnet10", photos, pretrained=False, method="lora", steps=1, device="cpu",
                         tell=lines.append)  # fmt: skip
    assert lines[0] == "pocket/resnet10, from scratch: a new head on 256 features; cpu"
    assert "lora is made for trained weights, and these are from scratch" in lines
    assert "lora is made for trained weights, and these are from scratch" in model.spec.notes


def test_quiet_says_nothing(photos, capsys):
    zoo.finetune("pocket/resnet10.glyphs", photos, method="linear_probe", quiet=True)
    assert capsys.readouterr() == ("", "")
    zoo.finetune("pocket/resnet10.glyphs", photos, method="linear_probe")
    out, err = capsys.readouterr()
    assert not out
    assert "a new head on 256 features" in err


def test_settings_that_a_frozen_method_would_ignore_are_refused_before_anything_is_read(monkeypatch):
    monkeypatch.setattr("zoo.training.finetuning.read_data", lambda *given, **options: pytest.fail("it was read"))
    for setting in ({"early_stopping": 3}, {"class_weights": "balanced"}, {"search": 3}):
        with pytest.raises(IncompatibleError, match=f"knn .*Fix: leave {next(iter(setting))} out"):
            zoo.finetune("pocket/resnet10.glyphs", "digits", method="knn", **setting)


def test_roles_of_data_without_columns_are_refused(photos):
    data = image_folder(photos)
    with pytest.raises(zoo.ZooError, match=r"has no columns\. Fix: leave roles out"):
        zoo.finetune("pocket/resnet10.glyphs", data, roles={"label": "x"}, quiet=True)


def test_from_scratch_and_zero_shot(photos):
    with pytest.raises(IncompatibleError, match="zero_shot needs trained weights"):
        zoo.finetune("open_clip/ViT-B-32", photos, method="zero_shot", pretrained=False)
