import json

import numpy as np
import pytest
import torch
import transformers
from PIL import Image
from transformers_repos import files_of, save, save_words

import zoo
from zoo.contracts import Pair
from zoo.errors import IncompatibleError, MissingDependency, UnknownName, UnsafeContent, WeightsError
from zoo.providers.batching import encode_samples
from zoo.providers.loading import build

TEXTS = ["a cat", "the dog and the cats runs far", "", "dog"]


@pytest.fixture
def bert(tmp_path):
    folder = tmp_path / "bert"
    network = save(folder, "bert", "BertForMaskedLM")
    save_words(folder, most=12)
    return folder, network


def test_from_the_hub_equals_upstream(bert, hub):
    folder, _ = bert
    commit = hub.add("me/bert", files_of(folder))
    backbone = zoo.load("hf-hub:me/bert")
    upstream = transformers.AutoModel.from_pretrained(folder, local_files_only=True).eval()
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder, local_files_only=True)
    inputs = tokenizer(["the cat runs"], return_tensors="pt")
    batch = backbone.preprocess(["the cat runs"])
    assert torch.equal(batch.values, inputs["input_ids"])
    backbone.module.eval()
    with torch.inference_mode():
        found = backbone.encode(batch)["text"]
        expected = upstream(**inputs).last_hidden_state
    assert torch.allclose(found.tokens, expected, atol=1e-6)
    assert torch.allclose(found.pooled, expected.mean(1), atol=1e-6)
    assert backbone.spec.revision == commit
    assert backbone.spec.padding == "masked"
    assert any(
        "in the checkpoint, and not of the backbone" in note and "cls.predictions" in note for note in backbone.notes
    )
    assert zoo.fingerprint(build(backbone.spec, pretrained=False)) == zoo.fingerprint(backbone)


def test_two_texts_equal_upstream_and_change_nothing_in_a_batch(bert):
    folder, _ = bert
    backbone = zoo.load(str(folder))
    upstream = transformers.AutoModel.from_pretrained(folder, local_files_only=True).eval()
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder, local_files_only=True)
    pairs = [("the cat runs", "a dog"), ("a cat", "the dog and the cats runs")]
    found = encode_samples(backbone, pairs)["text"].pooled
    for pair, row in zip(pairs, found, strict=True):
        inputs = tokenizer(*pair, return_tensors="pt", truncation=True, max_length=12)
        assert inputs["token_type_ids"].any()
        with torch.inference_mode():
            assert torch.allclose(row, upstream(**inputs).last_hidden_state.mean(1)[0], atol=1e-6)
    assert not torch.allclose(*encode_samples(backbone, [("a cat", "a dog"), ("a dog", "a cat")])["text"].pooled)


@pytest.mark.parametrize("arch", ["gpt2", "distilbert", "t5"])
def test_two_texts_are_joined_where_the_network_knows_no_types(arch):
    backbone = tiny_scratch(arch)
    assert backbone.preprocess([("ab", "c")]).values.ndim == 2
    assert torch.isfinite(encode_samples(backbone, [("ab", "c"), ("a", "")])["text"].pooled).all()


def test_a_catalog_name_from_the_hub(hub, tmp_path):
    """The catalog's graph and the repository's differ here, and that is said."""
    save(tmp_path / "r", "bert", "BertModel")
    save_words(tmp_path / "r")
    hub.add("google/bert_uncased_L-2_H-128_A-2", files_of(tmp_path / "r"))
    backbone = zoo.load("transformers/google/bert_uncased_L-2_H-128_A-2")
    assert backbone.pooled_dim == 64
    assert any("another graph than the catalog's" in note for note in backbone.notes)
    assert any("pins no revision" in note for note in backbone.notes)


def test_texts_keep_their_features_in_any_batch(bert):
    backbone = zoo.load(str(bert[0]))
    together = encode_samples(backbone, TEXTS)["text"]
    for index, text in enumerate(TEXTS):
        alone = encode_samples(backbone, [text])["text"].pooled
        assert torch.allclose(alone, together.pooled[index : index + 1], rtol=1e-4, atol=1e-5)
    assert (together.pooled[0] - together.pooled[1]).abs().max() > 1e-3


def test_gradient_reaches_every_weight(bert):
    backbone = zoo.load(str(bert[0]))
    backbone.encode(backbone.preprocess(TEXTS))["text"].pooled.pow(2).sum().backward()
    still = [n for n, p in backbone.module.named_parameters() if p.grad is None or not p.grad.abs().any()]
    assert still == []


