"""The report of a collection as one self-contained HTML page, in the frame of page.html."""

from __future__ import annotations

from dataclasses import replace
from html import escape
from importlib import resources
from string import Template
from typing import TYPE_CHECKING

from zoo.benchmarking.collection_records import NO_ARM
from zoo.benchmarking.report import collection_terms, evidence, text
from zoo.benchmarking.report import collection_text as words
from zoo.benchmarking.report.figures import svg
from zoo.benchmarking.report.figures_efficiency import efficiency_figure
from zoo.benchmarking.report.parts import bullets, definition_list, html_table, quiet, section
from zoo.benchmarking.report.plots import PLOTS
from zoo.benchmarking.report.text import p_text, signed
from zoo.benchmarking.summary_evidence import PRETRAINED
from zoo.errors import MissingDependency
from zoo.version import __version__

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from zoo.benchmarking.collection_records import Gap
    from zoo.benchmarking.collection_summary import Part, View


def render_collection_html(view: View, pages: Sequence[str] = ()) -> str:
    """The whole report as one page that loads nothing. Without matplotlib it has no curves, and says so.

    Args:
        view: the collection as it was read.
        pages: suites whose own report lies beside this page, in `SUITE/report.html`.

    Raises:
        KeyError: the template names a part that is not filled (a packaging error).

    Source:
        As `render_html`.
    """
    template = resources.files("zoo.benchmarking.report").joinpath("page.html").read_text(encoding="utf-8")
    spoken = [f"<strong>{escape(name)}</strong>: {escape(story)}" for name, story in words.answers(view)]
    answer = f'<p class="lead">{escape(words.opening(view))}</p>\n{bullets(spoken)}\n{quiet(words.cautions(view))}'
    return Template(template).substitute(
        title=escape(view.collection.title),
        about=escape(" ".join(view.collection.about.split())),
        counts=escape(words.counts(view)),
        answer=answer,
        sections="\n".join(_sections(view, pages)),
        version=escape(__version__),
        rows=sum(member.rows for member in view.summary.members),
    )


def _sections(view: View, pages: Sequence[str]) -> Iterable[str]:
    modalities = view.collection.modalities
    for modality in modalities:
        gaps = [gap for gap in view.summary.gaps if gap.modality == modality]
        yield section(
            f"The gap in {modality}", *_matrices(modality, gaps), html_table(words.detail_table(view, modality))
        )
    yield section("How to read a cell", definition_list(collection_terms.matrix_terms(view.summary)))
    yield section("Suite average", html_table(words.average_table(view)),
                  definition_list(collection_terms.average_terms(view)))  # fmt: skip
    yield section("Cost and reuse", *(html_table(words.reuse_table(view, modality)) for modality in modalities),
                  definition_list(collection_terms.reuse_terms()))  # fmt: skip
    for part in view.parts:
        yield section(f"Task: {part.member.task}", *_task(part, part.member.suite in pages))
    yield section("Suites", html_table(words.member_table(view)))


def _matrices(modality: str, gaps: Sequence[Gap]) -> Iterable[str]:
    """The matrix with the fewest labels, and those with more behind a line that says how many cells hurt there."""
    first, *others = sorted({gap.rank for gap in gaps})
    yield _matrix(modality, [gap for gap in gaps if gap.rank == first])
    if others:
        rest = [gap for gap in gaps if gap.rank in others]
        hurting = sum(gap.verdict == "hurts" for gap in rest)
        known = sum(gap.verdict != NO_ARM and gap.role in PRETRAINED for gap in rest)
        inner = "\n".join(_matrix(modality, [gap for gap in rest if gap.rank == rank]) for rank in others)
        line = f"The same with more labels: {hurting} of {known} pre-trained cells hurt"
        yield f"<details>\n<summary>{line}</summary>\n{inner}\n</details>"


