"""Texts to token ids, by the tokenizer that belongs to the weights, or by bytes where there are no weights.

Policies, which are told in `notes`: a text beyond the context is cut at its end; an empty text becomes the special
tokens that its tokenizer always adds, or one token (end, start, padding or a space) where it adds none; a network from
scratch that is no checkpoint's has no tokenizer, and reads the bytes of UTF-8.
"""

from __future__ import annotations

import importlib.util
import json
from typing import TYPE_CHECKING, Any, NamedTuple

from zoo.contracts import Padded
from zoo.errors import DataError, IncompatibleError, MissingDependency, WeightsError
from zoo.providers.transformers_library import LOCAL, library, quietly

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from torch import nn

    Tokenize = Callable[..., "Tokens"]  # of one text, or of two


class Tokens(NamedTuple):
    """Of one or two texts: ids, and of two which text (0 or 1) each id belongs to, where the tokenizer says it."""

    ids: list[int]
    types: list[int] | None = None


_UNLIMITED = 10**9  # tokenizers say 1e30 where they know no limit
_SPECIAL = ("pad_token_id", "bos_token_id", "eos_token_id", "sep_token_id", "cls_token_id", "mask_token_id")


def tokenizer_of(folder: Path, config: Any) -> Any:
    """The tokenizer in a folder, loaded without a network.

    Raises:
        MissingDependency: its file needs sentencepiece, which is not installed.
        WeightsError: there is none, or it cannot be read.
    """
    names = {file.name for file in folder.iterdir()}
    models = sorted(name for name in names if name.endswith(".model"))
    if models and "tokenizer.json" not in names and not _importable("sentencepiece"):
        raise MissingDependency(f"sentencepiece (for {models[0]})", "transformers")
    try:
        with quietly():
            return library().AutoTokenizer.from_pretrained(folder, config=config, **LOCAL)
    except ImportError as error:
        raise MissingDependency(
            f"a library of the tokenizer ({str(error).strip().splitlines()[0]})", "transformers"
        ) from error
    except Exception as error:  # the library raises many kinds for what is missing or damaged
        raise WeightsError(
            f"{folder} has no tokenizer that can be read: {type(error).__name__}: {str(error)[:200]}. "
            "Fix: choose a repository with tokenizer.json."
        ) from error


def by_tokenizer(tokenizer: Any, context: int | None) -> Tokenize:
    """A text to ids, with special tokens, cut to the context; of two texts the longer is cut first."""
    empty = next(
        (i for i in (tokenizer.eos_token_id, tokenizer.bos_token_id, tokenizer.pad_token_id) if i is not None), 0
    )
    cut = {"truncation": True, "max_length": context} if context else {}

    def tokenize(text: str, second: str | None = None) -> Tokens:
        found = tokenizer(*((text,) if second is None else (text, second)), add_special_tokens=True, **cut)
        ids = list(found["input_ids"])
        types = found.get("token_type_ids") if second is not None else None
        return Tokens(ids or [empty], list(types) if types else None)

    return tokenize


def special_ids(config: Any) -> set[int]:
    """The ids that a configuration names: start, end, padding and their kin.

    Example:
        >>> from types import SimpleNamespace
        >>> sorted(special_ids(SimpleNamespace(pad_token_id=0, eos_token_id=2, bos_token_id=None)))
        [0, 2]
    """
    return {value for value in (getattr(config, name, None) for name in _SPECIAL) if isinstance(value, int)}


def byte_ids(config: Any) -> list[int]:
    """The ids that stand for the 256 bytes where a network has no tokenizer: the first from 3 on that are not special.

    Raises:
        IncompatibleError: the vocabulary is too small for bytes.
    """
    special, size = special_ids(config), getattr(config, "vocab_size", 0)
    free = [index for index in range(3, min(size, 300)) if index not in special][:256]
    if len(free) < 256:
        raise IncompatibleError(
            f"a vocabulary of {size} has no place for 256 bytes, and {getattr(config, 'model_type', 'it')} from "
            "scratch "
            "has no tokenizer. Fix: name a checkpoint, whose tokenizer is then used."
        )
    return free


