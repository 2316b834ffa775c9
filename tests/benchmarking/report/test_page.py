"""A large page in a real browser: accessible, quiet, sends for nothing; and every check can fail."""

from __future__ import annotations

import pytest
from browser import CHROMIUM, chromium
from large import large, large_rows
from synthetic import digits, digits_rows

from zoo.benchmarking.report import render_html
from zoo.benchmarking.summary import summarise

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine: install chromium to run these")
pytest.importorskip("axe_core_python", reason="axe-core-python is not installed: pip install 'transfer-zoo[dev]'")


@pytest.fixture(scope="module")
def html() -> str:
    rows = large_rows()
    assert len(rows) >= 500
    return render_html(large(), summarise(large(), rows))


@pytest.fixture(scope="module")
def page(html, tmp_path_factory):
    file = tmp_path_factory.mktemp("page") / "report.html"
    file.write_text(html, encoding="utf-8")
    return file


@pytest.fixture(scope="module")
def browser():
    with chromium() as opened:
        yield opened


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """A page with every part of a large one: its long tables scroll in boxes."""
    file = tmp_path_factory.mktemp("page") / "report.html"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("zoo.benchmarking.report.parts.LONG", 12)
        file.write_text(render_html(digits(), summarise(digits(), digits_rows())), encoding="utf-8")
    assert 'class="scroll tall"' in file.read_text(encoding="utf-8")
    return file


LOOKS = [(1100, False), (1100, True), (390, False), (390, True)]
"""Width in pixels, and whether the theme is dark."""


@pytest.mark.parametrize(("width", "dark"), LOOKS)
def test_a_page_is_accessible_quiet_and_alone(browser, small, width, dark):
    check(browser, small, width, dark)


@pytest.mark.parametrize("width", [1100, 390])
def test_a_large_page_is_quiet_and_alone(browser, page, width):
    check(browser, page, width, dark=False, axe=False)


@pytest.mark.slow  # axe takes about ten seconds for each
@pytest.mark.parametrize(("width", "dark"), LOOKS)
def test_a_large_page_is_accessible(browser, page, width, dark):
    check(browser, page, width, dark)


def check(browser, page, width, dark, axe=True):
    seen = browser.visit(page, width, dark, axe)
    assert seen.violations == []
    assert seen.errors == []
    assert seen.requests == [page.as_uri()]
    assert seen.width <= width  # nothing makes the page itself scroll sideways


def test_a_large_page_stays_small(html):
    assert len(html.encode()) < 3_000_000


@pytest.mark.parametrize(
    ("wrong", "caught"),
    [
        ('<img src="data:image/gif;base64,R0lGODlhAQABAAAAACw=">', "violations"),
        ('<p style="color: #aaa; background: #fff">pale</p>', "violations"),
        ('<script>console.error("wrong")</script>', "errors"),
        ("<script>throw new Error('wrong')</script>", "errors"),
        ('<img src="http://127.0.0.1:9/image.png" alt="far away">', "requests"),
        ('<div style="width: 2000px">wide</div>', "width"),
    ],
)
def test_each_check_can_fail(browser, tmp_path, wrong, caught):
    file = tmp_path / "wrong.html"
    head = '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>x</title></head>'
    for text, clean in ((f"{head}<body><main><h1>x</h1></main></body></html>", True),
                        (f"{head}<body><main><h1>x</h1>{wrong}</main></body></html>", False)):  # fmt: skip
        file.write_text(text, encoding="utf-8")
        seen = browser.visit(file)
        well = {
            "violations": seen.violations == [],
            "errors": seen.errors == [],
            "requests": seen.requests == [file.as_uri()],
            "width": seen.width <= 1100,
        }
        assert well[caught] == clean
        assert all(well.values()) == clean
