"""The whole way against a loopback hub: fitted here, published there, loaded again by its library alone and by zoo."""

import dataclasses
import json
import os

import numpy as np
import pytest
from exporting import upstream

import zoo
from zoo.errors import Offline, PublishError, StoreError, UsageError, WeightsError
from zoo.hub.publishing import publish
from zoo.io.digests import file_digest
from zoo.upkeep.cards import ROOT

ID = "tester/pets"
ROWS = ROOT / "benchmarks/results/pocket-quick/digits.jsonl"


@pytest.fixture(scope="module")
def model():
    return zoo.finetune("pocket/resnet10.glyphs", "digits", method="linear_probe", labels_per_class=5, quiet=True)


@pytest.fixture
def silent():
    return lambda line: None


def test_a_fitted_model_goes_out_and_comes_back(hub, model, silent, tmp_path):
    done = publish(model, ID, say=silent, evidence=ROWS)
    files = hub.files(ID)
    assert done.commit == hub.head(ID)
    assert (done.library, done.licence, done.private) == ("torch", "apache-2.0", True)
    assert files["README.md"].decode() == done.card
    assert "## Evidence" in done.card

    record = json.loads(files["zoo.json"])
    sent = {name for name in files if name not in ("README.md", "zoo.json", ".gitattributes")}
    assert set(record["files"]) == sent
    assert record["published"]["base"]["name"] == "pocket/resnet10.glyphs"
    assert not [name for name in sent if name.endswith((".py", ".bin", ".pt", ".pkl"))]

    again = zoo.load_model(f"hf-hub:{ID}")
    samples = list(zoo.read_data("digits").samples[:20])
    assert np.array_equal(again.outputs(samples).numpy(), model.outputs(samples).numpy())
    backbone = zoo.load(f"hf-hub:{ID}@{done.commit}")
    assert backbone.spec.name == f"hf-hub:{ID}@{done.commit}"
    same = zoo.load(f"hf-hub:{ID}", pretrained=False, seed=0)
    assert zoo.fingerprint(same) == zoo.fingerprint(backbone)


def test_a_dry_run_touches_no_network(hub, model, silent, monkeypatch, tmp_path):
    monkeypatch.delenv("HF_TOKEN")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    done = publish(model, ID, dry_run=True, out=tmp_path / "kept", say=silent)
    assert hub.requests == []
    assert (done.commit, done.url) == ("", "")
    assert set(done.files) == {path.name for path in (tmp_path / "kept").iterdir()}
    assert (tmp_path / "kept" / "README.md").read_text() == done.card
    assert zoo.load_model(tmp_path / "kept").spec.scores == model.spec.scores


@pytest.mark.slow
def test_again_and_an_update(hub, model, silent):
    first = publish(model, ID, say=silent)
    again = publish(model, ID, say=silent)
    assert (again.commit, again.changed) == (first.commit, False)
    other = zoo.finetune("pocket/resnet10.glyphs", "digits", method="knn", labels_per_class=5, quiet=True)
    third = publish(other, ID, say=silent)
    assert third.commit != first.commit
    assert zoo.load_model(f"hf-hub:{ID}").spec.method == "knn"
    assert zoo.load_model(f"hf-hub:{ID}@{first.commit}").spec.method == "linear_probe"


@pytest.mark.slow
def test_a_damaged_download_is_not_loaded(hub, model, silent):
    publish(model, ID, say=silent)
    files = hub.files(ID)
    weights = bytearray(files["model.safetensors"])
    weights[-1] ^= 1
    hub.add(ID, {"model.safetensors": bytes(weights)})
    with pytest.raises(WeightsError, match="SHA-256"):
        zoo.load_model(f"hf-hub:{ID}")
    with pytest.raises(WeightsError, match="SHA-256"):
        zoo.load(f"hf-hub:{ID}")


