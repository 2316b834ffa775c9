"""`zoo pretrain`."""

import torch
from running import run
from safetensors.torch import load_file, save_file
from transformers_repos import save, save_words

import zoo
from zoo.cli.training import RECIPES
from zoo.training.recipe import recipe_names


def test_pretrain_and_its_folder(capsys, tmp_path):
    code, out, _ = run(capsys, "pretrain", "--recipe", "textures", "--steps", "1", "--out", str(tmp_path / "made"))
    assert code == 0
    assert "SHA-256" in out
    assert zoo.load(str(tmp_path / "made")).pooled_dim == 256


def test_the_help_names_the_recipes_that_come_with_zoo():
    assert ", ".join(recipe_names()) == RECIPES


def test_a_backbone_and_data(capsys, tmp_path):
    out = str(tmp_path / "made")
    code, told, _ = run(
        capsys, "pretrain", "pocket/resnet10.glyphs", "digits", "--objective", "supervised", "--option",
        "label_smoothing=0.1", "--steps", "2", "--batch-size", "4", "--ema", "0.9", "--continue-from-pretrained",
        "--name", "more", "--out", out,
    )  # fmt: skip
    assert code == 0
    assert told.startswith("pocket/resnet10.more: ")
    assert zoo.load(out).spec.pretrained_on.startswith("digits")


def test_what_does_not_go_together(capsys, tmp_path):
    for arguments, said in (
        (["pretrain"], "neither a recipe nor a backbone"),
        (["pretrain", "pocket/resnet10"], "neither a recipe nor"),
        (["pretrain", "pocket/resnet10", "digits", "--recipe", "glyphs"], "exclude each other"),
        (["pretrain", "pocket/resnet10", "digits"], "objective="),
        (["pretrain", "--recipe", "glyphs", "--option", "rate"], "is no NAME=VALUE"),
        (["pretrain", "--recipe", "glyphs", "--option", "rate=1"], "options belong"),
    ):
        code, _, told = run(capsys, *arguments, "--out", str(tmp_path / "out"))
        assert code == 2
        assert said in told
    assert not (tmp_path / "out").exists()


def test_what_a_checkpoint_lacks_and_has_too_much_is_shown(capsys, tmp_path):
    save(tmp_path / "net", "bert", "BertForMaskedLM")
    save_words(tmp_path / "net", most=16)
    file = tmp_path / "net" / "model.safetensors"
    weights = load_file(file)
    del weights["cls.predictions.transform.dense.weight"]
    save_file(weights | {"extra.weight": torch.zeros(3)}, file, metadata={"format": "pt"})
    (tmp_path / "a.txt").write_text("the cat runs\na dog runs far\n" * 4)
    code, _, told = run(
        capsys, "pretrain", str(tmp_path / "net"), str(tmp_path / "a.txt"), "--objective", "mlm", "--steps", "1",
        "--batch-size", "2", "--continue-from-pretrained", "--out", str(tmp_path / "made"),
    )  # fmt: skip
    assert code == 0
    assert (
        "not in the checkpoint, so these parts of the head start fresh: cls.predictions.transform.dense.weight" in told
    )
    assert "in the checkpoint, and not of this head: extra.weight" in told
    assert "in the checkpoint, and not of the backbone: 5 tensors (cls.predictions.bias, " in told


def test_a_network_that_does_not_fit_is_refused_in_a_paragraph(capsys, tmp_path):
    for objective, name, said in (
        ("causal", "transformers/bert", "needs a network that sees only what stands before a token"),
        ("mlm", "transformers/gpt2", "needs a head for masked language modelling"),
        ("mae", "timm/test_resnet", "mae needs tokens, and timm/test_resnet gives pooled, maps"),
    ):
        code, _, told = run(capsys, "pretrain", name, "nowhere", "--objective", objective, "--out", str(tmp_path / "o"))
        assert code == 2
        assert said in told
        assert told.count("\n") == 1
    assert not (tmp_path / "o").exists()
