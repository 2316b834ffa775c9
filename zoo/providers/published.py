"""Repositories that `zoo.publish` filled: `zoo.json` names every file with its digest, and zoo compares all of them."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING, Any

from zoo.errors import UnsafeContent, WeightsError
from zoo.io.fetch import HUB
from zoo.io.names import check_file, is_exact
from zoo.io.repository import fetch_repository
from zoo.providers.exported import RECORD
from zoo.providers.repositories import looked_at

if TYPE_CHECKING:
    from pathlib import Path

    from zoo.io.repository import Snapshot
    from zoo.providers.exported import Exported
    from zoo.specs import BackboneSpec


def published_folder(name: str) -> Path:
    """The files of `hf-hub:OWNER/NAME[@REVISION]` on this machine, if zoo published them.

    Raises:
        WeightsError: zoo did not publish it.
        Offline, UnsafeContent: as `fetch_repository` says.
    """
    found = looked_at(name)
    if RECORD not in found.files:
        raise WeightsError(
            f"{name} has no {RECORD}, so it is no fitted model that zoo published. Fix: zoo.load({name!r}) takes the "
            "backbones of other libraries."
        )
    return fetched(found)


def fetched(found: Snapshot) -> Path:
    """The folder of a repository with all files that its `zoo.json` names.

    Raises:
        WeightsError: a file is missing there, or the record cannot be read.
        UnsafeContent: a name that leads elsewhere.
    """
    try:
        record: dict[str, Any] = json.loads((found.folder / RECORD).read_text(encoding="utf-8"))
        names = [check_file(name) for name in record["files"]]
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise WeightsError(
            f"{RECORD} of {found.repository} cannot be read ({type(error).__name__}). Fix: tell its owner."
        ) from error
    if odd := [name for name in names if not is_exact(name)]:
        raise UnsafeContent(
            f"{RECORD} of {found.repository} names {odd[0]!r}, which is no file name. Fix: do not use it."
        )
    return fetch_repository(found.repository, found.commit, (RECORD, *names)).folder


def hub_spec(exported: Exported, found: Snapshot) -> BackboneSpec:
    """The record of a published backbone, under the name by which it was asked for, with its licence.

    So a model that is fitted to it, and published again, names this repository as its base.
    """
    return dataclasses.replace(exported.spec, name=f"{HUB}{found.repository}@{found.commit}")