@pytest.mark.slow
def test_rows_go_along(hub, model, silent):
    done = publish(model, ID, results=ROWS, say=silent)
    files = hub.files(f"{ID}-results", repo_type="dataset")
    assert done.rows.commit == hub.head(f"{ID}-results", "dataset")
    assert set(files) == {"results.jsonl", "README.md", "zoo.json", ".gitattributes"}
    assert hub._store.get("dataset", f"{ID}-results").private


def test_what_would_refuse_refuses_before_the_work(hub, model, silent, monkeypatch):
    monkeypatch.setattr("zoo.hub.publishing.stage", lambda *a, **k: pytest.fail("it was staged"))
    hub.add(ID, {"theirs.bin": b"x"}, private=True)
    with pytest.raises(PublishError, match="theirs"):
        publish(model, ID, say=silent)
    with pytest.raises(UsageError):
        publish(model, "pets", say=silent)
    hub.revoke(hub.write_token)
    with pytest.raises(PublishError, match="refused the token"):
        publish(model, "tester/others", say=silent)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(Offline):
        publish(model, ID, say=silent)


@pytest.mark.slow
def test_what_is_fitted_to_a_published_model_names_it_as_its_base(hub, model, silent):
    first = publish(model, ID, say=silent, licence="cc-by-nc-4.0")
    child = zoo.finetune(f"hf-hub:{ID}", "digits", method="linear_probe", labels_per_class=2, quiet=True)
    with pytest.raises(PublishError, match="forbids commercial use"):
        publish(child, "tester/child", licence="mit", dry_run=True, say=silent)
    done = publish(child, "tester/child", say=silent)
    assert f"base_model: {ID}\nbase_model_relation: finetune" in done.card
    assert first.commit in done.card
    assert done.licence == "cc-by-nc-4.0"


@pytest.mark.slow
def test_a_name_that_is_planted_is_refused(model, silent, monkeypatch):
    monkeypatch.setattr("getpass.getuser", lambda: "annabella")
    planted = dataclasses.replace(model, spec=dataclasses.replace(model.spec, notes=("made by Annabella",)))
    with pytest.raises(PublishError, match="annabella"):
        publish(planted, ID, dry_run=True, say=silent)
    assert publish(planted, "annabella/pets", dry_run=True, say=silent).card


@pytest.mark.slow
def test_paths_that_are_planted_are_cut(model, silent, tmp_path):
    task = dataclasses.replace(model.spec.task, name="/home/anna/photos", source="/home/anna/photos")
    spec = dataclasses.replace(model.spec, task=task, notes=("left out: /mnt/disk/cats/1.jpg",))
    publish(dataclasses.replace(model, spec=spec), ID, dry_run=True, out=tmp_path / "kept", say=silent)
    for path in (tmp_path / "kept").iterdir():
        data = path.read_bytes()
        assert b"anna" not in data, path
        assert b"/mnt" not in data, path
    assert zoo.load_model(tmp_path / "kept").spec.task.name == "photos"
    record = json.loads((tmp_path / "kept" / "zoo.json").read_text())
    for name, digest in record["files"].items():
        assert file_digest(tmp_path / "kept" / name, "0" * 64) == digest


