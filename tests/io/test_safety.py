import os

import pytest

from zoo.errors import UnsafeContent, WeightsError
from zoo.io.safety import check_content, check_folder, check_place, files_in, kind_of


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("model.safetensors", "weights"),
        ("MODEL.SAFETENSORS", "weights"),
        ("a/config.json", "configuration"),
        ("data.jsonl", "configuration"),
        ("vocab.txt", "text"),
        ("LICENSE", "text"),
        ("pytorch_model.bin", "pickle"),
        ("resnet18-f37072fd.pth", "pickle"),
        ("arrays.npz", "pickle"),
        ("modeling.py", "code"),
        ("kernel.so", "code"),
        ("tf_model.h5", "other"),
        ("model.onnx", "other"),
    ],
)
def test_kinds(name, kind):
    assert kind_of(name) == kind


def test_a_folder_passes(tmp_path, weights):
    (tmp_path / "model.safetensors").write_bytes(weights)
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub/config.json").write_text('{"hf_model_name": "org/other"}')
    (tmp_path / "modeling.py").write_text("raise SystemExit")
    assert files_in(tmp_path) == ["model.safetensors", "modeling.py", "sub/config.json"]
    found = check_folder(tmp_path)
    assert found == {"model.safetensors": (), "modeling.py": (), "sub/config.json": ("org/other",)}


@pytest.mark.parametrize(
    ("name", "data", "why"),
    [
        ("sub/deep/config.json", b'{"auto_map": {"a": "b.C"}}', "auto_map"),
        ("tokenizer_config.JSON", b'{"auto_map": {"a": "b.C"}}', "auto_map"),
        ("x.safetensors", b"\x80\x02pickle........", "not a valid safetensors file"),
    ],
)
def test_one_bad_file_anywhere(tmp_path, name, data, why):
    (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / name).write_bytes(data)
    with pytest.raises(UnsafeContent, match=why):
        check_folder(tmp_path)


def test_links(tmp_path, weights):
    folder, outside = tmp_path / "folder", tmp_path / "outside.txt"
    folder.mkdir()
    outside.write_text("secret")
    (folder / "a.txt").write_text("")
    (folder / "inner.txt").symlink_to("a.txt")
    (folder / "broken.txt").symlink_to("nothing")
    assert set(check_folder(folder)) == {"a.txt", "inner.txt"}
    (folder / "vocab.txt").symlink_to("../outside.txt")
    with pytest.raises(UnsafeContent, match="a link that leads out"):
        check_folder(folder)
    assert set(check_folder(folder, inside=tmp_path)) == {"a.txt", "inner.txt", "vocab.txt"}
    (folder / "up").symlink_to(tmp_path)
    with pytest.raises(UnsafeContent, match="up is no file"):
        check_folder(folder, inside=tmp_path)
    (folder / "up").unlink()
    (folder / "root").symlink_to("/")
    with pytest.raises(UnsafeContent, match="a link that leads out"):
        check_place(folder, "root")


def test_a_pipe_is_no_file(tmp_path):
    os.mkfifo(tmp_path / "config.json")
    with pytest.raises(UnsafeContent, match="no file"):
        check_folder(tmp_path)


def test_parts_that_are_missing(tmp_path, weights):
    (tmp_path / "model.safetensors.index.json").write_text(
        '{"weight_map": {"a": "1.safetensors", "b": "2.safetensors"}}'
    )
    (tmp_path / "1.safetensors").write_bytes(weights)
    with pytest.raises(WeightsError, match=r"1 parts of the weights .* are missing: 2\.safetensors"):
        check_folder(tmp_path)
    (tmp_path / "2.safetensors").write_bytes(weights)
    assert len(check_folder(tmp_path)) == 3


@pytest.mark.parametrize("content", ["[]", '"text"', "{}"])
def test_an_index_that_names_nothing(tmp_path, content):
    (tmp_path / "model.safetensors.index.json").write_text(content)
    assert check_folder(tmp_path) == {"model.safetensors.index.json": ()}


def test_a_file_that_cannot_be_read(tmp_path):
    with pytest.raises(WeightsError, match=r"config\.json cannot be read"):
        check_content(tmp_path / "none", "config.json")
