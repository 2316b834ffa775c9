"""`zoo finetune` and `zoo predict`."""

import pytest
from running import run
from small_data import backbone_for, labelled, samples_for

import zoo


def test_finetune_reports_and_saves(capsys, photos, tmp_path):
    code, out, _ = run(capsys, "finetune", "pocket/resnet10.glyphs", str(photos), "--method", "linear_probe",
                       "--device", "cpu", "--out", str(tmp_path / "model"))  # fmt: skip
    assert code == 0
    assert "pocket/resnet10.glyphs, pre-trained: a new head on 256 features; cpu" in out
    assert "reads the frozen backbone (972,424 parameters) out" in out
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


def test_what_validation_was_used_for(capsys, photos):
    out = finetune(capsys, photos, "--early-stopping", "2", "--search", "2")[1]
    assert "it chose the settings and the step whose weights are kept" in out
    assert out.count("the best of 2 trials on validation") == 1  # told once, and not again as a note


def test_roles_inputs_and_answer_reach_the_data(capsys, tmp_path):
    backbone_for("text", tmp_path / "r")
    lines = [f"{text},{number}\n" for text, number in zip(samples_for("text", 24, tmp_path), range(24), strict=True)]
    (tmp_path / "a.csv").write_text("remark,stars\n" + "".join(lines))
    code, out, _ = run(capsys, "finetune", str(tmp_path / "r"), str(tmp_path / "a.csv"), "--method", "linear_probe",
                       "--role", "text=remark", "--role", "label=stars", "--answer", "regression")  # fmt: skip
    assert code == 0
    assert "  r2  " in out
    assert "set it with roles" not in out


@pytest.mark.parametrize("ending", [".csv", ".jsonl"])
def test_predict_writes_a_row_for_each_input(capsys, photos, tmp_path, ending):
    model = str(tmp_path / "model")
    finetune(capsys, photos, "--method", "linear_probe", "--out", model)
    out = tmp_path / f"answers{ending}"
    code, said, err = run(capsys, "predict", model, str(photos), "--out", str(out))
    assert (code, said) == (0, f"24 rows in {out}\n")
    (photos / "left" / "bad.png").write_text("no image")
    code, said, err = run(capsys, "predict", model, str(photos))
    assert code == 1
    assert len(said.splitlines()) == 26
    assert f"not read: {photos / 'left' / 'bad.png'}: " in err
    assert "1 of 25 inputs are without an answer; their rows say why" in err


def test_predict_with_columns(capsys, tmp_path):
    backbone, data = backbone_for("text_pair", tmp_path / "r"), labelled("text_pair", "classification", tmp_path)
    zoo.finetune(backbone, data, method="linear_probe", device="cpu", out=tmp_path / "model", quiet=True)
    (tmp_path / "a.csv").write_text("one,two\na,the cat\nthe,a dog\n")
    code, out, _ = run(capsys, "predict", str(tmp_path / "model"), str(tmp_path / "a.csv"), "--column", "one",
                       "--column", "two")  # fmt: skip
    assert code == 0
    assert len(out.splitlines()) == 3
    code, _, err = run(capsys, "predict", str(tmp_path / "model"), str(tmp_path / "a.csv"))
    assert code == 2
    assert "Fix: --column NAME --column NAME." in err


def test_nothing_to_predict_with(capsys, photos):
    code, _, err = run(capsys, "predict", str(photos), str(photos))
    assert code == 2
    assert "holds no fitted model" in err
