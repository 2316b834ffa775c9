"""What a folder says of the person and the machine it was made by: found in every text and header before it is sent.

Paths are cut to their last part where that is safe (in JSON and JSON lines, which zoo can write again); anything else
that gives a person, a host or a token away is refused, with the file and the word. Torch-free.
"""

from __future__ import annotations

import getpass
import json
import os
import re
import socket
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import TYPE_CHECKING, Any

from zoo.errors import PublishError
from zoo.io.atomic import replace
from zoo.io.safety import files_in, kind_of
from zoo.io.tensors import header_length

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

# Roots of a path that lies on some machine. Anything before the slash would make it a part of an address or a fraction.
_ROOTS = "home|Users|root|tmp|mnt|media|work|workspace|data|scratch|srv|opt|var|private|nfs|content|export|vol|usr|etc"
_PATH = re.compile(
    rf"(?<![\w/.~$}}-])(?:(?:file://)?/(?:{_ROOTS})/[^\s\"'`<>|,;)]+|[A-Za-z]:\\+[^\s\"'`<>|,;)]+|~/[^\s\"'`<>|,;)]+)"
)
_WHOLE = re.compile(r"(?:file://)?(?:/[^/\0]+){2,}/?|[A-Za-z]:[\\/].+|~/.+|\\\\\w.+")  # a whole value that is a path
_ANYWHERE = re.compile(r"(?<![\w/.~$}:-])/[^\s\"'`<>|,;)\\/]+/[^\s\"'`<>|,;)\\]+")  # maybe; it counts if it is here
_TOKEN = re.compile(
    r"\bhf_[A-Za-z0-9]{20,}|\b(?:read|write)-[0-9a-f]{32}\b|\bgh[po]_[A-Za-z0-9]{30,}|\bAKIA[0-9A-Z]{16}\b"
)
# Lists of the words and pieces of words of a language: anybody's name may be among them.
VOCABULARIES = (
    "tokenizer.json",
    "vocab.json",
    "vocab.txt",
    "merges.txt",
    "added_tokens.json",
    "special_tokens_map.json",
)
_COMMON = frozenset(
    {"root", "user", "users", "admin", "home", "test", "tester", "guest", "nobody", "runner", "ubuntu", "debian"}
    | {"localhost", "localdomain", "none", "node", "host", "worker", "main", "model", "data", "zoo", "work", "jovyan"}
)
_SHORTEST = 3  # letters of a name that can be told from any other word


@dataclass(frozen=True)
class Machine:
    """What must not leave: the home folder, and names of the user and of the host."""

    home: str
    names: tuple[str, ...]


def this_machine(but: Iterable[str] = ()) -> Machine:
    """The person and the machine that run this; words `but` are public already, such as the owner of the repository.

    Names of fewer than three letters, and those that half of all machines have (root, user), give nobody away.
    """
    public = {word.lower() for word in but}
    try:
        user = getpass.getuser()
    except (OSError, KeyError):  # no such user in the password database
        user = ""
    host = socket.gethostname()
    found = (user, host, host.partition(".")[0], Path.home().name)
    names = {name for name in found if len(name) >= _SHORTEST and name.lower() not in _COMMON | public}
    return Machine(str(Path.home()), tuple(sorted(names)))


def leaks(text: str, machine: Machine, *, vocabulary: bool = False) -> list[str]:
    """What in a text gives the machine, its user or a token away, in the order of the text.

    Example:
        >>> leaks("made by anna in /home/anna/photos", Machine("/home/anna", ("anna",)))
        ['/home/anna/photos', 'anna']
        >>> leaks("see https://example.org/home/page and 3/4", Machine("/home/anna", ("anna",)))
        []
    """
    found = _TOKEN.findall(text)
    if vocabulary:
        found += [f"{machine.home}/"] if len(machine.home) > 1 and f"{machine.home}/" in text else []
    else:
        found += _PATH.findall(text)
        rest = _PATH.sub(" ", text)
        found += [path for path in _ANYWHERE.findall(rest) if _is_here(path)]
        found += [name for name in machine.names if re.search(rf"(?<!\w){re.escape(name)}(?!\w)", rest, re.IGNORECASE)]
    return list(dict.fromkeys(found))


