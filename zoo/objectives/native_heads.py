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

    def __init__(self, rest: Any, stand_in: _StandIn, notes: tuple[str, ...] = ()) -> None:
        super().__init__()
        self.rest, self.notes = rest, notes
        self._network = [stand_in]  # in a list: it is a part of `rest` already

    def forward(self, hidden: Tensor) -> Tensor:
        """Logits in float32: the loss of a large vocabulary needs its digits."""
        self._network[0].given = hidden[None]
        try:
            ids = torch.zeros(1, len(hidden), dtype=torch.long, device=hidden.device)
            logits: Tensor = self.rest(input_ids=ids).logits[0]
        finally:
            self._network[0].given = None
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
    auto = check_kind(backbone, kind)
    place, whole, notes = whole_model(backbone, auto)
    setattr(whole, place, network)
    whole.tie_weights()
    stand_in = _StandIn()
    setattr(whole, place, stand_in)
    head = NativeHead(whole, stand_in, notes)
    _freeze_unused(head, backbone)
    return head


def check_kind(backbone: Backbone, kind: str) -> Any:
    """The library's Auto class for heads of a kind.

    Raises:
        IncompatibleError: it has none for this backbone.
    """
    if backbone.spec.provider in ("transformers", "pocket") and hasattr(backbone.module, "config"):
        auto = getattr(library(), AUTO[kind])
        if type(getattr(backbone.module, "config", None)) in auto._model_mapping:
            return auto
    raise IncompatibleError(
        f"{backbone.spec.name} has no head for {kind} language modelling in its library. Fix: choose a network of "
        f"transformers that has one, such as transformers/{'bert' if kind == 'masked' else 'gpt2'}."
    )


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


def whole_model(backbone: Backbone, auto: Any, **changes: Any) -> tuple[str, Any, tuple[str, ...]]:
    """The library's model around the network of a backbone: under which name it has that network, and what to tell.

    Its weights are those of the folder that the backbone was loaded from, if the backbone still has them and nothing
    is changed; the model's own copy of the network says so, and serves for nothing else.

    Args:
        auto: one of the library's Auto classes.
        changes: of the configuration, where they differ from the backbone's.

    Raises:
        IncompatibleError: the library cannot build it, or builds it around another network.
        WeightsError: the folder's weights cannot be read.
    """
    network: Any = backbone.module
    name, config = backbone.spec.name, copy.deepcopy(network.config)
    changes = {key: value for key, value in changes.items() if getattr(config, key) != value}
    for key, value in changes.items():
        setattr(config, key, value)
    folder = str(config._name_or_path or "")
    why = "the backbone came from no checkpoint"
    if folder and Path(folder, "config.json").is_file():
        whole, told = _from_folder(folder, auto, config, name) if not changes else (None, {})
        why = f"it was asked for with {', '.join(sorted(changes))} of another size"
        if whole is not None:
            place = _place(whole, network, name)
            if _same(getattr(whole, place), network):
                return place, whole, _told(name, told, place)
            why = f"the backbone is no longer that of {folder}"
        del whole  # before another one is made: its copy of the network is as large as the backbone
    whole = _fresh(auto, config, name)
    return _place(whole, network, name), whole, (f"{name}: the head starts fresh: {why}",)


def _from_folder(folder: str, auto: Any, config: Any, name: str) -> tuple[Any, dict[str, Any]]:
    options: dict[str, Any] = {"config": config, "dtype": torch.float32, "use_safetensors": True}
    try:
        with quietly():
            whole, told = auto.from_pretrained(folder, output_loading_info=True, **options, **LOCAL)
    except Exception as error:  # damaged files, wrong shapes: the library has a kind for each
        raise WeightsError(
            f"the head of {name} cannot be read from {folder}: {type(error).__name__}: {str(error)[:200]}. "
            "Fix: fetch the checkpoint again."
        ) from error
    return whole, dict(told)


def _fresh(auto: Any, config: Any, name: str) -> Any:
    try:
        with quietly():
            return auto.from_config(config, dtype=torch.float32, trust_remote_code=False)
    except Exception as error:  # each type checks its configuration in its own way
        raise IncompatibleError(
            f"transformers cannot build the head of {name}: {type(error).__name__}: {str(error)[:160]}. "
            "Fix: choose another backbone or objective."
        ) from error


def _place(whole: Any, network: Any, name: str) -> str:
    """The name under which a model has the network."""
    found = next((place for place, part in whole.named_children() if type(part) is type(network)), "")
    if not found:
        inner = type(getattr(whole, whole.base_model_prefix, None) or whole).__name__
        raise IncompatibleError(
            f"the head of {name} in its library belongs on {inner}, and the backbone is {type(network).__name__}, "
            "which is a part of it. Fix: choose another backbone or objective."
        )
    return found


def _told(name: str, told: dict[str, Any], place: str) -> tuple[str, ...]:
    missing = sorted(key for key in told["missing_keys"] if not key.startswith(f"{place}."))
    unexpected = sorted(str(key) for key in told["unexpected_keys"])
    notes = [] if missing else [f"{name}: the head is the checkpoint's"]
    if missing:
        notes.append(f"{name}: not in the checkpoint, so these parts of the head start fresh: {', '.join(missing)}")
    if unexpected:
        notes.append(f"{name}: in the checkpoint, and not of this head: {', '.join(unexpected)}")
    return tuple(notes)


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


def _same(one: nn.Module, other: nn.Module) -> bool:
    """Whether two networks have the same weights, where both have them."""
    held, own = dict(one.named_parameters()), dict(other.named_parameters())
    return all(torch.equal(held[name], own[name].detach().to("cpu")) for name in held.keys() & own.keys())
