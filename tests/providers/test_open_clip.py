import contextlib
import json
import logging
import sys

import open_clip
import pytest
import torch
from open_clip_small import CONFIG, repository
from vision import disturbed, picture, record

import zoo
from zoo.contracts import Pair
from zoo.errors import DataError, MissingDependency, UnknownName, UnsafeContent, WeightsError
from zoo.providers import loading
from zoo.providers import open_clip as provider
from zoo.testing.hub import Hub


@pytest.fixture(autouse=True)
def _root_logger():
    """open_clip logs through the root logger; pytest's handlers are there, so nothing is set up."""
    logging.getLogger().addHandler(logging.NullHandler())


@pytest.fixture
def folder(tmp_path):
    """A repository with disturbed random weights, as open_clip writes them."""
    return repository(tmp_path / "clip")


def test_a_folder_equals_open_clips_own_loading(folder):
    backbone = zoo.load(str(folder))
    with contextlib.redirect_stderr(None):
        upstream, _, transform = open_clip.create_model_and_transforms(f"local-dir:{folder}")
    tokenizer = open_clip.get_tokenizer(f"local-dir:{folder}")
    images, texts = [picture(), picture(40, 30, seed=1)], ["a cat", "two dogs, one of which sleeps!"]
    pair = backbone.preprocess(list(zip(images, texts, strict=True)))
    assert torch.equal(pair.vision, torch.stack([transform(image) for image in images]))
    assert torch.equal(pair.text.values, tokenizer(texts))
    for module in (upstream, backbone.module):
        module.eval()
    with torch.inference_mode():
        found = backbone.encode(pair)
        assert torch.allclose(found["vision"].pooled, upstream.encode_image(pair.vision), atol=1e-6)
        assert torch.allclose(found["text"].pooled, upstream.encode_text(pair.text.values), atol=1e-6)
    assert backbone.pooled_dim == CONFIG["embed_dim"]
    assert found["vision"].tokens.shape == (2, 5, 32)
    assert found["text"].tokens.shape == (2, 16, 32)
    assert torch.equal(found["text"].mask, pair.text.mask)
    assert backbone.notes == (f"{folder}: texts beyond 16 tokens are cut there",)
    scratch = zoo.load(str(folder), pretrained=False, seed=0)
    assert zoo.fingerprint(scratch) == zoo.fingerprint(backbone)


def test_a_hub_repository_at_a_revision(folder, tmp_path, monkeypatch):
    with Hub() as hub:
        sha = hub.add("me/clip", {path.name: path.read_bytes() for path in folder.iterdir()})
        hub.add("me/clip", {"open_clip_config.json": b"{}"})  # main has moved on
        for name, value in hub.environment(token=hub.read_token, home=tmp_path / "cache").items():
            monkeypatch.setenv(name, value)
        backbone = zoo.load(f"hf-hub:me/clip@{sha}")
        with pytest.raises(WeightsError, match="says of no library that zoo can load"):
            zoo.load("hf-hub:me/clip")
    assert backbone.spec.name == f"hf-hub:me/clip@{sha}"
    assert backbone.spec.revision == sha
    local = zoo.load(str(folder))
    with torch.inference_mode():
        inputs = local.preprocess([picture()])
        assert torch.equal(
            backbone.module.eval().encode_image(inputs.vision), local.module.eval().encode_image(inputs.vision)
        )
    again = loading.build(zoo.BackboneSpec.from_json(backbone.spec.to_json()), pretrained=False)  # of the record alone
    assert zoo.fingerprint(again) == zoo.fingerprint(backbone)


