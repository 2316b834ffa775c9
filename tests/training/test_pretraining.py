import dataclasses
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
import toy_objectives
from small_backbones import small_folder

import zoo
from zoo.errors import DataError, IncompatibleError, InvalidRecord, UsageError, WeightsError
from zoo.providers.weights import weights_digest
from zoo.training.pretraining import pretraining_flops
from zoo.training.recipe import Recipe, load_recipe
from zoo.training.trainspec import TrainSpec

SMALL = TrainSpec(steps=6, batch_size=16, lr=2e-3, device="cpu", checkpoint_every=2)


def test_shipped_recipe_runs_and_its_result_loads(tmp_path):
    made = zoo.pretrain("textures", tmp_path, steps=3, quiet=True)
    assert made.spec.name == "pocket/resnet10.textures"
    assert made.spec.recipe_digest != zoo.describe("pocket/resnet10.textures").recipe_digest  # fewer steps
    again = zoo.load(str(tmp_path))
    assert weights_digest(again.module) == weights_digest(made.module)
    assert zoo.fingerprint(made) == zoo.fingerprint(zoo.load("pocket/resnet10", pretrained=False))
    scratch = zoo.load(str(tmp_path), pretrained=False, seed=0)
    assert weights_digest(scratch.module) != weights_digest(made.module)


def test_same_recipe_same_bytes_also_when_interrupted(tmp_path, monkeypatch):
    from zoo.training import loop

    recipe = Recipe("r", "pocket/resnet10", "textures", "supervised", SMALL)
    whole = zoo.pretrain(recipe, tmp_path / "whole", quiet=True)
    original = loop.warmup_cosine

    def dies(step, steps, warmup):
        if step == 5:
            raise OSError("power cut")
        return original(step, steps, warmup)

    monkeypatch.setattr(loop, "warmup_cosine", dies)
    with pytest.raises(OSError, match="power cut"):
        zoo.pretrain(recipe, tmp_path / "cut", quiet=True)
    monkeypatch.setattr(loop, "warmup_cosine", original)
    assert not (tmp_path / "cut" / "model.safetensors").exists()
    assert zoo.pretrain(recipe, tmp_path / "cut", quiet=True).spec.digest == whole.spec.digest
    cost = json.loads((tmp_path / "cut/history.json").read_text())["cost"]
    assert cost["timed_steps"] < cost["steps"]


def test_a_folder_of_images_is_data_too(photos, tmp_path):
    recipe = Recipe("photos", "pocket/resnet10", str(photos), "supervised", dataclasses.replace(SMALL, steps=30))
    made = zoo.pretrain(recipe, tmp_path / "out", quiet=True)
    losses = json.loads((tmp_path / "out/history.json").read_text())["losses"]
    assert losses[-1] < losses[0] / 2
    assert made.spec.pretrained_on.startswith("photos")


def test_the_cost_of_a_checkpoint_is_kept(tmp_path):
    recipe = Recipe("r", "pocket/resnet10", "textures", "supervised", SMALL)
    zoo.pretrain(recipe, tmp_path, quiet=True)
    cost = json.loads((tmp_path / "history.json").read_text())["cost"]
    assert (cost["steps"], cost["timed_steps"]) == (6, 6)
    assert cost["flops"] == pretraining_flops(recipe)
    twice = dataclasses.replace(recipe, training=dataclasses.replace(SMALL, steps=12))
    assert pretraining_flops(twice) == 2 * cost["flops"]
    assert cost["seconds"] > 0


def test_any_architecture(photos, tmp_path):
    recipe = Recipe(
        "mine", "timm/resnet10t", str(photos), "supervised", dataclasses.replace(SMALL, steps=1, batch_size=4)
    )
    made = zoo.pretrain(recipe, tmp_path / "out", quiet=True)
    assert made.spec.name == "timm/resnet10t.mine"
    assert zoo.load(str(tmp_path / "out"), pretrained=False).pooled_dim == made.pooled_dim


def test_another_recipe_in_the_same_folder_is_refused(tmp_path):
    zoo.pretrain("textures", tmp_path, steps=1, quiet=True)
    before = (tmp_path / "model.safetensors").read_bytes()
    with pytest.raises(WeightsError, match="holds the run of another recipe"):
        zoo.pretrain("textures", tmp_path, steps=2, quiet=True)
    assert (tmp_path / "model.safetensors").read_bytes() == before


