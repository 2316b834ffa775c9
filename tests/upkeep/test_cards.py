import dataclasses

import pytest
from together import collection, stored

from zoo.benchmarking.collection import Member
from zoo.benchmarking.collection_store import pack_collection
from zoo.catalog.query import find
from zoo.upkeep import cards


@pytest.fixture(scope="module")
def made():
    return cards.generated()


def test_pages_are_fresh(made):
    for path, text in made.items():
        assert path.read_text(encoding="utf-8") == text, f"{path.name} is stale: make generate"


def test_every_shipped_checkpoint_has_a_card(made):
    names = {path.name for path in made if path.parent.name == "pocket"}
    assert names == {f"{spec.name.partition('/')[2]}.md" for spec in find(provider="pocket", pretrained=True)}


def test_every_run_has_a_page_and_opens_it_in_the_readme(made):
    pages = {str(path.relative_to(cards.ROOT)): text for path, text in made.items()}
    alone = [store.replace(".jsonl", ".md") for store in cards.RESULTS]
    for name in [f"{store}/README.md" for store in cards.COLLECTIONS] + alone:
        page = pages[name]
        title, answer = page.splitlines()[0], page.partition("## The short answer")[2].split("\n## ")[0]
        assert f"#{title}" in pages["benchmarks/README.md"]
        assert answer.strip() in pages["benchmarks/README.md"]
        assert f"({name.removeprefix('benchmarks/')})" in pages["benchmarks/README.md"]
        assert "## Search" in page or "## Task: digits" in page


def test_figures_come_from_the_rows(made, monkeypatch):
    """Other rows give other cards: here every test answer of the glyph arm is made wrong."""
    original = cards.read_rows

    def spoiled(store):
        for row in original(store):
            if row.run.arm == "P:glyphs" and row.run.phase == "final":
                items = len(row.result["correct"])
                row = dataclasses.replace(row, result={**row.result, "correct": "0" * items, "score": 0.0})
            yield row

    monkeypatch.setattr(cards, "read_rows", lambda store: list(spoiled(store)))
    after = cards.generated()
    changed = {path.name for path in made if made[path] != after[path]}
    assert changed == {"resnet10.glyphs.md"}
    glyphs = next(text for path, text in after.items() if path.name == "resnet10.glyphs.md")
    assert "| 1 | glyphs, fine-tuned | 0.0 |" in glyphs
    assert "hurts" in glyphs


def test_check_reports_stale_pages_and_writes_nothing(tmp_path, monkeypatch, capsys):
    page = cards.ROOT / "benchmarks" / "README.md"
    before = page.read_text(encoding="utf-8")
    monkeypatch.setattr(cards, "generated", lambda: {page: before + "x"})
    assert cards.main(["--check"]) == 1
    assert "stale: benchmarks/README.md. Fix: make generate" in capsys.readouterr().err
    assert page.read_text(encoding="utf-8") == before


def test_a_stored_collection_gives_its_section_and_goes_before(tmp_path, monkeypatch):
    """With a packed collection the page opens with it, and cards take the rows of its suites."""
    stored(tmp_path / "run", collection(Member("third", "vision", "third")))
    pack_collection(tmp_path / "run", tmp_path / "packed")
    monkeypatch.setattr(cards, "COLLECTIONS", (str(tmp_path / "packed"),))
    pages = {str(path).removeprefix(f"{cards.ROOT}/"): text for path, text in cards.generated().items()}
    page = pages["benchmarks/README.md"]
    assert "## Two tasks" in page
    assert page.index("## Two tasks") < page.index("## Synthetic keywords of another synthesiser")
    card = pages["model_cards/pocket/resnet10.glyphs.md"]
    assert [f"Suite `{name}`" in card for name in ("digits", "letters", "third")] == [True] * 3
    assert card.count("## Evaluation: ") == 3
