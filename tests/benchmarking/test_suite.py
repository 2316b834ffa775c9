"""Suite files: the shipped one is right, and every way to get one wrong is said clearly, with the file and the fix."""

from __future__ import annotations

import json

import pytest

import zoo.benchmarking.suite as module
from zoo.benchmarking.suite import Suite, load_suite
from zoo.errors import InvalidRecord, UnknownName

DIGITS = (module.Path(module.__file__).parents[2] / "benchmarks" / "suites" / "digits.toml").read_text()
S_ARM = """
[[arms]]
id = "{id}"
role = "S"
label = "again"
backbone = "pocket/resnet10"
adaptation = "full"
"""


def edited(tmp_path, old, new, count=1):
    """The path of a copy of the digits suite in which the first `count` occurrences of `old` read `new`."""
    assert old in DIGITS
    path = tmp_path / "mine.toml"
    path.write_text(DIGITS.replace(old, new, count), encoding="utf-8")
    return path


def refusal(path, kind=InvalidRecord, level="quick"):
    with pytest.raises(kind) as caught:
        load_suite(path, level)
    assert type(caught.value) is kind
    assert str(path) in str(caught.value)
    return str(caught.value)


def line(name):
    return next(text for text in DIGITS.splitlines() if text.startswith(f"{name} ="))


def test_the_shipped_suite():
    suite = load_suite("digits")
    assert (suite.level, suite.margin, suite.baseline.id) == ("quick", 1.0, "S")
    assert len(suite.seeds) >= 10  # fewer give no verdict
    assert {arm.id: arm.search for arm in suite.arms if arm.role in "SF"} == {
        "S": "lr", "F:glyphs": "penalty", "F:textures": "penalty",
    }  # fmt: skip


def test_json_round_trip():
    suite = load_suite("digits")
    assert Suite.from_json(json.loads(json.dumps(suite.to_json()))) == suite


def test_a_path_gives_the_same_suite_as_the_name(tmp_path):
    assert load_suite(edited(tmp_path, "margin", "margin")) == load_suite("digits")


def test_unknown_suite_names_the_nearest():
    with pytest.raises(UnknownName, match=r"suite 'digts'. Nearest: digits") as caught:
        load_suite("digts")
    assert caught.value.nearest == ["digits"]


def test_unknown_file_names_the_nearest(tmp_path):
    near = edited(tmp_path, "margin", "margin")
    with pytest.raises(UnknownName, match="suite file") as caught:
        load_suite(tmp_path / "mien.toml")
    assert caught.value.nearest == [str(near)]


def test_a_folder_is_not_a_suite(tmp_path):
    (tmp_path / "folder.toml").mkdir()
    assert "cannot be read" in refusal(tmp_path / "folder.toml")


def test_unknown_level(tmp_path):
    path = edited(tmp_path, "margin", "margin")
    assert "unknown level 'quik'. Nearest: quick." in refusal(path, UnknownName, level="quik")


@pytest.mark.parametrize("broken", ["margin = = 1", 'name = "no end', "\x00"])
def test_broken_toml(tmp_path, broken):
    assert "not valid TOML" in refusal(edited(tmp_path, line("margin"), broken))


def test_bytes_that_are_not_text(tmp_path):
    (tmp_path / "mine.toml").write_bytes(b"\xff\xfe")
    assert "not valid TOML" in refusal(tmp_path / "mine.toml")