@pytest.mark.slow
def test_the_readme_walk(hub, silent, tmp_path, photos):
    """Compare, fine-tune the winner, publish it with the evidence, load it with its library alone and with zoo."""
    suite = zoo.own_suite(photos, ["pocket/resnet10.glyphs"], budgets=[2], steps=2, seeds=2)
    suite = dataclasses.replace(suite, longer=(), grids={"lr": [1e-3], "penalty": [1.0]}, tuning_seeds=(1000,))
    zoo.bench(suite, tmp_path / "bench")
    winner = zoo.finetune(
        "pocket/resnet10.glyphs", photos, method="linear_probe", out=tmp_path / "fitted", quiet=True, seed=1
    )
    done = publish(tmp_path / "fitted", ID, evidence=tmp_path / "bench", results=tmp_path / "bench", say=silent)
    assert "labels a class" in done.card
    everything = b"".join(hub.files(ID).values()) + b"".join(hub.files(f"{ID}-results", repo_type="dataset").values())
    assert str(tmp_path).encode() not in everything
    files = sorted(map(str, photos.rglob("*.png")))
    assert zoo.load_model(f"hf-hub:{ID}").predict(files) == winner.predict(files)
    assert len(upstream(done.card, hub, tmp_path / "fresh")[0]) == 2
    packed = tmp_path / "rows.jsonl"
    packed.write_bytes(hub.files(f"{ID}-results", repo_type="dataset")["results.jsonl"])
    assert len(zoo.read_rows(packed)) == len(zoo.read_rows(tmp_path / "bench"))


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["timm", "transformers", "adapter"])
def test_other_libraries(hub, silent, tmp_path, photos, kind):
    import transformers_repos

    if kind == "timm":
        zoo.export(zoo.load("timm/test_vit", pretrained=False, seed=0), tmp_path / "base", check=False)
        (tmp_path / "base" / "zoo.json").unlink()
        hub.add("org/base", {path.name: path.read_bytes() for path in (tmp_path / "base").iterdir()})
        data, method = photos, "full"
    else:
        transformers_repos.save(tmp_path / "base", "bert", "BertModel")
        transformers_repos.save_words(tmp_path / "base")
        hub.add("org/base", transformers_repos.files_of(tmp_path / "base"))
        data = tmp_path / "texts.csv"
        rows = [f"{'the cat' if n % 2 else 'a dog'} runs {'far ' * (n % 3)},{'x' if n % 2 else 'y'}" for n in range(30)]
        data.write_text("text,label\n" + "\n".join(rows) + "\n")
        method = "lora" if kind == "adapter" else "full"
    model = zoo.finetune("hf-hub:org/base", data, method=method, steps=2, out=tmp_path / "fitted", quiet=True)
    hub.requests.clear()
    publish(tmp_path / "fitted", ID, merge=kind != "adapter", dry_run=True, say=silent)
    assert hub.requests == []
    done = publish(model if kind == "adapter" else tmp_path / "fitted", ID, merge=kind != "adapter", say=silent)
    relation = "adapter" if kind == "adapter" else "finetune"
    assert f"base_model: org/base\nbase_model_relation: {relation}" in done.card
    assert hub.head("org/base") in done.card
    assert "license: unknown" in done.card
    assert str(tmp_path).encode() not in b"".join(hub.files(ID).values())
    samples = sorted(map(str, photos.rglob("*.png"))) if kind == "timm" else ["the cat runs", "a dog runs far"]
    again = zoo.load_model(f"hf-hub:{ID}")
    assert np.allclose(again.outputs(samples).numpy(), model.outputs(samples).numpy(), rtol=1e-5, atol=1e-5)


@pytest.mark.slow
def test_own_pre_training_of_a_network_of_the_hub_claims_no_base(hub, silent, tmp_path, photos):
    zoo.export(zoo.load("timm/test_vit", pretrained=False, seed=0), tmp_path / "base", check=False)
    (tmp_path / "base" / "zoo.json").unlink()
    hub.add("org/base", {path.name: path.read_bytes() for path in (tmp_path / "base").iterdir()})
    bases = {}
    for init in ("scratch", "pretrained"):
        zoo.pretrain(
            "hf-hub:org/base", tmp_path / init, data=photos, objective="supervised", init=init, name=init, steps=1,
            batch_size=4, quiet=True,
        )  # fmt: skip
        model = zoo.finetune(str(tmp_path / init), photos, method="full", steps=1, batch_size=4, quiet=True)
        done = publish(model, ID, dry_run=True, say=silent, out=tmp_path / f"{init}-out")
        bases[init] = "base_model: org/base" in done.card, "org/base" in done.card
        again = zoo.finetune(str(tmp_path / f"{init}-out"), photos, method="linear_probe", quiet=True)
        assert ("base_model: org/base" in publish(again, ID, dry_run=True, say=silent).card) == bases[init][0]
    assert bases == {"scratch": (False, False), "pretrained": (True, True)}


