"""What a model's weights began as, from its records: the base that a card names, and whose licence goes with it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from zoo.io.fetch import HUB

if TYPE_CHECKING:
    from collections.abc import Mapping

    from zoo.providers.exported import Exported


@dataclass(frozen=True)
class Base:
    """Where the weights come from.

    All is empty for weights that were trained from scratch, but the `licence` under which these were published before.

    `name` as zoo calls it, `repository` and `revision` on the hub where it has one, `licence` (`unknown` where nobody
    said it), and the `relation` to it: `finetune` or `adapter`.
    """

    name: str = ""
    repository: str = ""
    revision: str = ""
    licence: str = ""
    relation: str = ""

    def to_json(self) -> dict[str, str]:
        return dict(vars(self))


def base_of(exported: Exported, recipe: Mapping[str, Any] | None = None) -> Base:
    """The base of an exported model.

    Args:
        exported: the record of the export.
        recipe: of the pre-training, where the model is what `zoo pretrain` made: then the base is what that began from.

    Example:
        >>> from zoo.catalog.query import describe
        >>> from zoo.providers.exported import Exported
        >>> made = Exported("timm", "logits", describe("timm/resnet18.a1_in1k"), fitted={"start": "pre-trained"})
        >>> base_of(made).repository, base_of(made).licence, base_of(made).relation
        ('timm/resnet18.a1_in1k', 'apache-2.0', 'finetune')
    """
    spec = exported.backbone
    licence = exported.fitted.get("licence", "")
    if exported.fitted.get("start") == "from scratch":
        return Base(licence=licence)
    if recipe is not None and recipe.get("init", "scratch") != "pretrained":
        return Base()
    name, repository, revision = spec.name if recipe is None else str(recipe["backbone"]), "", spec.revision
    # An earlier zoo did not write down the origin; what it trained by a recipe has neither a source nor a licence.
    unsaid = recipe is None and spec.recipe_digest and not spec.origin and not spec.source and spec.licence == "unknown"
    if (spec.origin == "scratch" or unsaid) and not name.startswith(HUB):
        # What the publisher trained: the licence is theirs to say.
        return Base(name, licence=licence, relation="finetune") if spec.recipe_digest else Base(licence=licence)
    for said in (name, spec.origin, spec.source):
        if said.startswith(HUB) and not repository:
            repository, _, commit = said.removeprefix(HUB).partition("@")
            revision = commit or revision
    relation = "adapter" if exported.gives == "adapter" else "finetune"
    return Base(name, repository, revision if repository else "", licence or spec.licence, relation)
