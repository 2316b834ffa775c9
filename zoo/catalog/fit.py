"""Which objectives, adaptations and tasks fit a backbone, and why the others do not: told from records alone.

Each of those rooms declares beside its names what they need (`NEEDS` in its `__init__.py`), so that the answer needs
neither torch nor the objective itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from zoo.specs import BackboneSpec


@dataclass(frozen=True)
class Needs:
    """What something asks of a backbone: capabilities (`spec.can`), and one of some modalities (none: any will do)."""

    can: tuple[str, ...] = ("pooled",)
    modalities: tuple[str, ...] = ()

    def unmet(self, spec: BackboneSpec) -> str:
        """Why `spec` does not fit, or "" where it does.

        Example:
            >>> from zoo.specs import BackboneSpec
            >>> spec = BackboneSpec("a/net", "a", "net", modality="text", can=("pooled", "tokens"))
            >>> Needs(can=("maps",)).unmet(spec), Needs(modalities=("text",)).unmet(spec)
            ('needs maps', '')
        """
        if self.modalities and spec.modality not in self.modalities:
            return f"is for {' or '.join(self.modalities)}"
        lacking = [name for name in self.can if name not in spec.can]
        return f"needs {', '.join(lacking)}" if lacking else ""


def fits(spec: BackboneSpec, names: Iterable[str], needs: Mapping[str, Needs]) -> dict[str, str]:
    """Every name with the reason why it does not fit `spec`, or "" where it does; a plug-in that states no needs fits.

    Example:
        >>> from zoo.specs import BackboneSpec
        >>> fits(BackboneSpec("a/net", "a", "net"), ["x", "y"], {"x": Needs(("tokens",))})
        {'x': 'needs tokens', 'y': ''}
    """
    return {name: needs[name].unmet(spec) if name in needs else "" for name in names}