def test_a_name_without_an_owner_is_refused_in_a_dry_run_too(model, silent):
    with pytest.raises(UsageError, match="OWNER/NAME"):
        publish(model, "pets", dry_run=True, say=silent)


def test_what_fails_leaves_no_folder_and_what_is_there_stays(model, silent, tmp_path):
    with pytest.raises(PublishError, match="notice"):
        publish(model, ID, dry_run=True, licence="unlicense", out=tmp_path / "kept", say=silent)
    assert not (tmp_path / "kept").exists()
    (tmp_path / "mine").mkdir()
    with pytest.raises(WeightsError, match="left as it is"):
        publish(model, ID, dry_run=True, out=tmp_path / "mine", say=silent)
    assert (tmp_path / "mine").is_dir()


def test_a_folder_that_somebody_else_makes_meanwhile_stays(model, tmp_path):
    def say(line):
        (tmp_path / "kept").mkdir()
        (tmp_path / "kept" / "theirs").write_text("x")

    with pytest.raises(WeightsError, match="left as it is"):
        publish(model, ID, dry_run=True, out=tmp_path / "kept", say=say)
    assert [path.name for path in (tmp_path / "kept").iterdir()] == ["theirs"]
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    with pytest.raises(WeightsError, match="left as it is"):
        publish(model, ID, dry_run=True, out=tmp_path / "link", say=say)


def test_a_store_that_is_none_is_told_before_the_work(model, silent, monkeypatch, tmp_path):
    monkeypatch.setattr("zoo.hub.publishing.stage", lambda *a, **k: pytest.fail("it was staged"))
    for name in ("evidence", "results"):
        with pytest.raises(StoreError):
            publish(model, ID, dry_run=True, say=silent, **{name: tmp_path / "nowhere"})


@pytest.mark.slow
@pytest.mark.parametrize("pretrained", [True, False])
def test_what_was_published_keeps_its_licence_when_somebody_publishes_it_again(hub, silent, pretrained, photos):
    more = {} if pretrained else {"pretrained": False, "method": "full", "steps": 2}
    method = {"method": "linear_probe"} if pretrained else {}
    model = zoo.finetune("pocket/resnet10.glyphs", photos, quiet=True, **method, **more)
    publish(model, ID, say=silent, licence="cc-by-nc-4.0")
    theirs = zoo.load_model(f"hf-hub:{ID}")
    with pytest.raises(PublishError, match="forbids commercial use"):
        publish(theirs, "tester/again", licence="mit", dry_run=True, say=silent)
    assert publish(theirs, "tester/again", dry_run=True, say=silent).licence == "cc-by-nc-4.0"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "told"), [("/home/anna/cats", "a class has the name of a path"), ("caf\udce9", "another encoding")]
)
def test_a_class_whose_name_cannot_go_out_is_refused(model, silent, name, told):
    spec = dataclasses.replace(model.spec, classes=(name, *model.spec.classes[1:]))
    with pytest.raises(PublishError, match=told):
        publish(dataclasses.replace(model, spec=spec), ID, dry_run=True, say=silent)


@pytest.mark.parametrize("before", [None, "0"])
def test_a_dry_run_forbids_the_network_only_while_it_runs(model, silent, monkeypatch, before):
    if before:
        monkeypatch.setenv("HF_HUB_OFFLINE", before)
    else:
        monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)

    def stage(*arguments, **options):
        assert os.environ["HF_HUB_OFFLINE"] == "1"
        raise Offline("no base. Fix: fetch it.")

    monkeypatch.setattr("zoo.hub.publishing.stage", stage)
    with pytest.raises(Offline, match=r"a dry run asks no hub.*Fix: fetch it"):
        publish(model, ID, dry_run=True, say=silent)
    assert os.environ.get("HF_HUB_OFFLINE") == before
