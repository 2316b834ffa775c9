"""The page of a collection: every cell with colour, sign and word; alone; and accessible in a real browser."""

import re

import pytest
from browser import CHROMIUM, chromium
from test_collection_summary import part_of
from together import collection, stored

from zoo.benchmarking.collection import Member
from zoo.benchmarking.collection_store import write_problems
from zoo.benchmarking.collection_summary import summarise_collection, view_collection
from zoo.benchmarking.report.collection_html import render_collection_html
from zoo.benchmarking.report.text import signed


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """With a member that lost cells and one that did not run."""
    folder = tmp_path_factory.mktemp("page")
    made = collection(Member("words", "speech", "<words>"))
    stored(folder, made, without=("words",), lost=3)
    write_problems(folder, {"words": "the package <soundfile> is missing"})
    file = folder / "report.html"
    file.write_text(render_collection_html(view_collection(folder), ["digits", "letters"]), encoding="utf-8")
    return file


def test_every_cell_is_on_the_page():
    view = summarise_collection(collection(), [part_of("digits"), part_of("letters")])
    html = render_collection_html(view)
    cells = re.findall(
        r'<span class="gap ([a-z ]+)"><span aria-hidden="true">(.)</span> <strong>(.*?)</strong> (.*?)<', html
    )
    assert len(cells) == len(view.summary.gaps)
    for gap in view.summary.gaps:
        assert any(number == signed(gap.difference) and word == gap.verdict for _, _, number, word in cells)
    hurting = [cell for cell in cells if cell[3] == "hurts"]
    assert hurting
    assert {(look, sign) for look, sign, _, _ in hurting} == {("down hurts", "\N{BLACK DOWN-POINTING TRIANGLE}")}
    assert "2 of 8 pre-trained cells hurt" in html
    assert "report.html" not in html  # no page lies beside it


def test_lost_cells_and_problems_are_plain(page):
    html = page.read_text(encoding="utf-8")
    assert '<span class="gap lost">' in html
    assert "<small>3 missing</small>" in html
    assert "<strong>Did not run</strong>: the package &lt;soundfile&gt; is missing" in html
    assert "<words>" not in html
    assert "incomplete: letters (3 missing)" in html
    assert 'href="digits/report.html"' in html
    assert not re.search(r"""(src|href)=["']?(https?:)?//""", html)
    ids = re.findall(r'\bid="([^"]+)"', html)
    assert len(ids) == len(set(ids))


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine: install chromium to run these")
def test_the_page_is_accessible_quiet_and_alone(page):
    pytest.importorskip("axe_core_python", reason="axe-core-python is not installed: pip install 'transfer-zoo[dev]'")
    opened = page.with_name("opened.html")  # what is folded is looked at too
    opened.write_text(page.read_text(encoding="utf-8").replace("<details>", "<details open>"), encoding="utf-8")
    with chromium() as browser:
        for width, dark in ((1100, False), (390, True)):
            seen = browser.visit(opened, width, dark)
            assert seen.violations == []
            assert seen.errors == []
            assert seen.requests == [opened.as_uri()]
            assert seen.width <= width