def test_long_and_empty_texts_and_what_is_no_text(bert):
    backbone = zoo.load(str(bert[0]))
    assert any("texts beyond 12 tokens are cut" in note for note in backbone.notes)
    batch = backbone.preprocess(["cat " * 100, ""])
    assert batch.mask.sum(1).tolist() == [12, 2]
    for wrong in ("bare", [], [3]):
        with pytest.raises(zoo.errors.DataError, match="expected"):
            backbone.preprocess(wrong)


def test_pooling_of_sentence_transformers_is_honoured(bert):
    folder = bert[0]
    (folder / "1_Pooling").mkdir()
    (folder / "1_Pooling" / "config.json").write_text(json.dumps({"pooling_mode_cls_token": True}))
    backbone = zoo.load(str(folder))
    features = backbone.encode(backbone.preprocess(["a cat"]))["text"]
    assert torch.equal(features.pooled, features.tokens[:, 0])


def test_missing_and_wrong_weights_are_refused(bert):
    from safetensors.torch import load_file, save_file

    folder = bert[0]
    file = folder / "model.safetensors"
    whole = load_file(file)
    lost = {name: value for name, value in whole.items() if "layer.1.attention" not in name}
    save_file(lost, file, metadata={"format": "pt"})
    with pytest.raises(WeightsError, match=r"missing \(encoder\.layer\.1\.attention"):
        zoo.load(str(folder))
    save_file(whole | {"bert.embeddings.word_embeddings.weight": torch.zeros(7, 64)}, file, metadata={"format": "pt"})
    with pytest.raises(WeightsError):
        zoo.load(str(folder))
    file.write_bytes(file.read_bytes()[:1000])
    with pytest.raises(WeightsError):
        zoo.load(str(folder))
    file.unlink()
    with pytest.raises(WeightsError, match=r"no model\*\.safetensors"):
        zoo.load(str(folder))


def test_no_code_of_a_repository(bert):
    config = json.loads((bert[0] / "config.json").read_text()) | {"auto_map": {"AutoModel": "evil.Model"}}
    (bert[0] / "config.json").write_text(json.dumps(config))
    with pytest.raises(UnsafeContent, match="auto_map"):
        zoo.load(str(bert[0]))


def test_sentencepiece_is_asked_for(bert, monkeypatch):
    for file in bert[0].glob("tokenizer*"):
        file.unlink()
    (bert[0] / "spiece.model").write_bytes(b"x")
    monkeypatch.setattr("zoo.providers.transformers_tokens._importable", lambda name: False)
    with pytest.raises(MissingDependency, match=r"sentencepiece.*transfer-zoo\[transformers\]"):
        zoo.load(str(bert[0]))


def test_encoder_of_an_encoder_decoder(tmp_path):
    upstream = save(tmp_path, "t5", "T5ForConditionalGeneration")
    save_words(tmp_path)
    backbone = zoo.load(str(tmp_path))
    backbone.module.eval()
    batch = backbone.preprocess(["a cat"])
    with torch.inference_mode():
        expected = upstream.encoder(input_ids=batch.values).last_hidden_state
        assert torch.allclose(backbone.encode(batch)["text"].tokens, expected, atol=1e-6)
    assert any("the encoder is used" in note for note in backbone.notes)


def test_vision_equals_upstream(tmp_path):
    upstream = save(tmp_path, "vit", "ViTForImageClassification", image_size=32, patch_size=8)
    transformers.ViTImageProcessor(size={"height": 32, "width": 32}).save_pretrained(tmp_path)
    backbone = zoo.load(str(tmp_path))
    image = Image.fromarray(np.random.default_rng(0).integers(0, 255, (50, 70, 3), dtype=np.uint8))
    pixels = backbone.preprocess([image, image.convert("L")])
    processor = transformers.AutoImageProcessor.from_pretrained(tmp_path, local_files_only=True)
    assert torch.equal(pixels[:1], processor(images=image, return_tensors="pt")["pixel_values"])
    backbone.module.eval()
    with torch.inference_mode():
        expected = upstream.vit(pixels).last_hidden_state
        found = backbone.encode(pixels)["vision"]
    assert torch.allclose(found.tokens, expected, atol=1e-6)
    assert torch.allclose(found.pooled, expected[:, 0], atol=1e-6)
    assert backbone.spec.input_size == (3, 32, 32)


