"""The gate before any reader of safetensors: a header that lies is refused while it is still text.

The format (https://huggingface.co/docs/safetensors): eight bytes with the header's length, the header in JSON, then the
tensors, each at the offsets that the header states, without gaps. Standard library only.
"""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any, NoReturn

from zoo.errors import UnsafeContent

if TYPE_CHECKING:
    from pathlib import Path

HEADER_LIMIT = 25_000_000  # bytes, as huggingface_hub has it; the largest known headers have about 1 MB
_TYPES = {
    4: "F4",
    6: "F6_E2M3 F6_E3M2",
    8: "BOOL U8 I8 F8_E4M3 F8_E5M2 F8_E8M0 F8_E4M3FNUZ F8_E5M2FNUZ",
    16: "U16 I16 F16 BF16",
    32: "U32 I32 F32",
    64: "U64 I64 F64 C64",
}
BITS = {name: bits for bits, names in _TYPES.items() for name in names.split()}
_MOST_DIMENSIONS = 16
_LONGEST = 1 << 40  # elements along one axis; only an empty tensor could have more
_MOST_TENSORS = 1_000_000

Header = dict[str, tuple[str, tuple[int, ...]]]  # name -> type and shape


def check_safetensors(path: Path, name: str = "") -> Header:
    """The header of a file, if all that it says is possible. No tensor is read.

    Raises:
        UnsafeContent: it is no safetensors file, or its header lies; the message says how.
        OSError: the file cannot be read.
    """
    name = name or path.name
    size = path.stat().st_size
    with path.open("rb") as file:
        length = header_length(file.read(8), size, name)
        return check_header(file.read(length), size - 8 - length, name)


def header_length(first: bytes, size: int, name: str) -> int:
    """The length of the header of a file of `size` bytes, from its first eight bytes.

    Raises:
        UnsafeContent: the length is impossible.
    """
    if len(first) < 8 or size < 8:
        _refuse(name, f"it has only {size} bytes")
    length = int.from_bytes(first, "little")
    if length > HEADER_LIMIT or length > size - 8 or length < 2:
        _refuse(name, f"it announces a header of {length} bytes, and has {size} in all")
    return length


def check_header(header: bytes, room: int, name: str) -> Header:
    """What the header states, if it fits into the `room` bytes that follow it.

    Raises:
        UnsafeContent: the header lies; the message says how.

    Example:
        >>> check_header(b'{"w":{"dtype":"F32","shape":[2,2],"data_offsets":[0,16]}}', 16, "x.safetensors")
        {'w': ('F32', (2, 2))}
    """
    stated = _parsed(header, name)
    metadata = stated.pop("__metadata__", {})
    if not isinstance(metadata, dict) or not all(isinstance(value, str) for value in metadata.values()):
        _refuse(name, "its __metadata__ is not a table of texts")
    if len(stated) > _MOST_TENSORS:
        _refuse(name, f"it states {len(stated)} tensors")
    found: Header = {}
    spans = []
    for tensor, entry in stated.items():
        kind, shape, begin, end = _entry(tensor, entry, name)
        if end > room:
            _refuse(name, f"tensor {tensor[:80]!r} ends at byte {end} of {room}")
        spans.append((begin, end, tensor))
        found[tensor] = kind, shape
    reached = 0
    for begin, end, tensor in sorted(spans):
        if begin != reached:
            _refuse(name, f"tensor {tensor[:80]!r} {'overlaps another' if begin < reached else 'leaves a gap'}")
        reached = end
    if reached != room:
        _refuse(name, f"its tensors have {reached} bytes, and {room} follow the header")
    return found


def _parsed(header: bytes, name: str) -> dict[str, Any]:
    if not header.startswith(b"{"):
        _refuse(name, "its header does not begin with a brace")
    try:
        stated = json.loads(header.decode("utf-8"), object_pairs_hook=_once, parse_constant=_no_constant)
    except UnicodeDecodeError:
        _refuse(name, "its header is not UTF-8")
    except RecursionError:
        _refuse(name, "its header is nested too deeply")
    except ValueError as error:
        _refuse(name, f"its header cannot be read ({str(error)[:120]})")
    if not isinstance(stated, dict):
        _refuse(name, "its header is not a table")
    return stated


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    table = dict(pairs)
    if len(table) != len(pairs):
        raise ValueError("a name twice")
    return table


def _no_constant(said: str) -> NoReturn:
    raise ValueError(f"{said} is no JSON")


def _entry(tensor: str, entry: Any, name: str) -> tuple[str, tuple[int, ...], int, int]:
    shown = repr(tensor[:80])
    if not isinstance(entry, dict) or set(entry) != {"dtype", "shape", "data_offsets"}:
        _refuse(name, f"tensor {shown} does not state dtype, shape and data_offsets, and these only")
    kind, shape, offsets = entry["dtype"], entry["shape"], entry["data_offsets"]
    if not isinstance(kind, str) or kind not in BITS:
        _refuse(name, f"tensor {shown} has the unknown type {str(kind)[:40]!r}")
    if not _whole(shape) or len(shape) > _MOST_DIMENSIONS or any(length > _LONGEST for length in shape):
        _refuse(name, f"tensor {shown} has an absurd shape")
    if not _whole(offsets) or len(offsets) != 2 or offsets[0] > offsets[1]:
        _refuse(name, f"tensor {shown} has absurd offsets")
    bits = math.prod(shape) * BITS[kind]
    if bits % 8 or offsets[1] - offsets[0] != bits // 8:
        _refuse(name, f"tensor {shown} needs {bits / 8:g} bytes, and its offsets give it {offsets[1] - offsets[0]}")
    return kind, tuple(shape), offsets[0], offsets[1]


def _whole(numbers: Any) -> bool:
    return isinstance(numbers, list) and all(type(number) is int and number >= 0 for number in numbers)


def _refuse(name: str, why: str) -> NoReturn:
    raise UnsafeContent(
        f"{name} is not a valid safetensors file: {why}. It was not loaded. Fix: fetch or copy it again; if it "
        "stays so, tell its owner."
    )