def test_finished_run_is_loaded_and_its_checkpoints_are_gone(tmp_path):
    made = zoo.pretrain("textures", tmp_path, steps=1, quiet=True)
    assert not (tmp_path / "checkpoints").exists()
    written = (tmp_path / "model.safetensors").stat().st_mtime_ns
    assert zoo.pretrain("textures", tmp_path, steps=1, quiet=True).spec.digest == made.spec.digest
    assert (tmp_path / "model.safetensors").stat().st_mtime_ns == written


def test_changed_data_in_the_same_folder_is_refused(photos, tmp_path):
    recipe = Recipe("photos", "pocket/resnet10", str(photos), "supervised", SMALL)
    zoo.pretrain(recipe, tmp_path / "out", quiet=True)
    (photos / "left" / "0.png").unlink()
    with pytest.raises(WeightsError, match="holds the run on other data"):
        zoo.pretrain(recipe, tmp_path / "out", quiet=True)


def test_a_call_that_is_refused_does_not_claim_the_folder(tmp_path):
    with pytest.raises(InvalidRecord, match="seed must be from 0 to 4294967295, received -1"):
        zoo.pretrain("textures", tmp_path, steps=1, seed=-1, quiet=True)
    assert zoo.pretrain("textures", tmp_path, steps=1, seed=3, quiet=True).pooled_dim == 256


def test_damaged_marker(tmp_path):
    (tmp_path / "recipe.json").write_text("{")
    with pytest.raises(WeightsError, match=r"recipe\.json is damaged"):
        zoo.pretrain("textures", tmp_path, steps=1, quiet=True)


