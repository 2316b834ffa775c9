import errno
import os

import httpx2
import pytest

from zoo.errors import Offline, StoreError, WeightsError
from zoo.io.refusals import disk_explained, missing, refused


def answer(status, headers=None, token=""):
    sent = {"Authorization": f"Bearer {token}"} if token else {}
    request = httpx2.Request("GET", "https://me:pw@hub/org/name?X-Amz-Signature=s3cret", headers=sent)
    return httpx2.Response(status, headers=headers, request=request)


@pytest.mark.parametrize(
    ("status", "code", "token", "kind", "said"),
    [
        (403, "GatedRepo", "hf_x", WeightsError, "is gated: .* ask for access on its page"),
        (401, "GatedRepo", "", WeightsError, "is gated"),
        (401, "", "", WeightsError, "set HF_TOKEN, if it is private"),
        (401, "", "hf_x", WeightsError, "it is wrong, was revoked, or may not read this"),
        (404, "RepoNotFound", "", WeightsError, "check the name"),
        (404, "RevisionNotFound", "", WeightsError, "has no such revision"),
        (404, "EntryNotFound", "", WeightsError, "is not there"),
        (503, "", "", Offline, "run it again later"),
        (429, "", "", Offline, "run it again later"),
        (418, "", "", WeightsError, "the server answered 418"),
    ],
)
def test_each_refusal(status, code, token, kind, said):
    error = refused(answer(status, {"X-Error-Code": code}, token), "hub repository org/name")
    assert type(error) is kind
    with pytest.raises(kind, match=rf"hub repository org/name .*{said}"):
        raise error
    assert "s3cret" not in str(error)
    assert "pw" not in str(error)
    assert " Fix: " in str(error)


def test_a_servers_words_are_cut_and_cleaned():
    said = "no access \x1b[31m for hf_abcdefg or Bearer hf_x " + "x" * 500
    text = str(refused(answer(403, {"X-Error-Message": said}), "it"))
    assert "hf_" not in text
    assert "\x1b" not in text
    assert len(text) < 500


def test_what_is_missing(monkeypatch, tmp_path):
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    monkeypatch.setenv("HF_HUB_OFFLINE", "0")
    text = str(missing("w.safetensors of org/name", "hf-hub:org/name", "no such host"))
    assert text.startswith(
        "w.safetensors of org/name is not on this machine, and no such host. Fix: run `zoo fetch hf-hub"
    )
    assert f"copy its cache to {tmp_path}" in text
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert "HF_HUB_OFFLINE forbids the network" in str(missing("w", "https://h/w.pth"))


@pytest.mark.parametrize(("code", "said"), [(errno.ENOSPC, "free some space"), (errno.EFBIG, "free some space"),
                                            (errno.EROFS, "check the folder")])  # fmt: skip
def test_the_disk(tmp_path, code, said):
    with (
        pytest.raises(StoreError, match=f"w cannot be stored in {tmp_path}.*{said}.*HF_HOME or TORCH_HOME"),
        disk_explained("w", tmp_path),
    ):
        raise OSError(code, os.strerror(code))


def test_errors_of_zoo_pass_the_disk_unchanged(tmp_path):
    with pytest.raises(Offline, match=r"^away$"), disk_explained("w", tmp_path):
        raise Offline("away")


def test_a_server_that_quotes_the_token():
    said = {"X-Error-Message": "invalid token old-style-s3cret"}
    assert "old-style" not in str(refused(answer(401, said, "old-style-s3cret"), "it"))
