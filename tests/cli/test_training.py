"""`zoo pretrain`."""

from running import run

import zoo


def test_pretrain_and_its_folder(capsys, tmp_path):
    code, out, _ = run(capsys, "pretrain", "--recipe", "textures", "--steps", "1", "--out", str(tmp_path / "made"))
    assert code == 0
    assert "SHA-256" in out
    assert zoo.load(str(tmp_path / "made")).pooled_dim == 256


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
