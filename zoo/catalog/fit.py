"""Which objectives, adaptations and tasks fit a backbone, and why the others do not: told from records alone.

Each of those rooms declares beside its names what they need (`NEEDS` in its `__init__.py`), so that the answer needs
neither torch nor the objective itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from zoo.catalog.parts import PARTS, has_part, reads_texts

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from zoo.specs import BackboneSpec


class Later(str):
    """An answer that is neither a yes nor a no. It is False, because it is no reason against, and it is not "".

    Example:
        >>> bool(KNOWN_WHEN_BUILT), KNOWN_WHEN_BUILT == "", print(KNOWN_WHEN_BUILT)
        known when built
        (False, False, None)
    """

    __slots__ = ()

    def __bool__(self) -> bool:
        return False


KNOWN_WHEN_BUILT = Later("known when built")


@dataclass(frozen=True)
class Needs:
    """What something asks of a backbone.

    Attributes:
        can: capabilities (`spec.can`).
        modalities: of which it must have one; none: any will do.
        part: what it takes hold of in the network (`zoo.catalog.parts.PARTS`), "" for nothing.
    """

    can: tuple[str, ...] = ("pooled",)
    modalities: tuple[str, ...] = ()
    part: str = ""

    def unmet(self, spec: BackboneSpec) -> str:
        """Why `spec` does not fit, "" where it does, or `KNOWN_WHEN_BUILT`, which is no reason against it.

        Example:
            >>> from zoo.specs import BackboneSpec
            >>> spec = BackboneSpec("a/net", "a", "net", modality="text", can=("pooled", "tokens"))
            >>> Needs(can=("maps",)).unmet(spec), Needs(modalities=("text",)).unmet(spec)
            ('needs maps', '')
            >>> Needs(("tokens",), ("text",), "masked_head").unmet(spec)
            'needs a head for masked language modelling'
        """
        if _unknown(spec):
            return KNOWN_WHEN_BUILT
        if self.modalities and spec.modality not in self.modalities:
            return f"is for {' or '.join(self.modalities)}"
        if spec.modality == "text" and not reads_texts(spec):
            return "needs a tokenizer, which a checkpoint has"
        if lacking := [name for name in self.can if name not in spec.can]:
            return f"needs {', '.join(lacking)}"
        if not self.part:
            return ""
        found = has_part(self.part, spec)
        if found is None:
            return KNOWN_WHEN_BUILT
        if found and self.part == "patches" and _cut_off(spec):
            return "needs images that are whole patches"
        return "" if found else f"needs {PARTS[self.part]}"

    def against(self, spec: BackboneSpec) -> str:
        """What `spec` is or has instead, to follow its name; "" where nothing is unmet.

        Example:
            >>> from zoo.specs import BackboneSpec
            >>> Needs(can=("maps",)).against(BackboneSpec("a/net", "a", "net"))
            'gives pooled'
        """
        if not (unmet := self.unmet(spec)):
            return ""
        if unmet.startswith("is for"):
            return f"is for {spec.modality}"
        if any(name not in spec.can for name in self.can):
            return f"gives {', '.join(spec.can)}"
        if unmet.endswith("whole patches"):
            sides = " x ".join(map(str, (spec.input_size or ())[1:]))
            return f"cuts images of {sides} into patches of {spec.stride}"
        return "has none"


def fits(spec: BackboneSpec, names: Iterable[str], needs: Mapping[str, Needs]) -> dict[str, str]:
    """Every name with what `Needs.unmet` says of it; of a plug-in that states no needs it is known when built.

    Example:
        >>> from zoo.specs import BackboneSpec
        >>> fits(BackboneSpec("a/net", "a", "net"), ["x", "y", "z"], {"x": Needs(("tokens",)), "y": Needs()})
        {'x': 'needs tokens', 'y': '', 'z': 'known when built'}
    """
    return {name: needs[name].unmet(spec) if name in needs else KNOWN_WHEN_BUILT for name in names}


def _unknown(spec: BackboneSpec) -> bool:
    """Whether nothing is known before the network is built: a plug-in, and a person's own function."""
    return spec.modality == "unknown" or (spec.provider == "module" and spec.parameters is None)


def _cut_off(spec: BackboneSpec) -> bool:
    return bool(spec.stride and any(side % spec.stride for side in (spec.input_size or ())[1:]))