def test_speech_equals_upstream_and_padding_changes_nothing(tmp_path):
    upstream = save(tmp_path, "wav2vec2", "Wav2Vec2ForCTC")
    transformers.Wav2Vec2FeatureExtractor(do_normalize=True).save_pretrained(tmp_path)
    backbone = zoo.load(str(tmp_path))
    rng = np.random.default_rng(0)
    clips = [rng.standard_normal(length).astype("f4") * loud for length, loud in ((4000, 1.0), (9000, 0.01))]
    extractor = transformers.AutoFeatureExtractor.from_pretrained(tmp_path, local_files_only=True)
    expected = extractor(clips[0], sampling_rate=16_000, return_tensors="pt")["input_values"]
    assert torch.equal(backbone.preprocess(clips[:1]).values, expected)
    together = encode_samples(backbone, clips)["speech"]
    for index, clip in enumerate(clips):
        alone = encode_samples(backbone, [clip])["speech"]
        assert torch.allclose(alone.pooled, together.pooled[index : index + 1], rtol=1e-4, atol=1e-5)
    with torch.inference_mode():
        upstream_tokens = upstream.wav2vec2(expected).last_hidden_state
    assert torch.allclose(encode_samples(backbone, clips[:1])["speech"].tokens, upstream_tokens, atol=1e-6)


def test_sound_that_cannot_be_used():
    backbone = tiny_scratch("wav2vec2")
    for clip, message in (
        (np.zeros(0, dtype="f4"), "no samples"),
        (np.zeros(200, dtype="f4"), "needs 400 for its first"),
    ):
        with pytest.raises(zoo.errors.DataError, match=message):
            backbone.preprocess([clip])
    stereo = np.random.default_rng(0).standard_normal((2, 44_100)).astype("f4")
    assert backbone.preprocess([(stereo, 44_100)]).values.shape == (1, 16_000)


def test_both_towers(tmp_path):
    sizes = {
        "vision_config": {"image_size": 32, "patch_size": 16, **SMALL},
        "text_config": {"vocab_size": 320, **SMALL},
    }
    upstream = save(tmp_path, "clip", "CLIPModel", **sizes)
    save_words(tmp_path)
    transformers.CLIPImageProcessor(size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32}).save_pretrained(
        tmp_path
    )
    backbone = zoo.load(str(tmp_path))
    backbone.module.eval()
    pair = backbone.preprocess([(Image.new("RGB", (40, 50), "red"), "a cat")])
    assert isinstance(pair, Pair)
    assert pair.text.values.shape[1] == backbone.spec.context
    with torch.inference_mode():
        found = backbone.encode(pair)
        expected = upstream.get_image_features(pixel_values=pair.vision).pooler_output
    assert torch.allclose(found["vision"].pooled, expected, atol=1e-6)
    assert found["text"].pooled.shape == found["vision"].pooled.shape


SMALL = {"hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 2, "num_attention_heads": 4}


def tiny_scratch(arch):
    import dataclasses

    from zoo.catalog.query import describe
    from zoo.conformance.tiny import tiny
    from zoo.providers.transformers_library import changes

    return build(dataclasses.replace(describe(f"transformers/{arch}"), config=changes(tiny(arch))), pretrained=False)


def test_from_scratch_reads_bytes_and_says_so():
    backbone = tiny_scratch("gpt2")
    assert any("read as the bytes of its UTF-8" in note for note in backbone.notes)
    features = backbone.encode(backbone.preprocess(["ab", "c"]))["text"]
    assert torch.equal(features.pooled[1], features.tokens[1, features.mask[1].sum() - 1])


def test_what_cannot_be_loaded(tmp_path):
    with pytest.raises(UnknownName, match="transformers/bert"):
        zoo.load("transformers/bertt")
    with pytest.raises(WeightsError, match="names an architecture, not weights"):
        zoo.load("transformers/bert")
    with pytest.raises(IncompatibleError, match="any number of patches"):
        zoo.load("transformers/siglip2", pretrained=False)
    (tmp_path / "config.json").write_text('{"model_type": "berd"}')
    with pytest.raises(UnknownName, match="model type 'berd'"):
        zoo.load(str(tmp_path))


def test_given_tensors_must_fit(bert, tmp_path):
    from safetensors.torch import save_file

    backbone = tiny_scratch("distilbert")
    save_file({n: t.contiguous() for n, t in backbone.module.state_dict().items()}, tmp_path / "w.safetensors")
    from zoo.providers.weights import read_weights, weights_digest

    again = build(backbone.spec, pretrained=True, tensors=read_weights(tmp_path / "w.safetensors"))
    assert weights_digest(again.module) == weights_digest(backbone.module)
    with pytest.raises(WeightsError, match="another architecture"):
        build(backbone.spec, pretrained=True, tensors={"x": torch.zeros(1)})


def test_a_type_whose_attention_is_zeros_is_refused():
    with pytest.raises(IncompatibleError, match="mra is not a backbone here: without its own CUDA kernel"):
        zoo.load("transformers/mra", pretrained=False)
