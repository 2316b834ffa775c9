from zoo.benchmarking.report.parts import LONG, bullets, code, definition_list, html_table, quiet, section
from zoo.benchmarking.report.text import Table


def test_text_is_escaped():
    table = Table("a < b", ("Arm", "Verdict"), (("1 & 2", (("<b>", "helps"),)),))
    html = html_table(table) + definition_list([("<i>", "&")]) + quiet(["1 < 2"]) + section("A <b>")
    assert "<b>" not in html
    assert "<i>" not in html
    assert "&lt;b&gt;" in html


def test_a_verdict_has_colour_sign_and_word():
    html = html_table(Table("t", ("Arm", "Verdict"), (("g", (("a", "hurts"),)),)))
    assert '<span class="verdict down"><span aria-hidden="true">\N{BLACK DOWN-POINTING TRIANGLE}</span> hurts' in html


def test_long_tables_scroll_and_empty_groups_say_so():
    rows = tuple((str(number), "x") for number in range(LONG + 1))
    assert 'class="scroll tall"' in html_table(Table("t", ("a", "b"), (("g", rows),)))
    assert "no rows" in html_table(Table("t", ("a", "b"), (("g", ()),)))


def test_lists_and_code():
    assert bullets([]) == ""
    assert bullets(["<b>x</b>"]) == "<ul>\n<li><b>x</b></li>\n</ul>"
    assert code("run `zoo`") == "run <code>zoo</code>"
