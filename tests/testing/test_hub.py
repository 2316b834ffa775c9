"""The hub as a whole: for tests, for a child process and for a person."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from huggingface_hub import HfApi

from zoo.errors import UnknownName, UsageError
from zoo.testing.hub import Hub, main


def test_a_hub_is_seeded_and_read_without_a_client():
    with Hub() as hub:
        first = hub.add("me/pets", {"a.txt": b"1", "../evil.txt": b"2"})  # hostile repositories can be made
        second = hub.add("me/pets", {"a.txt": b"3"})
        assert hub.head("me/pets") == second
        assert hub.files("me/pets") == {"a.txt": b"3", "../evil.txt": b"2"}
        assert hub.files("me/pets", first)["a.txt"] == b"1"
        with pytest.raises(UnknownName):
            hub.files("me/pets", "nothing")
        hub.delete("me/pets")
        for ask in (hub.head, hub.files, hub.delete):
            with pytest.raises(UnknownName):
                ask("me/pets")
        assert hub.requests == []


def test_adding_leaves_the_settings_unless_told():
    with Hub() as hub:
        api = HfApi(endpoint=hub.url, token=hub.read_token)

        def settings(**more):
            hub.add("me/pets", {"a.txt": b"1"}, **more)
            return api.model_info("me/pets").private, api.model_info("me/pets").gated

        assert settings(private=True, gated=True) == settings() == (True, "manual")
        assert settings(private=False, gated=False) == settings() == (False, False)


def test_repositories_stay_in_their_folder(tmp_path):
    with Hub(tmp_path, large_from=3) as hub:
        api = HfApi(endpoint=hub.url, token=hub.write_token)
        api.create_repo("me/pets", private=True)
        sent = api.upload_file(path_or_fileobj=b"large", path_in_repo="a.txt", repo_id="me/pets")
        assert ("POST", "/me/pets.git/info/lfs/objects/batch") in hub.requests
    with Hub(tmp_path) as hub:
        assert hub.head("me/pets") == sent.oid
        assert hub.files("me/pets")["a.txt"] == b"large"
        assert HfApi(endpoint=hub.url, token=hub.read_token).model_info("me/pets").private
        assert (tmp_path / "models--me--pets" / "files" / "a.txt").read_bytes() == b"large"


def test_it_listens_on_loopback_only():
    with Hub() as hub:
        for listener in (hub._front, hub._storage):
            assert listener.server_address[0] == "127.0.0.1"


def test_a_taken_port_is_refused():
    with Hub() as hub:
        port = int(hub.url.rpartition(":")[2])
        with pytest.raises(UsageError, match=f"port {port} cannot be used"):
            Hub(port=port)


def test_after_it_is_closed_nobody_answers():
    with Hub() as hub:
        where = hub._front.server_address
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(where)


def test_tokens_are_not_shown():
    with Hub(write_token="hf_mine") as hub:
        assert hub.write_token == "hf_mine"
        assert "hf_mine" not in repr(hub)
        assert hub.read_token not in repr(hub)


CHILD = """
from huggingface_hub import HfApi, hf_hub_download
api = HfApi()
api.create_repo("me/pets", private=True)
api.upload_file(path_or_fileobj=b"weights", path_in_repo="model.safetensors", repo_id="me/pets")
print(open(hf_hub_download("me/pets", "model.safetensors"), "rb").read())
"""


def run(code, environment):
    return subprocess.run(
        [sys.executable, "-c", code], env=os.environ | environment, capture_output=True, text=True, timeout=120
    )


def test_a_child_process_needs_the_environment_only(tmp_path):
    with Hub() as hub:
        done = run(CHILD, hub.environment(home=tmp_path))
        assert (done.returncode, done.stdout) == (0, "b'weights'\n"), done.stderr
        assert hub.files("me/pets")["model.safetensors"] == b"weights"
        assert (tmp_path / "hub" / "models--me--pets").is_dir()
        done = run("from huggingface_hub import HfApi; HfApi().model_info('me/pets')", hub.environment(token=""))
        assert "RepositoryNotFoundError" in done.stderr
    assert hub.environment(hub.read_token)["HF_TOKEN"] == hub.read_token
    assert "HF_HOME" not in hub.environment()


def test_a_person_starts_it_and_stops_it(tmp_path):
    command = [sys.executable, "-m", "zoo.testing.hub", "--root", tmp_path, "--write-token", "hf_mine"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        lines = []
        while not lines or "Ctrl-C" not in lines[-1]:
            lines.append(process.stdout.readline())
            assert lines[-1], process.stderr.read()
        told = dict(line.removeprefix("export ").strip().split("=", 1) for line in lines if line.startswith("export"))
        assert told["HF_TOKEN"] == "hf_mine"
        done = run(CHILD, told)
        assert done.returncode == 0, done.stderr
        process.send_signal(signal.SIGINT)
        _, log = process.communicate(timeout=60)
    assert process.returncode == 0
    assert "PUT /uploads/" in log
    assert "POST /api/repos/create 200" in log
    assert "hf_mine" not in log
    assert "signature" not in log
    assert not Path(told["HF_HOME"]).exists()
    assert (tmp_path / "models--me--pets" / "files" / "model.safetensors").read_bytes() == b"weights"


def test_a_person_reads_why_it_cannot_start(capsys):
    with Hub() as hub:
        assert main(["--port", hub.url.rpartition(":")[2]]) == 2
    assert "cannot be used" in capsys.readouterr().err
