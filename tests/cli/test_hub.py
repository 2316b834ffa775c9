"""`zoo export`."""

from running import run


def test_export_writes_a_folder_and_shows_how_to_load_it(capsys, tmp_path):
    out = tmp_path / "native"
    code, told, err = run(capsys, "export", "pocket/resnet10.glyphs", str(out), "--no-check")
    assert code == 0
    assert told.startswith(f"{out}: 4 files for torch, which gives features\n")
    assert "ResNet(" in told
    assert "note: no name of timm" in err
    assert (out / "zoo.json").is_file()
    code, _, err = run(capsys, "export", "pocket/resnet10.glyphs", str(out))
    assert code == 2
    assert "there already" in err


def test_an_adapter_of_what_has_none(capsys, tmp_path):
    code, _, err = run(capsys, "export", "pocket/resnet10.glyphs", str(tmp_path / "out"), "--adapter")
    assert code == 2
    assert "Fix: merge=True" in err
