"""`python -m zoo.upkeep.word_pieces`: train the tokenizer of zoo's text backbones on the docstrings of this machine.

Prints the digest that `zoo.data.word_pieces` would have to name. The library breaks ties as it comes, so that a second
run over the same texts gives another file: the one that ships is fixed. Weights that were trained on the ids of another
file do not fit a new one: whoever runs this trains and ships the text backbones again.
"""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.data.docstring_corpus import corpus
from zoo.data.word_pieces import FILE, Pieces

if TYPE_CHECKING:
    from collections.abc import Iterable

SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")  # ids 0 to 4, as `Pieces` has them


def trained(texts: Iterable[str], vocabulary: int = Pieces.vocabulary) -> Any:
    """A tokenizer of lower-case word pieces that opens every text with [CLS].

    Source: WordPiece, Wu et al. 2016 (https://arxiv.org/abs/1609.08144), as the library `tokenizers` trains it.
    """
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

    made = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    made.normalizer = normalizers.BertNormalizer(lowercase=True)
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    made.decoder = decoders.WordPiece()
    made.post_processor = processors.TemplateProcessing(single="[CLS] $A", special_tokens=[("[CLS]", Pieces.start)])
    trainer = trainers.WordPieceTrainer(vocab_size=vocabulary, special_tokens=list(SPECIAL), show_progress=False)
    made.train_from_iterator(texts, trainer)
    return made


def main(target: Path = FILE) -> str:
    """Train on the whole corpus, write the file, and return its SHA-256."""
    made = trained(part for document in corpus().documents for part in document)
    data = made.to_str(pretty=False).encode()
    target.write_bytes(data)
    return hashlib.sha256(data).hexdigest()


if __name__ == "__main__":
    print(main(*map(Path, sys.argv[1:])))
