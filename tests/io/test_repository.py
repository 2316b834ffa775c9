import pytest
from huggingface_hub import hf_hub_download, scan_cache_dir, try_to_load_from_cache

from zoo.errors import Offline, UnsafeContent, UsageError, WeightsError
from zoo.io.repository import cached, fetch_repository
from zoo.io.settings import hub_cache


@pytest.fixture
def sha(hub, weights):
    files = {"model.safetensors": weights, "config.json": b'{"a": 1}', "pytorch_model.bin": b"x", "onnx/m.json": b"{}"}
    return hub.add("org/name", files)


def downloads(hub):
    return [path for _, path in hub.requests if "/blobs/" in path or "/resolve/" in path]


def test_a_repository(hub, sha, weights):
    found = fetch_repository("org/name")
    assert (found.repository, found.commit) == ("org/name", sha)
    assert sorted(found.files) == ["config.json", "model.safetensors"]
    assert sorted(path.name for path in found.folder.iterdir()) == ["config.json", "model.safetensors"]
    assert (found.folder / "model.safetensors").read_bytes() == weights
    assert found.notes == ()


def test_nothing_is_stored_twice(hub, sha, monkeypatch):
    """The stock client finds what zoo fetched, and zoo what the stock client fetched, each without a request."""
    folder = fetch_repository("org/name").folder
    before = len(hub.requests)
    assert try_to_load_from_cache("org/name", "config.json", cache_dir=hub_cache()) == str(folder / "config.json")
    assert hf_hub_download("org/name", "config.json", revision=sha, cache_dir=hub_cache()) == str(
        folder / "config.json"
    )
    assert len(hub.requests) == before
    assert [repo.repo_id for repo in scan_cache_dir(hub_cache()).repos] == ["org/name"]
    assert scan_cache_dir(hub_cache()).warnings == []

    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_DISABLE_XET", True)
    hub.add("org/other", {"config.json": b"{}"})
    hf_hub_download("org/other", "config.json", endpoint=hub.url, cache_dir=hub_cache(), token=False)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert sorted(fetch_repository("org/other", patterns=("*.json",)).files) == ["config.json"]


def test_a_pinned_file_that_is_there_needs_no_request(hub, sha):
    fetch_repository("org/name", sha, ("config.json",))
    before = len(hub.requests)
    assert fetch_repository("org/name", sha, ("config.json",)).commit == sha
    assert len(hub.requests) == before


def test_a_branch_is_asked_for_and_only_what_changed_comes(hub, sha, weights):
    fetch_repository("org/name")
    newer = hub.add("org/name", {"config.json": b'{"a": 2}'})
    before = len(downloads(hub))
    found = fetch_repository("org/name")
    assert found.commit == newer != sha
    assert (found.folder / "config.json").read_bytes() == b'{"a": 2}'
    assert [path.rpartition("/")[2] for path in downloads(hub)[before:]] == ["config.json"]
    assert fetch_repository("org/name", sha).commit == sha


