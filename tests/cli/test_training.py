"""`zoo pretrain` and `zoo finetune`."""

from running import run

import zoo


def test_finetune_reports_and_saves(capsys, photos, tmp_path):
    code, out, _ = run(capsys, "finetune", "pocket/resnet10.glyphs", str(photos), "--method", "linear_probe",
                       "--device", "cpu", "--out", str(tmp_path / "model"))  # fmt: skip
    assert code == 0
    assert "0.97 M parameters, pre-trained; a new head on 256 features; cpu" in out
    assert "accuracy           100.0 %   on 5 test images, read once" in out
    assert zoo.load_model(tmp_path / "model").spec.classes == ("left", "right")


def test_pretrain_and_its_folder(capsys, tmp_path):
    code, out, _ = run(capsys, "pretrain", "--recipe", "textures", "--steps", "1", "--out", str(tmp_path / "made"))
    assert code == 0
    assert "SHA-256" in out
    assert zoo.load(str(tmp_path / "made")).pooled_dim == 256
