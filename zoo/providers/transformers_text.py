"""Text networks of transformers behind the contract: one call for encoders, decoders and encoder-decoders.

Which token is what, and why: docs/decisions/0010-pooling.md. What each model type does when a batch is padded was
measured (`transformers_padding.json`, made by `zoo.upkeep.transformers_padding`), and nothing else is believed.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.contracts import Features
from zoo.errors import WeightsError
from zoo.providers.masking import masked_mean
from zoo.providers.transformers_library import mapped, takes

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

TABLE = Path(__file__).with_name("transformers_padding.json")
TOLERANCE = 1e-4  # promise 3 of the design
POOLINGS = ("mean", "cls", "last", "max")
_SENTENCES = {  # the names in 1_Pooling/config.json of sentence-transformers, and what zoo calls them
    "pooling_mode_cls_token": "cls",
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_max_tokens": "max",
    "pooling_mode_lasttoken": "last",
}


@cache
def measured() -> dict[str, dict[str, Any]]:
    """What was measured of each model type: `padding_error`, `batch_error` (relative, float32) and `causal`.

    Example:
        >>> measured()["bert"]["padding_error"] < TOLERANCE < measured()["fnet"]["padding_error"]
        True
    """
    found: dict[str, dict[str, Any]] = json.loads(TABLE.read_text(encoding="utf-8"))["types"]
    return found


def padding_of(arch: str) -> str:
    """`masked` where a padded batch was measured to give what each sample gives alone, else `equal_length`.

    Example:
        >>> padding_of("bert"), padding_of("canine"), padding_of("a type that nobody measured")
        ('masked', 'equal_length', 'equal_length')
    """
    error = measured().get(arch, {}).get("padding_error")
    return "masked" if error is not None and error <= TOLERANCE else "equal_length"


def pooling_of(arch: str, config: Any, folder: Path | None = None) -> str:
    """How tokens become one vector: as the repository says (`1_Pooling/config.json`), else by what the network is.

    Raises:
        WeightsError: the repository asks for a pooling that zoo does not have.

    Example:
        >>> pooling_of("bert", None), pooling_of("gpt2", None)
        ('mean', 'last')
    """
    if folder is not None and (told := folder / "1_Pooling" / "config.json").is_file():
        asked = json.loads(told.read_text(encoding="utf-8"))
        names = [name for name, value in asked.items() if name.startswith("pooling_mode_") and value is True]
        if mode := asked.get("pooling_mode"):
            names = [{"lasttoken": "last"}.get(mode, mode)]
        modes = [_SENTENCES.get(name, name) for name in names]
        if len(modes) != 1 or modes[0] not in POOLINGS:
            raise WeightsError(
                f"{told} asks for the pooling {', '.join(names) or 'none'}, which zoo does not have. "
                f"It has: {', '.join(POOLINGS)}. Fix: use the tokens of another repository of this model."
            )
        return str(modes[0])
    if folder is not None and any(kind == "Pooling" for kind in modules(folder)):
        raise WeightsError(
            f"{folder} says in modules.json that it pools, and 1_Pooling is missing. Fix: fetch it again."
        )
    if getattr(config, "is_encoder_decoder", False):
        return "mean"
    return "last" if is_causal(arch) else "mean"


def second_text(arch: str, config: Any, network: Any) -> str:
    """What becomes of two texts: "typed" where the network was made to be told which is which, else "joined".

    Others take `token_type_ids` too and mean something else by them (GPT-2), or know one type only (RoBERTa).
    """
    told = getattr(config, "type_vocab_size", 0) or 0
    return "typed" if (told > 1 or arch == "xlnet") and takes(network.forward, "token_type_ids") else "joined"


def modules(folder: Path) -> list[str]:
    """The kinds of modules that a repository of sentence-transformers is made of; none for any other."""
    if not (told := folder / "modules.json").is_file():
        return []
    listed = json.loads(told.read_text(encoding="utf-8"))
    return [str(one.get("type", "")).split(".")[-1] for one in listed if isinstance(one, dict)]


def text_encoder(network: Any, pooling: str, pad: int) -> Callable[[Tensor, Tensor | None], dict[str, Features]]:
    """`encode(ids [B, T], mask [B, T])` over a text network; padding is on the right.

    Ids [B, T, 2] hold also which of two texts a token belongs to (`token_type_ids`).

    Args:
        network: gives `last_hidden_state` [B, T, D].
        pooling: `mean`, `cls`, `last` or `max`, over real tokens.
        pad: the id that stands in padded places; some networks count positions by it.
    """
    has_mask, has_cache = takes(network.forward, "attention_mask"), takes(network.forward, "use_cache")

    def encode(ids: Tensor, mask: Tensor | None = None) -> dict[str, Features]:
        options: dict[str, Any] = {"use_cache": False} if has_cache else {}
        if ids.ndim == 3:
            ids, options["token_type_ids"] = ids[..., 0], ids[..., 1]
        if mask is not None:
            ids = ids.masked_fill(~mask, pad)
        if has_mask:
            options["attention_mask"] = ids.new_ones(ids.shape) if mask is None else mask.long()
        tokens = network(input_ids=ids, **options).last_hidden_state[:, : ids.shape[1]]
        return {"text": Features(pooled(tokens, mask, pooling), tokens=tokens, mask=mask)}

    return encode


def pooled(tokens: Tensor, mask: Tensor | None, pooling: str) -> Tensor:
    """One vector [B, D] of the real tokens of each sample; these stand on the left.

    Example:
        >>> import torch
        >>> tokens, mask = torch.tensor([[[1.0], [5.0], [9.0]]]), torch.tensor([[True, True, False]])
        >>> [pooled(tokens, mask, pooling).item() for pooling in POOLINGS]
        [3.0, 1.0, 5.0, 5.0]
    """
    if pooling == "mean":
        return masked_mean(tokens, mask)
    if pooling == "cls":
        return tokens[:, 0]
    if pooling == "max":
        return (tokens if mask is None else tokens.masked_fill(~mask[..., None], float("-inf"))).amax(1)
    if mask is None:
        return tokens[:, -1]
    last = mask.sum(1).clamp(min=1) - 1
    return tokens[range(len(tokens)), last]


def is_causal(arch: str) -> bool:
    """Whether a token sees only what stands before it: measured, else by the library's tables."""
    found = measured().get(arch, {}).get("causal")
    if found is not None:
        return bool(found)
    table = "MODEL_FOR_{}_MAPPING_NAMES"
    return bool(mapped("modeling_auto", table.format("CAUSAL_LM"), arch)) and not mapped(
        "modeling_auto", table.format("MASKED_LM"), arch
    )