def without_paths(value: Any) -> Any:
    """JSON in which every path of a machine is cut to its last part.

    Example:
        >>> without_paths({"data": "/home/anna/photos/", "made by": ["zoo bench --data /tmp/x/pets --seeds 3"]})
        {'data': 'photos', 'made by': ['zoo bench --data pets --seeds 3']}
    """
    if isinstance(value, dict):
        return {_cut(name) if isinstance(name, str) else name: without_paths(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(without_paths(item) for item in value) if type(value) in (list, tuple) else value
    return _cut(value) if isinstance(value, str) else value


def clean(folder: Path, machine: Machine) -> list[str]:
    """Take paths out of every JSON file of a folder, and see that nothing else gives the machine away.

    Returns:
        A sentence for each file that was changed.

    Raises:
        PublishError: a name of the user or the host, a token, or a path where it cannot be cut.
    """
    changed = []
    for name in files_in(folder):
        path = folder / name
        if kind_of(name) == "configuration" and PurePosixPath(name).name not in VOCABULARIES:
            changed += [name] if _rewritten(path) else []
        if found := leaks(_text_of(path, name), machine, vocabulary=PurePosixPath(name).name in VOCABULARIES):
            raise PublishError(
                f"{name} gives away {_shown(found)}, and what is published stays. Fix: take it out of what was "
                "trained on or saved (class names, notes, a tokenizer's files), and save the model again."
            )
    return [f"{name}: paths of this machine were cut to their last part" for name in changed]


def check_text(text: str, name: str, machine: Machine) -> None:
    """See that a text which zoo wrote gives nothing away.

    Raises:
        PublishError: it does.
    """
    if found := leaks(text, machine):
        raise PublishError(f"{name} would give away {_shown(found)}. Fix: rename what is called so, and save again.")


def _rewritten(path: Path) -> bool:
    """Cut the paths in one JSON or JSON lines file; whether it had any."""
    text = path.read_text(encoding="utf-8")
    lines = text.splitlines() if path.suffix == ".jsonl" else [text]
    parse: Callable[[str], Any] = json.loads
    try:
        contents: Sequence[Any] = [parse(line) for line in lines]
    except ValueError as error:
        raise PublishError(f"{path.name} is no JSON ({error}). Fix: export the model again.") from error
    cut = [without_paths(content) for content in contents]
    if cut == contents:
        return False
    indent = None if path.suffix == ".jsonl" else 1
    written = "\n".join(json.dumps(content, indent=indent, ensure_ascii=False) for content in cut) + "\n"
    replace(path, written.encode())
    return True


def _cut(text: str) -> str:
    if _WHOLE.fullmatch(text):
        return _last(text)
    text = _PATH.sub(lambda found: _last(found[0]), text)
    return _ANYWHERE.sub(lambda found: _last(found[0]) if _is_here(found[0]) else found[0], text)


def _is_here(path: str) -> bool:
    """Whether this machine has it, whatever its root is called (/project, /gpfs); a sentence's end is no part of it."""
    return os.path.exists(path.rstrip(".:!?"))  # noqa: PTH110 - False, not an error, for what can be no path


def _last(path: str) -> str:
    plain = path.removeprefix("file://")
    windows = "\\" in plain or re.match(r"[A-Za-z]:", plain)
    return (PureWindowsPath(plain) if windows else PurePosixPath(plain)).name or "folder"


def _text_of(path: Path, name: str) -> str:
    """All of a text file; the header of weights; nothing of other binaries, whose kinds are never published."""
    if kind_of(name) == "weights":
        with path.open("rb") as file:
            length = header_length(file.read(8), path.stat().st_size, name)
            return json.dumps(json.loads(file.read(length)).get("__metadata__", {}), ensure_ascii=False)
    return path.read_bytes().decode("utf-8", errors="replace").replace("\0", " ")


def _shown(found: Sequence[str]) -> str:
    few = ["a token" if _TOKEN.fullmatch(word) else repr(word) for word in found[:3]]
    return ", ".join(few) + (", ..." if len(found) > 3 else "")
