"""Who may do what, as the stock client meets it."""

from pathlib import Path

import pytest
from huggingface_hub import HfApi, hf_hub_download, snapshot_download
from huggingface_hub.errors import GatedRepoError, HfHubHTTPError, RepositoryNotFoundError

from zoo.testing.hub_site import Call, Refused, Site
from zoo.testing.hub_store import Store


def upload(api, repo_id="me/pets"):
    return api.upload_file(path_or_fileobj=b"new", path_in_repo="a.txt", repo_id=repo_id)


def status(caught):
    return caught.value.response.status_code, caught.value.response.headers.get("X-Error-Code")


def test_private_repositories_look_absent(hub, nobody, reader, writer, tmp_path):
    hub.add("me/secret", {"a.txt": b"1"}, private=True)
    for name in ("me/secret", "me/nothing"):
        with pytest.raises(RepositoryNotFoundError) as caught:
            nobody.model_info(name)
        assert status(caught) == (401, "RepoNotFound")
        with pytest.raises(RepositoryNotFoundError):
            hf_hub_download(name, "a.txt", endpoint=hub.url, cache_dir=tmp_path, token=False)
    with pytest.raises(RepositoryNotFoundError) as caught:
        reader.model_info("me/nothing")
    assert status(caught) == (404, "RepoNotFound")
    assert reader.model_info("me/secret").private
    assert Path(reader.hf_hub_download("me/secret", "a.txt", cache_dir=tmp_path)).read_bytes() == b"1"
    upload(writer, "me/secret")
    assert hub.files("me/secret") == {"a.txt": b"new"}


def test_gated_repositories_are_seen_but_not_read(hub, nobody, reader, writer, tmp_path):
    hub.add("me/gated", {"a.txt": b"1", "w.bin": b"2"}, gated=True)
    for api, expected in ((nobody, 401), (reader, 403)):
        assert api.model_info("me/gated").gated == "manual"
        for name in ("a.txt", "w.bin"):
            with pytest.raises(GatedRepoError) as caught:
                api.hf_hub_download("me/gated", name, cache_dir=tmp_path)
            assert status(caught) == (expected, "GatedRepo")
        with pytest.raises(GatedRepoError):
            api.auth_check("me/gated")
    writer.auth_check("me/gated")
    assert snapshot_download("me/gated", endpoint=hub.url, cache_dir=tmp_path, token=hub.write_token)


def test_read_tokens_cannot_write(hub, reader, nobody):
    head = hub.add("me/pets", {"a.txt": b"1"})
    for api, expected in ((nobody, 401), (reader, 403)):
        for attempt in (lambda api: upload(api), lambda api: api.create_repo("me/new")):
            with pytest.raises(HfHubHTTPError) as caught:
                attempt(api)
            assert caught.value.response.status_code == expected
    assert hub.head("me/pets") == head


@pytest.mark.parametrize("role", ["read_token", "write_token"])
def test_a_revoked_token_is_refused_everywhere(hub, tmp_path, role):
    hub.add("me/pets", {"a.txt": b"1"})
    token = getattr(hub, role)
    api = HfApi(endpoint=hub.url, token=token)
    api.whoami()
    hub.revoke(token)
    for attempt in (api.whoami, lambda: api.model_info("me/pets"), lambda: upload(api)):
        with pytest.raises(HfHubHTTPError) as caught:
            attempt()
        assert status(caught) == (401, None)
        assert not isinstance(caught.value, RepositoryNotFoundError)
        assert token not in str(caught.value)


def test_signatures_are_those_of_one_hub():
    site, other = (Site(Store(), {}, 1, 1, 1) for _ in range(2))
    path, _, query = site.signed("http://here", "/a b").removeprefix("http://here").partition("?")
    call = Call("GET", path, query, {}, b"")
    site.check_signature(call)
    with pytest.raises(Refused, match="signature"):
        other.check_signature(call)


def test_a_body_that_is_no_object_is_refused():
    for body in (b"", b"[]", b"{"):
        with pytest.raises(Refused, match="JSON object"):
            Call("POST", "/", "", {}, body).json()
