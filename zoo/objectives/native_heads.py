"""The heads that transformers itself puts on a network to predict tokens, beside a backbone that zoo loaded.

The library's whole model is built (or loaded, where the backbone's weights came from a folder), the backbone takes the
place of its network, weights are tied as the library ties them, and of the rest only what lies after the network stays.
"""

from __future__ import annotations

import copy
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from zoo.errors import IncompatibleError, WeightsError
from zoo.providers.transformers_library import LOCAL, library, quietly

if TYPE_CHECKING:
    from torch import Tensor

    from zoo.contracts import Backbone

AUTO = {"masked": "AutoModelForMaskedLM", "causal": "AutoModelForCausalLM"}


class NativeHead(nn.Module):
    """What a model of transformers does after its network: hidden states [M, D] to logits [M, V].

    Attributes:
        rest: the model, whose network is a stand-in that gives back what it is handed.
        notes: which weights were loaded, for the user.
    """

    def __init__(self, whole: Any, notes: tuple[str, ...] = ()) -> None:
        super().__init__()
        self.rest, self.notes = whole, notes
        self._network: Any = getattr(whole, whole.base_model_prefix)

    def forward(self, hidden: Tensor) -> Tensor:
        """Logits in float32: the loss of a large vocabulary needs its digits."""
        self._network.given = hidden[None]
        try:
            ids = torch.zeros(1, len(hidden), dtype=torch.long, device=hidden.device)
            logits: Tensor = self.rest(input_ids=ids).logits[0]
        finally:
            self._network.given = None
        return logits.float()


def native_head(backbone: Backbone, kind: str) -> NativeHead:
    """The library's head of a kind (`masked` or `causal`), for this backbone.

    Its weights are the checkpoint's where the backbone still has the weights of one, else freshly initialised; what is
    tied to the embeddings is tied to the backbone's own.

    Raises:
        IncompatibleError: no network of transformers, or one that the library has no such head for.
        WeightsError: the checkpoint's head cannot be read.
    """
    network: Any = backbone.module
    name, auto = backbone.spec.name, getattr(library(), AUTO[kind])
    if backbone.spec.provider != "transformers" or type(network.config) not in auto._model_mapping:
        raise IncompatibleError(
            f"{name} has no head for {kind} language modelling in its library. Fix: choose a text network of "
            f"transformers that has {'masks (such as transformers/bert)' if kind == 'masked' else 'one'}."
        )
    whole, notes = _whole(network, auto, name)
    inner = getattr(whole, whole.base_model_prefix, None)
    if type(inner) is not type(network):
        raise IncompatibleError(
            f"the head for {kind} language modelling of {name} belongs on {type(inner).__name__}, and the backbone is "
            f"{type(network).__name__}, which is part of it. Fix: choose another backbone or objective."
        )
    setattr(whole, whole.base_model_prefix, network)
    whole.tie_weights()
    setattr(whole, whole.base_model_prefix, _StandIn())
    head = NativeHead(whole, notes)
    _freeze_unused(head, backbone)
    return head


class _StandIn(nn.Module):
    """Gives what it was handed, in the place of the network that made it."""

    given: Tensor | None = None

    @property
    def decoder(self) -> _StandIn:
        """Some models (OPT) call this part of their network."""
        return self

    def forward(self, *_inputs: Any, **_options: Any) -> _Hidden:
        return _Hidden(self.given)


class _Hidden(tuple[Any, ...]):
    """An output of a network as its heads read it: by place or by name; everything but the hidden states is None."""

    def __new__(cls, hidden: Any) -> _Hidden:
        return super().__new__(cls, (hidden,))

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return self[0] if name == "last_hidden_state" else None


def _whole(network: Any, auto: Any, name: str) -> tuple[Any, tuple[str, ...]]:
    """The library's model with its head; its own copy of the network says whether the checkpoint is still the same."""
    config = copy.deepcopy(network.config)
    folder = str(config._name_or_path or "")
    if not (folder and Path(folder, "config.json").is_file()):
        return _fresh(auto, config), (f"{name}: the head starts fresh: the backbone came from no checkpoint",)
    options: dict[str, Any] = {"config": config, "dtype": torch.float32, "use_safetensors": True}
    try:
        with quietly():
            whole, told = auto.from_pretrained(folder, output_loading_info=True, **options, **LOCAL)
    except Exception as error:  # damaged files, wrong shapes: the library has a kind for each
        raise WeightsError(
            f"the head of {name} cannot be read from {folder}: {type(error).__name__}: {str(error)[:200]}. "
            "Fix: fetch the checkpoint again."
        ) from error
    if not _same(getattr(whole, whole.base_model_prefix), network):
        return _fresh(auto, config), (f"{name}: the head starts fresh: the backbone is no longer that of {folder}",)
    prefix = f"{whole.base_model_prefix}."
    missing = sorted(key for key in told["missing_keys"] if not key.startswith(prefix))
    unexpected = sorted(str(key) for key in told["unexpected_keys"])
    notes = [f"{name}: the head is the checkpoint's"] if not missing else []
    if missing:
        notes.append(f"{name}: not in the checkpoint, so these parts of the head start fresh: {', '.join(missing)}")
    if unexpected:
        notes.append(f"{name}: in the checkpoint, and not of this head: {', '.join(unexpected)}")
    return whole, tuple(notes)


def _freeze_unused(head: NativeHead, backbone: Backbone) -> None:
    """Freeze what no logit depends on (LUKE's head for entities): it would be trained by nothing but weight decay.

    Raises:
        IncompatibleError: the library's head does not work on hidden states alone.
    """
    trained = [parameter for parameter in head.parameters() if parameter.requires_grad]
    width = backbone.spec.token_dim or backbone.pooled_dim
    weights = next(backbone.module.parameters())
    head.eval()  # no dropout, which would draw random numbers
    try:
        logits = head(torch.zeros(3, width, dtype=weights.dtype, device=weights.device))
        used = torch.autograd.grad(logits.sum(), trained, allow_unused=True)
    except Exception as error:  # heads that look at more than hidden states raise whatever they do
        raise IncompatibleError(
            f"the head of {backbone.spec.name} needs more than the tokens that a backbone gives "
            f"({type(error).__name__}: {str(error)[:120]}). Fix: choose another backbone or objective."
        ) from error
    finally:
        head.train()
    for parameter, gradient in zip(trained, used, strict=True):
        parameter.requires_grad_(gradient is not None)


def _fresh(auto: Any, config: Any) -> Any:
    with quietly():
        return auto.from_config(config, dtype=torch.float32, trust_remote_code=False)


def _same(one: nn.Module, other: nn.Module) -> bool:
    """Whether two networks have the same weights, where both have them."""
    held, own = dict(one.named_parameters()), dict(other.named_parameters())
    return all(torch.equal(held[name], own[name].detach().to("cpu")) for name in held.keys() & own.keys())
