from types import SimpleNamespace

import pytest

from zoo.errors import IncompatibleError
from zoo.providers.transformers_tokens import by_bytes, by_characters, context_of


def test_bytes_differ_and_are_never_special():
    tokenize = by_bytes(SimpleNamespace(vocab_size=400, pad_token_id=5, bos_token_id=70), None)
    ids = tokenize("".join(map(chr, range(128))) + "é")
    assert len(set(ids[:128])) == 128
    assert not {5, 70} & set(ids)
    assert len(tokenize("")) == 1


def test_a_vocabulary_without_room():
    with pytest.raises(IncompatibleError, match="no place for 256 bytes"):
        by_bytes(SimpleNamespace(vocab_size=33), None)


def test_canine_reads_characters():
    assert by_characters(None)("ab")[1:-1] == [97, 98]


def test_the_least_limit_counts(tmp_path):
    (tmp_path / "sentence_bert_config.json").write_text('{"max_seq_length": 7}')
    config, tokenizer = SimpleNamespace(max_position_embeddings=20), SimpleNamespace(model_max_length=int(1e30))
    assert context_of(config, None, tokenizer, tmp_path) == 7
    assert context_of(SimpleNamespace(), None, tokenizer) is None
