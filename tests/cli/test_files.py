"""`zoo fetch`, `zoo cache` and `zoo audit`."""

import io
import json
import subprocess
import sys

import pytest
from running import run

from zoo.cli import main
from zoo.testing.hub import Hub


@pytest.fixture
def hub(tmp_path, monkeypatch):
    with Hub() as hub:
        for name, value in hub.environment(token="", home=tmp_path / "hf").items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
        monkeypatch.setenv("ZOO_TIMEOUT", "0.5")
        yield hub


@pytest.fixture
def filled(hub, capsys):
    import struct

    header = b'{"w":{"dtype":"U8","shape":[1000000],"data_offsets":[0,1000000]}}'
    hub.add("org/name", {"model.safetensors": struct.pack("<Q", len(header)) + header + bytes(1_000_000)})
    hub.add("org/evil", {"config.json": b'{"auto_map": {"a": "b.C"}}', "model.safetensors": b"x" * 20})
    assert main(["fetch", "hf-hub:org/name"]) == 0
    capsys.readouterr()
    return hub


def test_fetch(filled, capsys):
    code, out, _ = run(capsys, "fetch", "hf-hub:org/name", "pocket/resnet10.glyphs")
    assert code == 0
    assert out.splitlines()[0].startswith("hf-hub:org/name at commit ")
    assert out.splitlines()[1] == "pocket/resnet10.glyphs: comes with zoo"
    found = json.loads(run(capsys, "fetch", "hf-hub:org/name", "--json")[1])
    assert set(found[0]) == {"name", "place", "commit"}


def test_one_failure_does_not_stop_the_others(filled, capsys):
    code, out, err = run(capsys, "fetch", "hf-hub:org/evil", "hf-hub:org/name")
    assert code == 2
    assert "zoo fetch: hf-hub:org/evil: config.json is refused: 'auto_map' asks for" in err
    assert out.startswith("hf-hub:org/name at commit")
    code, _, err = run(capsys, "fetch", "hf-hub:org/evil")
    assert code == 2
    assert err.startswith("zoo fetch: config.json is refused")


def test_list_and_verify(filled, capsys):
    code, out, _ = run(capsys, "cache", "ls")
    assert code == 0
    assert out == "hf-hub:org/name        1.0 MB  used today\n"
    assert json.loads(run(capsys, "cache", "ls", "--json")[1])[0]["size"] > 1_000_000
    assert run(capsys, "cache", "verify")[:2] == (0, "1 files: 1 right, 0 damaged, 0 unknown\n")
    from zoo.io.settings import hub_cache

    blob = next((hub_cache() / "models--org--name/blobs").iterdir())
    blob.write_bytes(b"x")
    code, out, _ = run(capsys, "cache", "verify")
    assert code == 1
    assert out.splitlines()[0] == f"damaged  hf-hub:org/name  {blob}"
    assert [verdict["state"] for verdict in json.loads(run(capsys, "cache", "verify", "--json")[1])] == ["damaged"]
    assert run(capsys, "fetch", "hf-hub:org/name")[0] == 0
    assert run(capsys, "cache", "verify")[0] == 0


def test_prune(filled, capsys, monkeypatch):
    assert run(capsys, "cache", "prune", "--older-than", "1")[1] == "nothing to remove\n"
    code, out, _ = run(capsys, "cache", "prune", "--name", "hf-hub:org/*", "--dry-run")
    assert code == 0
    assert out.endswith("would remove 1 items, 1.0 MB\n")
    code, _, err = run(capsys, "cache", "prune", "--name", "hf-hub:org/*")
    assert code == 2
    assert "nobody can be asked here. Fix: add --yes" in err
    terminal = io.StringIO("n\ny\n")
    terminal.isatty = lambda: True
    monkeypatch.setattr("sys.stdin", terminal)
    assert run(capsys, "cache", "prune", "--older-than", "0")[1].endswith("nothing was removed\n")
    assert run(capsys, "cache", "prune", "--older-than", "0")[1].endswith("removed 1 items, 1.0 MB\n")
    assert run(capsys, "cache", "ls")[1].startswith("nothing is cached in ")


