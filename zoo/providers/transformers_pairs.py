"""Two-tower networks of transformers behind the contract: images with texts (CLIP, SigLIP), clips with texts (CLAP).

Both towers give vectors of the shared space as `pooled`, and the states before it as `tokens`. Each text is padded to
the full context alone as in a batch, since these towers were trained so (those of SigLIP read the padding).
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.contracts import Features, Padded, Pair
from zoo.data.audio import SUFFIXES
from zoo.errors import DataError, IncompatibleError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from torch import Tensor

LONGEST_PATH = 1000  # characters; what is longer is a text
READS_PADDING = ("siglip", "siglip2")  # trained on full contexts without a mask
SUPPORTED = ("align", "altclip", "chinese_clip", "clip", "clipseg", "metaclip_2", "siglip")
WHY_NOT = {
    "siglip2": "its images have any number of patches, which zoo cannot batch yet; google/siglip2 checkpoints of one "
    "size are of the type siglip and load",
    "blip": "its text features are made without a text tower of their own",
    "blip-2": "it has no vector for a text: its language model reads the image",
    "tipsv2": "it was not tested",
    "videoprism": "it reads videos",
}


def check(arch: str) -> None:
    """Refuse the types that do not fit the contract.

    Raises:
        IncompatibleError: with the reason.
    """
    if arch not in SUPPORTED:
        why = WHY_NOT.get(arch, "it is no network of an image and a text tower that zoo knows")
        raise IncompatibleError(f"{arch} is not a backbone here: {why}. Fix: choose one of {', '.join(SUPPORTED)}.")


def to_context(
    preprocess: Callable[[Sequence[Any]], Padded], context: int, pad: int
) -> Callable[[Sequence[Any]], Padded]:
    """The same texts, always padded to the full context: ids [B, context] and their mask."""
    import torch

    def padded(texts: Sequence[Any]) -> Padded:
        found = preprocess(texts)
        free = context - found.values.shape[1]
        return Padded(
            torch.nn.functional.pad(found.values, (0, free), value=pad), torch.nn.functional.pad(found.mask, (0, free))
        )

    return padded


def pair_preprocess(
    images: Callable[[Sequence[Any]], Tensor], texts: Callable[[Sequence[Any]], Padded]
) -> Callable[[Sequence[Any]], Pair]:
    """Images, texts, or (image, text) pairs to a Pair; samples of one call are all of one kind.

    Raises (when called):
        DataError: no samples, or samples of several kinds.
    """

    def preprocess(samples: Sequence[Any]) -> Pair:
        if isinstance(samples, str) or not len(samples):
            raise DataError("there are no samples, or a bare text. Fix: pass a list of images, texts or pairs.")
        kinds = {_kind(sample) for sample in samples}
        if len(kinds) > 1:
            raise DataError(
                f"samples of several kinds in one call: {', '.join(sorted(kinds))}. Fix: one kind at a time."
            )
        kind = kinds.pop()
        if kind == "text":
            return Pair(text=texts(samples))
        if kind == "image":
            return Pair(vision=images(samples))
        return Pair(images([sample[0] for sample in samples]), texts([sample[1] for sample in samples]))

    return preprocess


def clip_or_text_preprocess(
    clips: Callable[[Sequence[Any]], Padded], texts: Callable[[Sequence[Any]], Padded]
) -> Callable[[Sequence[Any]], Padded]:
    """CLAP: all clips, or all texts; a string is a text, unless it is the path of a file of sound that is there."""

    def preprocess(samples: Sequence[Any]) -> Padded:
        kinds = {isinstance(sample, str) and not _is_clip(sample) for sample in samples}
        if len(kinds) > 1:
            raise DataError(
                "clips and texts in one call. Fix: one kind at a time; a string that names no file of sound is a text."
            )
        return (texts if kinds == {True} else clips)(samples)

    return preprocess


def _is_clip(text: str) -> bool:
    return len(text) < LONGEST_PATH and text.lower().endswith(SUFFIXES) and Path(text).is_file()


def pair_encoder(network: Any, arch: str, pad: int) -> Callable[[Any, Tensor | None], dict[str, Features]]:
    """`encode(Pair)` gives "vision", "text" or both; a bare Tensor of images is taken as well."""
    text = text_tower(network, arch, pad)

    def encode(inputs: Any, mask: Tensor | None = None) -> dict[str, Features]:
        if not isinstance(inputs, Pair):
            inputs = (
                Pair(vision=inputs) if inputs.is_floating_point() else Pair(text=Padded(inputs, _all(inputs, mask)))
            )
        found: dict[str, Features] = {}
        if inputs.vision is not None:
            out = network.get_image_features(pixel_values=inputs.vision)
            found["vision"] = _features(out)
        if inputs.text is not None:
            found["text"] = text(inputs.text.values, inputs.text.mask)
        if not found:
            raise DataError("a Pair with neither images nor texts. Fix: give one of them.")
        return found

    return encode


def clap_encoder(network: Any, pad: int) -> Callable[[Tensor, Tensor | None], dict[str, Features]]:
    """`encode`: log-mel frames [B, T, F] or [B, T, 4 F] give "speech", ids [B, T] give "text"."""
    import torch

    text = text_tower(network, "clap", pad)
    bins = network.config.audio_config.num_mel_bins

    def encode(values: Tensor, mask: Tensor | None = None) -> dict[str, Features]:
        if not values.is_floating_point():
            return {"text": text(values, _all(values, mask))}
        parts = values.reshape(*values.shape[:2], -1, bins).permute(0, 2, 1, 3)
        longer = torch.zeros(len(values), 1, dtype=torch.bool, device=values.device)  # no clip is: they were cut
        out = network.get_audio_features(input_features=parts, is_longer=longer)
        return {"speech": Features(_features(out).pooled)}

    return encode


def text_tower(network: Any, arch: str, pad: int) -> Callable[[Tensor, Tensor], Features]:
    """Ids [B, T] and their mask to features of the shared space."""

    def encode(ids: Tensor, mask: Tensor) -> Features:
        options: dict[str, Tensor] = {}
        if arch not in READS_PADDING:  # of the others the tokenizer's own padding stays as it is
            ids, options = ids.masked_fill(~mask, pad), {"attention_mask": mask.long()}
        found = _features(network.get_text_features(input_ids=ids, **options))
        return Features(found.pooled, tokens=found.tokens, mask=mask)

    return encode


def _features(out: Any) -> Features:
    tokens = out.last_hidden_state
    return Features(out.pooler_output, tokens=tokens if tokens is not None and tokens.ndim == 3 else None)


def _all(ids: Tensor, mask: Tensor | None) -> Tensor:
    import torch

    return torch.ones(ids.shape, dtype=torch.bool, device=ids.device) if mask is None else mask


def _kind(sample: Any) -> str:
    if isinstance(sample, str):
        return "text"
    if isinstance(sample, tuple) and len(sample) == 2 and isinstance(sample[1], str):
        return "pair"
    if isinstance(sample, tuple | list):
        raise DataError("a pair is (image, text). Fix: put the image first and a string second.")
    return "image"
