"""The plot of label efficiency: its marks and bars are the summary's; its SVG is themed, named and deterministic."""

from __future__ import annotations

import dataclasses
from xml.etree import ElementTree

import pytest
from synthetic import digits, digits_rows

from zoo.benchmarking.report.figures import INK, PAPER, png, svg
from zoo.benchmarking.report.figures_efficiency import CROWD, efficiency_figure
from zoo.benchmarking.summary import summarise


@pytest.fixture(scope="module")
def summary():
    return summarise(digits(), digits_rows())


def test_marks_and_bars_are_those_of_the_summary(summary):
    lines = [line for line in efficiency_figure(summary).axes[0].lines if line.get_transform().contains_branch]
    marks = sorted(line.get_ydata()[0] for line in lines if len(line.get_ydata()) == 1)
    bars = sorted(tuple(line.get_ydata()) for line in lines if len(line.get_ydata()) == 2)
    chance = (summary.chance, summary.chance)
    assert marks == pytest.approx(sorted(score.mean for score in summary.arms))
    assert [bar for bar in bars if bar != chance] == sorted((score.low, score.high) for score in summary.arms)


def test_svg_is_themed_named_and_deterministic(summary):
    text = svg(efficiency_figure(summary))
    root = ElementTree.fromstring(text)
    assert "currentColor" in text
    assert INK not in text
    assert PAPER not in text
    assert root.get("id") == "zoo-efficiency"
    assert "glyphs, fine-tuned, 10 labels a class" in (root[1].text or "")
    assert text == svg(efficiency_figure(summary))
    assert png(efficiency_figure(summary)) == png(efficiency_figure(summary))


@pytest.mark.parametrize("budgets", [(1,), (1, 10)])
def test_no_data_and_one_budget_still_draw(budgets):
    suite = dataclasses.replace(digits(), budgets=budgets)
    assert "no data" in svg(efficiency_figure(summarise(suite, [])))
    rows = [row for row in digits_rows() if row.run.budget in budgets]
    assert svg(efficiency_figure(summarise(suite, rows))).count("<svg") == 1


def test_every_panel_of_many_arms_holds_the_scratch_arm_that_its_arms_are_compared_with():
    suite = digits()
    named = {arm.id: arm for arm in suite.arms}
    owners = {"a.x": "S:a", "a.y": "S:a", "b.z": "S:b"}
    arms = [dataclasses.replace(named["S"], id=own, label=own) for own in ("S:a", "S:b")]
    arms += [
        dataclasses.replace(named[f"{role}:glyphs"], id=f"{role}:{name}", label=f"{role}:{name}", baseline=own)
        for name, own in owners.items()
        for role in "PF"
    ]
    suite = dataclasses.replace(suite, arms=(*arms, named["C"]))
    assert len(suite.arms) + 2 > CROWD  # two for converged scratch
    row = {(r.run.arm, r.run.budget, r.run.seed): r for r in digits_rows() if r.run.recipe["schedule"] == 1}
    rows = []
    for arm in suite.arms:
        like = "S" if arm.role == "S" else "C" if arm.role == "C" else f"{arm.role}:glyphs"
        for budget in suite.budgets:
            for seed in suite.seeds:
                run = dataclasses.replace(row[like, budget, seed].run, arm=arm.id)
                rows.append(dataclasses.replace(row[like, budget, seed], run=run))
    panels = efficiency_figure(summarise(suite, rows)).axes
    shown = [{text.get_text().removesuffix(", converged") for text in axes.get_legend().get_texts()} for axes in panels]
    assert len(shown) == len(owners)
    assert all({own, f"P:{name}", f"F:{name}", named["C"].label} in shown for name, own in owners.items())
