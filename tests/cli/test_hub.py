import pytest
from running import run

from zoo.cli.hub import lines
from zoo.hub.publishing import Published
from zoo.hub.push import Pushed

DONE = Published(
    "me/pets",
    "c" * 40,
    "http://127.0.0.1/me/pets",
    True,
    True,
    "timm",
    "mit",
    {"a.json": 10},
    "# the card",
    ("a note",),
)


def test_what_was_published_is_told():
    told = "\n".join(lines(DONE, dry_run=False))
    for said in ("a.json", "note: a note", "holds this since commit", "its owner alone", f"hf-hub:me/pets@{'c' * 40}"):
        assert said in told
    assert "# the card" not in told


def test_rows_and_what_was_there_already():
    from dataclasses import replace

    rows = Pushed("me/pets-results", "d" * 40, "http://127.0.0.1/datasets/me/pets-results", True, True)
    told = "\n".join(lines(replace(DONE, changed=False, private=False, rows=rows), dry_run=False))
    assert "held this already" in told
    assert "everybody" in told
    assert rows.url in told


def test_a_dry_run_shows_the_card():
    told = "\n".join(lines(DONE, dry_run=True, out="kept"))
    assert "# the card" in told
    assert "would hold this" in told
    assert "kept" in told


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("nowhere", "me/pets", "--dry-run"), "neither a fitted model"),
        (("nowhere", "../pets", "--dry-run"), "names no hub repository"),
        (("nowhere", "me/pets"), "HF_HUB_OFFLINE"),
    ],
)
def test_bad_input_is_one_paragraph(capsys, arguments, said):
    code, out, err = run(capsys, "publish", *arguments)
    assert code == 2
    assert said in err
    assert out == ""


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
