"""Every objective from end to end: data in, a folder out that loads anywhere, and weights that moved."""

import json

import numpy as np
import pytest
import soundfile
import torch
import transformers
from open_clip_small import repository
from PIL import Image
from transformers_repos import save, save_words

import zoo
from zoo.objectives import NEEDS, OBJECTIVES
from zoo.providers.weights import weights_digest

RNG = np.random.default_rng(0)


def photos(at, captions=False):
    at.mkdir()
    rows = []
    for index in range(12):
        Image.fromarray(RNG.integers(0, 256, (40, 40, 3), dtype=np.uint8)).save(at / f"{index}.png")
        rows.append(f"{index}.png,a picture of the number {index}\n")
    if captions:
        (at / "captions.csv").write_text("image,caption\n" + "".join(rows))
        return at / "captions.csv"
    return at


def lines(at):
    words = ["the", "cat", "dog", "runs", "far", "a", "and", "cats", "dogs"]
    at.write_text("".join(" ".join(RNG.choice(words, RNG.integers(3, 9))) + "\n" for _ in range(24)))
    return at


def clips(at):
    at.mkdir()
    for index in range(8):
        soundfile.write(at / f"{index}.wav", 0.1 * RNG.standard_normal(RNG.integers(8000, 12000)), 16000)
    return at


def text_network(at, head, kind="bert", **sizes):
    save(at, kind, head, **sizes)
    save_words(at, most=16)
    return str(at)


def speech_network(at, head="Wav2Vec2ForPreTraining"):
    save(at, "wav2vec2", head)
    transformers.Wav2Vec2FeatureExtractor(do_normalize=True).save_pretrained(at)
    return str(at)


CASES = {  # the backbone, the data, and options of the objective
    "supervised": (lambda at: "timm/test_vit", lambda at: "digits", {}),
    "mlm": (lambda at: text_network(at / "net", "BertForMaskedLM"), lambda at: lines(at / "a.txt"), {}),
    "causal": (lambda at: text_network(at / "net", "GPT2LMHeadModel", "gpt2"), lambda at: lines(at / "a.txt"), {}),
    "mae": (lambda at: "timm/test_vit", lambda at: photos(at / "p"), {"decoder_width": 32, "decoder_depth": 1}),
    "simmim": (lambda at: "timm/test_resnet", lambda at: photos(at / "p"), {}),
    "masked_prediction": (lambda at: speech_network(at / "net"), lambda at: clips(at / "s"), {"clusters": 4}),
    "simclr": (lambda at: "timm/test_vit", lambda at: photos(at / "p"), {}),
    "dino": (lambda at: "timm/test_vit", lambda at: photos(at / "p"), {"prototypes": 64}),
    "clip": (lambda at: str(repository(at / "net")), lambda at: photos(at / "p", captions=True), {}),
    "siglip": (lambda at: str(repository(at / "net")), lambda at: photos(at / "p", captions=True), {}),
    "sentence_pairs": (lambda at: text_network(at / "net", "BertModel"), lambda at: lines(at / "a.txt"), {}),
    "wav2vec2": (lambda at: speech_network(at / "net"), lambda at: clips(at / "s"), {}),
    "distillation": (lambda at: "timm/test_vit", lambda at: photos(at / "p"), {"teacher": "pocket/resnet10.glyphs"}),
}


def test_every_objective_has_a_case():
    assert set(CASES) == set(OBJECTIVES.names()) == set(NEEDS)


@pytest.mark.parametrize("name", CASES)
def test_from_data_to_a_backbone_that_loads_anywhere(name, tmp_path):
    network, data, options = CASES[name]
    known = getattr(OBJECTIVES.get(name), "options", {})
    start, source = network(tmp_path), data(tmp_path)
    init = "scratch" if start.startswith("timm") else "pretrained"
    before = weights_digest(zoo.load(start, pretrained=init == "pretrained", seed=0).module)
    made = zoo.pretrain(start, tmp_path / "out", data=source, objective=name, init=init, steps=2, batch_size=4, seed=0,
                        device="cpu", quiet=True, column="image,caption" if name in ("clip", "siglip") else "",
                        options={key: value for key, value in options.items() if key in known})  # fmt: skip
    assert set(options) <= set(known)
    history = json.loads((tmp_path / "out" / "history.json").read_text())
    assert len(history["losses"]) == 2
    assert np.isfinite(history["losses"]).all()
    assert weights_digest(made.module) != before
    again = zoo.load(str(tmp_path / "out"))
    assert weights_digest(again.module) == weights_digest(made.module)
    assert (again.spec.objective, again.spec.tag) == (name, name)
    assert all(torch.isfinite(weight).all() for weight in again.module.parameters())
