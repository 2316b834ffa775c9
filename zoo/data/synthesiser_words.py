"""Which words are whose: those of the tasks come first, and pre-training gets none that is near them."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from zoo.data.synthesiser_phones import vocabulary

if TYPE_CHECKING:
    from zoo.data.synthesiser_phones import Word

KEYWORDS = 16
SAID = {"train": 120, "test": 120}  # words of the speaker task, different in each part


@cache
def keywords() -> tuple[Word, ...]:
    """The words of `spoken_words`, of one to three syllables.

    Example:
        >>> len(keywords())
        16
    """
    return vocabulary("keywords", KEYWORDS)


@cache
def said_words(part: str) -> tuple[Word, ...]:
    """What the speakers of `speakers` say in the train or the test part; no word is in both, or near one of the other.

    Example:
        >>> len(said_words("train")), set(said_words("train")) & set(said_words("test"))
        (120, set())
    """
    before = keywords() if part == "train" else (*keywords(), *said_words("train"))
    return vocabulary(f"speakers {part}", SAID[part], (2, 3), frozenset(before))


@cache
def pretraining_words(count: int = 240) -> tuple[Word, ...]:
    """What is pre-trained on: no word of a task, nor one that is a single phone away from one.

    Example:
        >>> bool(set(pretraining_words(50)) & set(keywords()))
        False
    """
    return vocabulary("pretraining", count, away=frozenset((*keywords(), *said_words("train"), *said_words("test"))))
