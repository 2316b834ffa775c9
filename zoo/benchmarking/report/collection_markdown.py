"""The report of a collection as Markdown; the plots are those of its suites, in their folders."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zoo.benchmarking.report import collection_terms, evidence, text
from zoo.benchmarking.report import collection_text as words
from zoo.benchmarking.report.markdown import bullets, escaped, md_table, terms
from zoo.benchmarking.report.plots import PLOTS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from zoo.benchmarking.collection_summary import Part, View


def render_collection_markdown(view: View, pages: Sequence[str] = ()) -> str:
    """The same report as the page; `pages` are the suites whose own report lies beside it.

    Example:
        >>> from zoo.benchmarking.collection import load_collection
        >>> from zoo.benchmarking.collection_summary import Part, summarise_collection
        >>> pocket = load_collection("pocket")
        >>> view = summarise_collection(pocket, [Part(member) for member in pocket.members])
        >>> render_collection_markdown(view).splitlines()[0]
        '# Pre-trained against from scratch in vision, text and speech'
    """
    parts = [f"# {escaped(view.collection.title)}", escaped(view.collection.about), f"*{escaped(words.counts(view))}.*"]
    parts += ["## The short answer", escaped(words.opening(view))]
    parts += [bullets(f"**{escaped(name)}**: {escaped(story)}" for name, story in words.answers(view))]
    parts += [bullets(map(escaped, words.cautions(view)))]
    for modality in view.collection.modalities:
        parts += [f"## The gap in {modality}", md_table(words.matrix_table(view, modality))]
        parts += [md_table(words.detail_table(view, modality))]
    parts += [terms(collection_terms.matrix_terms(view.summary))]
    parts += ["## Suite average", md_table(words.average_table(view)), terms(collection_terms.average_terms(view))]
    parts += ["## Cost and reuse"]
    parts += [md_table(words.reuse_table(view, modality)) for modality in view.collection.modalities]
    parts += [terms(collection_terms.reuse_terms())]
    for part in view.parts:
        parts += [f"## Task: {escaped(part.member.task)}", *_task(part, part.member.suite in pages)]
    parts += ["## Suites", md_table(words.member_table(view))]
    return "\n\n".join(part for part in parts if part) + "\n"


def _task(part: Part, has_page: bool) -> Iterable[str]:
    if part.problem:
        yield f"**Did not run**: {escaped(part.problem)}"
    if part.suite is None or part.summary is None:
        yield "Nothing is stored of this suite."
        return
    yield escaped(part.suite.about)
    yield f"**What the gain rests on**: {escaped(part.suite.rests_on)}"
    yield f"**Leakage**: {escaped(part.suite.leakage)}."
    if has_page:
        name = part.suite.name
        yield f"[The whole report of this suite]({name}/report.md)"
        yield f"![{PLOTS['efficiency.png'].alt}]({name}/efficiency.png)"
    yield md_table(evidence.efficiency_table(part.summary))
    yield md_table(text.score_table(part.summary))
