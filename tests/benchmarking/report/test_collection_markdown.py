from test_collection_summary import part_of
from together import collection

from zoo.benchmarking.collection_summary import Part, summarise_collection
from zoo.benchmarking.report.collection_markdown import render_collection_markdown


def test_the_parts_of_the_page_in_markdown():
    view = summarise_collection(collection(), [part_of("digits"), Part(collection().members[1], problem="no | pipe")])
    text = render_collection_markdown(view, ["digits"])
    for heading in (
        "The short answer",
        "The gap in vision",
        "Suite average",
        "Cost and reuse",
        "Task: digits",
        "Suites",
    ):
        assert f"\n## {heading}\n" in text
    assert "| glyphs, fine-tuned | ▲ +29.2 helps (+26.4 to +31.9) | ✕ did not run |" in text
    assert "**Did not run**: no \\| pipe" in text
    assert "(digits/report.md)" in text
    assert "(letters/report.md)" not in text
    assert "**Leakage**: clean" in text
    assert "classical baseline" in text
