"""The gate against the reader itself: what passes, safetensors can read; what the reader refuses, never passes."""

import json
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors import SafetensorError, deserialize
from safetensors.torch import save_file

from zoo.errors import UnsafeContent
from zoo.io.tensors import BITS, HEADER_LIMIT, check_header, check_safetensors, header_length


def entry(dtype="F32", shape=(2, 2), offsets=(0, 16)):
    return {"dtype": dtype, "shape": list(shape), "data_offsets": list(offsets)}


def gate(stated, room):
    return check_header(stated if isinstance(stated, bytes) else json.dumps(stated).encode(), room, "w.safetensors")


@pytest.mark.parametrize(
    "dtype",
    [
        "float32",
        "float16",
        "bfloat16",
        "float64",
        "int8",
        "uint8",
        "int16",
        "int64",
        "bool",
        "complex64",
        "float8_e4m3fn",
        "float8_e5m2",
        "uint16",
        "uint64",
    ],
)
def test_files_of_the_library_pass(tmp_path, dtype):
    import torch

    kind = getattr(torch, dtype)
    shapes = {"a.b": (3, 2), "": (), "none": (0, 5)}
    tensors = {name: torch.zeros(shape, dtype=kind) for name, shape in shapes.items()}
    save_file(tensors, tmp_path / "w.safetensors", metadata={"format": "pt"})
    found = check_safetensors(tmp_path / "w.safetensors")
    assert {name: shape for name, (_, shape) in found.items()} == {n: tuple(t.shape) for n, t in tensors.items()}


def test_an_empty_table_passes():
    assert gate({}, 0) == {}
    assert gate(b'{"__metadata__":{"a":"b"}}   ', 0) == {}


@pytest.mark.parametrize(
    ("stated", "room", "why"),
    [
        ({"w": entry()}, 15, "ends at byte 16 of 15"),
        ({"w": entry()}, 17, "its tensors have 16 bytes, and 17 follow"),
        ({"w": entry(offsets=(1, 17))}, 17, "leaves a gap"),
        ({"a": entry(), "b": entry(offsets=(8, 24))}, 24, "overlaps another"),
        ({"a": entry(), "b": entry()}, 16, "overlaps another"),
        ({"w": entry(offsets=(16, 0))}, 16, "absurd offsets"),
        ({"w": entry(offsets=(-16, 0))}, 16, "absurd offsets"),
        ({"w": entry(offsets=(0, 16, 32))}, 16, "absurd offsets"),
        ({"w": entry(offsets=(0, True))}, 16, "absurd offsets"),
        ({"w": entry(offsets=(0, 16.0))}, 16, "absurd offsets"),
        ({"w": entry(offsets=(0, 2**80))}, 16, "its offsets give it"),
        ({"w": entry(shape=(2, 3))}, 16, "needs 24 bytes, and its offsets give it 16"),
        ({"w": entry(shape=(2**30, 2**30))}, 16, "needs 4.61169e"),
        ({"w": entry(shape=(2**62, 4), offsets=(0, 0))}, 0, "absurd shape"),
        ({"w": entry(shape=(0, 2**62), offsets=(0, 0))}, 0, "absurd shape"),
        ({"w": entry(shape=(-1, -4))}, 16, "absurd shape"),
        ({"w": entry(shape=(1,) * 99)}, 16, "absurd shape"),
        ({"w": entry() | {"shape": "22"}}, 16, "absurd shape"),
        ({"w": entry() | {"shape": {"0": 1}}}, 16, "absurd shape"),
        ({"w": entry(dtype="PICKLE")}, 16, "unknown type 'PICKLE'"),
        ({"w": entry(dtype=["F32"])}, 16, "unknown type"),
        ({"w": entry(dtype="F4", shape=[3], offsets=(0, 2))}, 2, "needs 1.5 bytes"),
        ({"w": entry() | {"more": 1}}, 16, "and these only"),
        ({"w": {"dtype": "F32", "shape": [0]}}, 0, "does not state"),
        ({"w": [1]}, 16, "does not state"),
        ({"__metadata__": {"a": 1}}, 0, "__metadata__"),
        ({"__metadata__": "a"}, 0, "__metadata__"),
        (b'{"w":1,"w":2}', 0, "a name twice"),
        (b'{"w":{"dtype":"F32","dtype":"F16","shape":[0],"data_offsets":[0,0]}}', 0, "a name twice"),
        (b'{"w": NaN}', 0, "NaN is no JSON"),
        (b'{"w\xff": 1}', 0, "not UTF-8"),
        (b'\xef\xbb\xbf{}', 0, "begin with a brace"),
        (b" {}", 0, "begin with a brace"),
        (b'{"a":' * 100_000, 0, "nested too deeply"),
        (b"{" + b"[" * 100_000, 0, "cannot be read"),
        (b'{"a":' + b"9" * 10_000 + b"}", 0, "cannot be read"),
        (b"{} {}", 0, "cannot be read"),
        (b"{", 0, "cannot be read"),
    ],
)  # fmt: skip
def test_headers_that_lie(stated, room, why):
    with pytest.raises(UnsafeContent, match=r"w\.safetensors is not a valid safetensors file: ") as caught:
        gate(stated, room)
    assert why in str(caught.value)


