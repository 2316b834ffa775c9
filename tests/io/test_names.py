import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoo.errors import UnsafeContent, UsageError
from zoo.io.names import check_file, check_repository, check_revision, is_commit, is_digest, is_exact, is_wanted

HOSTILE_FILES = [
    *("../x", "a/../../x", "/etc/passwd", "..", ".", "", "a//b", "a/", "a\\..\\b", "C:/x", "C:x", "a\0b", "a\nb"),
    *("\u202egpj.exe", "con", "a/NUL.json", "x" * 201, "a/" * 600 + "x", "trailing.", "trailing "),
]


@pytest.mark.parametrize("name", HOSTILE_FILES)
def test_hostile_file_names(name):
    with pytest.raises(UnsafeContent, match="Fix: "):
        check_file(name)


@pytest.mark.parametrize("name", [None, 3, ["a"], b"a"])
def test_names_that_are_no_text(name):
    with pytest.raises(UnsafeContent, match="must be text"):
        check_file(name)


@pytest.mark.parametrize(
    "name", ["config.json", ".gitattributes", "onnx/model.onnx", "1_Pooling/config.json", "a b.txt", "é"]
)
def test_good_file_names(name):
    assert check_file(name) == name


@given(st.text(max_size=60))
def test_a_name_that_passes_stays_in_its_folder(name):
    from pathlib import Path

    try:
        check_file(name)
    except UnsafeContent:
        return
    folder = Path("/cache/snapshots/abc")
    assert (folder / name).resolve().is_relative_to(folder)


@pytest.mark.parametrize("name", ["../x", "a/b/c", "a--b", "-x", "a/..", "", "a b", "a/", "/a", "a/b\n", "x" * 97])
def test_no_repository(name):
    with pytest.raises(UsageError, match="names no hub repository"):
        check_repository(name)


@pytest.mark.parametrize("name", ["gpt2", "timm/resnet18.a1_in1k", "a/b-c_d.e"])
def test_repositories(name):
    assert check_repository(name) == name


@pytest.mark.parametrize("name", ["../x", "a/../b", "", "a//b", "/a", "a/", "x" * 201, "a b", "-n"])
def test_no_revision(name):
    with pytest.raises(UsageError, match="names no revision"):
        check_revision(name)


@pytest.mark.parametrize("name", ["main", "refs/pr/1", "v1.0+a", "c" * 40])
def test_revisions(name):
    assert check_revision(name) == name


def test_commits_and_digests():
    assert is_commit("a" * 40)
    assert not is_commit("a" * 39)
    assert not is_commit("A" * 40)
    assert is_digest("a" * 40)
    assert is_digest("0" * 64)
    assert not is_digest("a" * 40 + "\n")
    assert not is_digest("../" + "a" * 61)


def test_patterns():
    assert is_wanted("config.json", ("*.json",))
    assert not is_wanted("onnx/config.json", ("*.json",))
    assert is_wanted("onnx/config.json", ("*.txt", "onnx/*.json"))
    assert is_wanted("model.safetensors", ("model.safetensors",))
    assert not is_wanted("my-model.safetensors", ("model.safetensors",))
    assert is_exact("model.safetensors")
    assert not is_exact("*.safetensors")
