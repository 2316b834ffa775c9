"""Real text that zoo's own dependencies carry: what functions and classes of four libraries say of themselves.

The answer is the library. Their names are masked, and so is all that follows a heading such as `Parameters`, whose
style would give the library away. Files are read as text, and nothing is imported.
"""

from __future__ import annotations

import ast
import re
from importlib.util import find_spec
from pathlib import Path

LIBRARIES = ("numpy", "scipy", "sklearn", "torch")
EACH, LEAST, MOST = 500, 8, 48  # texts of each library; words of a text
HEADING = re.compile(r"\n\s*(?:parameters|args|arguments|returns?|raises|yields|examples?|notes?|references)\b", re.I)
NAMES = {"numpy", "np", "scipy", "sp", "sklearn", "scikit", "learn", "torch", "pytorch", "aten", "xp"}


def words_of(docstring: str) -> list[str]:
    """The words before the first heading, in small letters and without names of libraries.

    >>> words_of("Like np.sum of an array.\\n\\nParameters\\n----------\\na : array")
    ['like', 'sum', 'of', 'an', 'array']
    """
    return [word for word in re.findall(r"[a-z]+", HEADING.split(docstring)[0].lower()) if word not in NAMES][:MOST]


def docstrings(source: str) -> list[str]:
    """Of all public functions and classes in a file.

    >>> docstrings("def add(a, b):\\n    'The sum.'\\n\\ndef _hidden():\\n    'Nothing.'\\n")
    ['The sum.']
    """
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return []
    named = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.ClassDef)]
    found = [ast.get_docstring(node) for node in named if not node.name.startswith("_")]
    return [text for text in found if text]


def library_texts(library: str) -> list[str]:
    """All different texts of a library with enough words, in the order of its files; its tests are left out."""
    found = find_spec(library)
    if found is None or not found.origin:
        raise SystemExit(f"{library} is not installed. Fix: pip install {library}.")
    texts: dict[str, None] = {}
    for path in sorted(Path(found.origin).parent.rglob("*.py")):
        if {"tests", "testing", "_testing"} & set(path.parts):
            continue
        for docstring in docstrings(path.read_text(encoding="utf-8", errors="replace")):
            words = words_of(docstring)
            if len(words) >= LEAST:
                texts[" ".join(words)] = None
    return list(texts)


def which_library(each: int = EACH) -> tuple[list[str], list[str]]:
    """Texts and their libraries, `each` of a library, drawn by seed 0; what two libraries say alike is left out."""
    import numpy as np

    found = {library: library_texts(library) for library in LIBRARIES}
    seen: dict[str, int] = {}
    for texts in found.values():
        for text in texts:
            seen[text] = seen.get(text, 0) + 1
    samples, labels = [], []
    for library, texts in found.items():
        own = [text for text in texts if seen[text] == 1]
        chosen = np.random.default_rng(0).permutation(len(own))[:each]
        samples += [own[place] for place in sorted(chosen)]
        labels += [library] * len(chosen)
    return samples, labels