def test_out_that_is_a_file(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(WeightsError, match="cannot write to"):
        zoo.pretrain("textures", tmp_path / "file", steps=1, quiet=True)


def test_sizes_that_do_not_fit(tmp_path):
    recipe = Recipe("r", "timm/resnet10t", "textures", "supervised", SMALL)
    with pytest.raises(IncompatibleError, match=r"makes images of shape \[1, 32, 32\].*takes \[3, 176, 176\]"):
        zoo.pretrain(recipe, tmp_path, quiet=True)


TEXTS = [f"text number {index}" + " word" * (index % 7) for index in range(40)]
FEW = {"steps": 6, "batch_size": 6, "device": "cpu", "quiet": True}


@pytest.fixture
def toys():
    toy_objectives.register()
    yield
    toy_objectives.unregister()


@pytest.fixture
def bert(tmp_path):
    return small_folder(
        "transformers/bert", tmp_path / "bert", hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0
    )


def losses_of(folder):
    return json.loads((folder / "history.json").read_text())["losses"]


def test_any_text_backbone_on_lines_of_text(toys, bert, tmp_path):
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts" / "a.txt").write_text("\n".join(TEXTS[:20]))
    (tmp_path / "texts" / "b.txt").write_text("\n\n".join(TEXTS[20:]))
    made = zoo.pretrain(
        bert, tmp_path / "out", data=tmp_path / "texts", objective="hidden", options={"rate": "0.5"},
        **FEW | {"steps": 40, "lr": 5e-3},
    )  # fmt: skip
    assert made.spec.name == "transformers/bert.hidden"
    assert made.spec.objective == "hidden"
    losses = losses_of(tmp_path / "out")
    assert losses[-1] < 0.8 * losses[0]
    told = json.loads((tmp_path / "out" / "history.json").read_text())
    assert "20 blank lines are left out" not in told["notes"]
    assert "19 blank lines are left out" in told["notes"]
    again = zoo.load(str(tmp_path / "out"))
    assert again.encode(again.preprocess(["a text"]))["text"].tokens.shape[2] == 64


def test_sounds_and_images_without_labels(toys, photos, tmp_path):
    clips = tmp_path / "clips"
    clips.mkdir()
    rng = np.random.default_rng(0)
    for index in range(8):
        wave = rng.normal(size=2000 + 400 * (index % 3)) / 10
        soundfile.write(clips / f"{index}.wav", wave, 16000)
    folder = small_folder("transformers/wav2vec2", tmp_path / "wav2vec2")
    made = zoo.pretrain(folder, tmp_path / "one", data=clips, objective="loudness", **FEW | {"steps": 2})
    assert made.spec.modality == "speech"
    made = zoo.pretrain("pocket/resnet10", tmp_path / "two", data=photos, objective="loudness", probe_every=2, **FEW)
    probe = json.loads((tmp_path / "two" / "history.json").read_text())["probe"]
    assert [step for step, _ in probe] == [2, 4, 6]  # the names of the folders are its labels


def test_going_on_starts_at_the_weights_that_are_there(toys, tmp_path):
    first = zoo.pretrain("pocket/resnet10", tmp_path / "a", data="textures", objective="supervised", **FEW)
    zoo.pretrain(
        str(tmp_path / "a"), tmp_path / "b", data="textures", objective="supervised", init="pretrained", name="more",
        **FEW | {"steps": 1, "lr": 1e-30},
    )  # fmt: skip
    second = zoo.load(str(tmp_path / "b"))
    assert second.spec.name == "pocket/resnet10.more"
    for one, other in zip(first.module.parameters(), second.module.parameters(), strict=True):
        assert torch.allclose(one, other, atol=1e-6)
    scratch = zoo.pretrain(
        str(tmp_path / "a"), tmp_path / "c", data="textures", objective="supervised", **FEW | {"steps": 1, "lr": 1e-30}
    )
    assert weights_digest(scratch.module) != weights_digest(first.module)


def test_the_average_is_what_is_saved_also_when_interrupted(toys, bert, tmp_path, monkeypatch):
    from zoo.training import loop

    options = {"data": TEXTS, "objective": "hidden", **FEW, "ema": 0.5, "checkpoint_every": 2}
    plain = zoo.pretrain(bert, tmp_path / "plain", **options | {"ema": 0.0})
    whole = zoo.pretrain(bert, tmp_path / "whole", **options)
    assert whole.spec.digest != plain.spec.digest
    original = loop.warmup_cosine

    def dies(step, steps, warmup):
        if step == 5:
            raise OSError("power cut")
        return original(step, steps, warmup)

    monkeypatch.setattr(loop, "warmup_cosine", dies)
    with pytest.raises(OSError, match="power cut"):
        zoo.pretrain(bert, tmp_path / "cut", **options)
    monkeypatch.setattr(loop, "warmup_cosine", original)
    assert zoo.pretrain(bert, tmp_path / "cut", **options | {"workers": 0}).spec.digest == whole.spec.digest
    assert losses_of(tmp_path / "cut") == losses_of(tmp_path / "whole")


def test_chunks_and_recomputing_change_no_loss(toys, bert, tmp_path):
    options = {"data": TEXTS, "objective": "hidden", **FEW}
    zoo.pretrain(bert, tmp_path / "a", **options)
    zoo.pretrain(bert, tmp_path / "b", **options, accumulate=4)
    zoo.pretrain(bert, tmp_path / "c", **options, recompute=True)
    for name in "bc":
        assert losses_of(tmp_path / name) == pytest.approx(losses_of(tmp_path / "a"), abs=1e-4)
    assert "accumulate" in json.loads((tmp_path / "b/recipe.json").read_text())["recipe"]["training"]


def test_unreadable_samples_are_listed_and_all_of_them_are_an_error(toys, photos, tmp_path):
    (photos / "left" / "0.png").write_bytes(b"no image")
    options = {"data": photos, "objective": "loudness", **FEW}
    with pytest.raises(DataError, match=r"0\.png cannot be used"):
        zoo.pretrain("pocket/resnet10", tmp_path / "a", **options | {"batch_size": 24})
    assert not (tmp_path / "a").exists()
    zoo.pretrain("pocket/resnet10", tmp_path / "b", **options, bad_samples="cap 5%")
    (line,) = (tmp_path / "b" / "bad_samples.jsonl").read_text().splitlines()
    assert json.loads(line)["origin"].endswith("0.png")
    assert json.loads((tmp_path / "b" / "history.json").read_text())["bad_samples"] == 1
    for image in photos.rglob("*.png"):
        image.write_bytes(b"no image")
    with pytest.raises(DataError, match="none of the 24 samples"):
        zoo.pretrain("pocket/resnet10", tmp_path / "c", **options, bad_samples="skip")
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="holds nothing for a backbone of vision"):
        zoo.pretrain("pocket/resnet10", tmp_path / "d", **options | {"data": tmp_path / "empty"})


