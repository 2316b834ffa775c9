import json
import subprocess
import sys

import pytest

import zoo
from zoo.cli import EXAMPLES, main

HEAVY = ("torch", "transformers", "timm", "numpy")


def run(capsys, *arguments):
    code = main(arguments)
    out, err = capsys.readouterr()
    return code, out, err


def test_list_and_filters(capsys):
    code, out, _ = run(capsys, "list", "pocket/*", "--pretrained")
    assert code == 0
    assert [line.split()[0] for line in out.splitlines()] == ["pocket/resnet10.glyphs", "pocket/resnet10.textures"]
    _, out, _ = run(capsys, "list", "resnet50*", "--provider", "timm", "--limit", "3", "--json")
    assert [row["arch"] for row in json.loads(out)] == ["resnet50"] * 3
    assert run(capsys, "list", "nothing-like-this")[1].startswith("no backbone matches")


def test_show(capsys):
    _, out, _ = run(capsys, "show", "pocket/resnet10.glyphs")
    for fact in ("0.97 M", "1x32x32", "apache-2.0 (permissive)", "zoo pretrain --recipe glyphs", "linear_probe"):
        assert fact in out
    assert json.loads(run(capsys, "show", "pocket/resnet10.glyphs", "--json")[1])["name"] == "pocket/resnet10.glyphs"


def test_the_shown_snippet_runs(capsys):
    from PIL import Image

    _, out, _ = run(capsys, "show", "pocket/resnet10.glyphs")
    snippet = out[out.index("import zoo") :]
    names = {"image": Image.new("L", (8, 8))}
    exec(snippet, names)
    assert names["features"].shape == (1, 256)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["show", "pocket/resnet10.glyph"], "zoo show: unknown backbone 'pocket/resnet10.glyph'. Nearest: pocket/res"),
        (["list", "--provider", "tim"], "Nearest: timm"),
        (["finetune", "pocket/resnet10.glyphs", "digit"], "Nearest: digits"),
        (["finetune", "pocket/resnet10.glyphs", "digits", "--labels", "500"], "labels a class was asked for"),
        (["finetune", "pocket/resnet10", "digits"], "names an architecture, not weights"),
        (["pretrain", "--recipe", "glyhps"], "Nearest: glyphs"),
        (["bench", "digit"], "unknown suite 'digit'. Nearest: digits"),
        (["bench", "digits", "--level", "quickly"], "unknown level 'quickly'. Nearest: quick"),
        (["bench", "status", "/nowhere"], "/nowhere is not a result store: nothing is there"),
        (["bench", "digits", "runs/digits"], "the argument 'runs/digits' goes with `zoo bench status` only"),
        (["bench", "digits", "--json"], "--json goes with `zoo bench status` only"),
        (["bench", "digits", "--timeout", "0"], "timeout must be a number above 0, received 0"),
        (["report", "/nowhere"], "zoo report:"),
    ],
)
def test_bad_input_is_one_paragraph_and_exit_code_2(capsys, arguments, message):
    code, out, err = run(capsys, *arguments)
    assert code == 2
    assert message in err
    assert "Traceback" not in err
    assert len(err.strip().splitlines()) == 1
    assert "accuracy" not in out


def test_debug_shows_the_traceback():
    with pytest.raises(zoo.ZooError):
        main(["show", "pocket/none", "--debug"])


@pytest.mark.parametrize("command", EXAMPLES)
def test_help_has_examples(capsys, command):
    with pytest.raises(SystemExit) as stop:
        main([command, "--help"])
    assert stop.value.code == 0
    assert f"examples:\n  zoo {command}" in capsys.readouterr().out


@pytest.mark.parametrize("command", EXAMPLES)
def test_examples_parse(command, photos, monkeypatch):
    """Every example in the help is accepted by the parser as it stands."""
    import shlex

    from zoo import cli

    for line in EXAMPLES[command].splitlines():
        words = shlex.split(line, comments=True)
        assert cli._parser().parse_args(words[1:]).command == command


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


def test_report_of_stored_rows(capsys, tmp_path):
    stored = "benchmarks/results/digits-quick.jsonl"
    code, out, _ = run(capsys, "report", stored, "--out", str(tmp_path))
    assert code == 0
    assert "glyphs, fine-tuned" in out
    assert (tmp_path / "report.html").is_file()
    summary = json.loads(run(capsys, "report", stored, "--json")[1])
    assert summary["suite"] == "digits"


def test_status_of_stored_rows(capsys):
    stored = "benchmarks/results/digits-quick.jsonl"
    code, out, _ = run(capsys, "bench", "status", stored)
    assert code == 0
    assert out.splitlines()[-1] == f"{stored}: suite digits, level quick: 242 cells finished, 0 failed, 0 missing"
    assert run(capsys, "bench", "status", "--out", stored)[1] == out
    found = json.loads(run(capsys, "bench", "status", stored, "--json")[1])
    assert (found["finished"], found["missing"], found["reasons"]) == (242, 0, {})


def test_doctor(capsys):
    code, out, _ = run(capsys, "doctor", "--json")
    assert code == 0
    assert {"name", "state", "detail"} == set(json.loads(out)[0])


@pytest.mark.parametrize(
    "arguments",
    [
        ["list"],
        ["show", "timm/resnet50"],
        ["--version"],
        ["report", "benchmarks/results/digits-quick.jsonl", "--json"],
        ["bench", "status", "benchmarks/results/digits-quick.jsonl"],
    ],
)
def test_light_commands_load_nothing_heavy(arguments):
    heavy = HEAVY[:3] if arguments[0] in ("report", "bench") else HEAVY
    code = (
        "import sys\nfrom zoo.cli import main\n"
        f"try:\n    main({arguments!r})\nexcept SystemExit:\n    pass\n"
        f"loaded = [name for name in {heavy!r} if name in sys.modules]\n"
        "sys.exit(f'loaded {loaded}' if loaded else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_closed_pipe_is_not_an_error():
    done = subprocess.run(
        f"{sys.executable} -m zoo.cli list | head -1", shell=True, capture_output=True, text=True, timeout=60
    )
    assert done.stderr == ""
    assert done.stdout.count("\n") == 1
