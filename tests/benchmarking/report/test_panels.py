import dataclasses
import sys

import pytest
from large import large
from synthetic import digits

from zoo.benchmarking.report.panels import STACKED, below, columns_of, panelled, sources_of, style
from zoo.benchmarking.summary import summarise
from zoo.errors import MissingDependency


def empty(budgets):
    return summarise(dataclasses.replace(digits(), budgets=budgets), [])


def test_few_budgets_are_stacked_and_many_stand_side_by_side():
    for budgets in ((1,), (1, 10), (1, 2, 5, 10), large().budgets):
        summary = empty(budgets)
        figure, panels = panelled(summary, 1.0, "zoo-test", "Title", "")
        columns = columns_of(summary)
        assert (columns == 1) == (len(budgets) <= STACKED)
        assert len(panels) == len(figure.axes) == len(budgets)
        assert [axes.get_title(loc="left").split()[0] for axes in panels] == [str(budget) for budget in budgets]
        named = [axes for axes in panels if axes.yaxis.get_tick_params()["labelleft"]]
        assert named == panels[::columns]
        below(figure, panels, "the name of the axis")
        words = [axes.get_xlabel() for axes in panels] + [figure.get_supxlabel()]
        assert words.count("the name of the axis") == 1
        assert figure.get_label() == "Title\nno data"


def test_without_matplotlib_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(MissingDependency, match=r"transfer-zoo\[report\]"):
        style()


def test_scratch_goes_with_the_only_source_that_it_is_compared_with():
    suite = digits()
    named = {arm.id: arm for arm in suite.arms}
    arms = [dataclasses.replace(named["S"], id=f"S:{name}") for name in ("a", "b")]
    owners = {"a.x": "S:a", "a.y": "S:a", "b.z": "S:b"}
    arms += [dataclasses.replace(named["P:glyphs"], id=f"P:{name}", baseline=own) for name, own in owners.items()]
    found = sources_of(summarise(dataclasses.replace(suite, arms=(*arms, named["C"])), []))
    assert found == {"S:a": "", "S:b": "b.z", "P:a.x": "a.x", "P:a.y": "a.y", "P:b.z": "b.z", "C": ""}