def test_a_sample_that_cannot_be_read_later_on_keeps_the_checkpoint(toys, photos, tmp_path):
    """With another policy the run goes on, to the weights that it would have had with that policy all along."""
    options = {"data": photos, "objective": "loudness", **FEW, "checkpoint_every": 1, "probe_every": 0}
    for image in sorted(photos.rglob("*.png")):
        kept = image.read_bytes()
        image.write_bytes(b"no image")
        out = tmp_path / f"out-{image.parent.name}-{image.stem}"
        try:
            zoo.pretrain("pocket/resnet10", out, **options, workers=0)
        except DataError as error:
            told = str(error)
            if out.exists():  # not in the first batch, which is read before anything is written
                break
        image.write_bytes(kept)
    assert re.search(
        rf"{image.name} cannot be used .*after step [1-5] of 6, and the checkpoint .*step-[1-5] is kept\. Fix: mend",
        told,
    )
    resumed = zoo.pretrain("pocket/resnet10", out, **options, bad_samples="skip")
    whole = zoo.pretrain("pocket/resnet10", tmp_path / "whole", **options, bad_samples="skip")
    assert resumed.spec.digest == whole.spec.digest
    assert len((out / "bad_samples.jsonl").read_text().splitlines()) == 1


def test_a_resumed_run_keeps_its_probe_and_what_could_not_be_read(toys, photos, tmp_path, monkeypatch):
    from zoo.training import loop

    (photos / "left" / "0.png").write_bytes(b"no image")
    options = {"data": photos, "objective": "loudness", "bad_samples": "skip", "probe_every": 1, **FEW}
    options |= {"steps": 8, "checkpoint_every": 1}
    original = loop.warmup_cosine

    def dies(step, steps, warmup):
        if step == 7:
            raise OSError("power cut")
        return original(step, steps, warmup)

    monkeypatch.setattr(loop, "warmup_cosine", dies)
    with pytest.raises(OSError, match="power cut"):
        zoo.pretrain("pocket/resnet10", tmp_path, **options)
    monkeypatch.setattr(loop, "warmup_cosine", original)
    zoo.pretrain("pocket/resnet10", tmp_path, **options)
    told = json.loads((tmp_path / "history.json").read_text())
    assert [step for step, _ in told["probe"]] == [2, 3, 4, 5, 6, 7, 8]
    assert [row[0] for row in told["health"]] == [1, 2, 3, 4, 5, 6, 7, 8]
    assert told["bad_samples"] == 1


def test_what_does_not_go_together(toys, bert, tmp_path):
    with pytest.raises(IncompatibleError, match="hidden is for text, and pocket/resnet10 is for vision"):
        zoo.pretrain("pocket/resnet10", tmp_path / "out", data="digits", objective="hidden", **FEW)
    with pytest.raises(IncompatibleError, match="compares the samples"):
        zoo.pretrain("pocket/resnet10", tmp_path / "o", data="digits", objective="apart", **FEW, accumulate=2)
    assert not (tmp_path / "o").exists()
    with pytest.raises(UsageError, match="taken for a recipe"):
        zoo.pretrain("glyphs", tmp_path / "out", objective="supervised")
    for wrong in ({"workers": -1}, {"probe_every": -3}):
        with pytest.raises(UsageError, match="are 0 or more"):
            zoo.pretrain("glyphs", tmp_path / "out", **wrong)
    options = {"objective": "hidden", **FEW | {"steps": 1}}
    zoo.pretrain(bert, tmp_path / "p", data=TEXTS, **options)
    with pytest.raises(WeightsError, match="on other data"):
        zoo.pretrain(bert, tmp_path / "p", data=TEXTS[1:], **options)


