"""Texts to token ids, by the tokenizer that belongs to the weights, or by bytes where there are no weights.

Policies, which are told in `notes`: a text beyond the context is cut at its end; an empty text becomes the special
tokens that its tokenizer always adds, or one token (end, start, padding or a space) where it adds none; a network from
scratch that is no checkpoint's has no tokenizer, and reads the bytes of UTF-8.
"""

from __future__ import annotations

import importlib.util
import json
from typing import TYPE_CHECKING, Any

from zoo.contracts import Padded
from zoo.errors import DataError, IncompatibleError, MissingDependency, WeightsError
from zoo.providers.transformers_library import LOCAL, library, quietly

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from torch import nn

    Tokenize = Callable[[str], list[int]]

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
    """A text to ids, with special tokens, cut to the context."""
    empty = next(
        (i for i in (tokenizer.eos_token_id, tokenizer.bos_token_id, tokenizer.pad_token_id) if i is not None), 0
    )
    cut = {"truncation": True, "max_length": context} if context else {}

    def tokenize(text: str) -> list[int]:
        ids = tokenizer(text, add_special_tokens=True, **cut)["input_ids"]
        return list(ids) or [empty]

    return tokenize


def by_bytes(config: Any, context: int | None) -> Tokenize:
    """A text to the bytes of its UTF-8, each a token of its own and none of the special ones, and the end token.

    Towers such as CLIP's are pooled at the end token; a network that has none gets none, and a space for no text.

    Raises:
        IncompatibleError: the vocabulary is too small for bytes.

    Example:
        >>> from types import SimpleNamespace
        >>> tokenize = by_bytes(SimpleNamespace(vocab_size=300, pad_token_id=0, eos_token_id=2), context=4)
        >>> tokenize("abcdef"), tokenize("")
        ([100, 101, 102, 2], [2])
    """
    special = {value for value in (getattr(config, name, None) for name in _SPECIAL) if isinstance(value, int)}
    size = getattr(config, "vocab_size", 0)
    free = [index for index in range(3, min(size, 300)) if index not in special][:256]
    if len(free) < 256:
        raise IncompatibleError(
            f"a vocabulary of {size} has no place for 256 bytes, and {getattr(config, 'model_type', 'it')} from "
            "scratch "
            "has no tokenizer. Fix: name a checkpoint, whose tokenizer is then used."
        )
    end = getattr(config, "eos_token_id", None)
    ends = [end] if isinstance(end, int) and 0 <= end < size else []
    empty = [free[ord(" ")]]

    def tokenize(text: str) -> list[int]:
        kept = text.encode()[: context - len(ends)] if context else text.encode()
        return [free[byte] for byte in kept] + ends or empty

    return tokenize


def by_characters(context: int | None) -> Tokenize:
    """CANINE's own tokens, which are the code points of Unicode between its two marks; it needs no file."""
    return by_tokenizer(library().CanineTokenizer(), context)


def text_preprocess(tokenize: Tokenize, pad: int) -> Callable[[Sequence[Any]], Padded]:
    """Texts to a Padded of ids [B, T], padded on the right.

    Raises (when called):
        DataError: no samples, or one that is no text.
    """
    import torch

    def preprocess(texts: Sequence[Any]) -> Padded:
        if isinstance(texts, str) or not len(texts):
            raise DataError(f"expected a list of texts, received {texts!r:.60}. Fix: pass [text, ...].")
        for text in texts:
            if not isinstance(text, str):
                raise DataError(f"expected a text, received {type(text).__name__}. Fix: pass strings.")
        rows = [tokenize(text) for text in texts]
        ids = torch.full((len(rows), max(map(len, rows))), pad, dtype=torch.long)
        for row, tokens in zip(ids, rows, strict=True):
            row[: len(tokens)] = torch.tensor(tokens)
        lengths = torch.tensor([len(row) for row in rows])
        return Padded(ids, torch.arange(ids.shape[1]) < lengths[:, None])

    return preprocess


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
