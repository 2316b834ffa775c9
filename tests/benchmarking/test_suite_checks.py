"""What a suite must say to be run: every refusal says what was received and the fix."""

from __future__ import annotations

import json

import pytest
from suite_files import DIGITS, S_ARM, edited, line, refusal

from zoo.benchmarking.suite import load_suite


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('role = "S"', 'role = "Z"', "arm 'S' has role 'Z'. Nearest: none. Known: S, P, F, M, C"),
        ('role = "P"', 'role = "p"', "Nearest: P."),
        ('role = "S"', 'role = "P"', "needs an arm of role 'S'"),
        ('id = "P:glyphs"', 'id = "S"', "arm ids must be unique"),
        ('backbone = "pocket/resnet10"\n', "", "arm 'S' (role S) lacks backbone"),
        ('adaptation = "linear_probe"\n', "", "arm 'F:glyphs' (role F) lacks adaptation"),
    ],
)
def test_arms_that_cannot_be_compared(tmp_path, old, new, said):
    assert said in refusal(edited(tmp_path, old, new))


def two_scratch_arms(tmp_path, baseline="S2", **more):
    """A suite with a second scratch arm; every pre-trained arm names `baseline`, unless `more` says otherwise."""
    text = DIGITS
    for name in ("P:glyphs", "F:glyphs", "P:textures", "F:textures"):
        said = more.get(name, baseline)
        text = text.replace(f'id = "{name}"', f'id = "{name}"' + (f'\nbaseline = "{said}"' if said else ""))
    path = tmp_path / "two.toml"
    path.write_text(text + S_ARM.format(id="S2"))
    return path


def test_each_arm_has_its_own_scratch_arm(tmp_path):
    suite = load_suite(two_scratch_arms(tmp_path, **{"P:glyphs": "S"}))
    found = {arm.id: [scratch.id for scratch in suite.baselines(arm)] for arm in suite.arms}
    assert found == {
        "S": [], "S2": [], "P:glyphs": ["S"], "F:glyphs": ["S2"], "P:textures": ["S2"], "F:textures": ["S2"],
        "C": ["S", "S2"],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("baseline", "said"),
    [
        (
            "",
            "arm 'P:glyphs' must name its baseline, because the suite has 2 from-scratch arms. Fix: baseline = one of",
        ),
        ("S3", "names baseline 'S3', which is no from-scratch arm. Nearest: S. Known: S, S2."),
        ("C", "names baseline 'C', which is no from-scratch arm"),
    ],
)
def test_a_baseline_must_be_a_scratch_arm(tmp_path, baseline, said):
    assert said in refusal(two_scratch_arms(tmp_path, **{"P:glyphs": baseline}))


def test_a_scratch_arm_has_no_baseline(tmp_path):
    assert "has no baseline" in refusal(edited(tmp_path, 'id = "S"', 'id = "S"\nbaseline = "S"'))


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


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            '"image_classification"',
            '"image_multi_label"',
            "task.kind is 'image_multi_label', and verdicts are made from",
        ),
        ('"image_classification"', '"text_regression"', "`zoo finetune` does the others"),
        ("classes = 10", 'classes = 10\nmetric = "balanced_accuracy"', "made from the share of right answers"),
        ("validation = 300\n", "", "split must say validation, and test unless the data give that part"),
        ('id = "C"\nrole = "C"', 'id = "C"\nrole = "R"', "lacks backbone and adaptation"),
    ],
)
def test_what_no_verdict_can_be_made_from(tmp_path, old, new, said):
    assert said in refusal(edited(tmp_path, old, new))


def test_data_that_give_their_test_part_need_no_size_of_it(tmp_path):
    assert load_suite(edited(tmp_path, "test = 797\n", "")).split == {"validation": 300, "seed": 0}


def test_a_reference_is_compared_with_every_scratch_arm(tmp_path):
    path = two_scratch_arms(tmp_path)
    path.write_text(path.read_text() + S_ARM.format(id="R").replace('role = "S"', 'role = "R"'))
    assert "hides that its network is another one" in refusal(path)
    path.write_text(path.read_text().replace('id = "R"', 'id = "R"\nlevels = ["full"]'))
    assert load_suite(path).arms[-1].id != "R"
    text = path.read_text().replace('id = "R"\nlevels = ["full"]\n', 'id = "R"\n')
    head, last = text.rsplit('label = "again"', 1)
    path.write_text(head + 'label = "again, another architecture"' + last)
    suite = load_suite(path)
    assert [one.id for one in suite.baselines(suite.arms[-1])] == ["S", "S2"]
