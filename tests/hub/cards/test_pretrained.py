import json

import pytest

from zoo.errors import WeightsError
from zoo.hub.cards.base import base_of
from zoo.hub.cards.checking import check_card
from zoo.hub.cards.pretrained import pretrained_card, read_run
from zoo.hub.licences import Licence

RUN = {
    "recipe": {
        "name": "mine", "backbone": "timm/resnet18.a1_in1k", "data": "/home/anna/photos", "objective": "simclr",
        "training": {"schema": "x", "steps": 100, "lr": 0.001, "device": "cpu"}, "dtype": "float32",
        "init": "pretrained",
        "about": "photos of\n pets",
    },
    "recipe_digest": "d" * 64,
    "data_digest": "e" * 64,
}  # fmt: skip
HISTORY = {
    "losses": [4.0] * 50 + [2.0] * 50,
    "cost": {"flops": 1_000_000, "seconds": 12.5, "timed_steps": 100},
    "probe": [[50, 40.0], [100, 60.5]],
    "notes": ["features are far from collapse"],
    "bad_samples": 2,
}


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "recipe.json").write_text(json.dumps(RUN))
    (tmp_path / "history.json").write_text(json.dumps(HISTORY))
    return tmp_path


def test_it_says_what_was_stored(folder, backbone):
    run = read_run(folder)
    base = base_of(backbone, run["recipe"])
    text = pretrained_card(backbone, run, base, Licence("apache-2.0"), "me/mine", "It helps.")
    check_card(text)
    for said in (
        "# mine", "on from timm/resnet18.a1_in1k", "`simclr` on photos", "photos of pets", "d" * 64, "e" * 64,
        "| FLOPs | 1e+06 |", "4 in the first 5 of 100 steps, 2 in the last 5", "40.0 at step 50, 60.5 at step 100",
        "- features are far from collapse", "2 samples could not be read", 'zoo.load("hf-hub:me/mine")', "It helps.",
        "base_model: timm/resnet18.a1_in1k",
    ):  # fmt: skip
        assert said in text, said
    assert "anna" not in text
    assert "model-index" not in text


def test_from_scratch(folder, backbone):
    run = read_run(folder)
    run["recipe"]["init"] = "scratch"
    text = pretrained_card(backbone, run, base_of(backbone, run["recipe"]), Licence("mit"), "me/mine")
    assert "pre-trained from scratch" in text
    assert "base_model" not in text


def test_a_short_history(folder, backbone):
    run = read_run(folder)
    run["history"] = {}
    text = pretrained_card(backbone, run, base_of(backbone, run["recipe"]), Licence("mit"), "me/mine")
    check_card(text)
    assert "Nothing of its cost was recorded" in text


@pytest.mark.parametrize("broken", ["{", "[]", "{}", '{"recipe": {"training": 3}}'])
def test_a_folder_that_does_not_tell(folder, broken):
    (folder / "recipe.json").write_text(broken)
    with pytest.raises(WeightsError, match="does not tell"):
        read_run(folder)
