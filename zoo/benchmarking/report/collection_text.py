"""The words and tables of a collection's report, as plain data: Markdown, HTML and the terminal print the same ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zoo.benchmarking.break_even import NEVER, NOT_RECORDED
from zoo.benchmarking.collection_records import DID_NOT_RUN, NO_ARM
from zoo.benchmarking.report.costs import amount
from zoo.benchmarking.report.parts import LOOK
from zoo.benchmarking.report.text import NOTHING, Table, labels_a_class, p_text, signed
from zoo.benchmarking.statistics import VERDICTS
from zoo.benchmarking.summary_records import CONVERGED

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from zoo.benchmarking.collection_records import Average, Gap, MemberState, Reuse
    from zoo.benchmarking.collection_summary import View

HOW = {"P": "fine-tuned", "F": "frozen", "M": "noise of the same scale"}
DID = {
    "helps": "helps",
    "hurts": "hurts",
    "no difference": "makes no difference that matters",
    "leans up": "leans up",
    "leans down": "leans down",
    "undetermined": "is undetermined",
    "indicative": "is only indicative (few seeds)",
    "incomplete": "is incomplete",
    "no verdict (failed)": "has no verdict (cells failed)",
}
"""What pre-training did, by verdict: each goes before "in 3"."""
LACKING = {
    NO_ARM: ("none", NOTHING),
    DID_NOT_RUN: ("lost", "\N{MULTIPLICATION X}"),
    "no verdict (failed)": ("lost", "\N{MULTIPLICATION X}"),
    "incomplete": ("lost", "\N{HORIZONTAL ELLIPSIS}"),
}
"""Class and sign of a cell without a verdict; those with one are in `LOOK`, all others are open."""


def sign_of(gap: Gap) -> tuple[str, str]:
    """The class and the sign of a cell: shape says what colour says."""
    return LACKING.get(gap.verdict) or LOOK.get(gap.verdict, ("open", "?"))


def row_name(role: str, source: str) -> str:
    """A row of the matrix in words.

    Example:
        >>> row_name("F", "glyphs"), row_name("C", ""), row_name("R", "minilm")
        ('glyphs, frozen', 'classical baseline', 'minilm (reference)')
    """
    if role == "C":
        return "classical baseline"
    if role == "R":
        return f"{source or 'other backbone'} (reference)"
    return f"{source or 'pre-trained'}, {HOW.get(role, role)}"


def group_name(role: str) -> str:
    """What rows of a role are called together."""
    names = {"P": "Pre-trained on, fine-tuned", "F": "Pre-trained on, frozen", "M": "Noise with the scale of",
             "R": "Reference", "C": "No network"}  # fmt: skip
    return names.get(role, role)


def budgets_of(gaps: Iterable[Gap]) -> str:
    """The label budgets of cells of one rank in words: once where all tasks have the same.

    Example:
        >>> from zoo.benchmarking.collection_records import Gap
        >>> one = Gap("vision", "digits", "digits", "P", "glyphs", 0, 1, "helps")
        >>> budgets_of([one])
        '1 label a class'
    """
    tasks = {gap.task: gap.budget for gap in gaps if gap.budget}
    if len(set(tasks.values())) <= 1:
        return labels_a_class(next(iter(tasks.values()))) if tasks else "did not run"
    return f"{', '.join(f'{task} {budget}' for task, budget in tasks.items())} labels a class"


def cell_text(gap: Gap) -> str:
    """One cell of the matrix on one line.

    Example:
        >>> from zoo.benchmarking.collection_records import Gap
        >>> cell_text(Gap("vision", "d", "d", "P", "g", 0, 1, "hurts", difference=-3.0, low=-4.0, high=-2.0))
        '▼ −3.0 hurts (−4.0 to −2.0)'
    """
    sign = sign_of(gap)[1]
    if gap.verdict == NO_ARM:
        return sign
    parts = [sign, signed(gap.difference) if gap.difference is not None else "", gap.verdict, lost_of(gap)]
    if gap.low is not None and gap.high is not None:
        parts.append(f"({signed(gap.low)} to {signed(gap.high)})")
    return " ".join(filter(None, parts))


def lost_of(gap: Gap) -> str:
    """How many cells the number lacks; empty where none."""
    counts = ((gap.failed, "failed"), (gap.missing, "missing"))
    said = ", ".join(f"{number} {word}" for number, word in counts if number)
    return f"[{said}]" if said else ""


def answers(view: View) -> list[tuple[str, str]]:
    """(modality, sentence) on pre-training in each modality: every task with its fewest labels, and with its most."""
    found = []
    for modality in view.collection.modalities:
        gaps = [g for g in view.summary.gaps if g.modality == modality and g.role in "PF" and g.verdict != NO_ARM]
        most: dict[str, int] = {}  # the tasks of a modality may have different numbers of budgets
        for gap in gaps:
            most[gap.suite] = max(gap.rank, most.get(gap.suite, 0))
        ends = [[gap for gap in gaps if gap.rank == 0]]
        if any(most.values()):
            ends.append([gap for suite in most for gap in gaps if (gap.suite, gap.rank) == (suite, most[suite])])
        clauses = [_clause(end) for end in ends if end]
        found.append((f"In {modality}", "; ".join(clauses) + "." if clauses else "no pre-trained arm."))
    return found


def opening(view: View) -> str:
    """The collection in one sentence, from the verdicts with the fewest labels."""
    gaps = [g for g in view.summary.gaps if g.role in "PF" and g.rank == 0 and g.verdict != NO_ARM]
    tasks = len({gap.suite for gap in gaps})
    return (
        "Pre-trained against trained from scratch for as long as the suite allows and validation gains, with the "
        f"fewest labels: {len(gaps)} comparisons on {tasks} task{'' if tasks == 1 else 's'}, {_counted(gaps)}."
    )


def cautions(view: View) -> list[str]:
    """What to keep in mind beside the short answer; first of all where scratch might have gone on to learn."""
    summary, said = view.summary, []
    longest = {part.member.suite: max(part.suite.longer) for part in view.parts if part.suite and part.suite.longer}
    places = {(g.suite, g.task, g.budget): g.schedule for g in summary.gaps if g.schedule and g.suite in longest}
    last = [place for place, schedule in places.items() if schedule == longest[place[0]]]
    if last:
        tasks = ", ".join(dict.fromkeys(task for _, task, _ in last))
        said.append(
            f"In {len(last)} of {len(places)} places (a task at a number of labels; {tasks}) scratch had its best "
            "validation score after the longest training of the suite: with an even longer one the difference might "
            "be smaller."
        )
    said.append(
        f"{len(summary.gaps)} cells in {len(view.collection.modalities)} matrices. Each verdict holds at "
        f"{summary.confidence:.0%} on its own; the Holm p in its cell allows for all {summary.family} comparisons "
        "of the collection."
    )
    return said


def _counted(gaps: Sequence[Gap]) -> str:
    words = [*VERDICTS, DID_NOT_RUN]
    counts = [(word, sum(gap.verdict == word for gap in gaps)) for word in dict.fromkeys(words)]
    return ", ".join(f"{word} in {count}" for word, count in counts if count) or "none"


def _clause(gaps: Sequence[Gap]) -> str:
    """What pre-training did at one budget. Whatever hurt is named one by one; the rest is counted."""
    said = []
    for word in dict.fromkeys([*VERDICTS, DID_NOT_RUN]):
        own = [gap for gap in gaps if gap.verdict == word]
        if not own:
            continue
        if word == DID_NOT_RUN:
            said.append(f"did not run on {', '.join(dict.fromkeys(gap.task for gap in own))}")
        elif word in ("hurts", "leans down"):
            named = [f"{row_name(gap.role, gap.source)} on {gap.task} {signed(gap.difference)}" for gap in own]
            said.append(f"{DID[word]} in {len(own)} ({'; '.join(named)})")
        else:
            said.append(f"{DID[word]} in {len(own)}{_range(own)}")
    joined = ", ".join(said[:-1]) + (" and " if len(said) > 1 else "") + said[-1] if said else "has no comparison"
    count = f"{len(gaps)} comparison{'' if len(gaps) == 1 else 's'}"
    where = f"with {budgets_of(gaps)} ({count}) " if any(gap.budget for gap in gaps) else ""
    return f"{where}pre-training {joined}"


def _range(gaps: Sequence[Gap]) -> str:
    known = [gap.difference for gap in gaps if gap.difference is not None]
    ends = list(dict.fromkeys(signed(end) for end in (min(known), max(known)))) if known else []
    return f" ({' to '.join(ends)})" if ends else ""


def counts(view: View) -> str:
    """One line on what was run."""
    members = view.summary.members
    done, cells = sum(m.finished for m in members), sum(m.cells for m in members)
    failed, missing = sum(m.failed for m in members), sum(m.missing for m in members)
    lost = f" ({failed} failed, {missing} missing)" if failed or missing else ""
    problems = [member.suite for member in members if member.problem]
    stopped = f"; did not run: {', '.join(problems)}" if problems else ""
    return (
        f"collection {view.summary.name} {view.summary.version}, level {view.summary.level}; {len(members)} suites; "
        f"{done} of {cells} reporting cells{lost}{stopped}"
    )


def matrix_table(view: View, modality: str) -> Table:
    """Rows: source of pre-training and how it is used. Columns: tasks. Groups: label budgets, the fewest first."""
    gaps = [gap for gap in view.summary.gaps if gap.modality == modality]
    tasks = tuple(dict.fromkeys(gap.task for gap in gaps))
    groups = []
    for rank in sorted({gap.rank for gap in gaps}):
        own = [gap for gap in gaps if gap.rank == rank]
        rows = dict.fromkeys((gap.role, gap.source) for gap in own)
        lines = []
        for role, source in rows:
            here = {gap.task: cell_text(gap) for gap in own if (gap.role, gap.source) == (role, source)}
            lines.append((row_name(role, source), *(here[task] for task in tasks)))
        groups.append((budgets_of(own), tuple(lines)))
    return Table(f"{modality.capitalize()}: {against_words(gaps)}", ("Start", *tasks), tuple(groups))


def against_words(gaps: Iterable[Gap]) -> str:
    """What the cells of a matrix are, in words."""
    kinds = {gap.against for gap in gaps if gap.against}
    scratch = (
        "converged scratch" if kinds <= {CONVERGED} else "scratch (converged where its suite has longer schedules)"
    )
    return f"points above {scratch}, with intervals"


def detail_table(view: View, modality: str) -> Table:
    """Every cell of a modality with its Holm p over the whole collection."""
    head = ("Start", "Task", "Verdict", "Points", "Interval", "Holm p", "Seeds", "Cells lost")
    gaps = [gap for gap in view.summary.gaps if gap.modality == modality and gap.verdict != NO_ARM]
    groups = tuple(
        (budgets_of(own), tuple(_detail(gap) for gap in own))
        for rank in sorted({gap.rank for gap in gaps})
        if (own := [gap for gap in gaps if gap.rank == rank])
    )
    return Table(
        f"{modality.capitalize()}: every cell", head, groups, frozenset({"Points", "Interval", "Holm p", "Seeds"})
    )


def _detail(gap: Gap) -> tuple[str, ...]:
    bounds = NOTHING if gap.low is None or gap.high is None else f"{signed(gap.low)} to {signed(gap.high)}"
    lost = lost_of(gap).strip("[]") or "none"
    number = (signed(gap.difference), bounds, p_text(gap.adjusted), str(gap.seeds), lost)
    return (row_name(gap.role, gap.source), gap.task, gap.verdict, *number)


def average_table(view: View) -> Table:
    """Interquartile means of z over the tasks of each modality, and over all of them."""
    head = ("Start", "Tasks", "z", "Scratch", "Difference", "Same tasks", "Tasks resampled")
    groups: dict[tuple[str, int], list[Average]] = {}
    for average in view.summary.averages:
        groups.setdefault((average.modality, average.rank), []).append(average)
    made = []
    for (modality, rank), own in groups.items():
        gaps = [g for g in view.summary.gaps if g.rank == rank and modality in ("", g.modality)]
        name = f"{modality or 'all modalities'}, {budgets_of(gaps)}"
        made.append((name, tuple(_average(average) for average in own)))
    return Table("Suite average: interquartile mean of z, with 95% intervals", head, tuple(made), frozenset(head[1:6]))


def _average(average: Average) -> tuple[str, ...]:
    name = row_name(average.role, average.source)
    if average.modality == "" and average.role in HOW:
        name = f"mean of the sources, {HOW[average.role]}"
    tasks = f"{average.tasks} of {average.of}"
    if average.difference is None:
        return (name, tasks, NOTHING, NOTHING, NOTHING, NOTHING, average.why)
    numbers = (_z(average.z), _z(average.scratch), _signed_z(average.difference))
    drawn = _bounds(average.low_tasks, average.high_tasks)
    return (name, tasks, *numbers, _bounds(average.low, average.high), "one task" if average.of < 2 else drawn)


def _z(value: float | None) -> str:
    return NOTHING if value is None else f"{value:.2f}"


def _signed_z(value: float) -> str:
    shown = f"{value:+.2f}"
    return "0.00" if shown in ("+0.00", "-0.00") else shown.replace("-", "\N{MINUS SIGN}")


def _bounds(low: float | None, high: float | None) -> str:
    return NOTHING if low is None or high is None else f"{_signed_z(low)} to {_signed_z(high)}"


def reuse_table(view: View, modality: str) -> Table:
    """How many tasks repay the pre-training of each checkpoint, on each task and over those of its modality."""
    own = [reuse for reuse in view.summary.reuses if reuse.modality == modality]
    tasks = tuple(dict.fromkeys(task for reuse in own for task in reuse.each))
    head = ("Start", "Pre-training", "Over all tasks", *(f"{task} alone" for task in tasks))
    groups = []
    for rank in sorted({reuse.rank for reuse in own}):
        gaps = [g for g in view.summary.gaps if g.modality == modality and g.rank == rank]
        groups.append((budgets_of(gaps), tuple(_reuse(reuse, tasks) for reuse in own if reuse.rank == rank)))
    return Table(f"{modality.capitalize()}: tasks to break even, by FLOPs", head, tuple(groups), frozenset(head[1:2]))


def _reuse(reuse: Reuse, tasks: Sequence[str]) -> tuple[str, ...]:
    why = reuse.why if reuse.why in (NEVER, NOT_RECORDED) else NOTHING
    over = f"{reuse.tasks:.1f}" if reuse.tasks is not None else why
    each = [reuse.each.get(task, NOTHING) for task in tasks]
    return (row_name(reuse.role, reuse.source), amount(reuse.pretraining), over, *each)


def member_table(view: View) -> Table:
    """How far every suite is."""
    head = ("Suite", "Task", "Modality", "Cells", "State")
    rows = tuple((m.suite, m.task, m.modality, f"{m.finished} of {m.cells}", state_of(m)) for m in view.summary.members)
    return Table("Suites of the collection", head, (("Reporting cells, finished of all", rows),), frozenset({"Cells"}))


def state_of(member: MemberState) -> str:
    """Whether a member is complete, in words."""
    counts = ((member.failed, "failed"), (member.missing, "missing"))
    lost = ", ".join(f"{number} {word}" for number, word in counts if number)
    state = f"incomplete: {lost}" if lost else "complete" if member.cells else "nothing is stored"
    return f"{state}; did not run: {member.problem}" if member.problem else state
