"""The hub's answers about itself, asked by the stock client."""

import pytest
from huggingface_hub import HfApi, HfFileSystem, RepoFile, RepoFolder
from huggingface_hub.errors import (
    HfHubHTTPError,
    RemoteEntryNotFoundError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from zoo.testing.hub import Hub

CARD = b"---\nlicense: apache-2.0\nlibrary_name: timm\npipeline_tag: image-classification\ntags: [zoo]\n---\n# Pets\n"


def test_whoami_says_which_token_it_is(writer, reader, nobody):
    assert writer.whoami()["auth"]["accessToken"]["role"] == "write"
    assert reader.whoami()["auth"]["accessToken"]["role"] == "read"
    assert writer.whoami()["name"] == reader.whoami()["name"]
    with pytest.raises(HfHubHTTPError) as caught:
        HfApi(endpoint=nobody.endpoint, token="hf_wrong").whoami()
    assert caught.value.response.status_code == 401


@pytest.mark.parametrize("kind", ["model", "dataset"])
def test_a_repository_is_made_once(hub, writer, kind):
    made = writer.create_repo("me/pets", private=True, repo_type=kind)
    assert (made.repo_id, made.repo_type, made.endpoint) == ("me/pets", kind, hub.url)
    assert writer.repo_info("me/pets", repo_type=kind).private is True
    assert list(hub.files("me/pets", repo_type=kind)) == [".gitattributes"]
    with pytest.raises(HfHubHTTPError) as caught:
        writer.create_repo("me/pets", repo_type=kind)
    assert caught.value.response.status_code == 409
    assert writer.create_repo("me/pets", repo_type=kind, exist_ok=True) == made
    other = {"model": "dataset", "dataset": "model"}[kind]
    assert not writer.repo_exists("me/pets", repo_type=other)


def test_names_without_an_owner_belong_to_the_account(writer):
    assert writer.create_repo("pets").repo_id == "tester/pets"


def test_repositories_are_removed(hub, writer, reader):
    hub.add("me/pets", {"a": b"1"})
    with pytest.raises(HfHubHTTPError) as caught:
        reader.delete_repo("me/pets")
    assert caught.value.response.status_code == 403
    writer.delete_repo("me/pets")
    assert not writer.repo_exists("me/pets")
    with pytest.raises(RepositoryNotFoundError):
        writer.delete_repo("me/pets")
    writer.delete_repo("me/pets", missing_ok=True)


def test_info_tells_of_the_card_and_the_files(hub, nobody):
    sha = hub.add("me/pets", {"README.md": CARD, "a/model.safetensors": b"weights", "config.json": b"{}"})
    found = nobody.model_info("me/pets", files_metadata=True)
    assert (found.sha, found.author, found.private, found.gated) == (sha, "me", False, False)
    assert (found.library_name, found.pipeline_tag) == ("timm", "image-classification")
    assert found.card_data.license == "apache-2.0"
    assert set(found.tags) == {"zoo", "timm", "image-classification", "license:apache-2.0"}
    files = {file.rfilename: file for file in found.siblings}
    assert list(files) == ["README.md", "a/model.safetensors", "config.json"]
    assert files["config.json"].blob_id == "9e26dfeeb6e641a33dae4961196235bdb965b21b"  # git hash-object of {}
    assert files["config.json"].lfs is None
    assert (files["a/model.safetensors"].size, files["a/model.safetensors"].lfs.size) == (7, 7)
    assert found.created_at == found.last_modified


def test_a_card_that_cannot_be_read_leaves_the_rest(hub, nobody):
    hub.add("me/pets", {"README.md": b"---\na: [\n---\n"})
    assert nobody.model_info("me/pets").card_data is None or nobody.model_info("me/pets").card_data.to_dict() == {}


def test_unreadable_metadata_is_refused_before_any_upload(hub, writer):
    hub.add("me/pets", {"a": b"1"})
    with pytest.raises(ValueError, match="not YAML"):
        writer.upload_file(path_or_fileobj=b"---\na: [\n---\n", path_in_repo="README.md", repo_id="me/pets")
    writer.upload_file(path_or_fileobj=CARD, path_in_repo="README.md", repo_id="me/pets")
    assert hub.files("me/pets")["README.md"] == CARD


def test_listings_show_what_the_caller_may_see(hub, nobody, reader):
    hub.add("me/pets", {"README.md": CARD})
    hub.add("me/secret", {"a": b"1"}, private=True)
    hub.add("you/birds", {"a": b"1"})
    hub.add("me/data", {"a": b"1"}, repo_type="dataset")

    def listed(api, **asked):
        return [model.id for model in api.list_models(**asked)]

    assert listed(nobody) == ["me/pets", "you/birds"]
    assert listed(reader) == ["me/pets", "me/secret", "you/birds"]
    assert listed(nobody, author="you") == ["you/birds"]
    assert listed(nobody, search="PET") == ["me/pets"]
    assert listed(nobody, filter="zoo") == ["me/pets"] == listed(nobody, pipeline_tag="image-classification")
    assert listed(nobody, limit=1) == ["me/pets"]
    assert [data.id for data in nobody.list_datasets()] == ["me/data"]


def test_trees_in_folders_and_pages():
    with Hub(page_size=2) as hub:
        api = HfApi(endpoint=hub.url, token=False)
        first = hub.add("me/pets", {"a/b/c.txt": b"1", "a/d.txt": b"22", "e.txt": b"333"})
        second = hub.add("me/pets", {"e.txt": b"4444"})
        everything = list(api.list_repo_tree("me/pets", recursive=True, expand=True))
        assert sum(path.endswith("/tree/main") for _, path in hub.requests) == 3
        assert [one.path for one in everything] == ["a", "a/b", "a/b/c.txt", "a/d.txt", "e.txt"]
        assert [type(one) for one in everything] == [RepoFolder, RepoFolder, RepoFile, RepoFile, RepoFile]
        assert [one.last_commit.oid for one in everything] == [first] * 4 + [second]
        assert [one.path for one in api.list_repo_tree("me/pets")] == ["a", "e.txt"]
        assert [one.path for one in api.list_repo_tree("me/pets", "a")] == ["a/b", "a/d.txt"]
        assert [one.size for one in api.list_repo_tree("me/pets", revision=first) if one.path == "e.txt"] == [3]
        assert [one.path for one in api.get_paths_info("me/pets", ["e.txt", "a", "nothing"])] == ["e.txt", "a"]
        assert api.list_repo_files("me/pets") == ["a/b/c.txt", "a/d.txt", "e.txt"]
        with pytest.raises(RemoteEntryNotFoundError):
            list(api.list_repo_tree("me/pets", "nothing"))


def test_history_branches_and_tags(hub, writer, nobody):
    first = hub.add("me/pets", {"a": b"1"})
    writer.create_branch("me/pets", branch="next")
    writer.create_tag("me/pets", tag="v1")
    with pytest.raises(HfHubHTTPError, match="already exists"):
        writer.create_tag("me/pets", tag="v1")
    second = hub.add("me/pets", {"a": b"2"})
    assert [commit.commit_id for commit in nobody.list_repo_commits("me/pets")] == [second, first]
    refs = nobody.list_repo_refs("me/pets")
    assert {ref.name: ref.target_commit for ref in refs.branches} == {"main": second, "next": first}
    assert {ref.name: ref.target_commit for ref in refs.tags} == {"v1": first}
    assert nobody.model_info("me/pets", revision="v1").sha == nobody.model_info("me/pets", revision=first).sha == first
    with pytest.raises(RevisionNotFoundError):
        nobody.model_info("me/pets", revision="v2")


def test_settings_make_a_repository_private_and_gated(hub, writer, nobody):
    hub.add("me/pets", {"a": b"1"})
    writer.update_repo_settings("me/pets", gated="manual")
    assert nobody.model_info("me/pets").gated == "manual"
    writer.update_repo_settings("me/pets", private=True)
    with pytest.raises(RepositoryNotFoundError):
        nobody.model_info("me/pets")
    assert writer.model_info("me/pets").gated == "manual"


def test_names_that_cannot_be_are_refused(writer):
    from huggingface_hub.utils import get_session

    headers = {"Authorization": f"Bearer {writer.token}"}
    for name in ("../evil", "a--b", ""):
        answer = get_session().post(f"{writer.endpoint}/api/repos/create", json={"name": name}, headers=headers)
        assert answer.status_code == 400, name
    assert get_session().get(f"{writer.endpoint}/api/nothing").status_code == 404


def test_the_file_system_of_the_client_lists(hub):
    hub.add("me/pets", {"a/b.txt": b"1", "c.txt": b"22"})
    files = HfFileSystem(endpoint=hub.url, token=hub.read_token, skip_instance_cache=True)
    assert sorted(files.ls("me/pets", detail=False)) == ["me/pets/a", "me/pets/c.txt"]
    assert files.cat("me/pets/c.txt") == b"22"
    assert files.glob("me/pets/**/*.txt") == ["me/pets/a/b.txt", "me/pets/c.txt"]