def test_a_pair_of_the_catalog_from_a_hub(tmp_path, monkeypatch):
    """The smallest pair that open_clip has, in its own format, from its own repository."""
    spec = record("open_clip/MobileCLIP2-S0.dfndr2b")
    whole = disturbed(provider._build(provider.model_config(spec)), size=0.01)
    from safetensors.torch import save, save_file

    save_file(whole.state_dict(), tmp_path / "w.safetensors")
    with Hub() as hub:
        hub.add(spec.source.removeprefix("hf-hub:"), {"open_clip_model.safetensors": save(whole.state_dict())})
        for name, value in hub.environment(token=hub.read_token, home=tmp_path / "cache").items():
            monkeypatch.setenv(name, value)
        backbone = loading.build(spec, pretrained=True)
    upstream, *_ = open_clip.create_model_and_transforms(
        spec.arch, pretrained=str(tmp_path / "w.safetensors"), image_mean=(0, 0, 0), image_std=(1, 1, 1)
    )
    backbone.module.eval(), upstream.eval()
    pair = Pair(torch.rand(2, 3, 256, 256), backbone.preprocess(["a", "b c"]).text)
    with torch.inference_mode():
        found = backbone.encode(pair)
        own = upstream.encode_image(pair.vision), upstream.encode_text(pair.text.values)
    for mine, theirs in zip((found["vision"].pooled, found["text"].pooled), own, strict=True):
        assert (mine - theirs).abs().max() / theirs.abs().max() < 1e-6
    assert [one.shape[2] for one in found["vision"].maps] == [64, 32, 16, 8]
    assert "pins no revision" in backbone.notes[0]


def test_batches_do_not_change_features_and_inputs_do(folder):
    backbone = zoo.load(str(folder))
    backbone.module.eval()
    texts = ["", "a cat", "a very long text about nothing in particular that goes on"]
    images = [picture(seed=seed) for seed in range(3)]
    with torch.inference_mode():
        together = backbone.encode(backbone.preprocess(list(zip(images, texts, strict=True))))
        for modality, samples in (("vision", images), ("text", texts)):
            pooled = together[modality].pooled
            alone = torch.cat([backbone.encode(backbone.preprocess([one]))[modality].pooled for one in samples])
            assert (alone - pooled).abs().max() / pooled.abs().max() < 1e-4
            assert (pooled[0] - pooled[1]).abs().max() / pooled.abs().max() > 1e-3
    assert together["text"].mask.sum(1).tolist() == [2, 4, 13]  # an empty text is its start and end


def test_what_preprocess_takes(folder):
    backbone = zoo.load(str(folder), pretrained=False)
    images = backbone.preprocess([picture(), picture(20, 10).convert("L")])
    assert images.text is None
    assert set(backbone.encode(images)) == {"vision"}
    texts = backbone.preprocess(["a", "b"])
    assert texts.vision is None
    assert set(backbone.encode(texts)) == {"text"}
    assert set(backbone.encode(texts.text)) == {"text"}
    assert set(backbone.encode(images.vision)) == {"vision"}
    for samples, said in (
        (["a", picture()], "received images and texts"),
        ([], "received none"),
        ([(picture(), 3)], "a text must be a str, received int"),
        ([b"bytes"], "an image must be"),
    ):
        with pytest.raises(DataError, match=said):
            backbone.preprocess(samples)
    with pytest.raises(DataError, match="neither images nor texts"):
        backbone.encode(Pair())


def test_gradient_reaches_both_towers(folder):
    backbone = zoo.load(str(folder))
    pair = backbone.preprocess([(picture(), "a cat"), (picture(seed=1), "a dog")])
    found = backbone.encode(pair)
    (found["vision"].pooled @ found["text"].pooled.T).pow(2).sum().backward()
    without = [n for n, p in backbone.module.named_parameters() if p.grad is None or not p.grad.abs().any()]
    assert without == ["logit_scale"]  # of the contrastive loss, not of the features


