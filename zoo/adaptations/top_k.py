"""The last k blocks train; what the frozen blocks before them give is computed once and kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from zoo.adaptations.depths import depths, running_blocks
from zoo.adaptations.groups import parameter_groups
from zoo.adaptations.options import pick, whole
from zoo.adaptations.reached import train_reached
from zoo.errors import IncompatibleError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from zoo.adaptations.cutting import Cut
    from zoo.contracts import Backbone, ParameterGroup


class TopK:
    """The last `blocks` blocks and all that comes after them train; the rest is frozen, BatchNorm statistics too.

    Without augmentation the frozen part runs once over the data set (see `zoo.adaptations.cutting`).

    Options:
        blocks: how many, 1 by default; what counts as a block is told by `zoo.providers.blocks`.
    """

    trains_backbone = True
    needs_trained = True
    augmentation = "none"
    options: ClassVar = {"blocks": whole(1)}

    def __init__(self) -> None:
        self.notes: tuple[str, ...] = ()

    def prepare(self, backbone: Backbone, options: Mapping[str, Any]) -> list[ParameterGroup]:
        """Freeze all that runs before the last blocks.

        Raises:
            IncompatibleError: the network has no row of blocks, or fewer than asked for.
        """
        found, count = depths(backbone)
        wanted = pick("top_k", self, options)["blocks"]
        if wanted > count:
            has = f"has {count} blocks" if count else "has no row of blocks"
            fix = f"blocks={count} or less" if count else "method='full', or 'lora'"
            raise IncompatibleError(
                f"top_k was asked for the last {wanted} blocks, and {backbone.spec.name} "
                f"({type(backbone.module).__name__}) {has}. Fix: {fix}."
            )
        self.notes = train_reached(backbone, [name for name, depth in found.items() if depth > count - wanted])
        return parameter_groups(backbone.module, lr=options["lr"], weight_decay=options.get("weight_decay", 0.0))

    def cut(self, backbone: Backbone, options: Mapping[str, Any]) -> Cut | str:
        """The backbone cut before the blocks that train, or why it cannot be cut."""
        from zoo.adaptations.cutting import cut

        front = [part for _, part in running_blocks(backbone)][: -pick("top_k", self, options)["blocks"]]
        return cut(backbone, front) if front else "all its blocks train"
