import hashlib
import sys

import pytest

from zoo.data import word_pieces
from zoo.data.word_pieces import DIGEST, FILE, Pieces, ids_of, tokenizer
from zoo.errors import MissingDependency, WeightsError


def test_the_file_is_the_one_that_weights_belong_to():
    assert hashlib.sha256(FILE.read_bytes()).hexdigest() == DIGEST
    assert FILE.stat().st_size < 2e5


def test_ids_are_what_the_record_says():
    pieces, read = Pieces(), tokenizer()
    assert read.get_vocab_size() == pieces.vocabulary
    named = {"[PAD]": pieces.pad, "[UNK]": pieces.unknown, "[CLS]": pieces.start}
    named |= {"[SEP]": pieces.end, "[MASK]": pieces.mask}
    assert {name: read.token_to_id(name) for name in named} == named
    assert set(pieces.special) == set(named.values())


def test_texts_are_opened_and_never_cut():
    text = "returns the number of threads " * 100
    assert tokenizer().encode(text).ids == [Pieces.start, *ids_of([text])[0]]
    assert len(ids_of([text])[0]) >= 500
    assert ids_of(["UPPER Case", "upper case"])[0] == ids_of(["upper case"])[0]
    assert ids_of(["", "猫"]) == [[], [Pieces.unknown]]


def test_another_file_is_refused(tmp_path, monkeypatch):
    (tmp_path / "other.json").write_text("{}")
    with pytest.raises(WeightsError, match=r"was changed: its SHA-256"):
        tokenizer(tmp_path / "other.json")
    with pytest.raises(WeightsError, match="cannot be read"):
        tokenizer(tmp_path / "none.json")
    monkeypatch.setitem(sys.modules, "tokenizers", None)
    word_pieces.tokenizer.cache_clear()
    with pytest.raises(MissingDependency, match="tokenizers"):
        tokenizer()
