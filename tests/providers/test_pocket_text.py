import dataclasses
import hashlib
import json

import pytest
import torch
from safetensors.torch import save_file

import zoo
from zoo.data.word_pieces import Pieces
from zoo.errors import WeightsError
from zoo.providers import pocket
from zoo.providers.loading import build, fingerprint
from zoo.providers.pocket_text import CONTEXT
from zoo.providers.transformers_library import library

SHIPPED = ["pocket/gpt2.causal", "pocket/gpt2.pairs"]
TEXTS = ["Return the number of threads.", "a", "Read all lines of the file, and close it when nobody needs it. " * 9]


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_weights_are_the_catalogued_ones(name):
    spec = zoo.describe(name)
    file = pocket.WEIGHTS / f"{spec.arch}.{spec.tag}.safetensors"
    assert hashlib.sha256(file.read_bytes()).hexdigest() == spec.digest
    assert file.stat().st_size < 5e6


@pytest.mark.parametrize("name", SHIPPED)
def test_catalogued_facts_are_measured_ones(name):
    backbone = zoo.load(name)
    assert backbone.spec == zoo.describe(name)
    assert 1.1e6 < backbone.spec.parameters < 1.3e6


def test_one_graph_for_all():
    backbones = [zoo.load(name) for name in SHIPPED] + [zoo.load("pocket/gpt2", pretrained=False)]
    assert len({fingerprint(backbone) for backbone in backbones}) == 1
    weights = [backbone.module.wte.weight for backbone in backbones]
    assert not torch.equal(weights[0], weights[1])


def test_texts_become_word_pieces_cut_at_the_context():
    ids = zoo.load("pocket/gpt2", pretrained=False).preprocess(TEXTS)
    assert ids.values.shape == (3, CONTEXT)
    assert (ids.values[:, 0] == Pieces.start).all()
    assert ids.mask.sum(1).tolist() == [7, 2, CONTEXT]
    assert (ids.values[~ids.mask] == Pieces.pad).all()


def test_two_texts_share_the_context():
    preprocess = zoo.load("pocket/gpt2", pretrained=False).preprocess
    ids = preprocess([("return", "raise"), (TEXTS[2], TEXTS[2])])
    one, other = (preprocess([text]).values[0, 1].item() for text in ("return", "raise"))
    assert ids.values[0, :4].tolist() == [Pieces.start, one, Pieces.end, other]
    assert ids.mask.sum(1).tolist() == [4, CONTEXT]
    assert ids.values[1].tolist().index(Pieces.end) == CONTEXT // 2


def test_a_text_alone_equals_itself_in_a_batch():
    backbone = zoo.load("pocket/gpt2.pairs")
    backbone.module.eval()
    with torch.inference_mode():
        ids = backbone.preprocess(TEXTS)
        together = backbone.encode(ids.values, ids.mask)["text"]
        alone = [
            backbone.encode(one.values, one.mask)["text"] for one in (backbone.preprocess([text]) for text in TEXTS)
        ]
    assert together.pooled.shape == (3, 128)
    assert together.tokens.shape == (3, CONTEXT, 128)
    found = torch.cat([one.pooled for one in alone])
    assert (together.pooled - found).abs().max() / found.abs().max() < 1e-4


def test_the_mean_of_all_tokens_is_what_is_pooled():
    backbone = zoo.load("pocket/gpt2", pretrained=False)
    backbone.module.eval()
    ids = backbone.preprocess(TEXTS[:1])
    features = backbone.encode(ids.values, ids.mask)["text"]
    assert torch.allclose(features.pooled, features.tokens.mean(1), atol=1e-6)


@pytest.mark.parametrize("name", SHIPPED)
def test_the_library_itself_loads_the_weights(name, tmp_path):
    backbone = zoo.load(name)
    backbone.module.config.save_pretrained(tmp_path)
    save_file(
        {k: v.half() for k, v in backbone.module.state_dict().items()}, tmp_path / "model.safetensors", {"format": "pt"}
    )
    assert json.loads((tmp_path / "config.json").read_text())["model_type"] == "gpt2"
    native, told = library().GPT2Model.from_pretrained(tmp_path, output_loading_info=True, dtype=torch.float32)
    assert not told["missing_keys"]
    assert not told["unexpected_keys"]
    native.eval()
    backbone.module.eval()
    ids = torch.randint(5, 6000, (2, 9))
    with torch.inference_mode():
        assert torch.equal(native(ids).last_hidden_state, backbone.module(ids).last_hidden_state)


def test_weights_of_another_tokenizer_are_refused():
    spec = dataclasses.replace(zoo.describe("pocket/gpt2"), tokenizer="word pieces, SHA-256 0")
    with pytest.raises(WeightsError, match="belongs to the tokenizer 'word pieces, SHA-256 0'"):
        build(spec, pretrained=False)


def test_a_name_without_weights_says_which_have_some():
    with pytest.raises(WeightsError, match=r"choose pocket/gpt2\.causal or pocket/gpt2\.pairs"):
        zoo.load("pocket/gpt2")
