import hashlib

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from zoo.errors import UnsafeContent, WeightsError
from zoo.providers.weights import graph_digest, load_strictly, read_weights, tensor_bytes, weights_digest


def test_half_precision_is_widened(tmp_path):
    save_file({"a": torch.ones(2, dtype=torch.float16), "n": torch.tensor(3)}, tmp_path / "w.safetensors")
    tensors = read_weights(tmp_path / "w.safetensors")
    assert tensors["a"].dtype == torch.float32
    assert tensors["n"].dtype == torch.int64


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("w.bin", b"", "reads no other format"),
        ("w.safetensors", b"\x08\x00\x00\x00\x00\x00\x00\x00garbage!", "not a valid safetensors"),
        ("w.safetensors", b"\xff" * 16, "not a valid safetensors"),
    ],
)
def test_unreadable_weights(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(WeightsError, match=message):
        read_weights(tmp_path / name)


def test_missing_file_and_flipped_bit(tmp_path):
    with pytest.raises(WeightsError, match="cannot be read"):
        read_weights(tmp_path / "none.safetensors")
    save_file({"a": torch.ones(2)}, tmp_path / "w.safetensors")
    with pytest.raises(WeightsError, match="expected 0123"):
        read_weights(tmp_path / "w.safetensors", digest="0123" * 16)


def test_refused_weights_change_nothing():
    module = nn.Linear(2, 2)
    before = weights_digest(module)
    with pytest.raises(WeightsError, match=r"1 of another shape \(weight \[3, 2\] instead of \[2, 2\]\)"):
        load_strictly(module, {"weight": torch.zeros(3, 2), "bias": torch.zeros(2)}, "x")
    assert weights_digest(module) == before


def test_digests_see_what_they_should():
    one, two = nn.Linear(2, 2), nn.Linear(2, 2)
    assert graph_digest(one) == graph_digest(two)
    assert weights_digest(one) != weights_digest(two)
    two.load_state_dict(one.state_dict())
    assert weights_digest(one) == weights_digest(two)


def test_weights_are_digested_as_bytes():
    network = nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2))  # floats, and a count without dimensions
    network.register_buffer("empty", torch.zeros(0, 2))
    network[0].weight = nn.Parameter(torch.randn(3, 2).T)  # not in one piece
    content = b"".join(
        f"{name} {value.dtype} {list(value.shape)}\n".encode() + value.contiguous().numpy().tobytes()
        for name, value in sorted((name, each.detach()) for name, each in network.state_dict().items())
    )
    assert weights_digest(network) == hashlib.sha256(content).hexdigest()


def test_graphs_see_settings():
    assert graph_digest(nn.Sequential(nn.ReLU())) != graph_digest(nn.Sequential(nn.GELU()))
    assert graph_digest(nn.Dropout(0.1)) != graph_digest(nn.Dropout(0.2))


def test_a_header_that_lies_never_reaches_the_reader(tmp_path, monkeypatch):
    import struct

    monkeypatch.setattr("safetensors.torch.load", lambda data: pytest.fail("was read"))
    header = b'{"w":{"dtype":"F32","shape":[1000000],"data_offsets":[0,4000000]}}'
    (tmp_path / "w.safetensors").write_bytes(struct.pack("<Q", len(header)) + header + bytes(16))
    with pytest.raises(UnsafeContent, match="ends at byte 4000000 of 16"):
        read_weights(tmp_path / "w.safetensors")


def test_a_pickle_is_read_only_by_name_and_only_tensors_of_it(tmp_path):
    path = tmp_path / "w.bin"
    torch.save({"a": torch.ones(2, dtype=torch.float16)}, path)
    for named in ("", "other.bin", "*.bin", str(path)):
        with pytest.raises(WeightsError, match=r"name it: allow_pickle='w\.bin'"):
            read_weights(path, allow_pickle=named)
    assert read_weights(path, allow_pickle="w.bin")["a"].dtype == torch.float32
    with pytest.raises(WeightsError, match="expected 0123"):
        read_weights(path, "0123" * 16, allow_pickle="w.bin")
    torch.save({"state_dict": {"a": torch.ones(2)}}, path)
    assert list(read_weights(path, allow_pickle="w.bin")) == ["a"]
    torch.save([1, 2], path)
    with pytest.raises(WeightsError, match="no table of tensors"):
        read_weights(path, allow_pickle="w.bin")
    torch.save({"a": nn.Linear(2, 2)}, path)
    with pytest.raises(UnsafeContent, match="holds more than tensors"):
        read_weights(path, allow_pickle="w.bin")
    path.write_bytes(b"PK\x03\x04nothing")
    with pytest.raises(WeightsError):
        read_weights(path, allow_pickle="w.bin")
    with pytest.raises(WeightsError, match="cannot be read"):
        read_weights(tmp_path / "none.bin", allow_pickle="none.bin")


def test_digests_take_every_type():
    one, two = nn.Linear(2, 2).bfloat16(), nn.Linear(2, 2).bfloat16()
    assert weights_digest(one) != weights_digest(two)
    two.load_state_dict(one.state_dict())
    assert weights_digest(one) == weights_digest(two)
    values = [torch.tensor(True), torch.zeros(0), torch.arange(6).reshape(2, 3).T, torch.tensor([1 + 2j])]
    assert [tensor_bytes(value) for value in values] == [value.numpy().tobytes() for value in values]
