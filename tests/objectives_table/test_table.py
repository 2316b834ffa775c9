import doctest

import numpy as np
import pytest
from hand_scripts import FOLDER, hand_script
from scipy import stats

from zoo.objectives import OBJECTIVES

table, measure = hand_script("table"), hand_script("measure")


def test_interval_is_that_of_a_paired_t_test():
    rng = np.random.default_rng(0)
    ours, theirs = rng.normal(90, 2, 5), rng.normal(85, 2, 5)
    mean, low, high = table.paired(ours.tolist(), theirs.tolist())
    expected = stats.ttest_rel(ours, theirs).confidence_interval(0.95)
    assert (low, high) == pytest.approx((expected.low, expected.high))
    assert mean == pytest.approx(ours.mean() - theirs.mean())


@pytest.mark.parametrize(("ours", "theirs"), [([1.0], [1.0]), ([1.0, 2.0], [1.0])])
def test_what_cannot_be_paired_is_refused(ours, theirs):
    with pytest.raises(ValueError, match="two runs or more"):
        table.paired(ours, theirs)


def row(before, after, control):
    runs = [
        {"before": a, "after": b, "control": c, "after_loss": [2.0, 1.0], "control_loss": [2.0, 1.9]}
        for a, b, c in zip(before, after, control, strict=True)
    ]
    return {"objective": "mae", "modality": "vision", "network": "vit", "steps": 1, "batch_size": 2, "lr": 0.1,
            "options": {}, "labels": 5, "runs": runs}  # fmt: skip


@pytest.mark.parametrize(
    ("after", "control", "said"),
    [
        ([60, 61, 62], [50, 50, 53], "helps"),
        ([60, 61, 62], [60, 62, 61], "does not help at this size: its control does as much"),
        ([40, 41, 42], [40, 42, 41], "does not help at this size: worse than before"),
        ([50, 52, 51], [30, 31, 32], "does not help at this size: no gain over the start is shown"),
    ],
)
def test_verdict_needs_both_differences(after, control, said):
    made = row([50, 51, 52], after, control)
    assert table.judged(made) == said
    assert table.line(made).endswith(f"| {said} |")
    assert "2.00 to 1.00 | 2.00 to 1.90 |" in table.details(made)


def test_every_objective_is_on_the_page_or_said_not_to_be():
    assert set(table.ORDER) == set(table.WRONG) == set(measure.CASES) == set(OBJECTIVES.builtins)
    assert set(table.OTHERS) == set(measure.OTHERS)
    rows = table.stored()
    told, have = table.missing(rows, []), {one["objective"]: len(one["runs"]) for one in rows}
    for name in table.ORDER:
        assert (f"`{name}`" in told) == (have.get(name, 0) < table.SEEDS)
    three = row([1, 2, 5], [3, 4, 6], [1, 2, 2])
    assert table.missing([three], []).startswith("- Not run at all: `supervised`, `simclr`")
    assert table.missing([], [three]).endswith("- 5 seeds: `mae` on vit have fewer.")


def test_one_seed_gives_no_verdict():
    one = row([50], [60], [51])
    assert table.line(one) == "| vision | `mae` | vit | 1 | 50.0 | 60.0 | 51.0 | +10.0 | +9.0 | one seed: no verdict |"


@pytest.mark.parametrize("name", [*table.ORDER, *table.OTHERS])
def test_stored_runs_are_those_of_the_cases(name):
    case = (measure.CASES | measure.OTHERS)[name]
    for one in table.stored((name,)):
        kept = (one["network"], one["steps"], one["labels"], one["lr"], one["batch_size"], one["options"])
        assert kept == (case.network, case.steps, case.labels, case.lr, case.batch_size, case.options)
        assert [run["seed"] for run in one["runs"]] == list(range(len(one["runs"])))
        assert one["objective"] == name.partition("-")[0]


def test_page_is_fresh_and_examples_hold():
    assert (FOLDER / "README.md").read_text(encoding="utf-8") == table.page(table.stored(), table.stored(table.OTHERS))
    assert doctest.testmod(table).failed == 0