def by_bytes(config: Any, context: int | None) -> Tokenize:
    """A text to the bytes of its UTF-8, each a token of its own and none of the special ones, and the end token.

    The second of two texts follows the end of the first; each may fill half of the context. Towers such as CLIP's are
    pooled at the end token; a network that has none gets none, and a space for no text.

    Raises:
        IncompatibleError: the vocabulary is too small for bytes.

    Example:
        >>> from types import SimpleNamespace
        >>> tokenize = by_bytes(SimpleNamespace(vocab_size=300, pad_token_id=0, eos_token_id=2), context=4)
        >>> tokenize("abcdef").ids, tokenize("").ids, tokenize("abc", "d").ids
        ([100, 101, 102, 2], [2], [100, 2, 103, 2])
    """
    size, free = getattr(config, "vocab_size", 0), byte_ids(config)
    end = getattr(config, "eos_token_id", None)
    ends = [end] if isinstance(end, int) and 0 <= end < size else []
    empty = [free[ord(" ")]]

    def cut(text: str, most: int | None) -> list[int]:
        kept = text.encode()[: most - len(ends)] if most else text.encode()
        return [free[byte] for byte in kept] + ends or empty

    def tokenize(text: str, second: str | None = None) -> Tokens:
        if second is None:
            return Tokens(cut(text, context))
        half = context // 2 if context else None
        first, last = cut(text, half), cut(second, half)
        return Tokens(first + last, [0] * len(first) + [1] * len(last))

    return tokenize


def by_characters(context: int | None) -> Tokenize:
    """CANINE's own tokens, which are the code points of Unicode between its two marks; it needs no file."""
    return by_tokenizer(library().CanineTokenizer(), context)


def text_preprocess(tokenize: Tokenize, pad: int, *, pairs: str = "") -> Callable[[Sequence[Any]], Padded]:
    """Texts to a Padded of ids [B, T], padded on the right.

    Args:
        tokenize: one or two texts to tokens.
        pad: the id of padding.
        pairs: what becomes of two texts (str, str): "" refuses them; "joined" gives ids [B, T] of both; "typed" gives
            [B, T, 2], ids and which text each belongs to, as BERT and its kin were trained.

    Raises (when called):
        DataError: no samples, one that is no text, or texts and pairs of texts together.
    """
    import torch

    def preprocess(texts: Sequence[Any]) -> Padded:
        if isinstance(texts, str) or not len(texts):
            raise DataError(f"expected a list of texts, received {texts!r:.60}. Fix: pass [text, ...].")
        given = [_one_or_two(text, pairs) for text in texts]
        if len({len(one) for one in given}) > 1:
            raise DataError("single texts and pairs of texts stand together. Fix: encode them apart.")
        rows = [tokenize(*one) for one in given]
        lengths = torch.tensor([len(row.ids) for row in rows])
        ids = _laid_out([row.ids for row in rows], pad)
        if pairs == "typed" and len(given[0]) > 1:
            ids = torch.stack([ids, _laid_out([row.types or [0] * len(row.ids) for row in rows], 0)], dim=2)
        return Padded(ids, torch.arange(ids.shape[1]) < lengths[:, None])

    return preprocess


def _one_or_two(text: Any, pairs: str) -> tuple[str, ...]:
    """A text, or two of them where a network takes them."""
    if isinstance(text, str):
        return (text,)
    if pairs and isinstance(text, tuple | list) and len(text) == 2 and all(isinstance(one, str) for one in text):
        return tuple(text)
    takes = "strings, or tuples of two strings" if pairs else "strings"
    raise DataError(f"expected a text, received {type(text).__name__}. Fix: pass {takes}.")


def _laid_out(rows: Sequence[list[int]], fill: int) -> Any:
    """Rows of different lengths as one tensor [B, T], filled up on the right."""
    import torch

    whole = torch.full((len(rows), max(map(len, rows))), fill, dtype=torch.long)
    for row, values in zip(whole, rows, strict=True):
        row[: len(values)] = torch.tensor(values)
    return whole


def context_of(
    config: Any, network: nn.Module | None = None, tokenizer: Any = None, folder: Path | None = None
) -> int | None:
    """The most tokens that are kept of a text, or None where nothing limits them.

    The least of what the positions of the network allow, what its tokenizer says, and `sentence_bert_config.json`.
    """
    names = ("max_position_embeddings", "n_positions", "max_seq_len", "n_ctx")
    told_by_config = [getattr(config, name, None) for name in names]
    limits: list[Any] = [limit for limit in told_by_config if isinstance(limit, int) and limit > 0][:1]
    if limits and network is not None:
        limits[0] -= _places_before_the_first(network)
    if tokenizer is not None:
        limits.append(tokenizer.model_max_length)
    if folder is not None and (told := folder / "sentence_bert_config.json").is_file():
        limits.append(json.loads(told.read_text(encoding="utf-8")).get("max_seq_length"))
    real = [int(limit) for limit in limits if isinstance(limit, int | float) and 0 < limit < _UNLIMITED]
    return min(real, default=None)


def _places_before_the_first(network: nn.Module) -> int:
    """Positions that are never used: RoBERTa and its kin number them from after the padding token."""
    for name, part in network.named_modules():
        if name.endswith("position_embeddings") and getattr(part, "padding_idx", None) is not None:
            return int(part.padding_idx) + 1
    return 0


def _importable(name: str) -> bool:
    return importlib.util.find_spec(name) is not None
