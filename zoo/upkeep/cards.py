"""`python -m zoo.upkeep.cards [--check]`: model cards and the pages of benchmarks/, written from stored rows.

With `--check` nothing is written, and the exit code is 1 when a file would change.
"""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path

from zoo.benchmarking.collection_store import read_collection
from zoo.benchmarking.collection_summary import view_collection
from zoo.benchmarking.report import render_markdown
from zoo.benchmarking.report.collection_markdown import render_collection_markdown
from zoo.benchmarking.store import read_rows, read_suite
from zoo.benchmarking.summary import summarise
from zoo.catalog.query import find
from zoo.conformance.rows import read
from zoo.conformance.table import render
from zoo.hub.card import render_card

ROOT = Path(__file__).resolve().parents[2]
COLLECTIONS = (  # folders of packed stores, the widest first
    "benchmarks/results/pocket-default",
    "benchmarks/results/pocket-quick",
)
RESULTS = ("benchmarks/results/espeak_words-quick.jsonl",)  # packed stores of suites that ran alone
CONFORMANCE = "benchmarks/conformance/rows.jsonl"

INTRODUCTION = """# Benchmarks

`suites/` holds the suites, fixed before the runs below; `results/` their rows, one JSON object a line, and a page for
each run. All pages and the model cards are made from these rows by `make generate`. To run one yourself: `zoo bench
pocket --quick` or `zoo bench digits`; to print stored rows, with plots: `zoo report benchmarks/results/pocket-quick
--out runs/report`, or of one suite `zoo report benchmarks/results/pocket-quick/digits.jsonl`.

"""


def generated(root: Path = ROOT) -> dict[Path, str]:
    """Every generated page, by its path."""
    evidence, sections, pages = {}, [], {}
    for store in COLLECTIONS:
        page = _without_plots(render_collection_markdown(view_collection(root / store)))
        pages[root / store / "README.md"] = page
        sections.append(_opening(page) + f"[All of it](results/{Path(store).name}/README.md)\n")
        for entry in read_collection(root / store)[1]:
            if entry.store:
                suite = read_suite(entry.store)
                evidence[suite.name, suite.level] = suite, read_rows(entry.store)
    for store in RESULTS:
        suite, rows = read_suite(root / store), read_rows(root / store)
        page = _without_plots(render_markdown(suite, summarise(suite, rows)))
        pages[(root / store).with_suffix(".md")] = page
        sections.append(_opening(page) + f"[All of it](results/{Path(store).stem}.md)\n")
        evidence[suite.name, suite.level] = suite, rows
    pages[root / "benchmarks" / "README.md"] = INTRODUCTION + "\n".join(sections)
    pages[(root / CONFORMANCE).with_name("README.md")] = render(read(root / CONFORMANCE))
    for spec in find(provider="pocket", pretrained=True):
        own = [found for found in evidence.values() if any(arm.backbone == spec.name for arm in found[0].arms)]
        if not own:
            continue  # a card without figures would say nothing
        recipe = tomllib.loads((root / "zoo" / "recipes" / f"{spec.recipe}.toml").read_text(encoding="utf-8"))
        pages[root / "model_cards" / "pocket" / f"{spec.arch}.{spec.tag}.md"] = render_card(spec, recipe, own)
    return pages


def _without_plots(page: str) -> str:
    """The same text without the lines of plots, which stay with the report."""
    return "\n".join(line for line in page.splitlines() if not line.startswith("![")).rstrip() + "\n"


def _opening(page: str) -> str:
    """What a page begins with, up to the end of its short answer; headings one level lower, to stand under a title."""
    opening = "\n## ".join(page.split("\n## ")[:2])
    return "\n".join(f"#{line}" if line.startswith("#") else line for line in opening.splitlines()).rstrip() + "\n\n"


def main(arguments: list[str]) -> int:
    """Write all pages, or only compare them."""
    stale = []
    for path, text in generated().items():
        if path.is_file() and path.read_text(encoding="utf-8") == text:
            continue
        stale.append(str(path.relative_to(ROOT)))
        if "--check" not in arguments:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    if "--check" in arguments and stale:
        print(f"stale: {', '.join(stale)}. Fix: make generate", file=sys.stderr)
        return 1
    print("\n".join(f"wrote {name}" for name in stale) or "cards and benchmarks/README.md are up to date")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
