import hashlib

from zoo.data.docstring_corpus import Corpus
from zoo.data.word_pieces import Pieces
from zoo.upkeep import word_pieces
from zoo.upkeep.word_pieces import SPECIAL, trained

TEXTS = ["the reader reads the file", "the writer writes the files", "Readers and writers of files"] * 3


def test_pieces_are_lower_case_and_begin_with_the_special_ones():
    made = trained(TEXTS, vocabulary=60)
    assert [made.id_to_token(index) for index in Pieces().special] == list(SPECIAL)
    assert made.encode("The FILE").tokens == ["[CLS]", "the", "file"]
    assert made.encode("the file").ids[0] == Pieces.start
    assert made.encode("猫").tokens == ["[CLS]", "[UNK]"]
    assert made.decode(made.encode("the readers").ids) == "the readers"


def test_the_file_is_what_was_trained(tmp_path, monkeypatch):
    monkeypatch.setattr(word_pieces, "corpus", lambda: Corpus((tuple(TEXTS),), "", {}, 0, 0))
    digest = word_pieces.main(tmp_path / "pieces.json")
    assert hashlib.sha256((tmp_path / "pieces.json").read_bytes()).hexdigest() == digest
