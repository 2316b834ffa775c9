from types import SimpleNamespace

import pytest

import zoo
from tests.providers.small_backbones import small
from tests.providers.transformers_repos import save, save_words
from zoo.errors import IncompatibleError
from zoo.objectives.vocabulary import Vocabulary, need_mask, vocabulary_of


def test_bytes_have_a_mask_that_is_no_byte_and_not_special():
    backbone = small("transformers/bert")
    found = vocabulary_of(backbone)
    letters = set(backbone.preprocess(["".join(map(chr, range(1, 1500)))]).values.flatten().tolist())
    assert letters <= set(found.words)
    assert len(set(found.words)) == 256
    assert found.mask == 319
    assert 319 in found.special
    assert 319 not in found.words
    assert "id 319" in found.notes[0]


def test_a_source_is_believed():
    tokens = SimpleNamespace(vocabulary=9, mask=4, pad=0, special=(1, 2))
    assert vocabulary_of(small("transformers/bert"), SimpleNamespace(tokens=tokens)) == Vocabulary(
        range(9), 4, (0, 1, 2, 4)
    )


def test_a_checkpoint_has_its_tokenizers(tmp_path):
    save(tmp_path, "bert", "BertModel")
    save_words(tmp_path)
    found = vocabulary_of(zoo.load(str(tmp_path)))
    assert (len(found.words), found.mask, found.special) == (13, 4, (0, 1, 2, 3, 4))


def test_a_network_without_a_mask_is_refused():
    with pytest.raises(
        IncompatibleError, match=r"tokenizer of a/net has no token for it\. Fix: choose objective causal"
    ):
        need_mask(Vocabulary(range(9), None), "a/net")


def test_a_vocabulary_larger_than_the_networks_is_refused():
    tokens = SimpleNamespace(vocabulary=400, mask=4, pad=0, special=())
    with pytest.raises(
        IncompatibleError, match=r"id of 399, and transformers/bert has 320 words.*Fix: use the tokenizer"
    ):
        vocabulary_of(small("transformers/bert"), SimpleNamespace(tokens=tokens))


def test_zoos_own_backbone_has_its_own_pieces():
    found = vocabulary_of(zoo.load("pocket/gpt2", pretrained=False))
    assert (found.words, found.mask, found.special) == (range(6000), 4, (0, 1, 2, 3, 4))
