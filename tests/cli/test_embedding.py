"""`zoo embed`."""

from running import run


def test_embed_writes_and_reports(capsys, photos, tmp_path):
    out = tmp_path / "o.parquet"
    code, told, err = run(capsys, "embed", "pocket/resnet10.glyphs", str(photos), "--out", str(out), "--device", "cpu")
    assert code == 0
    assert told == f"24 rows of 256 features in {out}\n"
    assert "24/24" in err
    code, _, err = run(capsys, "embed", "pocket/resnet10.glyphs", str(photos), "--out", str(out))
    assert code == 2
    assert "exists. Fix: remove it" in err


def test_unreadable_inputs_show_and_set_the_exit_code(capsys, photos, tmp_path):
    for index in range(12):
        (photos / "left" / f"{index}.png").write_bytes(b"no image")
    out = tmp_path / "o.safetensors"
    code, told, err = run(capsys, "embed", "pocket/resnet10", str(photos), "--out", str(out), "--scratch")
    assert code == 1
    assert told == f"12 rows of 256 features in {out}\n"
    assert err.count("not read: ") == 10
    assert f"12 inputs left out, 2 more of them: see {out}.unreadable.jsonl" in err
