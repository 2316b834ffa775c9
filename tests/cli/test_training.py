"""`zoo pretrain`."""

from running import run

import zoo


def test_pretrain_and_its_folder(capsys, tmp_path):
    code, out, _ = run(capsys, "pretrain", "--recipe", "textures", "--steps", "1", "--out", str(tmp_path / "made"))
    assert code == 0
    assert "SHA-256" in out
    assert zoo.load(str(tmp_path / "made")).pooled_dim == 256
