import pytest
from synthetic import digits, digits_rows

from zoo.benchmarking.report.figures import png, svg
from zoo.benchmarking.report.html import render_html
from zoo.benchmarking.report.markdown import render_markdown
from zoo.benchmarking.report.plots import PLOTS
from zoo.benchmarking.summary import summarise

SUITE = digits()


@pytest.fixture(scope="module")
def summary():
    return summarise(SUITE, digits_rows(SUITE))


def test_every_plot_has_a_place_in_all_forms_of_the_report(summary):
    html, markdown = render_html(SUITE, summary), render_markdown(SUITE, summary)
    for name, plot in PLOTS.items():
        assert markdown.count(f"![{plot.alt}]({name})") == 1
        assert html.count(f"<figcaption>{plot.caption}</figcaption>") == 1


@pytest.mark.parametrize("name", PLOTS)
def test_every_plot_has_an_id_of_its_own_and_an_empty_form(name):
    empty = summarise(SUITE, [])
    drawn = [plot.draw(empty).get_gid() for plot in PLOTS.values()]
    assert len(set(drawn)) == len(PLOTS)
    figure = PLOTS[name].draw(empty)
    assert svg(figure).count("<svg") == 1
    assert png(figure).startswith(b"\x89PNG")
