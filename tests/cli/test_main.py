"""What all commands share: errors, help, examples, and that nothing heavy is loaded for a light one."""

import subprocess
import sys
from importlib import import_module

import pytest
from running import run

import zoo
from zoo.cli import main
from zoo.cli.main import ROOMS, _parser
from zoo.errors import Interrupted

EXAMPLES = {
    name: vars(import_module(f"zoo.cli.{room}"))[f"{name.upper()}_EXAMPLES"]
    for room, names in ROOMS.items()
    for name in names
}
HEAVY = ("torch", "transformers", "timm", "numpy")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["show", "pocket/resnet10.glyph"], "zoo show: unknown backbone 'pocket/resnet10.glyph'. Nearest: pocket/res"),
        (["list", "--provider", "tim"], "Nearest: timm"),
        (["finetune", "pocket/resnet10.glyphs", "digit"], "Nearest: digits"),
        (
            ["finetune", "transformers/google-bert/bert-base-uncased", "digits"],
            "is a backbone for text, and image",
        ),
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

    for line in EXAMPLES[command].strip().splitlines():
        words = shlex.split(line.partition(" -m zoo.cli ")[2] or line.strip().removeprefix("zoo "), comments=True)
        assert _parser().parse_args(words).command == command


@pytest.mark.parametrize(
    "arguments",
    [
        ["list"],
        ["show", "timm/resnet50"],
        ["--version"],
        ["report", "benchmarks/results/pocket-quick/digits.jsonl", "--json"],
        ["bench", "status", "benchmarks/results/pocket-quick/digits.jsonl"],
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


def test_the_table_of_rooms_names_every_command():
    """A command that is missing there would only be found by reading all rooms."""
    known = _parser()._subparsers._group_actions[0].choices
    assert list(known) == [name for names in ROOMS.values() for name in names]
    for room, names in ROOMS.items():
        own = _parser(names[0])._subparsers._group_actions[0].choices
        assert list(own) == list(names), room


def test_an_unknown_command_is_told_with_all_that_there_are(capsys):
    with pytest.raises(SystemExit) as stop:
        main(["lst"])
    assert stop.value.code == 2
    said = capsys.readouterr().err
    assert all(name in said for names in ROOMS.values() for name in names)


@pytest.mark.parametrize(("rank", "told"), [("0", "zoo pretrain: stopped after step 5\n"), ("1", "")])
def test_of_processes_that_stop_together_one_tells_it(capsys, monkeypatch, rank, told):
    def stopped(*_, **__):
        raise Interrupted("stopped after step 5")

    monkeypatch.setattr("zoo.training.pretraining.pretrain", stopped)
    monkeypatch.setenv("RANK", rank)
    assert main(["pretrain", "--recipe", "glyphs"]) == 130
    assert capsys.readouterr().err == told
