"""What an objective has to know of a tokenizer: the ids of its words, of its mask, and those that are never masked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from zoo.errors import IncompatibleError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from zoo.contracts import Backbone


@dataclass(frozen=True)
class Vocabulary:
    """Facts of a tokenizer.

    Attributes:
        words: ids that may stand in the place of another one.
        mask: the id that hides a word, or None where the tokenizer has none.
        special: ids that are never hidden: start, end, padding and their kin.
        notes: what had to be chosen, for the user.
    """

    words: Sequence[int]
    mask: int | None
    special: tuple[int, ...] = ()
    notes: tuple[str, ...] = ()


def vocabulary_of(backbone: Backbone, source: Any = None) -> Vocabulary:
    """The vocabulary of a text backbone: as `source.tokens` says, else of its tokenizer, else of its bytes.

    A network that is no checkpoint's reads the bytes of UTF-8 (`zoo.providers.transformers_tokens.by_bytes`) and has no
    token for a mask: the last id that stands for nothing else is taken, and `notes` say which.

    Args:
        source: may hold `tokens` with `vocabulary`, `mask`, `pad` and `special`.

    Raises:
        IncompatibleError: the vocabulary has no place for bytes, or is larger than the network's.
        Offline, WeightsError: the tokenizer cannot be read.
    """
    told = getattr(source, "tokens", None) or _of_pocket(backbone)
    if told is not None:
        special = {*told.special, told.pad, *(() if told.mask is None else (told.mask,))}
        found = Vocabulary(range(told.vocabulary), told.mask, tuple(sorted(special)))
    else:
        found = _of_tokenizer(backbone) if backbone.spec.source else _of_bytes(backbone)
    _check(found, backbone)
    return found


def _of_pocket(backbone: Backbone) -> Any:
    """Zoo's own word pieces, where the backbone is zoo's own."""
    if backbone.spec.provider != "pocket":
        return None
    from zoo.data.word_pieces import Pieces

    return Pieces()


def _check(found: Vocabulary, backbone: Backbone) -> None:
    config: Any = backbone.module.config
    most, size = max((*found.special, max(found.words), found.mask or 0)), config.vocab_size
    if most >= size:
        raise IncompatibleError(
            f"the tokenizer has an id of {most}, and {backbone.spec.name} has {size} words (ids up to {size - 1}). "
            "Fix: use the tokenizer that belongs to this network."
        )


def _of_tokenizer(backbone: Backbone) -> Vocabulary:
    from zoo.providers.transformers_tokens import tokenizer_of
    from zoo.providers.transformers_weights import SETTINGS, place_of

    config: Any = backbone.module.config
    tokenizer = tokenizer_of(place_of(backbone.spec, SETTINGS).folder, config)
    count = min(len(tokenizer), config.vocab_size)  # some tokenizers have words that their network never saw
    return Vocabulary(range(count), tokenizer.mask_token_id, tuple(sorted(set(tokenizer.all_special_ids))))


def _of_bytes(backbone: Backbone) -> Vocabulary:
    from zoo.providers.transformers_tokens import byte_ids, special_ids

    config: Any = backbone.module.config
    words, special = byte_ids(config), special_ids(config)
    told = getattr(config, "mask_token_id", None)
    if isinstance(told, int) and 0 <= told < config.vocab_size:
        return Vocabulary(words, told, tuple(sorted(special)))
    free = [index for index in range(max(words) + 1, config.vocab_size) if index not in special]
    if not free:
        return Vocabulary(words, None, tuple(sorted(special)))
    mask = free[-1]
    note = f"{backbone.spec.name}: bytes have no token for a mask; id {mask}, which stands for nothing else, is taken"
    return Vocabulary(words, mask, tuple(sorted({*special, mask})), (note,))


def need_mask(vocabulary: Vocabulary, name: str) -> int:
    """The id of the mask.

    Raises:
        IncompatibleError: there is none.

    Example:
        >>> need_mask(Vocabulary(range(9), 4), "a network")
        4
    """
    if vocabulary.mask is None:
        raise IncompatibleError(
            f"masked language modelling hides words behind a mask, and the tokenizer of {name} has no token for it. "
            "Fix: choose objective causal, or a backbone that was trained with masks (such as transformers/bert)."
        )
    return vocabulary.mask
