from synthetic import digits, digits_rows

from zoo.benchmarking.report.markdown import render_markdown
from zoo.benchmarking.summary import summarise

SUITE = digits()


def test_headings_tables_and_plots():
    text = render_markdown(SUITE, summarise(SUITE, digits_rows(SUITE)))
    lines = text.splitlines()
    assert lines[0] == f"# {SUITE.title}"
    assert any(line.startswith("![") and "differences.png" in line for line in lines)
    widths = [line.count("|") for line in lines if line.startswith("|")]
    assert widths
    assert min(widths) > 2
    assert text.endswith("\n")


def test_numbers_are_those_of_the_summary():
    summary = summarise(SUITE, digits_rows(SUITE))
    text = render_markdown(SUITE, summary)
    for score in summary.arms:
        assert f"| {score.mean:.1f} |" in text