def text_model(monkeypatch, cache):
    """The hub repository of a tiny text model: open_clip builds its text tower from that configuration."""
    from transformers import RobertaConfig

    sizes = {"vocab_size": 9, "hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    config = RobertaConfig(**sizes, intermediate_size=32, max_position_embeddings=40, pad_token_id=0)
    hub = Hub()
    hub.add("me/roberta", {"config.json": config.to_json_string().encode()})
    for name, value in hub.environment(token=hub.read_token, home=cache).items():
        monkeypatch.setenv(name, value)
    return hub


@pytest.mark.parametrize("kind", ["resnet", "timm", "coca", "huggingface"])
def test_other_towers(kind, tmp_path, monkeypatch):
    config = repository(tmp_path / "clip", kind=kind)
    if kind == "huggingface":
        with text_model(monkeypatch, tmp_path / "cache"):
            zoo.load(str(config), pretrained=False)
        monkeypatch.setenv("HF_HUB_OFFLINE", "1")  # what was fetched is in the cache
    backbone = zoo.load(str(config), pretrained=False, seed=0)
    disturbed(backbone.module).eval()
    pair = backbone.preprocess([(picture(), "a cat"), (picture(seed=1), "two dogs sleep")])
    with torch.inference_mode():
        found = backbone.encode(pair)
        options = {"normalize": False}
        assert torch.allclose(found["vision"].pooled, backbone.module.encode_image(pair.vision, **options), atol=1e-6)
        assert torch.allclose(found["text"].pooled, backbone.module.encode_text(pair.text.values, **options), atol=1e-6)
    assert found["vision"].pooled.shape == found["text"].pooled.shape
    assert found["text"].tokens.shape[:2] == pair.text.mask.shape
    assert (found["vision"].maps is not None) == (kind in ("resnet", "timm"))
    assert (found["text"].pooled[0] - found["text"].pooled[1]).abs().max() > 1e-6


def test_weights_that_do_not_fit(folder):
    from safetensors.torch import load_file, save_file

    file = folder / "open_clip_model.safetensors"
    tensors = load_file(file)
    for change, said in (
        ({"ln_final.weight": None}, "Missing key"),
        ({"strange": torch.zeros(2)}, "Unexpected key"),
        ({"ln_final.weight": torch.zeros(3)}, "size mismatch"),
    ):
        changed = {name: tensor for name, tensor in {**tensors, **change}.items() if tensor is not None}
        save_file(changed, file)
        with pytest.raises(WeightsError, match=rf"do not fit its CLIP.*{said}"):
            zoo.load(str(folder))
    file.write_bytes(file.read_bytes()[:2000])
    with pytest.raises(WeightsError):
        zoo.load(str(folder))
    file.unlink()
    with pytest.raises(WeightsError, match=r"has no open_clip_model\.safetensors; it holds"):
        zoo.load(str(folder))


def test_resized_positions_are_told(folder):
    config = json.loads((folder / "open_clip_config.json").read_text())
    config["model_cfg"]["vision_cfg"]["image_size"] = 48
    (folder / "open_clip_config.json").write_text(json.dumps(config))
    assert any("Resizing position embedding" in note for note in zoo.load(str(folder)).notes)


def test_pickles_by_name_only(folder, capsys):
    class Evil:
        def __reduce__(self):
            return print, ("code ran",)

    from safetensors.torch import load_file

    tensors = load_file(folder / "open_clip_model.safetensors")
    (folder / "open_clip_model.safetensors").unlink()
    torch.save({"state_dict": tensors}, folder / "good.bin")
    torch.save({"state_dict": {"a": Evil()}}, folder / "evil.bin")
    with pytest.raises(WeightsError, match="has no open_clip_model"):
        zoo.load(str(folder))
    zoo.load(str(folder), allow_pickle="good.bin")
    with pytest.raises(UnsafeContent, match="holds more than tensors"):
        zoo.load(str(folder), allow_pickle="evil.bin")
    assert "ran" not in capsys.readouterr().out


def test_names_that_cannot_be(folder):
    with pytest.raises(UnknownName, match=r"unknown open_clip architecture 'ViT-B-33'.*ViT-B-32"):
        loading.build(zoo.BackboneSpec("open_clip/ViT-B-33", "open_clip", "ViT-B-33"), pretrained=False)
    with pytest.raises(WeightsError, match="names an architecture, not weights"):
        loading.build(record("open_clip/ViT-S-32-alt"), pretrained=True)
    config = json.loads((folder / "open_clip_config.json").read_text())
    config["model_cfg"]["vision_cfg"]["timm_model_name"] = "hf-hub:evil/model"
    (folder / "open_clip_config.json").write_text(json.dumps(config))
    with pytest.raises(UnknownName, match="unknown timm architecture 'hf-hub:evil/model'"):
        zoo.load(str(folder), pretrained=False)


def test_without_the_library(monkeypatch):
    monkeypatch.setitem(sys.modules, "open_clip", None)
    with pytest.raises(MissingDependency, match=r"transfer-zoo\[open_clip\]"):
        loading.build(record("open_clip/ViT-S-32-alt"), pretrained=False)
