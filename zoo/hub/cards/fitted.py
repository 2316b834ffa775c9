"""The card of a fitted model, from its record: what it is, its use, its scores, its data, its base, its limits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zoo.hub.cards.metadata import NOT_SCORES, front, is_finite, metadata_of
from zoo.hub.cards.parts import code, licence_text, origin, plain, size_of, table, use
from zoo.version import __version__

if TYPE_CHECKING:
    from collections.abc import Mapping

    from zoo.hub.cards.base import Base
    from zoo.hub.licences import Licence
    from zoo.providers.exported import Exported

SHOWN = 40  # classes by name; the rest are counted
LONGEST = 100  # letters of a class's name
_STARTS = {
    "pre-trained": "from pre-trained weights",
    "from scratch": "from scratch",
    "as given": "from weights that were given",
}
_UNITS = {"rmse": "", "mae": "", "log_loss": " nats"}  # others are percent
_NOT_OPTIONS = {"schema", "device", "checkpoint_every"}


def fitted_card(exported: Exported, base: Base, licence: Licence, repository: str, evidence: str = "") -> str:
    """The whole card.

    Args:
        exported: the record of the export, whose snippet was run.
        base: what the weights began as.
        licence: what they are published under.
        repository: where it will be.
        evidence: a section on a benchmark, as `zoo.hub.cards.evidence` makes it.

    Raises:
        UnknownName, PublishError: metadata that the hub does not know, or code that was not run.
    """
    spec, fitted = exported.backbone, exported.fitted
    name = repository.partition("/")[2]
    sections = {
        "Use": use(exported, repository, f'model = zoo.load_model("hf-hub:{repository}")\n{_asking(exported)}'),
        "What it answers": _answers(exported),
        "Scores": _scores(fitted),
        "Evidence: pre-trained against from scratch": evidence,
        "How it was fitted": _method(fitted),
        "Data": _data(fitted),
        "What it began as": origin(spec, base),
        "Limits": _limits(fitted, has_evidence=bool(evidence)),
        "Licence": licence_text(licence),
    }
    title = f"{front(metadata_of(exported, base, licence, name))}\n# {name}\n\n{_first(exported, base)}\n"
    return title + "".join(f"\n## {head}\n\n{text}\n" for head, text in sections.items() if text)


def _first(exported: Exported, base: Base) -> str:
    fitted = exported.fitted
    start = _STARTS.get(fitted.get("start", ""), "from weights whose beginning was not written down")
    of = f" of {base.repository or base.name}" if base.name and fitted.get("start") == "pre-trained" else ""
    return (
        f"{_kind(fitted)} by {plain(fitted['task']['name'])}: {size_of(exported.backbone)}, "
        f"fitted by `{fitted['method']}` {start}{of}. Written by zoo {__version__} from stored records."
    )


def _kind(fitted: Mapping[str, Any]) -> str:
    kind = fitted["task"]["kind"].replace("_", " ")
    count = len(fitted["classes"])
    return f"{kind.capitalize()}{f' into {count} classes' if count else ''}, taught"


def _asking(exported: Exported) -> str:
    """The line that asks the model: with a text that is there, or with files that a reader has."""
    kind = exported.fitted["task"]["kind"]
    if kind.startswith("text_pair_"):
        return 'model.predict([("A cat runs far.", "The cat is fast.")])'
    if kind.startswith("text_"):
        return 'model.predict(["A cat runs far."])'
    return f'model.predict(["{"clip.wav" if kind.startswith("audio_") else "picture.jpg"}"])  # your own files'


def _answers(exported: Exported) -> str:
    fitted = exported.fitted
    lines = []
    if classes := fitted["classes"]:
        more = f" and {len(classes) - SHOWN} more (all of them in `zoo.json`)" if len(classes) > SHOWN else ""
        lines.append(f"Outputs stand in this order: {', '.join(code(_short(name)) for name in classes[:SHOWN])}{more}.")
    else:
        lines.append("One number, in the units of the targets.")
    lines += [f"- {plain(note)}" for note in exported.notes]
    return "\n\n".join(lines[:1]) + ("\n\n" + "\n".join(lines[1:]) if lines[1:] else "")


def _scores(fitted: Mapping[str, Any]) -> str:
    """The scores on the test part; where that was not read, this is said."""
    scores = fitted["scores"]
    primary = scores["metric"]
    known = [each for each in scores if each not in NOT_SCORES and is_finite(scores[each])]
    if primary not in known and primary in scores:
        return f"The {_called(primary)} of the {scores['test_items']} test samples is no finite number."
    if primary not in known:
        return "The test part was empty: there are no scores on samples that decided nothing."
    rows = [[_called(each), _number(scores[each], each), _interval(scores) if each == primary else None]
            for each in sorted(known, key=lambda each: (each != primary, each))]  # fmt: skip
    text = table(("score", "value", "95 % interval"), rows)
    told = f"On {scores['test_items']} test samples, read once. "
    told += f"The interval: {scores['interval']}. " if "interval" in scores else ""
    if "validation" in scores:
        chosen = _number(scores["validation"], primary)
        told += f"Validation, which made the choices: {chosen} on {scores['validation_items']} samples."
    return f"{text}\n\n{told.strip()}"


def _interval(scores: Mapping[str, Any]) -> str | None:
    if not {"low", "high"} <= set(scores):
        return None
    return f"{_number(scores['low'], scores['metric'])} to {_number(scores['high'], scores['metric'])}"


def _method(fitted: Mapping[str, Any]) -> str:
    options = {
        name: value for name, value in fitted["options"].items() if name not in _NOT_OPTIONS and value is not None
    }
    rows = [["adaptation", fitted["method"]], ["labels", fitted["scores"]["labels"]]]
    rows += [[name.replace("_", " "), _shown(value)] for name, value in sorted(options.items())]
    notes = "".join(f"\n- {plain(note)}" for note in fitted["notes"])
    return table(["", ""], rows) + (f"\n\nWhat was told while it was fitted:\n{notes}" if notes else "")


def _data(fitted: Mapping[str, Any]) -> str:
    task, data = fitted["task"], fitted["data"]
    rows = [["data", task["name"]], ["digest of the data", task["revision"]]]
    rows += [[f"{name} of the split" if name == "digest" else name.replace("split", "digest of the split"), value]
             for name, value in data.items() if name != "digest"]  # fmt: skip
    return (
        f"{table(['', ''], rows)}\n\nThe data are not part of this repository, and zoo was told no licence of theirs. "
        "The digests tell whether two people mean the same samples and the same split."
    )


def _limits(fitted: Mapping[str, Any], *, has_evidence: bool) -> str:
    scores = fitted["scores"]
    lines = [
        f"- One fit with one seed on {scores['labels']} labels; another seed gives other scores.",
        f"- Its test part ({scores['test_items']} samples) comes from the same source as what it was taught: the "
        "scores say nothing of samples from elsewhere.",
        "- What the pre-training data share with these data was not examined."
        if fitted.get("start") != "from scratch"
        else "",
        "" if has_evidence else "- Whether pre-training was worth it here was not compared: no benchmark was given.",
    ]
    return "\n".join(filter(None, lines))


def _short(name: str) -> str:
    return name if len(name) <= LONGEST else f"{name[:LONGEST]}..."


def _called(score: str) -> str:
    return score.replace("_", " ")


def _number(value: float, score: str) -> str:
    unit = _UNITS.get(score, " %")
    return f"{value:.1f}{unit}" if unit == " %" else f"{value:.4g}{unit}"


def _shown(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