@pytest.mark.parametrize("name", ["levels", "arms"])
def test_a_missing_section_is_named(tmp_path, name):
    section = {"levels": "[levels.quick]", "arms": "[[arms]]"}[name]
    said = refusal(edited(tmp_path, section, section.replace(name, "other"), count=-1))
    assert name in said
    assert "digits.toml" in said


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("margin = 1.0", "margn = 1.0", "no field 'margn'. Nearest: margin"),
        ('kind = "image', 'kinds = "image', "no field 'kinds'. Nearest: kind"),
        ('backbone = "pocket/resnet10"', 'backbon = "pocket/resnet10"', "no field 'backbon'. Nearest: backbone"),
        ("steps = ", "step = ", "no field 'step'. Nearest: steps"),
        ('version = "1"\n', "", "missing 1 required positional argument: 'version'"),
        ('version = "1"', "version = 1", "Suite.version must be"),
        ("schema = 1", "schema = 2", "schema must be 1"),
        ("classes = 10", "classes = 1", "task.classes must be 2 or more, received 1"),
    ],
)
def test_fields_that_are_unknown_missing_or_mistyped(tmp_path, old, new, said):
    assert said in refusal(edited(tmp_path, old, new))


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('role = "S"', 'role = "Z"', "arm 'S' has role 'Z'. Nearest: none. Known: S, P, F, C"),
        ('role = "P"', 'role = "p"', "Nearest: P."),
        ('role = "S"', 'role = "P"', "exactly one arm of role 'S'"),
        ('id = "P:glyphs"', 'id = "S"', "arm ids must be unique"),
        ('backbone = "pocket/resnet10"\n', "", "arm 'S' (role S) lacks backbone"),
        ('adaptation = "linear_probe"\n', "", "arm 'F:glyphs' (role F) lacks adaptation"),
    ],
)
def test_arms_that_cannot_be_compared(tmp_path, old, new, said):
    assert said in refusal(edited(tmp_path, old, new))


def test_two_scratch_arms(tmp_path):
    path = tmp_path / "two.toml"
    path.write_text(DIGITS + S_ARM.format(id="S2"))
    assert "exactly one arm of role 'S'" in refusal(path)


@pytest.mark.parametrize("margin", ["0", "0.0", "-1.0", "nan", "inf"])
def test_margin_must_be_positive(tmp_path, margin):
    assert "margin must be above 0 points" in refusal(edited(tmp_path, line("margin"), f"margin = {margin}"))


@pytest.mark.parametrize("value", [0, 1, 95])
def test_confidence_is_a_share(tmp_path, value):
    path = edited(tmp_path, line("margin"), f"margin = 1.0\nconfidence = {value}")
    assert "confidence must lie between 0 and 1" in refusal(path)


@pytest.mark.parametrize("name", ["budgets", "seeds", "tuning_seeds", "longer"])
@pytest.mark.parametrize("values", ["[]", "[-1]", "[3, 3]", "[1.5]"])
def test_lists_of_numbers(tmp_path, name, values):
    path = edited(tmp_path, line(name), f"{name} = {values}")
    if (name, values) == ("longer", "[]"):
        assert load_suite(path).longer == ()
    else:
        assert name in refusal(path)


@pytest.mark.parametrize(("name", "values"), [("budgets", "[0, 1]"), ("longer", "[1, 3]"), ("steps", "0")])
def test_numbers_that_are_too_small(tmp_path, name, values):
    assert f"{name} must be" in refusal(edited(tmp_path, line(name), f"{name} = {values}"))


def test_tuning_seeds_never_report(tmp_path):
    said = refusal(edited(tmp_path, line("tuning_seeds"), "tuning_seeds = [1000, 3]"))
    assert "overlap in [3]" in said


@pytest.mark.parametrize(
    ("grids", "said"),
    [
        ("{ lr = [1e-3, 1e-2] }", "grids lacks 'penalty'"),
        ("{ lr = [1e-3, 1e-2], penalties = [0.1, 1.0] }", "grids lacks 'penalty', which the arms search. Nearest: pen"),
        ("{ lr = [1e-3], penalty = [0.1, 1.0] }", "grids.lr must list 2 or more"),
        ("{ lr = 1e-3, penalty = [0.1, 1.0] }", "grids.lr must list 2 or more"),
        ("{ lr = [0.0, 1e-3], penalty = [0.1, 1.0] }", "grids.lr must list 2 or more numbers above 0"),
        ("{ lr = [1e-2, 1e-3], penalty = [0.1, 1.0] }", "grids.lr must ascend"),
        ("{ lr = [1e-3, 1e-3], penalty = [0.1, 1.0] }", "grids.lr must ascend"),
        ("{ lr = [1e-3, 1e-2], penalty = [0.1, 0.2, 0.3] }", "grids.penalty must ascend and be log-spaced"),
    ],
)
def test_grids(tmp_path, grids, said):
    assert said in refusal(edited(tmp_path, line("grids"), f"grids = {grids}"))


