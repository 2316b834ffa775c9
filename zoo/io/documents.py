"""The gate before any reader of configurations: a JSON file that asks for code of its own is refused.

Loaders of several libraries follow such requests without being told to: `open_clip.get_tokenizer`, for one, passes the
`tokenizer_kwargs` of a repository on, and with `trust_remote_code` in them the repository's Python ran. So each JSON
file is searched as a whole, however deep. Standard library only.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NoReturn

from zoo.errors import UnsafeContent
from zoo.io.names import check_file

if TYPE_CHECKING:
    from pathlib import Path

SIZE_LIMIT = 64_000_000  # bytes; the largest tokenizers have about 35 MB, and a parsed file takes 20 times as much
# Keys that make a loader import, download or call what the file names, unless their value is empty.
_CODE = {
    "auto_map": "classes in Python files of the repository (transformers)",
    "trust_remote_code": "running the repository's Python (transformers, open_clip)",
    "custom_pipelines": "a pipeline in a Python file of the repository (transformers)",
    "custom_pipeline": "a pipeline in a Python file (diffusers)",
    "custom_generate": "a generation loop in a Python file (transformers)",
    "use_kernels": "compiled code from a hub (transformers)",
    "kernel_config": "compiled code from a hub (transformers)",
    "_target_": "calling any Python function (hydra)",
    "py/object": "making any Python object (jsonpickle)",
    "py/reduce": "calling any Python function (jsonpickle)",
}
_ATTENTION = ("attn_implementation", "experts_implementation")  # a repository here means compiled code from it
_ELSEWHERE = ("hf_tokenizer_name", "hf_model_name", "base_model_name_or_path")  # loaders then read a second repository
_WORDS = (*_CODE, *_ATTENTION, *_ELSEWHERE, "auto_mapping", "weight_map")
_LIBRARIES = ("transformers", "timm", "torch", "torchvision", "peft", "open_clip", "sentence_transformers", "diffusers")


def check_document(path: Path, name: str = "") -> tuple[str, ...]:
    """Search a JSON file for requests to run code. Returns the other repositories that it refers to.

    Raises:
        UnsafeContent: it asks for code, or cannot be read as UTF-8 JSON.
        OSError: the file cannot be read.
    """
    name = name or path.name
    check_size(path.stat().st_size, name)
    return search(path.read_bytes(), name)


def check_size(size: int, name: str) -> None:
    """Refuse a configuration of so many bytes, before it is fetched or read.

    Raises:
        UnsafeContent: it is larger than any configuration.
    """
    if size > SIZE_LIMIT:
        _refuse(name, f"it has {size / 1e6:,.0f} MB, and no configuration needs more than {SIZE_LIMIT / 1e6:.0f}")


def search(data: bytes, name: str) -> tuple[str, ...]:
    """The same for the bytes of a file; those of a `.jsonl` file are searched line by line.

    Example:
        >>> search(b'{"text_cfg": {"hf_tokenizer_name": "org/tokenizer"}}', "open_clip_config.json")
        ('org/tokenizer',)
        >>> search(b'{"a": [{"auto_map": {"AutoModel": "x.Y"}}]}', "config.json")  # doctest: +IGNORE_EXCEPTION_DETAIL
        Traceback (most recent call last):
        UnsafeContent: config.json asks for classes in Python files of the repository (transformers) ...
    """
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        _refuse(name, "it is not UTF-8")
    elsewhere: list[str] = []

    def look(pairs: list[tuple[str, Any]]) -> dict[str, Any]:  # sees a key that comes twice, which a dict would not
        keys = "\n".join([key for key, _ in pairs]).lower()
        if any(word in keys for word in _WORDS):  # a vocabulary has a million keys: one look at all of them
            for key, value in pairs:
                _look_at(key, value, name, elsewhere)
        return dict(pairs)

    lines = [line for line in text.split("\n") if line.strip()] if name.lower().endswith(".jsonl") else [text]
    try:
        for line in lines:
            json.loads(line, object_pairs_hook=look)
    except RecursionError:
        _refuse(name, "it is nested too deeply")
    except ValueError as error:
        _refuse(name, f"it is not JSON ({str(error)[:120]})")
    return tuple(dict.fromkeys(elsewhere))


def _look_at(key: str, value: Any, name: str, elsewhere: list[str]) -> None:
    plain = key.strip().lower()
    if plain in _CODE and value not in (None, False, {}, [], ""):
        _refuse(name, f"{key!r} asks for {_CODE[plain]}")
    if plain.endswith(_ATTENTION) and any("/" in text or "@" in text for text in _texts(value)):
        _refuse(name, f"{key!r} asks for compiled code from a hub (transformers)")
    if plain == "auto_mapping" and isinstance(value, dict):
        library = value.get("parent_library")
        if library and not (isinstance(library, str) and library.split(".")[0] in _LIBRARIES):
            _refuse(name, f"{key!r} asks for importing {str(library)[:60]!r} (peft)")
    if plain == "weight_map":
        _check_shards(value, name)
    if plain in _ELSEWHERE and isinstance(value, str) and value:
        elsewhere.append(value)


def _check_shards(value: Any, name: str) -> None:
    """The files that an index of shards names stay in the folder and are safetensors."""
    if not isinstance(value, dict):
        _refuse(name, "its weight_map is not a table of files")
    files = {check_file(file) for file in value.values()}
    strange = sorted(file for file in files if not file.endswith(".safetensors"))
    if strange and not name.lower().endswith(".bin.index.json"):  # an index of pickles, which zoo does not read
        _refuse(name, f"it names {strange[0][:80]!r} as a part of the weights, which is no .safetensors file")


def _texts(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [text for inner in value.values() for text in _texts(inner)]
    if isinstance(value, list):
        return [text for inner in value for text in _texts(inner)]
    return [value] if isinstance(value, str) else []


def _refuse(name: str, why: str) -> NoReturn:
    raise UnsafeContent(
        f"{name} is refused: {why}. zoo runs no code of a download, and nothing of it was loaded. Fix: choose another "
        "repository, or take the request out of a copy of the file that you trust."
    )
