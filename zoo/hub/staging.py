"""The folder that is published: exported, freed of this machine's paths, run without zoo, described, checked."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.errors import PublishError
from zoo.hub.cards.base import base_of
from zoo.hub.cards.checking import check_card
from zoo.hub.cards.evidence import evidence as evidence_of
from zoo.hub.cards.fitted import fitted_card
from zoo.hub.cards.pretrained import pretrained_card, read_run
from zoo.hub.licences import licence_of
from zoo.hub.native.export import export
from zoo.hub.native.verify import compared
from zoo.hub.privacy import check_text, clean, this_machine
from zoo.io.atomic import replace
from zoo.io.digests import file_digest
from zoo.io.safety import files_in, kind_of
from zoo.providers.exported import RECORD, is_exported, read_exported
from zoo.providers.loading import RECORD as BACKBONE
from zoo.providers.repositories import FOLDER
from zoo.training.fitted import RECORD as FITTED
from zoo.training.fitted import FittedModel
from zoo.version import __version__

if TYPE_CHECKING:
    from zoo.hub.cards.base import Base
    from zoo.hub.licences import Licence
    from zoo.providers.exported import Exported

CARD = "README.md"


@dataclass(frozen=True)
class Staged:
    """A folder that is ready: its record, its card, and what was decided on the way."""

    folder: Path
    exported: Exported
    card: str
    licence: Licence
    base: Base
    notes: tuple[str, ...] = ()

    @property
    def files(self) -> dict[str, int]:
        """The size in bytes of each file."""
        return {name: (self.folder / name).stat().st_size for name in files_in(self.folder)}


def stage(
    model: FittedModel | str | Path,
    folder: Path,
    repository: str,
    *,
    licence: str = "",
    evidence: str | Path = "",
    merge: bool = True,
) -> Staged:
    """Make the folder of a fitted model, or of a backbone that `zoo pretrain` made. No network is touched.

    Args:
        model: the model, or its folder.
        folder: to make; it must not be there.
        repository: `OWNER/NAME` where it will be.
        licence: other than that of the base; refused where it allows more.
        evidence: a store of `zoo bench` in which its backbone was compared.
        merge: of a model that `lora` fitted: False publishes the adapter alone.

    Raises:
        PublishError: there is nothing to say of the model; a licence that cannot be; something that gives the person or
            the machine away; a card that is not whole.
        WeightsError: the folder is taken, or the library alone gives other outputs.
        UnknownName, StoreError, IncompatibleError, MissingDependency: as `zoo.export` and `zoo.read_rows` say.
    """
    if licence:
        licence_of("", licence)  # a word that the hub does not know is told before the work
    run = None if isinstance(model, FittedModel) else run_of(Path(model).expanduser())
    machine = this_machine(but=repository.split("/"))
    written = export(model, folder, merge=merge, check=False)
    if written.gives == "adapter" and written.backbone.source.startswith(FOLDER):
        raise PublishError(
            f"the base of this adapter, {Path(written.backbone.source.removeprefix(FOLDER)).name}, lies in a folder of "
            "this machine, where nobody else could load it from. Fix: publish all weights (without --adapter)."
        )
    changed = clean(folder, machine)
    exported = _recorded(folder, {})
    if exported.fitted and exported.fitted["classes"] != written.fitted["classes"]:
        raise PublishError(
            "a class has the name of a path, which would be cut, and the model would answer otherwise. Fix: name the "
            "classes otherwise, and fit again."
        )
    exported = compared(exported)
    base = base_of(exported, None if run is None else run["recipe"])
    chosen = licence_of(base.licence, licence, base_name=base.repository or base.name)
    told = ""
    if evidence:
        data = exported.fitted["task"]["name"] if exported.fitted else ""
        told = evidence_of(evidence, exported.backbone.name, data, exported.backbone.digest)
    if run is None:
        card = fitted_card(exported, base, chosen, repository, told)
    else:
        card = pretrained_card(exported, run, base, chosen, repository, told)
    check_card(card)
    check_text(card, "the card", machine)
    replace(folder / CARD, card.encode())
    about: dict[str, Any] = {
        "zoo": __version__,
        "licence": chosen.name or chosen.identifier,
        "base": base.to_json(),
        "card": file_digest(folder / CARD, "0" * 40),  # in git's form, which the hub states of small files
    }
    if run is not None:
        about |= {name: run[name] for name in ("recipe", "recipe_digest", "data_digest")}
        about["cost"] = run["history"].get("cost") or {}
    exported = _recorded(folder, about, exported)
    clean(folder, machine)
    if odd := [name for name in files_in(folder) if kind_of(name) in ("pickle", "code")]:
        raise PublishError(f"{odd[0]} could run code, and zoo publishes none. Fix: report this.")
    read_exported(folder)  # every digest once more, as a reader will do it
    return Staged(folder, exported, card, chosen, base, (*exported.notes, *changed))


def run_of(folder: Path) -> dict[str, Any] | None:
    """How a pre-trained backbone was made; None for the folder of a fitted model.

    Raises:
        PublishError: neither of them.
        WeightsError: a backbone whose folder does not tell how it was made.
    """
    if (folder / FITTED).is_file() or (is_exported(folder) and read_exported(folder).fitted):
        return None
    if (folder / BACKBONE).is_file():
        return read_run(folder)
    raise PublishError(
        f"{folder} holds neither a fitted model nor a backbone that zoo pre-trained, so a card would have nothing "
        "to say. Fix: give the --out folder of `zoo finetune` or `zoo pretrain`."
    )


def _recorded(folder: Path, about: dict[str, Any], exported: Exported | None = None) -> Exported:
    """Write `zoo.json` anew, with the digests of the files as they are now."""
    from zoo.providers.exported import Exported

    found = exported or Exported.from_json(json.loads((folder / RECORD).read_text(encoding="utf-8")))
    names = [name for name in files_in(folder) if name not in (RECORD, CARD)]  # a card may be mended by hand
    files = {name: file_digest(folder / name, "0" * 64) for name in names}
    found = dataclasses.replace(found, files=files, published=about, folder="")
    replace(folder / RECORD, json.dumps(found.to_json(), indent=1).encode())
    return dataclasses.replace(found, folder=str(folder))
