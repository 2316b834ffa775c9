"""Folders that `zoo.export` wrote: files of another library, and `zoo.json`, which says what zoo made them of.

The library needs its own files only. zoo reads `zoo.json` first: it holds the digest of every file, the record of the
backbone, and by what names its tensors stand in the library's file. Writing such folders is `zoo.hub.native`'s.
"""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.errors import UnsafeContent, WeightsError
from zoo.io.digests import file_digest
from zoo.io.safety import check_folder, check_place
from zoo.io.settings import hub_cache
from zoo.providers.repositories import FOLDER, origin_of
from zoo.specs import BackboneSpec, Record

if TYPE_CHECKING:
    from torch import Tensor

RECORD, HEAD, ADAPTER = "zoo.json", "head.safetensors", "adapter_model.safetensors"
LAYERS = "base_model.model."  # begins the names of an adapter of peft


@dataclass(frozen=True)
class Exported(Record):
    """A folder in the format of a model's own library.

    Fields:
        library: whose format it is: `timm`, `transformers`, `peft`, `open_clip`, `torchvision` or `torch`.
        gives: what that library alone gives: `logits`, `features`, or the features of a base with its `adapter`.
        head: where the head of a fitted model is: `inside` the library's network, `beside` it in `head.safetensors`
            with its formula in the snippet, `zoo` where only zoo computes it, or "" where there is none.
        snippet: Python that runs in the folder, loads the model without zoo, and leaves `outputs` of `sample`.
        files: SHA-256 of every file, but of this record.
        weights: the file with the network's tensors; of an adapter the correction alone.
        backbone: its record, with the repository and revision that the weights began from.
        fitted: the record of a fitted model as JSON; empty for a backbone.
        tensors: zoo's name -> the names in `weights` that it is made of, joined along the first axis, where it differs.
        head_keys: names in `weights` that are no backbone's.
        preprocessing: whether the folder holds a tokenizer or processor that zoo reads.
        sample, expected: a file with an example input, and what zoo gives for it, [rows][numbers].
        tolerance: largest difference of upstream's outputs from zoo's, relative to the largest of their row; None
            where it was not compared.
        rounding: how far rounding each weight once more moves the outputs, in the same units; None where not measured.
        scale: what these two are relative to instead, where it is not 0: the deviation of a regression's targets.
        published: what `zoo.publish` adds: zoo's version, the licence, the base, the digest of the card.
        folder: where it was found; not stored.

    Example:
        >>> Exported("timm", "logits", BackboneSpec("timm/a", "timm", "a")).head
        ''
    """

    library: str
    gives: str
    backbone: BackboneSpec
    head: str = ""
    snippet: str = ""
    files: dict[str, Any] = field(default_factory=dict)
    weights: str = "model.safetensors"
    fitted: dict[str, Any] = field(default_factory=dict)
    tensors: dict[str, Any] = field(default_factory=dict)
    head_keys: tuple[str, ...] = ()
    preprocessing: bool = False
    sample: str = ""
    expected: tuple[tuple[float, ...], ...] = ()
    tolerance: float | None = None
    rounding: float | None = None
    scale: float = 0.0
    notes: tuple[str, ...] = ()
    published: dict[str, Any] = field(default_factory=dict)
    folder: str = ""

    @property
    def licence(self) -> str:
        """What it was published under; "" where it was not."""
        found = self.published.get("licence")
        return found if isinstance(found, str) else ""

    @property
    def spec(self) -> BackboneSpec:
        """The backbone's record, with what it was published under, and its tokenizer or processor in this folder."""
        spec = dataclasses.replace(self.backbone, licence=self.licence or self.backbone.licence)
        if not self.preprocessing:
            return spec
        here, origin = f"{FOLDER}{Path(self.folder).resolve()}", origin_of(self.backbone)
        return dataclasses.replace(spec, source=here, revision="", origin=origin)


def is_exported(folder: Path) -> bool:
    """Whether `zoo.export` wrote this folder.

    Example:
        >>> is_exported(Path("nowhere"))
        False
    """
    return (folder / RECORD).is_file()


