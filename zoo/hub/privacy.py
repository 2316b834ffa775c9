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
import unicodedata
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import TYPE_CHECKING, Any

from huggingface_hub import get_token

from zoo.errors import PublishError
from zoo.io.atomic import replace
from zoo.io.safety import files_in, kind_of
from zoo.io.tensors import header_length

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

# Roots of a path that lies on some machine. Anything before the slash would make it a part of an address or a fraction.
_ROOTS = (
    "home|Users|users|root|tmp|mnt|media|Volumes|work|workspaces?|data|scratch|srv|opt|var|private|nfs|gpfs|lustre|fsx|"
    "projects?|storage|content|kaggle|export|vol|usr|etc"
)
_PATH = re.compile(
    rf"(?<![\w/.~$}}-])(?:(?:file://)?/(?:{_ROOTS})/[^\s\"'`<>|,;)]+|[A-Za-z]:\\+[^\s\"'`<>|,;)]+|~/[^\s\"'`<>|,;)]+)"
)
_WHOLE = re.compile(r"(?:file://)?(?:/[^/\0]+){2,}/?|[A-Za-z]:[\\/].+|~/.+|\\\\\w.+")  # a whole value that is a path
_MID = re.compile(r"/(?:m/0|g/1|t/dd)\w+")  # a class of AudioSet or Open Images, which only looks like one
_ANYWHERE = re.compile(r"(?<![\w/.~$}:-])/[^\s\"'`<>|,;)\\/]+/[^\s\"'`<>|,;)\\]+")  # maybe; it counts if it is here
_TOKEN = re.compile(
    r"\bhf_[A-Za-z0-9]{20,}|\b(?:read|write)-[0-9a-f]{32}\b|\bgh[po]_[A-Za-z0-9]{30,}|\bAKIA[0-9A-Z]{16}\b"
    r"|\bgithub_pat_\w{22,}|\bsk-[A-Za-z0-9]{32,}|(?<=://)[^\s/:@\"'<>]+:[^\s/@\"'<>]+(?=@)"  # the last: user:password@
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
VOCABULARY_KINDS = (".model", ".tiktoken")  # of sentencepiece and tiktoken
_COMMON = frozenset(
    {"root", "user", "users", "admin", "home", "test", "tester", "guest", "nobody", "runner", "ubuntu", "debian"}
    | {"localhost", "localdomain", "none", "node", "host", "worker", "main", "model", "data", "zoo", "work", "jovyan"}
    | {"ec2-user", "azureuser", "opc", "centos", "fedora", "vagrant", "docker", "codespace", "gitpod", "vscode", "app"}
    | {"colab", "kaggle", "sagemaker-user", "student", "owner", "raspberrypi", "server", "laptop", "desktop"}
    | {"gpu", "cpu", "cuda", "dev", "mac", "max", "bert", "vit"}  # words of every configuration
)
SECRET = "a token or a password"
_SHORTEST = 3  # letters of a name that can be told from any other word


@dataclass(frozen=True)
class Machine:
    """What must not leave: the home folder, names of the user and of the host, and the `token` of the hub."""

    home: str
    names: tuple[str, ...]
    token: str = field(default="", repr=False)


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
    return Machine(_form(str(Path.home())), tuple(sorted(map(_form, names))), get_token() or "")


def leaks(text: str, machine: Machine, *, vocabulary: bool = False) -> list[str]:
    """What in a text gives the machine, its user or a token away, in the order of the text.

    Example:
        >>> leaks("made by anna in /home/anna/photos", Machine("/home/anna", ("anna",)))
        ['/home/anna/photos', 'anna']
        >>> leaks("see https://example.org/home/page and 3/4", Machine("/home/anna", ("anna",)))
        []
    """
    text = _form(text)
    secret = _TOKEN.search(text) or (machine.token and machine.token in text)
    found = [SECRET] if secret else []  # which one is nobody's business
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
        kind = kind_of(name)
        # Among so many words, or the bytes of a sound, there are names and what looks like a path by chance.
        by_chance = path.name in VOCABULARIES or path.suffix in VOCABULARY_KINDS or kind == "other"
        if kind == "configuration" and not by_chance:
            changed += [name] if _rewritten(path) else []
        if found := leaks(_text_of(path, name), machine, vocabulary=by_chance):
            raise PublishError(
                f"{name} gives away {_shown(found)}, and what is published stays. Fix: take it out of what was "
                "trained on or saved (class names, notes, a tokenizer's files), and save the model again."
            )
    return [f"{name}: paths of this machine were cut to their last part" for name in changed]


def check_text(text: str, name: str, machine: Machine) -> None:
    """See that a text which zoo wrote gives nothing away, and can be written.

    Raises:
        PublishError: it does; or it holds what is no text, as a file name in another encoding gives it.
    """
    if bad := re.search(r"[\ud800-\udfff]", text):
        about = text[max(0, bad.start() - 20) : bad.end() + 20]
        raise PublishError(
            f"{name} would hold {about!r}, which is no text: a file or a class has a name in another encoding than "
            "UTF-8. Fix: rename it, and fit again."
        )
    if found := leaks(text, machine):
        raise PublishError(f"{name} would give away {_shown(found)}. Fix: rename what is called so, and save again.")


def _rewritten(path: Path) -> bool:
    """Cut the paths in one JSON or JSON lines file; whether it had any."""
    contents = _contents(path)
    cut = [without_paths(content) for content in contents]
    if cut == contents:
        return False
    indent = None if path.suffix == ".jsonl" else 1
    written = "\n".join(json.dumps(content, indent=indent, ensure_ascii=False) for content in cut) + "\n"
    replace(path, written.encode(errors="backslashreplace"))  # of half a character, which JSON can hold: as \ud800
    return True


def _cut(text: str) -> str:
    if _MID.fullmatch(text):
        return text
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
    """All of a text file, JSON without its escapes; the header of weights; other binaries as far as they are text."""
    if kind_of(name) == "weights":
        with path.open("rb") as file:
            length = header_length(file.read(8), path.stat().st_size, name)
            return _strings(json.loads(file.read(length)).get("__metadata__"))
    if kind_of(name) != "configuration":
        return path.read_bytes().decode("utf-8", errors="replace").replace("\0", " ")
    return "\n".join(map(_strings, _contents(path)))


def _contents(path: Path) -> list[Any]:
    """What a JSON file holds, or each of its lines (of which `str.splitlines` would make more than JSON does)."""
    try:
        text = path.read_text(encoding="utf-8")
        return list(map(json.loads, text.rstrip("\n").split("\n") if path.suffix == ".jsonl" else [text]))
    except ValueError as error:
        raise PublishError(f"{path.name} is no JSON ({error}). Fix: export the model again.") from error


def _strings(value: Any) -> str:
    r"""Every text in JSON, names included, a line each.

    Example:
        >>> _strings({"a": ["b", 1, {"c": None}]})
        'a\nb\nc'
    """
    if isinstance(value, dict):
        return "\n".join(filter(None, (text for pair in value.items() for text in map(_strings, pair))))
    if isinstance(value, list):
        return "\n".join(filter(None, map(_strings, value)))
    return value if isinstance(value, str) else ""


def _form(text: str) -> str:
    r"""One form of each letter: file systems keep an o with two dots in one piece or in two.

    Example:
        >>> _form("bjo\u0308rn") == _form("bj\u00f6rn")
        True
    """
    return unicodedata.normalize("NFC", text)


def _shown(found: Sequence[str]) -> str:
    few = [word if word == SECRET else repr(word) for word in found[:3]]
    return ", ".join(few) + (", ..." if len(found) > 3 else "")
