"""`zoo finetune` and `zoo predict`."""

import pytest
from running import run

import zoo


def test_finetune_reports_and_saves(capsys, photos, tmp_path):
    code, out, _ = run(capsys, "finetune", "pocket/resnet10.glyphs", str(photos), "--method", "linear_probe",
                       "--device", "cpu", "--out", str(tmp_path / "model"))  # fmt: skip
    assert code == 0
    assert "0.97 M parameters, pre-trained; a new head on 256 features; cpu" in out
    assert "balanced accuracy           100.0 %   " in out
    assert "on 5 test samples, read once" in out
    assert zoo.load_model(tmp_path / "model").spec.classes == ("left", "right")


def finetune(capsys, photos, *more):
    return run(capsys, "finetune", "pocket/resnet10.glyphs", str(photos), "--device", "cpu", "--steps", "3", *more)


def test_options_of_a_method(capsys, photos, tmp_path):
    code, _, _ = finetune(capsys, photos, "--method", "lora", "--option", "rank=2", "--option", "dora=true",
                          "--out", str(tmp_path / "model"))  # fmt: skip
    assert code == 0
    options = zoo.load_model(tmp_path / "model").spec.options
    assert (options["rank"], options["dora"], options["alpha"]) == (2, True, None)


def test_what_validation_chose_and_what_was_decided_is_told(capsys, photos):
    assert "it chose k = " in finetune(capsys, photos, "--method", "knn")[1]
    assert "it chose nothing" in finetune(capsys, photos, "--method", "knn", "--option", "k=2")[1]
    assert "note: the frozen part ran once" in finetune(capsys, photos, "--method", "top_k")[1]


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("rnk=2", "unknown option of lora 'rnk'. Nearest: rank."),
        ("lr=2", "unknown option of lora 'lr'"),
        ("rank=many", "option rank of lora must be a whole number from 1 on, received 'many'"),
        ("rank", "--option 'rank' is no NAME=VALUE"),
    ],
)
def test_wrong_options_are_refused_before_anything_is_loaded(capsys, option, message):
    code, _, err = run(capsys, "finetune", "timm/nothing", "nowhere", "--method", "lora", "--option", option)
    assert code == 2
    assert message in err


def test_an_option_given_twice(capsys, photos):
    code, _, err = finetune(capsys, photos, "--method", "lora", "--option", "rank=2", "--option", "rank=3")
    assert code == 2
    assert "was given twice" in err
