import json

import pytest

import zoo
from zoo.errors import PublishError, WeightsError
from zoo.hub.staging import run_of, stage
from zoo.io.digests import file_digest

ID = "tester/pets"


def test_a_backbone_that_was_pre_trained(tmp_path):
    zoo.pretrain("glyphs", tmp_path / "run", steps=2, batch_size=4, quiet=True, probe_every=0)
    made = stage(tmp_path / "run", tmp_path / "staged", ID, licence="mit")
    assert made.exported.tolerance < 1e-4
    assert made.base.name == ""
    assert "pre-trained from scratch" in made.card
    assert "license: mit" in made.card
    record = json.loads((tmp_path / "staged" / "zoo.json").read_text())
    assert record["published"]["recipe"]["name"] == "glyphs"
    assert record["published"]["cost"]["steps"] == 2
    assert set(record["files"]) == set(made.files) - {"README.md", "zoo.json"}
    assert record["published"]["card"] == file_digest(tmp_path / "staged" / "README.md", "0" * 40)
    assert zoo.load(str(tmp_path / "staged")).pooled_dim == 256


@pytest.mark.slow
def test_from_scratch_and_licences(tmp_path, photos):
    zoo.finetune("pocket/resnet10.glyphs", photos, pretrained=False, steps=2, out=tmp_path / "scratch", quiet=True)
    made = stage(tmp_path / "scratch", tmp_path / "a", ID, licence="mit")
    assert "base_model" not in made.card
    assert "trained from scratch" in made.card
    assert made.licence.identifier == "mit"
    zoo.finetune("pocket/resnet10.glyphs", photos, steps=2, out=tmp_path / "tuned", quiet=True)
    with pytest.raises(PublishError, match="notice"):
        stage(tmp_path / "tuned", tmp_path / "b", ID, licence="unlicense")
    with pytest.raises(PublishError, match="no arm"):
        stage(tmp_path / "tuned", tmp_path / "c", ID, evidence=other_store(tmp_path))


def other_store(folder):
    """A store of a benchmark in which this backbone did not take part."""
    import dataclasses

    from zoo.benchmarking.store import Store
    from zoo.benchmarking.suite import load_suite

    suite = load_suite("digits")
    arms = tuple(arm for arm in suite.arms if "glyphs" not in arm.backbone)
    Store(folder / "other").create(dataclasses.replace(suite, arms=arms))
    return folder / "other"


@pytest.mark.slow
def test_a_network_of_ones_own_cannot_be_shown_to_load(tmp_path, photos):
    import torch

    network = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.ReLU())
    backbone = zoo.wrap(network, input_size=(3, 16, 16))
    model = zoo.finetune(backbone, photos, method="linear_probe", quiet=True)
    with pytest.raises((PublishError, zoo.ZooError), match="your own"):
        stage(model, tmp_path / "staged", ID)


def test_a_folder_that_says_nothing(tmp_path):
    with pytest.raises(PublishError, match="neither"):
        run_of(tmp_path)
    (tmp_path / "backbone.json").write_text("{}")
    with pytest.raises(WeightsError, match="does not tell"):
        run_of(tmp_path)
    (tmp_path / "fitted.json").write_text("{}")
    assert run_of(tmp_path) is None


def test_an_adapter_whose_base_lies_in_a_folder_is_refused(tmp_path):
    from small_data import backbone_for, labelled

    pytest.importorskip("peft")
    backbone = backbone_for("text", tmp_path / "base")
    data = labelled("text", "classification", tmp_path / "data")
    model = zoo.finetune(backbone, data, method="lora", rank=3, steps=3, batch_size=4, augmentation="none", quiet=True,
                         device="cpu")  # fmt: skip
    with pytest.raises(PublishError, match="base of this adapter, base, lies in a folder"):
        stage(model, tmp_path / "staged", ID, merge=False)