@pytest.mark.parametrize("length", [0, 1, 100, HEADER_LIMIT + 1, 2**63, 2**64 - 1])
def test_absurd_lengths(length):
    with pytest.raises(UnsafeContent, match=f"announces a header of {length} bytes, and has 50 in all"):
        header_length(struct.pack("<Q", length), 50, "w.safetensors")
    with pytest.raises(UnsafeContent, match="it has only 3 bytes"):
        header_length(b"abc", 3, "w.safetensors")


@pytest.mark.parametrize("data", [b"PK\x03\x04" + bytes(100), b"\x80\x02cos\nsystem\n", b"", b"#!/bin/sh\nrm -rf /\n"])
def test_other_files_under_the_name(tmp_path, data):
    (tmp_path / "w.safetensors").write_bytes(data)
    with pytest.raises(UnsafeContent):
        check_safetensors(tmp_path / "w.safetensors")


texts = st.sampled_from(["dtype", "shape", "data_offsets", "__metadata__", "F32", "F4", "w"]) | st.text(max_size=4)
numbers = st.one_of(st.integers(-2, 40), st.integers(), st.floats(), st.booleans(), st.none())
anything = st.recursive(
    numbers | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)
entries = st.fixed_dictionaries(
    {
        "dtype": st.sampled_from(sorted(BITS)) | texts,
        "shape": st.lists(st.integers(-1, 4) | numbers, max_size=3),
        "data_offsets": st.lists(st.integers(-1, 40) | numbers, max_size=3),
    }
)


def passes(header, room):
    try:
        check_header(header, room, "w")
    except UnsafeContent:
        return False
    return True


@settings(max_examples=300, deadline=None)
@given(st.dictionaries(texts, entries | anything, max_size=3), st.integers(0, 60))
def test_fuzzed_tables_pass_only_if_the_library_reads_them(stated, room):
    header = json.dumps(stated).encode()
    if passes(header, room):
        deserialize(struct.pack("<Q", len(header)) + header + bytes(room))


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=80), st.integers(0, 60))
def test_fuzzed_bytes_raise_nothing_else(header, room):
    if passes(header, room):
        deserialize(struct.pack("<Q", len(header)) + header + bytes(room))


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_one_changed_byte_of_a_good_file(data):
    header = json.dumps({"a": entry(), "b": entry("I8", (4,), (16, 20)), "__metadata__": {"k": "v"}}).encode()
    file = bytearray(struct.pack("<Q", len(header)) + header + bytes(20))
    file[data.draw(st.integers(0, len(header) + 7))] = data.draw(st.integers(0, 255))
    try:
        length = header_length(bytes(file[:8]), len(file), "w")
        check_header(bytes(file[8 : 8 + length]), len(file) - 8 - length, "w")
    except UnsafeContent:
        return
    deserialize(bytes(file))


def test_the_library_itself_refuses_what_it_should():
    with pytest.raises(SafetensorError):
        deserialize(b"\xff" * 16)
