"""`zoo fetch`: what a name needs, brought into the caches, so that it loads without a network afterwards."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from zoo.catalog.query import describe
from zoo.errors import UnknownName, UsageError
from zoo.io.datasets import DATA, fetch_dataset
from zoo.io.names import check_repository, check_revision
from zoo.io.repository import PATTERNS, fetch_repository
from zoo.io.transport import shown
from zoo.io.urls import fetch_url

if TYPE_CHECKING:
    from pathlib import Path

HUB = "hf-hub:"
FILES = {"timm": ("model.safetensors",)}  # what a provider reads of a repository; others: all that loaders read


@dataclass(frozen=True)
class Source:
    """Where the bytes of a name come from: a hub repository, an address, or neither (`shipped` with zoo)."""

    name: str
    repository: str = ""
    revision: str = ""
    url: str = ""
    patterns: tuple[str, ...] = PATTERNS

    @property
    def shipped(self) -> bool:
        """Whether nothing needs to be fetched."""
        return not self.repository and not self.url


@dataclass(frozen=True)
class Fetched:
    """What `fetch` brought: `place` is the folder or the file, `commit` is empty for an address.

    The `name` of an address is told without what may be a secret: its user, password and query.
    """

    name: str
    place: Path | None
    commit: str = ""


def source_of(name: str) -> Source:
    """Where the bytes of a name come from.

    Args:
        name: a backbone of the catalog, `hf-hub:ORGANISATION/NAME[@REVISION]`, or an https address.

    Raises:
        UnknownName: none of these.
        UsageError: an architecture, which has no weights; or no repository.

    Example:
        >>> source_of("timm/resnet18.a1_in1k").repository, source_of("hf-hub:org/name@v1").revision
        ('timm/resnet18.a1_in1k', 'v1')
        >>> source_of("pocket/resnet10.glyphs").shipped
        True
    """
    if name.startswith(("https://", "http://")):
        return Source(name, url=name)
    if name.startswith(HUB):
        repository, _, revision = name.removeprefix(HUB).partition("@")
        return Source(name, check_repository(repository), check_revision(revision) if revision else "")
    try:
        spec = describe(name)
    except UnknownName as error:
        error.args = (f"{error.message} A repository that is no backbone of zoo is written {HUB}ORGANISATION/NAME.",)
        error.message = error.args[0]
        raise
    if not spec.pretrained:
        raise UsageError(
            f"{name} is an architecture without weights. Fix: name a tag (`zoo list '{name}.*'` shows them)."
        )
    if spec.source.startswith(HUB):
        repository = check_repository(spec.source.removeprefix(HUB))
        return Source(name, repository, spec.revision, patterns=FILES.get(spec.provider, PATTERNS))
    if spec.source.startswith(("https://", "http://")):
        return Source(name, url=spec.source)
    return Source(name)


def fetch(name: str, *, allow_pickle: str = "") -> Fetched:
    """Bring what the name needs into the standard caches, unless it is there and right.

    Beside what `source_of` knows, `hf-data:NAMESPACE/NAME[/FOLDER][@REVISION]` brings a data set.

    Raises:
        Offline, WeightsError, UnsafeContent, StoreError: as `fetch_repository` and `fetch_url` say.
        UnknownName, UsageError: as `source_of` says.

    Example:
        >>> fetch("pocket/resnet10.glyphs").place is None  # comes with zoo
        True
    """
    if name.startswith(DATA):
        snapshot, _ = fetch_dataset(name)
        return Fetched(name, snapshot.folder, snapshot.commit)
    source = source_of(name)
    if source.url:
        return Fetched(shown(source.url), fetch_url(source.url))
    if source.shipped:
        return Fetched(name, None)
    found = fetch_repository(source.repository, source.revision, source.patterns, allow_pickle=allow_pickle)
    return Fetched(name, found.folder, found.commit)
