from types import SimpleNamespace

import pytest

from zoo.errors import DataError, IncompatibleError
from zoo.providers.transformers_tokens import Tokens, by_bytes, by_characters, context_of, text_preprocess


def test_bytes_differ_and_are_never_special():
    tokenize = by_bytes(SimpleNamespace(vocab_size=400, pad_token_id=5, bos_token_id=70), None)
    ids = tokenize("".join(map(chr, range(128))) + "é").ids
    assert len(set(ids[:128])) == 128
    assert not {5, 70} & set(ids)
    assert len(tokenize("").ids) == 1


def test_a_vocabulary_without_room():
    with pytest.raises(IncompatibleError, match="no place for 256 bytes"):
        by_bytes(SimpleNamespace(vocab_size=33), None)


def test_canine_reads_characters():
    assert by_characters(None)("ab").ids[1:-1] == [97, 98]


def test_the_least_limit_counts(tmp_path):
    (tmp_path / "sentence_bert_config.json").write_text('{"max_seq_length": 7}')
    config, tokenizer = SimpleNamespace(max_position_embeddings=20), SimpleNamespace(model_max_length=int(1e30))
    assert context_of(config, None, tokenizer, tmp_path) == 7
    assert context_of(SimpleNamespace(), None, tokenizer) is None


def letters(first, second=None):
    ids = [ord(letter) for letter in first + (second or "")]
    return Tokens(ids, None if second is None else [0] * len(first) + [1] * len(second))


def test_two_texts_are_joined_typed_or_refused():
    pairs = [("ab", "c"), ("a", "")]
    joined = text_preprocess(letters, 0, pairs="joined")(pairs)
    assert joined.values.tolist() == [[97, 98, 99], [97, 0, 0]]
    typed = text_preprocess(letters, 0, pairs="typed")
    assert typed(pairs).values.tolist() == [[[97, 0], [98, 0], [99, 1]], [[97, 0], [0, 0], [0, 0]]]
    assert typed(pairs).mask.tolist() == [[True, True, True], [True, False, False]]
    assert typed(["ab"]).values.tolist() == [[97, 98]]
    with pytest.raises(DataError, match="stand together"):
        typed(["ab", ("a", "b")])
    with pytest.raises(DataError, match=r"received tuple\. Fix: pass strings\."):
        text_preprocess(letters, 0)(pairs)


def test_each_of_two_texts_has_half_of_the_context():
    config = SimpleNamespace(vocab_size=300, pad_token_id=0, eos_token_id=2)
    assert by_bytes(config, 6)("abcdef", "g").ids == by_bytes(config, 3)("abcdef").ids + by_bytes(config, 3)("g").ids