def _matrix(modality: str, gaps: Sequence[Gap]) -> str:
    tasks = list(dict.fromkeys(gap.task for gap in gaps))
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in ("Start", *tasks))
    bodies = []
    for role in dict.fromkeys(gap.role for gap in gaps):
        own = [gap for gap in gaps if gap.role == role]
        top = f'<tr><th scope="rowgroup" colspan="{len(tasks) + 1}">{escape(words.group_name(role))}</th></tr>'
        rows = []
        for source in dict.fromkeys(gap.source for gap in own):
            here = {gap.task: gap for gap in own if gap.source == source}
            name = source or words.row_name(role, source)
            cells = "".join(f"<td>{_cell(here[task])}</td>" for task in tasks)
            rows.append(f'<tr><th scope="row">{escape(name)}</th>{cells}</tr>\n')
        bodies.append(f"<tbody>{top}{''.join(rows)}</tbody>")
    caption = f"{modality.capitalize()}, {words.budgets_of(gaps)}: {words.against_words(gaps)}"
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="{escape(caption)}">\n<table class="matrix">'
        f"<caption><span>{escape(caption)}</span></caption>\n<thead><tr>{head}</tr></thead>\n"
        + "\n".join(bodies)
        + "</table></div>"
    )


def _cell(gap: Gap) -> str:
    """Colour, sign, word and number: each says on its own what happened."""
    look, sign = words.sign_of(gap)
    number = "" if gap.difference is None else f"<strong>{escape(signed(gap.difference))}</strong> "
    lines = [f'<span aria-hidden="true">{sign}</span> {number}{escape(gap.verdict)}']
    if lost := words.lost_of(gap):
        lines.append(f"<small>{escape(lost.strip('[]'))}</small>")
    if gap.low is not None and gap.high is not None:
        lines.append(f"<small>{escape(signed(gap.low))} to {escape(signed(gap.high))}</small>")
    if gap.adjusted is not None:
        p = p_text(gap.adjusted)
        lines.append(f"<small>Holm p {escape(p) if p.startswith('<') else f'= {p}'}</small>")
    if gap.verdict == "hurts":
        look += " hurts"  # framed, so that negative transfer is not overlooked
    return f'<span class="gap {look}">{"".join(lines)}</span>'


def _task(part: Part, has_page: bool) -> Iterable[str]:
    """One task: what the gain rests on, leakage, curves, scores of all arms, and the way to its own page."""
    if part.problem:
        yield f"<p><strong>Did not run</strong>: {escape(part.problem)}</p>"
    if part.suite is None or part.summary is None:
        yield "<p>Nothing is stored of this suite.</p>"
        return
    link = f' <a href="{escape(part.suite.name)}/report.html">The whole report of this suite</a>.' if has_page else ""
    yield f"<p>{escape(' '.join(part.suite.about.split()))}{link}</p>"
    yield f"<p><strong>What the gain rests on</strong>: {escape(' '.join(part.suite.rests_on.split()))}</p>"
    yield f"<p><strong>Leakage</strong>: {escape(part.suite.leakage)}.</p>"
    yield _curves(part)
    for table in (evidence.efficiency_table(part.summary), text.score_table(part.summary)):
        yield html_table(replace(table, caption=f"{part.member.task}: {table.caption}"))  # a landmark's name is its own


def _curves(part: Part) -> str:
    if part.summary is None:
        return ""
    try:
        figure = efficiency_figure(part.summary)
        figure.set_gid(f"zoo-efficiency-{part.member.suite}")  # several stand in one page
        drawn = svg(figure)
    except MissingDependency as error:
        return f'<p class="meta">No plot: {escape(str(error))}</p>'
    label = escape(f"Curves of {part.member.task}, scroll sideways")
    return (
        f'<figure><div class="plot-box" tabindex="0" role="group" aria-label="{label}">{drawn}</div>'
        f"<figcaption>{escape(PLOTS['efficiency.png'].caption)}</figcaption></figure>"
    )
