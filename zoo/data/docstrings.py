"""Docstrings of the standard library and of installed packages: parsed, never imported, so that nothing of them runs.

What is found differs from machine to machine, because versions do: `Docstrings.versions` and a digest of the texts say
what it was.
"""

from __future__ import annotations

import ast
import hashlib
import importlib.metadata
import importlib.util
import inspect
import os
import platform
import sysconfig
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

PYTHON = "python"
PACKAGES = {  # what is imported -> what is installed; all under BSD, MIT, Apache-2.0, HPND or PSF licences
    "torch": "torch",
    "numpy": "numpy",
    "scipy": "scipy",
    "sklearn": "scikit-learn",
    "transformers": "transformers",
    "timm": "timm",
    "pandas": "pandas",
    "torchvision": "torchvision",
    "torchaudio": "torchaudio",
    "sympy": "sympy",
    "networkx": "networkx",
    "matplotlib": "matplotlib",
    "PIL": "pillow",
    "huggingface_hub": "huggingface_hub",
    "safetensors": "safetensors",
    "accelerate": "accelerate",
    "datasets": "datasets",
    "joblib": "joblib",
    "jinja2": "Jinja2",
    "mpmath": "mpmath",
    "fsspec": "fsspec",
    "packaging": "packaging",
}
_NOT_READ = {"test", "tests", "testing_data", "idlelib", "lib2to3", "site-packages", "dist-packages", "_vendor"}
_ADDED_BY = {"add_docstr", "_add_docstr", "add_newdoc", "add_newdoc_for_scalar_type"}  # docstrings of compiled code
_SHORTEST = 60  # characters of a string that such a call holds, to be taken for a docstring


class Docstring(NamedTuple):
    """One docstring, without its indentation: `module` is the dotted name of the file that it stands in."""

    package: str
    module: str
    text: str


@dataclass(frozen=True)
class Docstrings:
    """Texts in a fixed order (package, file, place), and the versions of what they were read from."""

    texts: tuple[Docstring, ...]
    versions: dict[str, str]

    @property
    def digest(self) -> str:
        """SHA-256 of modules and texts, which does not say where they lie."""
        content = hashlib.sha256()
        for one in self.texts:
            content.update(f"{one.module}\0{one.text}\0".encode("utf-8", "surrogatepass"))
        return content.hexdigest()


def read_docstrings(packages: Sequence[str] | None = None) -> Docstrings:
    """All docstrings of the named packages that are installed; each text once. About a minute for all of them.

    Args:
        packages: names of `PACKAGES`, or `python` for the standard library; None reads all. Any other importable name
            is read too, with the version that a distribution of that name has.

    Example:
        >>> found = read_docstrings(["packaging"])
        >>> sorted({one.module for one in found.texts})[:2], list(found.versions)
        (['packaging._elffile', 'packaging._manylinux'], ['packaging'])
    """
    texts: list[Docstring] = []
    versions: dict[str, str] = {}
    seen: set[str] = set()
    for package in (PYTHON, *PACKAGES) if packages is None else packages:
        if (root := _root(package)) is None:
            continue
        versions[package] = _version(package)
        for file in _files(root):
            module = _module(file, root if package == PYTHON else root.parent)
            for text in docstrings_of(file):
                if (key := " ".join(text.split())) not in seen:
                    seen.add(key)
                    texts.append(Docstring(package, module, text))
    return Docstrings(tuple(texts), versions)


def docstrings_of(file: Path) -> list[str]:
    """The docstrings in a Python file; none where it cannot be parsed by this Python.

    Example:
        >>> "The docstrings in a Python file" in docstrings_of(Path(__file__))[-3]
        True
    """
    try:
        source = file.read_text(encoding="utf-8")
        if '"""' not in source and "'''" not in source:
            return []
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # others' invalid escapes
            tree = ast.parse(source)
    except (OSError, ValueError, SyntaxError, RecursionError):
        return []
    return [text for text in _texts(ast.walk(tree)) if text]


def _texts(nodes: Iterable[ast.AST]) -> Iterator[str]:
    for node in nodes:
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield ast.get_docstring(node) or ""
        elif isinstance(node, ast.Call) and _name(node.func) in _ADDED_BY:
            strings = [
                part.value
                for argument in node.args
                for part in ast.walk(argument)
                if isinstance(part, ast.Constant) and isinstance(part.value, str)
            ]
            longest = max(strings, key=len, default="")
            yield inspect.cleandoc(longest) if len(longest) > _SHORTEST else ""


def _name(function: ast.expr) -> str:
    return function.id if isinstance(function, ast.Name) else getattr(function, "attr", "")


def _root(package: str) -> Path | None:
    """The folder of a package, found without importing it."""
    if package == PYTHON:
        return Path(sysconfig.get_paths()["stdlib"])
    found = importlib.util.find_spec(package)
    places = list(found.submodule_search_locations or ()) if found else []
    return Path(places[0]) if places else None


def _version(package: str) -> str:
    if package == PYTHON:
        return platform.python_version()
    try:
        return importlib.metadata.version(PACKAGES.get(package, package))
    except importlib.metadata.PackageNotFoundError:
        return "unknown"


def _files(root: Path) -> Iterator[Path]:
    for folder, below, names in os.walk(root):
        below[:] = sorted(set(below) - _NOT_READ)
        yield from (Path(folder, name) for name in sorted(names) if name.endswith(".py"))


def _module(file: Path, root: Path) -> str:
    return ".".join(file.relative_to(root).with_suffix("").parts).removesuffix(".__init__")
