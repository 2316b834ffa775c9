"""One small registry: built-in names as "module:attribute" strings, third-party names by entry point.

Nothing is imported until a name is asked for, and a plug-in that fails to import breaks only itself. A third party
registers in its own `pyproject.toml`, without touching zoo:

    [project.entry-points."zoo.objectives"]
    rotation = "my_package.rotation:Rotation"
"""

from __future__ import annotations

import importlib
import os
import sys
from functools import cached_property
from importlib.machinery import PathFinder
from typing import TYPE_CHECKING, Any

from zoo.errors import PluginError, UnknownName

if TYPE_CHECKING:
    from collections.abc import Mapping
    from importlib.metadata import EntryPoint


class Registry:
    """Names of one kind of thing (objectives, adaptations, ...) and where to import each from.

    Example:
        >>> kinds = Registry("number", {"pi": "math:pi"})
        >>> kinds.get("pi")
        3.141592653589793
    """

    def __init__(self, kind: str, builtins: Mapping[str, str], group: str = "") -> None:
        self.kind = kind
        self.builtins = dict(builtins)
        self.group = group

    @cached_property
    def plugins(self) -> dict[str, EntryPoint]:
        """Entry points of third parties in `group`; a built-in name cannot be taken over."""
        if not self.group or not declared(self.group):
            return {}
        metadata = importlib.import_module("importlib.metadata")
        found = metadata.entry_points(group=self.group)
        return {point.name: point for point in found if point.name not in self.builtins}

    def names(self) -> list[str]:
        """All names, built-ins first, without importing any of them."""
        return [*self.builtins, *sorted(self.plugins)]

    def get(self, name: str) -> Any:
        """Import and return what `name` stands for.

        Raises:
            UnknownName: no such name; the message carries the nearest ones.
            PluginError: a third-party entry point failed to import.
        """
        if name in self.builtins:
            module, _, attribute = self.builtins[name].partition(":")
            return getattr(importlib.import_module(module), attribute)
        if name not in self.plugins:
            raise UnknownName(self.kind, name, self.names(), f"Known: {', '.join(self.names()) or 'none'}.")
        try:
            return self.plugins[name].load()
        except Exception as error:  # a plug-in may raise anything while it is imported
            raise PluginError(
                f"the {self.kind} {name!r} comes from the plug-in {self.plugins[name].value!r}, which failed to "
                f"import: {type(error).__name__}: {error}. Fix or uninstall that package; the rest of zoo works."
            ) from error

    def failures(self) -> dict[str, str]:
        """Plug-ins that do not import, with the reason: what `zoo doctor` shows."""
        reasons = {}
        for name in self.plugins:
            try:
                self.get(name)
            except PluginError as error:
                reasons[name] = str(error)
        return reasons


def declared(group: str) -> bool:
    """Whether anything installed may have entry points in `group`; importlib.metadata then knows which.

    It looks where importlib.metadata does, for the name of the group only. That takes 2 ms, where importing and running
    importlib.metadata takes 40 ms, four times a bare interpreter; and few people have a plug-in.

    Example:
        >>> declared("a group that nobody declares")
        False
    """
    if any(hasattr(finder, "find_distributions") for finder in sys.meta_path if finder is not PathFinder):
        return True  # distributions may come from elsewhere than folders
    return any(_folder_declares(folder or ".", f"[{group}]".encode()) for folder in sys.path)


def _folder_declares(folder: str, section: bytes) -> bool:
    """Whether the metadata of a distribution in `folder` holds `section` (editable installs leave theirs there too)."""
    # os.path and open, because importing pathlib takes 4 ms
    try:
        names = os.listdir(folder)  # noqa: PTH208
    except NotADirectoryError:
        return True  # a zip archive: left to importlib.metadata
    except OSError:
        return False
    for name in names:
        if name.lower().endswith((".dist-info", "egg-info")):
            try:
                with open(os.path.join(folder, name, "entry_points.txt"), "rb") as stream:  # noqa: PTH118, PTH123
                    if section in stream.read():
                        return True
            except OSError:  # it has no entry points
                continue
    return False
