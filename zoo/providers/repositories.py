"""Repositories of other libraries, on the hub or in a folder: which library wrote one, and what it says of itself.

    zoo.load("hf-hub:timm/ViT-B-16-SigLIP@main")
    zoo.load("downloads/my-finetuned-resnet")

A library is known by its configuration file. `KINDS` is the table; a provider that reads repositories adds a line.
"""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.errors import UsageError, WeightsError
from zoo.io.fetch import HUB
from zoo.io.repository import Snapshot, fetch_repository
from zoo.io.safety import check_folder
from zoo.registry import Registry

if TYPE_CHECKING:
    from zoo.specs import BackboneSpec

FOLDER = "folder:"  # begins the `source` of a record whose weights lie in a folder of this machine
CARRIED = "preprocessing"  # in a folder that zoo wrote: the files of a tokenizer or processor, carried along
RECORD = "backbone.json"  # a folder that `zoo pretrain` wrote: that is zoo's own, and no repository


def carried(spec: BackboneSpec, folder: Path) -> BackboneSpec:
    """The record with its files in `folder`, if that carries them.

    Example:
        >>> from zoo.specs import BackboneSpec
        >>> carried(BackboneSpec("a/net", "a", "net", source="hf-hub:a/net"), Path("nowhere")).source
        'hf-hub:a/net'
    """
    if not (folder / CARRIED).is_dir():
        return spec
    return dataclasses.replace(spec, source=f"{FOLDER}{folder / CARRIED}", revision="")


def origin_of(spec: BackboneSpec) -> str:
    """What the weights of a backbone began as, for those that are trained on from it: see `BackboneSpec.origin`.

    A repository that was asked for by name is an origin of its own, whatever that one's weights began as.

    Example:
        >>> from zoo.specs import BackboneSpec
        >>> origin_of(BackboneSpec("timm/a.b", "timm", "a", "b", source="hf-hub:timm/a.b", revision="c0ffee"))
        'hf-hub:timm/a.b@c0ffee'
        >>> origin_of(BackboneSpec("timm/a.mine", "timm", "a", "mine", source="hf-hub:timm/a.b", origin="scratch"))
        'scratch'
    """
    if spec.name.startswith(HUB):
        return spec.name
    if spec.origin or not spec.source.startswith(HUB):
        return spec.origin or ("" if spec.source.startswith(FOLDER) else spec.name)
    return f"{spec.source}@{spec.revision}" if spec.revision else spec.source


@dataclass(frozen=True)
class Kind:
    """A library's repositories: its configuration `file` is a JSON object that has the entry `key`."""

    provider: str
    file: str
    key: str


KINDS = (  # the first that fits
    Kind("open_clip", "open_clip_config.json", "model_cfg"),
    Kind("timm", "config.json", "architecture"),
    Kind("transformers", "config.json", "model_type"),
)
READERS = Registry(  # provider -> (configuration, name) -> the record
    "repository reader",
    {
        "open_clip": "zoo.providers.open_clip_configs:repository_spec",
        "timm": "zoo.providers.timm_repositories:repository_spec",
        "transformers": "zoo.providers.transformers:repository_spec",
    },
)


def optional(*names: str) -> tuple[str, ...]:
    """Patterns for files that need not be there: `fetch_repository` insists on those without a wildcard.

    Example:
        >>> optional("config.json")
        ('config.jso[n]',)
    """
    return tuple(f"{name[:-1]}[{name[-1]}]" for name in names)


def is_repository(name: str) -> bool:
    """Whether a name is written `hf-hub:...`, or is a folder with another library's configuration.

    Example:
        >>> is_repository("hf-hub:timm/resnet18.a1_in1k"), is_repository("pocket/resnet10")
        (True, False)
    """
    folder = Path(name).expanduser()
    if name.startswith(HUB):
        return True
    return folder.is_dir() and not (folder / RECORD).exists() and any((folder / kind.file).is_file() for kind in KINDS)


def detect(folder: Path) -> str:
    """The provider whose library wrote the files of a folder.

    Raises:
        WeightsError: none that zoo knows, or a configuration that cannot be read.
    """
    return _kind(folder).provider


