"""What cards of all kinds are made of: tables, the code that was run, the base and the licence."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from zoo.errors import PublishError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from zoo.hub.cards.base import Base
    from zoo.hub.licences import Licence
    from zoo.providers.exported import Exported
    from zoo.specs import BackboneSpec

HERE = 'folder = "."  # where this file lies\n'
_GIVES = {
    "logits": "`outputs` of the model",
    "features": "pooled features, which stand in `outputs`",
    "adapter": "the features of the base with its adapter, in `outputs`",
}


def table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table in Markdown; a cell that is not known is empty.

    Example:
        >>> print(table(["a", "b"], [[1, None]]))
        | a | b |
        |---|---|
        | 1 |  |
    """
    lines = [header, ["---"] * len(header), *rows]
    shown = [["" if cell is None else plain(str(cell)) for cell in line] for line in lines]
    return "\n".join("|" + "|".join(line) + "|" if line[0] == "---" else f"| {' | '.join(line)} |" for line in shown)


def plain(text: str) -> str:
    r"""A word of somebody else on one line, without what Markdown or HTML would act on.

    Example:
        >>> plain("two lines\nof `code`")
        "two lines of 'code'"
    """
    return re.sub(r"([\\\[\]*|<])", r"\\\1", " ".join(text.split())).replace("`", "'")


def code(text: str) -> str:
    """A word of somebody else as it is: nothing in it is acted on, and `check_card` does not read it as zoo's own.

    Example:
        >>> code("None"), code("a`b")
        ('`None`', "`a'b`")
    """
    return f"`{' '.join(text.split()).replace('`', chr(39)) or ' '}`"


def use(exported: Exported, repository: str, loads: str) -> str:
    """How to use it: the snippet that was run, with the repository in place of the folder.

    Raises:
        PublishError: it was not run, or does not say where its folder is.
    """
    if exported.tolerance is None:
        raise PublishError(
            f"the code of the card of {exported.backbone.name} was not run: its class is nobody's but yours, so nobody "
            "could load it. Fix: zoo.export writes the folder; publish it together with your code by other means."
        )
    if HERE not in exported.snippet:
        raise PublishError("the code of the card does not say where its folder is. Fix: export the model again.")
    there = f'from huggingface_hub import snapshot_download\n\nfolder = snapshot_download("{repository}")\n'
    code = exported.snippet.replace(HERE, there).replace("hf-hub:NAMESPACE/NAME", f"hf-hub:{repository}").strip()
    return (
        f"It loads without zoo, in the format of {exported.library}, and gives {_GIVES[exported.gives]}:\n\n"
        f"```python\n{code}\n```\n\n"
        f"This code ran on these files before this card was written, in a fresh process without zoo, and its outputs "
        f"differ from zoo's by at most {exported.tolerance:.1e} of {_scale(exported)}. (It ran where the files lay: "
        f"only the line with `folder` is another.)\n\nWith zoo, every file is compared with its digest first:\n\n"
        f"```python\nimport zoo\n\n{loads}\n```"
    )


def _scale(exported: Exported) -> str:
    """What the difference is relative to, and what explains one above 1e-6."""
    of = "the deviation of the targets" if exported.scale else "the largest"
    moved = f"; rounding every weight once more moves them by {exported.rounding:.0e}" if exported.rounding else ""
    return of + moved


def origin(spec: BackboneSpec, base: Base) -> str:
    """What the weights began as, and what is known of how those were trained."""
    if not base.name:
        return "The weights were trained from scratch: no other weights went into them."
    lines = [["base", f"https://huggingface.co/{base.repository}" if base.repository else base.name]]
    lines += [["name in zoo", base.name]] if base.repository else []
    lines += [["revision", base.revision or "main, not pinned"]] if base.repository else []
    facts = [
        ("pre-trained by", spec.objective),
        ("pre-trained on", spec.pretrained_on),
        ("recipe", f"{spec.recipe} ({spec.recipe_digest[:12]})" if spec.recipe else ""),
        ("FLOPs of pre-training", f"{spec.pretraining_flops:.3g}" if spec.pretraining_flops else ""),
        ("weights (SHA-256)", spec.digest),
        ("licence", base.licence or "the publisher's own weights"),
    ]
    return table(["", ""], [*lines, *([name, value] for name, value in facts if value)])


def licence_text(licence: Licence) -> str:
    """Which licence, and why."""
    shown = licence.name or licence.identifier
    said = "Nobody has said a licence" if licence.identifier == "unknown" else f"Weights: {shown}"
    return f"{said}{f' ({licence.why})' if licence.why else ''}."


def size_of(spec: BackboneSpec) -> str:
    """A network in a few words.

    Example:
        >>> from zoo.catalog.query import describe
        >>> size_of(describe("pocket/resnet10.glyphs"))
        'resnet10, 0.97 M parameters, 256 features'
    """
    parts = [spec.arch]
    parts += [f"{spec.parameters / 1e6:.2f} M parameters"] if spec.parameters else []
    parts += [f"{spec.pooled_dim} features"] if spec.pooled_dim else []
    return ", ".join(parts)
