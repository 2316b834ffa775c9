"""The table: rates of families by hand, and every reason."""

from zoo.conformance.rows import Conformance
from zoo.conformance.table import render

ROWS = [
    Conformance("timm/a1", "timm", "a", "vision", "conforms", padding="fixed"),
    Conformance("timm/a2", "timm", "a", "vision", "fails", padding="fixed",
                checks={"batching": {"state": "fails", "detail": "largest | error", "value": 1.0}}),
    Conformance("timm/a3", "timm", "a", "vision", "not checked", "900 M parameters", through="timm/a1"),
    Conformance("x/b", "x", "b", "text", "refused", "needs a\nlibrary"),
]  # fmt: skip


def test_rates_and_reasons():
    text = render(ROWS)
    assert "| vision | timm | a | 1 | 50 % of 2 | fixed | 0 |" in text
    assert "| text | x | b | 0 | - |  | 0 |" in text
    assert "| timm/a2 | fails | batching: largest \\| error |" in text
    assert "| timm/a3 | not checked | 900 M parameters Checked through timm/a1. |" in text
    assert "| x/b | refused | needs a library |" in text
    assert "- **conforms** (every check holds): 1" in text


def test_nothing_to_complain():
    assert render(ROWS[:1]).rstrip().endswith("Nothing.")
