import dataclasses

import pytest
import torch
from small_backbones import narrow, own

import zoo
from zoo.adaptations.full import Full
from zoo.adaptations.lora import Lora
from zoo.adaptations.lp_ft import LpFt
from zoo.adaptations.reached import as_seen, train_reached

SETTINGS = {"lr": 0.1}


def training(backbone):
    return {name for name, weight in backbone.module.named_parameters() if weight.requires_grad}


def every(backbone):
    return {name for name, _ in backbone.module.named_parameters()}


def test_what_nothing_calls_is_frozen_and_told():
    backbone = own("attending")
    (note,) = train_reached(backbone, every(backbone))
    assert training(backbone) == every(backbone) - {"unused.weight", "unused.bias"}
    assert (
        note
        == "2 of 29 weights of module/own receive no gradient from vision and stay as they are (first: unused.weight)"
    )


def test_only_what_is_wanted_and_reached_trains():
    backbone = own("attending")
    assert train_reached(backbone, {"stem.weight"}) == ()
    assert training(backbone) == {"stem.weight"}
    backbone.module.requires_grad_(True)
    assert len(train_reached(backbone, ["unused.weight"])) == 1
    assert training(backbone) == set()


@pytest.mark.parametrize("method", [Full, LpFt])
def test_a_task_of_one_modality_trains_its_tower_alone(method):
    towers = {"vision": ("vision_model.", "visual_projection."), "text": ("text_model.", "text_projection.")}
    for modality, own_names in towers.items():
        backbone, adaptation = narrow("clip"), method()
        groups = adaptation.prepare(as_seen(backbone, modality), SETTINGS)
        assert training(backbone) == {name for name in every(backbone) if name.startswith(own_names)}
        assert sum(len(group["params"]) for group in groups) == len(training(backbone))
        assert f"receive no gradient from {modality}" in adaptation.notes[0]
    Full().prepare(backbone, SETTINGS)  # both towers, where both answer
    assert training(backbone) == every(backbone) - {"logit_scale"}


def test_depth_and_lora_follow_the_tower_that_is_seen():
    for modality, tower in (("vision", "vision_model."), ("text", "text_model.")):
        backbone = narrow("clip")
        groups = Full().prepare(as_seen(backbone, modality), {"lr": 1.0, "layer_decay": 0.5})
        rates = {id(weight): group["lr"] for group in groups for weight in group["params"]}
        found = {n: rates[id(w)] for n, w in backbone.module.named_parameters() if id(w) in rates}
        assert {rate for name, rate in found.items() if ".layers.1." in name} == {0.5}
        assert {rate for name, rate in found.items() if ".layers.0." in name} == {0.25}
        assert {rate for name, rate in found.items() if "embedding" in name} == {0.125}
        Lora().prepare(as_seen(narrowed := narrow("clip"), modality), SETTINGS)
        assert training(narrowed)
        assert all(name.startswith(tower) for name in training(narrowed))


def test_the_vector_that_masks_frames_in_pre_training_does_not_train():
    backbone, full = narrow("hubert"), Full()
    full.prepare(backbone, SETTINGS)
    assert every(backbone) - training(backbone) == {"masked_spec_embed"}
    assert "(first: masked_spec_embed)" in full.notes[0]


def test_the_same_network_under_another_modality():
    backbone = narrow("clip")
    seen = as_seen(backbone, "text")
    assert (seen.spec.modality, backbone.spec.modality) == ("text", "image-text")
    assert seen.module is backbone.module
    assert as_seen(backbone, "") is backbone
    with torch.no_grad():
        assert list(seen.encode(seen.preprocess(["a text"]))) == ["text"]
    assert dataclasses.replace(seen, spec=backbone.spec) == backbone


def test_a_fit_tells_what_stayed_as_it_was(photos):
    said = []
    model = zoo.finetune(own("attending"), photos, steps=2, batch_size=8, device="cpu", tell=said.append)
    assert any("receive no gradient from vision" in line for line in said)
    assert any("receive no gradient from vision" in note for note in model.spec.notes)