def read_exported(folder: Path) -> Exported:
    """The record of a folder, or of a snapshot in the hub's cache, after its files were compared with their digests.

    The example may be missing, since a snapshot need not hold it.

    Raises:
        WeightsError: no such record, or a file that is missing or is another one.
        UnsafeContent: a file that could run code or lies elsewhere, or a record that asks for more than a network.
    """
    try:
        found = Exported.from_json(json.loads((folder / RECORD).read_text(encoding="utf-8")))
    except (OSError, ValueError, RecursionError) as error:
        raise WeightsError(f"{folder / RECORD} cannot be read ({error}). Fix: export the model again.") from error
    inside = hub_cache() if folder.resolve().is_relative_to(hub_cache().resolve()) else None  # its files are links
    check_folder(folder, inside)
    for name, digest in found.files.items():
        if not (folder / name).is_file():
            if name.startswith("sample."):  # no loader reads it
                continue
            raise WeightsError(f"{folder} lacks {name}, which {RECORD} names. Fix: copy all files of it.")
        check_place(folder, name, inside)
        if file_digest(folder / name, "0" * 64) != digest:
            raise WeightsError(
                f"{folder / name} is not the file that was exported: its SHA-256 is not what {RECORD} says. Fix: copy "
                "or fetch it again, or export the model again."
            )
    if found.weights not in found.files:
        raise WeightsError(f"{folder / RECORD} states no digest of {found.weights}. Fix: export the model again.")
    if found.backbone.provider == "timm" and found.backbone.config:
        from zoo.providers.timm_repositories import REFUSED

        try:
            asked = set(json.loads(found.backbone.config).get("model_args", {}))
        except (ValueError, TypeError, AttributeError, RecursionError) as error:
            raise WeightsError(
                f"the config in {folder / RECORD} cannot be read ({type(error).__name__}). Fix: export the model again."
            ) from error
        if refused := sorted(REFUSED & asked):
            raise UnsafeContent(
                f"{folder / RECORD} sets {', '.join(refused)}, which choose files and not a network. "
                "Fix: do not use this folder; tell its owner."
            )
    return dataclasses.replace(found, folder=str(folder))


def tensors_of(found: Exported) -> dict[str, Tensor]:
    """The backbone's tensors by zoo's names; those of an adapter are its base's, corrected.

    Raises:
        WeightsError: damaged weights, or names that are not there.
        Offline: the base of an adapter is not on this machine.
    """
    import torch

    from zoo.providers.weights import read_weights

    read = read_weights(Path(found.folder) / found.weights, found.files[found.weights])
    if found.gives == "adapter":
        return _corrected(found, read)
    try:
        used = {name for names in found.tensors.values() for name in names}
        if lost := sorted(used - set(read)):
            raise WeightsError(f"{found.folder} lacks the tensors {', '.join(lost[:3])}. Fix: export the model again.")
        made = {ours: torch.cat([read[name] for name in theirs]) if len(theirs) > 1 else read[theirs[0]]
                for ours, theirs in found.tensors.items()}  # fmt: skip
    except (KeyError, IndexError, TypeError, RuntimeError) as error:
        raise WeightsError(
            f"{found.folder} does not hold the tensors as its {RECORD} says ({str(error)[:100]}). Fix: export the "
            "model again."
        ) from error
    return made | {name: tensor for name, tensor in read.items() if name not in used and name not in found.head_keys}


def _corrected(found: Exported, read: dict[str, Tensor]) -> dict[str, Tensor]:
    """The base's tensors with B A of each adapted layer added; `tensors` says how each weight is laid out."""
    from zoo.providers.loading import build

    state = dict(build(found.backbone, pretrained=True).module.state_dict())
    for name, layouts in found.tensors.items():
        begin = f"{LAYERS}{name.removesuffix('.weight')}"
        try:
            (layout,) = layouts
            low, high = read[f"{begin}.lora_A.weight"], read[f"{begin}.lora_B.weight"]
            delta = high.flatten(1) @ low.flatten(1)
            state[name] = state[name] + (delta.T if layout == "turned" else delta).reshape(state[name].shape)
        except (KeyError, RuntimeError, ValueError, TypeError) as error:
            raise WeightsError(
                f"the adapter in {found.folder} does not fit {found.backbone.name}: {error}. Fix: export it again."
            ) from error
    return state