def test_offline(hub, sha, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(Offline, match=r"HF_HUB_OFFLINE forbids the network\. Fix: run `zoo fetch hf-hub:org/name`"):
        fetch_repository("org/name")
    assert hub.requests == []
    monkeypatch.setenv("HF_HUB_OFFLINE", "0")
    there = fetch_repository("org/name")
    before = len(hub.requests)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert fetch_repository("org/name").files == there.files
    assert fetch_repository("org/name", sha).folder == there.folder
    with pytest.raises(Offline, match=r"tokenizer\.json of hub repository org/name"):
        fetch_repository("org/name", patterns=("tokenizer.json",))
    with pytest.raises(Offline, match=r"zoo fetch hf-hub:org/name@v2"):
        fetch_repository("org/name", "v2")
    assert len(hub.requests) == before


def test_a_hub_that_is_away_is_said_and_the_cache_is_used(hub, sha, monkeypatch, capsys, no_waits):
    fetch_repository("org/name")
    hub.fault("503", path="*", times=None)
    found = fetch_repository("org/name")
    assert found.commit == sha
    assert found.notes == (f"org/name: the hub does not answer; using commit {sha[:12]} from the cache",)
    assert found.notes[0] in capsys.readouterr().err


@pytest.mark.parametrize("offline", ["0", "1"])
def test_a_flipped_bit_in_the_cache(hub, sha, weights, monkeypatch, offline):
    folder = fetch_repository("org/name", sha, ("model.safetensors",)).folder
    blob = (folder / "model.safetensors").resolve()
    blob.write_bytes(weights[:-1] + b"\x01")
    monkeypatch.setenv("HF_HUB_OFFLINE", offline)
    if offline == "1":
        with pytest.raises(
            WeightsError, match=r"damaged in the cache: model\.safetensors of org/name.*zoo fetch hf-hub:"
        ):
            fetch_repository("org/name", sha, ("model.safetensors",))
    else:
        assert fetch_repository("org/name", sha, ("model.safetensors",)).commit == sha
        assert blob.read_bytes() == weights


def test_private_and_gated(hub, weights, monkeypatch):
    hub.add("org/secret", {"model.safetensors": weights}, private=True)
    hub.add("org/gated", {"model.safetensors": weights}, gated=True)
    for name in ("org/secret", "org/gated"):
        with pytest.raises(WeightsError, match="HF_TOKEN"):
            fetch_repository(name)
    monkeypatch.setenv("HF_TOKEN", hub.write_token)
    assert fetch_repository("org/secret").commit
    hub.revoke(hub.write_token)
    with pytest.raises(WeightsError, match="check the token: it is wrong, was revoked"):
        fetch_repository("org/secret")


def test_files_that_are_not_there(hub, sha):
    with pytest.raises(WeightsError, match=r"has no tokenizer\.json, and zoo reads no pickles unless one is named"):
        fetch_repository("org/name", patterns=("tokenizer.json",))
    hub.add("org/old", {"pytorch_model.bin": b"x"})
    with pytest.raises(WeightsError, match=r"hub repository org/old has no \*\.safetensors"):
        fetch_repository("org/old")


def test_a_pickle_comes_only_by_name(hub, sha):
    assert "pytorch_model.bin" not in fetch_repository("org/name").files
    assert "pytorch_model.bin" in fetch_repository("org/name", allow_pickle="pytorch_model.bin").files
    for wrong in ("*.bin", "model.safetensors", "*", "modeling.py"):
        with pytest.raises(UsageError, match="names no pickle"):
            fetch_repository("org/name", allow_pickle=wrong)


def test_parts_of_the_weights(hub, weights):
    index = b'{"weight_map": {"a": "m-1.safetensors", "b": "m-2.safetensors"}}'
    hub.add("org/parts", {"model.safetensors.index.json": index, "m-1.safetensors": weights})
    with pytest.raises(WeightsError, match=r"1 parts of the weights .* missing: m-2\.safetensors"):
        fetch_repository("org/parts")


def test_a_cache_without_links(hub, sha, weights, monkeypatch):
    def refuse(*args):
        raise PermissionError

    monkeypatch.setattr("pathlib.Path.symlink_to", refuse)
    folder = fetch_repository("org/name").folder
    assert (folder / "model.safetensors").read_bytes() == weights
    assert not (folder / "model.safetensors").is_symlink()
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert fetch_repository("org/name").files == {"config.json": "", "model.safetensors": ""}  # no digest is known


def test_a_hostile_file_that_another_tool_put_there(hub, sha):
    folder = fetch_repository("org/name").folder
    (folder / "tokenizer_config.json").write_text('{"auto_map": {"AutoTokenizer": ["t.T", null]}}')
    with pytest.raises(UnsafeContent, match="auto_map"):
        fetch_repository("org/name", sha, ("config.json",))


def test_a_link_out_of_the_cache(hub, sha, tmp_path):
    folder = fetch_repository("org/name").folder
    (tmp_path / "secret.txt").write_text("secret")
    (folder / "vocab.txt").symlink_to(tmp_path / "secret.txt")
    with pytest.raises(UnsafeContent, match="leads out"):
        fetch_repository("org/name", sha, ("config.json",))


def test_a_name_of_a_branch_in_the_cache_is_no_path(hub, sha):
    fetch_repository("org/name")
    reference = hub_cache() / "models--org--name/refs/main"
    reference.write_text("../../../etc")
    assert cached("org/name", "main") is None
    reference.write_bytes(b"\xff")
    assert cached("org/name", "main") is None
    reference.unlink()
    assert cached("org/name", "main") is None


def test_an_absurd_configuration_is_not_fetched(hub, weights, monkeypatch):
    monkeypatch.setattr("zoo.io.documents.SIZE_LIMIT", 100)
    hub.add("org/name", {"model.safetensors": weights, "config.json": b" " * 101})
    with pytest.raises(UnsafeContent, match="no configuration needs more"):
        fetch_repository("org/name")
    assert not any("/resolve/" in path for _, path in hub.requests)


def test_a_fetch_that_stopped_early_is_not_taken_for_a_whole_one(hub, sha, monkeypatch, no_waits):
    hub.fault("cut", path="/blobs/*", times=None)
    with pytest.raises(Offline):
        fetch_repository("org/name", sha)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(Offline, match="is not on this machine"):
        fetch_repository("org/name", sha)


def test_optional_files_are_named_as_they_are_called(caches, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(Offline, match=r"config\.json, a\*\.txt of hub repository me/net"):
        fetch_repository("me/net", patterns=("config.jso[n]", "a*.txt"))
