"""Texts as the tokens that an open_clip text tower takes. Tokenizers of transformers are read from local files only.

A text longer than the context keeps its beginning, and its end token stays the last; so does open_clip. An empty text
is its start and end tokens alone. Every text is padded to the full context, alone as in a batch, because these towers
were trained so (those of SigLIP read the padding); hence `padding` is `fixed`.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.contracts import Padded
from zoo.errors import DataError, MissingDependency, UnsafeContent
from zoo.io.fetch import HUB
from zoo.io.repository import Snapshot, fetch_repository
from zoo.providers.repositories import FOLDER, optional

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from torch import Tensor

    from zoo.specs import BackboneSpec

OPTIONS = {"clean", "strip_sep_token"}
SAVED = ("tokenizer.json", "tokenizer_config.json")  # one of them is in every folder that holds a tokenizer
FILES = optional(
    *SAVED,
    *("special_tokens_map.json", "added_tokens.json", "config.json", "vocab.json", "vocab.txt", "merges.txt"),
    *("spiece.model", "tokenizer.model", "sentencepiece.bpe.model"),
)


def text_preprocess(spec: BackboneSpec, text_config: dict[str, Any]) -> Callable[[Sequence[str]], Padded]:
    """Texts to token numbers [B, context] and the mask of those that are not padding; see the module for the policy.

    The tokenizer is made at the first call: images need none, and that of some architectures must be fetched.
    """
    context = int(text_config.get("context_length", 77))
    made: list[Any] = []

    def preprocess(texts: Sequence[str]) -> Padded:
        for text in texts:
            if not isinstance(text, str):
                raise DataError(f"a text must be a str, received {type(text).__name__}. Fix: pass a list of str.")
        if not made:
            made.append(_tokenizer(spec, text_config, context))
        numbers = made[0](list(texts))
        return Padded(numbers, real_tokens(made[0], numbers))

    return preprocess


def real_tokens(tokenizer: Any, numbers: Tensor) -> Tensor:
    """Which of the tokens [B, context] are of the text, its start and end included: [B, context] bool.

    open_clip's own tokenizer pads with 0, which is also its token for `!`, so the end token decides.
    """
    import torch

    inner = getattr(tokenizer, "tokenizer", None)  # HFTokenizer wraps one of transformers
    if inner is None:
        lengths = (numbers == tokenizer.eot_token_id).int().argmax(1) + 1
    else:
        lengths = (numbers != inner.pad_token_id).sum(1)
        if inner.pad_token_id == inner.eos_token_id:  # SigLIP's: the first of them is the end
            lengths = (lengths + 1).clamp(max=numbers.shape[1])
    real: Tensor = torch.arange(numbers.shape[1]) < lengths[:, None]
    return real


def tokenizer_files(spec: BackboneSpec, text_config: dict[str, Any]) -> Snapshot | None:
    """The files of the tokenizer on this machine: with the weights, else from its own repository.

    None for open_clip's own tokenizer, which comes with the library.

    Raises:
        Offline, WeightsError, UnsafeContent: as `fetch_repository` says.
    """
    repository = text_config.get("hf_tokenizer_name")
    if not repository:
        return None
    if spec.source.startswith(FOLDER):
        folder = Path(spec.source.removeprefix(FOLDER))
        if any((folder / name).is_file() for name in SAVED):
            return Snapshot("", "", folder, {})
    same = spec.source == f"{HUB}{repository}"
    return fetch_repository(repository, spec.revision if same else "", FILES)


def _tokenizer(spec: BackboneSpec, text_config: dict[str, Any], context: int) -> Any:
    from open_clip.tokenizer import HFTokenizer, SimpleTokenizer

    options = dict(text_config.get("tokenizer_kwargs") or {})
    strange = sorted(set(options) - OPTIONS)
    if strange:  # others read files, download data or make tokens random
        raise UnsafeContent(
            f"the configuration of {spec.name} asks its tokenizer for {', '.join(strange)}; zoo passes on "
            f"{', '.join(sorted(OPTIONS))} only. Fix: remove the others from tokenizer_kwargs."
        )
    found = tokenizer_files(spec, text_config)
    if found is None:
        return SimpleTokenizer(context_length=context, **options)
    try:
        import transformers  # noqa: F401
    except ImportError as error:
        raise MissingDependency("transformers (for the tokenizer)", "open_clip") from error
    mode = text_config.get("tokenizer_mode")
    return HFTokenizer(
        str(found.folder),
        context_length=context,
        tokenizer_mode=mode,
        local_files_only=True,
        trust_remote_code=False,
        **options,
    )