def test_the_tokenizer_is_carried(toys, tmp_path):
    """A checkpoint's folder with a tokenizer of its own: the result brings a copy, and reads texts as it did."""
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import BertModel, PreTrainedTokenizerFast

    from zoo.conformance.tiny import tiny

    words = {word: index for index, word in enumerate(["[PAD]", "[UNK]", "[MASK]", "text", "number", "word"])}
    tokenizer = Tokenizer(models.WordLevel(words, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    own = tmp_path / "own"
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="[PAD]", unk_token="[UNK]", mask_token="[MASK]"
    )
    fast.save_pretrained(own)
    torch.manual_seed(0)
    BertModel(tiny("bert"), add_pooling_layer=False).save_pretrained(own)
    before = zoo.load(str(own))
    options = {"data": TEXTS, "objective": "hidden", "init": "pretrained", **FEW | {"steps": 2}}
    made = zoo.pretrain(str(own), tmp_path / "out", **options)
    assert (tmp_path / "out/preprocessing/tokenizer.json").is_file()
    own.rename(tmp_path / "away")
    again = zoo.load(str(tmp_path / "out"))
    ids = again.preprocess(["text number word other"]).values
    assert torch.equal(ids, made.preprocess(["text number word other"]).values)
    assert torch.equal(ids, before.preprocess(["text number word other"]).values)
    assert ids.tolist() == [[3, 4, 5, 1]]


@pytest.mark.slow
def test_two_processes_give_the_losses_of_one(toys, bert, tmp_path):
    """Gloo on the CPU: batches are shared, hidden tokens counted over both, and what is saved is the average."""
    program = (
        "import json, sys, torch, toy_objectives, zoo\n"
        "torch.set_num_threads(1)\n"
        "toy_objectives.register()\n"
        "zoo.pretrain(sys.argv[1], sys.argv[2], data=json.loads(sys.argv[3]), objective='hidden', steps=8,\n"
        "             batch_size=7, accumulate=2, ema=0.9, device='cpu', checkpoint_every=3, quiet=True)\n"
    )
    (tmp_path / "program.py").write_text(program)
    here = Path(__file__).parents[2]
    paths = [str(here), str(here / "tests/training")]
    for count in (1, 2):
        subprocess.run(
            [
                sys.executable, "-m", "torch.distributed.run", f"--nproc-per-node={count}", "--standalone",
                str(tmp_path / "program.py"), bert, str(tmp_path / f"by{count}"), json.dumps(TEXTS),
            ],
            check=True, timeout=200, capture_output=True,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(paths), "OMP_NUM_THREADS": "1"},
        )  # fmt: skip
    assert losses_of(tmp_path / "by2") == pytest.approx(losses_of(tmp_path / "by1"), abs=1e-4)
    one, two = (zoo.load(str(tmp_path / f"by{count}")) for count in (1, 2))
    for name, weight in one.module.state_dict().items():
        assert torch.allclose(weight, two.module.state_dict()[name], atol=1e-4), name


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("name", ["glyphs", "textures"])
def test_shipped_checkpoint_is_re_made(tmp_path, name):
    """The recipe gives a checkpoint whose frozen probe scores what the shipped one's does."""
    made = zoo.pretrain(name, tmp_path, quiet=True)
    shipped = zoo.load(f"pocket/resnet10.{name}")
    assert made.spec.recipe_digest == shipped.spec.recipe_digest == load_recipe(name).digest
    scores = []
    for backbone in (made, shipped):
        fits = [
            zoo.finetune(backbone, "digits", method="linear_probe", labels_per_class=10, seed=seed, quiet=True)
            for seed in range(5)
        ]
        scores.append(torch.tensor([fit.spec.scores["accuracy"] for fit in fits]).mean())
    assert abs(scores[0] - scores[1]) < 2.0


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize(("name", "task"), [("pairs", "docstring_areas"), ("causal", "parameter_types")])
def test_shipped_text_checkpoint_is_re_made(tmp_path, name, task):
    """Docstrings differ from machine to machine, so the bytes do; the score of a frozen probe must not by much."""
    made = zoo.pretrain(name, tmp_path, quiet=True)
    shipped = zoo.load(f"pocket/gpt2.{name}")
    assert made.spec.recipe_digest == shipped.spec.recipe_digest == load_recipe(name).digest
    scores = []
    for backbone in (made, shipped):
        fits = [
            zoo.finetune(backbone, task, method="linear_probe", labels_per_class=32, seed=seed, quiet=True)
            for seed in range(5)
        ]
        scores.append(torch.tensor([fit.spec.scores["accuracy"] for fit in fits]).mean())
    assert abs(scores[0] - scores[1]) < 3.0


def test_a_text_recipe_is_made_from_the_docstrings_of_a_package(tmp_path, monkeypatch):
    """Both recipes, two steps each, on one small package; where the embeddings start is part of the run."""
    from zoo.data import docstring_sources

    small = docstring_sources.corpus(("packaging",))
    monkeypatch.setattr(docstring_sources, "corpus", lambda _packages: small)
    for name in ("pairs", "causal"):
        made = zoo.pretrain(name, tmp_path / name, steps=2, batch_size=4, quiet=True)
        assert made.spec.name == f"pocket/gpt2.{name}"
        assert made.spec.pretraining_flops > 0
        told = json.loads((tmp_path / name / "history.json").read_text())
        assert any("packaging" in note for note in told["notes"])
        assert any("8 words in a row" in note for note in told["notes"])
        plain = zoo.load("pocket/gpt2", pretrained=False, seed=0)
        assert not torch.allclose(made.module.wte.weight[5:], plain.module.wte.weight[5:], atol=0.05)