def test_features_among_the_rest(hub, capsys, tmp_path, monkeypatch):
    import numpy as np

    from zoo.io.shards import Shelf

    monkeypatch.setenv("ZOO_FEATURES", str(tmp_path / "features"))
    about = {"backbone": "timm/resnet18", "data": "digits"}
    Shelf(tmp_path / "features", "a" * 20, 10**9, print).write(np.arange(9), np.ones((9, 50_000), np.float32), about)
    assert run(capsys, "cache", "ls")[1] == "features:timm/resnet18:digits:aaaaaaaa        1.8 MB  used today\n"
    assert run(capsys, "cache", "verify")[:2] == (0, "1 files: 1 right, 0 damaged, 0 unknown\n")
    told = run(capsys, "cache", "prune", "--name", "features:*", "--yes")[1]
    assert told.endswith("removed 1 items, 1.8 MB\n")
    told = run(capsys, "cache", "ls")[1]
    assert told.startswith("nothing is cached in ")
    assert told.endswith(f" and {tmp_path / 'features'}\n")


def test_prune_without_a_question(filled, capsys):
    assert run(capsys, "cache", "prune", "--name", "*", "--yes")[1].endswith("removed 1 items, 1.0 MB\n")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["cache", "prune"], "nothing says what to remove"),
        (["cache", "ls", "--yes"], "--yes goes with `zoo cache prune` only"),
        (["cache", "verify", "--older-than", "3"], "--older-than goes with `zoo cache prune` only"),
        (["cache", "prune", "--json"], "--json goes with `zoo cache ls`"),
        (["fetch", "timm/resnet18.a1_in1"], "Nearest: timm/resnet18"),
        (["audit", "pocket/resnet10.glyphs"], "comes with zoo"),
    ],
)
def test_bad_input(hub, capsys, arguments, said):
    code, out, err = run(capsys, *arguments)
    assert code == 2
    assert said in err
    assert out == ""


def test_audit(filled, capsys):
    code, out, _ = run(capsys, "audit", "hf-hub:org/name")
    assert code == 0
    assert out.splitlines()[-1].endswith("zoo would load it")
    code, out, _ = run(capsys, "audit", "hf-hub:org/evil")
    assert code == 1
    assert "zoo would NOT load it:" in out
    assert "'auto_map' asks for classes in Python files of the repository" in out
    assert json.loads(run(capsys, "audit", "hf-hub:org/evil", "--json")[1])["loads"] is False


def test_a_file_name_cannot_steer_the_terminal(tmp_path, capsys):
    (tmp_path / "a\x1b[2J.txt").write_text("")
    code, out, _ = run(capsys, "audit", str(tmp_path))
    assert code == 1
    assert "\x1b" not in out


@pytest.mark.parametrize(
    "arguments", [["cache", "ls"], ["cache", "verify"], ["audit", "zoo/weights"], ["fetch", "pocket/resnet10.glyphs"]]
)
def test_the_commands_load_nothing_heavy(arguments, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    code = (
        "import sys\nfrom zoo.cli import main\n"
        f"code = main({arguments!r})\n"
        "heavy = [name for name in ('torch', 'transformers', 'timm', 'numpy') if name in sys.modules]\n"
        "sys.exit(f'loaded {heavy}' if heavy else code)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_an_address_is_told_without_its_secrets(hub, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    hub.add("org/open", {"words.txt": b"words"})
    for address, path, code in (
        (hub.url, "org/open/resolve/main/words.txt", 0),
        (hub.url.replace("http://", "http://me:s3cret@"), "org/none.pth", 2),
    ):
        assert main(["fetch", f"{address}/{path}?token=s3cret", "pocket/resnet10.glyphs"]) == code
        assert main(["fetch", f"{address}/{path}?token=s3cret", "--json"]) == code
        said = capsys.readouterr()
        assert path in said.out + said.err
        assert "s3cret" not in said.out + said.err
