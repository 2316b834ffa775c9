import doctest

import numpy as np
import pytest
from scipy import stats
from scripts import FOLDER, script

compare = script("compare")


def test_interval_is_that_of_a_paired_t_test():
    rng = np.random.default_rng(0)
    ours, theirs = rng.normal(90, 2, 11), rng.normal(89, 2, 11)
    found = compare.paired(ours.tolist(), theirs.tolist())
    expected = stats.ttest_rel(ours, theirs).confidence_interval(0.95)
    assert (found["low"], found["high"]) == pytest.approx((expected.low, expected.high), abs=0.006)
    assert found["difference"] == pytest.approx(ours.mean() - theirs.mean(), abs=0.006)
    assert found["seeds"] == 11


@pytest.mark.parametrize(
    ("differences", "said"),
    [
        ([1, -1, 0.5, -0.5], "the same within the margin"),
        ([1, 1.1, 0.9, 1.0], "the same within the margin, yet not zero"),
        ([9, -9, 5, -5], "no difference seen, interval wider than the margin"),
        ([5, 5.1, 4.9, 5], "zoo is better"),
        ([-5, -5.1, -4.9, -5], "zoo is worse"),
    ],
)
def test_verdict(differences, said):
    theirs = [80.0] * len(differences)
    ours = [80 + each for each in differences]
    assert compare.verdict(compare.paired(ours, theirs)) == said


@pytest.mark.parametrize(("ours", "theirs"), [([1.0], [1.0]), ([1.0, 2.0], [1.0])])
def test_what_cannot_be_paired_is_refused(ours, theirs):
    with pytest.raises(ValueError, match="two runs or more"):
        compare.paired(ours, theirs)


def test_stored_comparisons_follow_from_the_stored_runs():
    for one in compare.stored():
        for peer, found in one["comparisons"].items():
            assert found == compare.paired(one["accuracy"]["zoo"], one["accuracy"][peer], one["margin"]), peer
            assert found["seeds"] >= 10


def test_peers_are_compared_where_there_are_several():
    one = {"comparisons": {"a": {}, "b": {}}, "accuracy": {"zoo": [1, 2], "a": [5, 7], "b": [4, 5]}, "margin": 2.0}
    (line,) = compare.between_peers(one)
    assert line.startswith("- without zoo, a minus b: +1.50 points (−4.85 to +7.85)")
    assert compare.between_peers({"comparisons": {"a": {}}}) == []


def test_page_is_fresh_and_examples_hold():
    assert (FOLDER / "README.md").read_text(encoding="utf-8") == compare.page(compare.stored())
    assert doctest.testmod(compare).failed == 0