@pytest.mark.parametrize("grid", ["[1, 3, 10, 30]", "[1, 2, 5, 10]", "[0.25, 1.0]"])
def test_grids_that_count_as_log_spaced(tmp_path, grid):
    path = edited(tmp_path, line("grids"), f"grids = {{ lr = [1e-3, 1e-2], penalty = {grid} }}")
    assert load_suite(path).grids["penalty"] == json.loads(grid)


def test_training_lacks_a_setting(tmp_path):
    assert "training lacks 'batch_size'. Nearest: batchsize." in refusal(edited(tmp_path, "batch_size", "batchsize"))


def test_training_cannot_set_what_is_searched(tmp_path):
    assert "training cannot set lr" in refusal(edited(tmp_path, "head_lr = 2e-3", "head_lr = 2e-3\nlr = 1.0"))


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("batch_size", ["0", "-32", "32.0", "1.5"]),
        ("weight_decay", ["-0.1"]),
        ("label_smoothing", ["-0.1", "1", "1.0"]),
        ("warmup", ["-0.1", "1", "1.0"]),
        ("clip_norm", ["-1.0"]),
        ("head_lr", ["0", "0.0", "-1e-3"]),
        ("augmentation", ['""', "1", "true", "[]"]),
    ],
)
def test_training_settings_outside_their_range(tmp_path, name, values):
    anything = [] if name == "augmentation" else ['"x"', '"32"', "true", "nan", "inf", "-inf", "[1]", "1" + "0" * 400]
    for value in values + anything:
        said = refusal(edited(tmp_path, line(name), f"{name} = {value}"))
        assert f"training.{name} is " in said
        assert "Fix: " in said
        assert "such as" in said


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("batch_size", 1), ("weight_decay", 0), ("label_smoothing", 0.0), ("warmup", 0), ("warmup", 0.99)),
        *(("clip_norm", 0), ("head_lr", 1e-9), ("augmentation", "none")),
    ],
)
def test_training_settings_on_the_edge_of_their_range(tmp_path, name, value):
    assert load_suite(edited(tmp_path, line(name), f"{name} = {json.dumps(value)}")).training[name] == value


@pytest.mark.parametrize(("extra", "said"), [("ema = true", "training.ema is True"), ("stem_lr = 0", "above 0")])
def test_further_training_settings_are_numbers_too(tmp_path, extra, said):
    assert said in refusal(edited(tmp_path, line("head_lr"), f"head_lr = 2e-3\n{extra}"))
    assert load_suite(edited(tmp_path, line("head_lr"), "head_lr = 2e-3\nema = 0.9")).training["ema"] == 0.9


@pytest.mark.parametrize("name", ["seeds", "tuning_seeds"])
def test_seeds_that_no_generator_takes(tmp_path, name):
    assert f"{name} must lie below 2**32" in refusal(edited(tmp_path, line(name), f"{name} = [55, {2**32}]"))
    assert name in refusal(edited(tmp_path, line(name), f"{name} = [true]"))
    path = edited(tmp_path, line(name), f"{name} = [55, {2**32 - 1}]")
    assert getattr(load_suite(path), name) == (55, 2**32 - 1)


@pytest.mark.parametrize("seed", ["1.5", "4294967296", "-1", "true"])
def test_split_seed(tmp_path, seed):
    assert "split" in refusal(edited(tmp_path, "\nseed = 0", f"\nseed = {seed}"))


@pytest.mark.parametrize("split", ["tests = 797", "test = 0", "test = -5", "test = true", 'test = "797"'])
def test_split(tmp_path, split):
    assert "split" in refusal(edited(tmp_path, "test = 797", split))