def looked_at(name: str) -> Snapshot:
    """The configurations of `hf-hub:ORGANISATION/NAME[@REVISION]` on this machine, and `zoo.json` where it has one.

    Raises:
        UsageError: no such name.
        Offline, WeightsError, UnsafeContent: as `fetch_repository` says.
    """
    repository, at, revision = name.removeprefix(HUB).partition("@")
    if at and not revision:
        raise UsageError(f"{name!r} names no revision after the @. Fix: write {HUB}{repository}@main.")
    return fetch_repository(repository, revision, optional("zoo.json", *{kind.file for kind in KINDS}))


def spec_of_repository(name: str, found: Snapshot | None = None) -> BackboneSpec:
    """The record of `hf-hub:ORGANISATION/NAME[@REVISION]`, pinned to its commit, or of a folder.

    Its `source` says where the weights are, and its `config` is all that is needed to build the same graph again.

    Args:
        name: the repository or the folder.
        found: of a repository, what `looked_at` gave for it.

    Raises:
        UsageError: no such name.
        Offline, WeightsError, UnsafeContent: as `fetch_repository` says; or no library that zoo knows.
    """
    if name.startswith(HUB):
        found = found or looked_at(name)
        repository = found.repository
        return _spec(found.folder, f"{HUB}{repository}@{found.commit}", f"{HUB}{repository}", found.commit)
    folder = Path(name).expanduser().resolve()
    check_folder(folder)
    return _spec(folder, str(folder), f"{FOLDER}{folder}", "")


def weights_of(spec: BackboneSpec, files: tuple[str, ...], allow_pickle: str = "") -> Snapshot:
    """The named files of a record's source on this machine, checked: from the hub's cache, the hub, or the folder.

    Args:
        spec: its `source` is `hf-hub:...` or `folder:...`.
        files: the names; all must be there.
        allow_pickle: read this pickle, by its exact name, instead of them.

    Raises:
        WeightsError: a file is missing.
        Offline, UnsafeContent: as `fetch_repository` says.
    """
    wanted = () if allow_pickle else files
    if not spec.source.startswith(FOLDER):
        return fetch_repository(spec.source.removeprefix(HUB), spec.revision, wanted, allow_pickle=allow_pickle)
    folder = Path(spec.source.removeprefix(FOLDER))
    check_folder(folder)
    absent = [file for file in (*wanted, *filter(None, [allow_pickle])) if not (folder / file).is_file()]
    if absent:
        there = ", ".join(sorted(path.name for path in folder.iterdir())[:8])
        raise WeightsError(
            f"{folder} has no {', '.join(absent)}; it holds {there}. Fix: copy all files of the repository."
        )
    return Snapshot("", "", folder, {})


def notes_of(spec: BackboneSpec, found: Snapshot) -> tuple[str, ...]:
    """What was decided for the user: the commit, where the catalog pins none."""
    if spec.revision or not found.commit:
        return found.notes
    note = f"{spec.name}: the catalog pins no revision; its weights are commit {found.commit[:12]} of {spec.source}"
    return (note, *found.notes)


def read_json(path: Path) -> dict[str, Any]:
    """The JSON object of a file.

    Raises:
        WeightsError: it cannot be read, or is none.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise WeightsError(f"{path} cannot be read ({error}). Fix: fetch or copy it again.") from error
    if not isinstance(content, dict):
        raise WeightsError(f"{path} holds no JSON object but a {type(content).__name__}. Fix: fetch it again.")
    return content


def _kind(folder: Path) -> Kind:
    there = {kind.file: read_json(folder / kind.file) for kind in KINDS if (folder / kind.file).is_file()}
    for kind in KINDS:
        if kind.key in there.get(kind.file, {}):
            return kind
    wanted = "; ".join(f"{kind.provider}: {kind.file} with {kind.key!r}" for kind in KINDS)
    raise WeightsError(
        f"{folder} says of no library that zoo can load from a repository ({wanted}). "
        f"Found: {', '.join(there) or 'none of these files'}. Fix: name the backbone as `zoo list` shows it."
    )


def _spec(folder: Path, name: str, source: str, revision: str) -> BackboneSpec:
    kind = _kind(folder)
    spec: BackboneSpec = READERS.get(kind.provider)(read_json(folder / kind.file), name)
    return dataclasses.replace(spec, source=source, revision=revision)
