import re

from synthetic import digits, digits_rows

from zoo.benchmarking.report.html import render_html
from zoo.benchmarking.summary import summarise

SUITE = digits()


def test_one_document_with_every_label_and_number():
    summary = summarise(SUITE, digits_rows(SUITE))
    html = render_html(SUITE, summary)
    assert html.lower().startswith("<!doctype html>")
    for arm in SUITE.arms:
        assert arm.label in html
    for comparison in summary.comparisons:
        assert f"{abs(comparison.difference):.1f}" in html
    assert not re.search(r"""(src|href)=["']?(https?:)?//""", html)


def test_size_of_a_page():
    html = render_html(SUITE, summarise(SUITE, digits_rows(SUITE)))
    assert len(html.encode()) < 300_000
