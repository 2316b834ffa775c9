"""LoRA and DoRA by peft: the backbone stays as it is, and a correction of low rank is learnt beside some layers."""

from __future__ import annotations

import re
import warnings
from typing import TYPE_CHECKING, Any, ClassVar

from zoo.adaptations.groups import parameter_groups
from zoo.adaptations.options import flag, names, number, pick, whole
from zoo.adaptations.probe import receiving
from zoo.adaptations.targets import targets
from zoo.errors import IncompatibleError, MissingDependency

if TYPE_CHECKING:
    from collections.abc import Mapping

    from zoo.contracts import Backbone, ParameterGroup

ADAPTER = "zoo"


class Lora:
    """Only the injected weights train; `finish` adds them to the weights they belong to, and peft is gone again.

    Options:
        rank: of the correction; 8 by default.
        alpha: the correction is scaled by alpha / rank; twice the rank by default.
        dropout: on what goes into the correction; 0 by default.
        dora: also learn the length of each column of a weight (Liu et al. 2024, https://arxiv.org/abs/2402.09353).
        targets: ends of names of the layers to adapt, such as `qkv,proj`; by default all that fit (see `targets`).

    Source: Hu et al. 2021, https://arxiv.org/abs/2106.09685.
    """

    trains_backbone = True
    needs_trained = True
    options: ClassVar = {
        "rank": whole(8),
        "alpha": number(None, "above 0, such as 16", lambda value: value > 0),
        "dropout": number(0.0, "from 0 to below 1", lambda value: 0 <= value < 1),
        "dora": flag(False),
        "targets": names(),
    }

    def __init__(self) -> None:
        self._injected: Any = None

    def prepare(self, backbone: Backbone, options: Mapping[str, Any]) -> list[ParameterGroup]:
        """Inject, freeze the rest, and see on a probe batch that every injected weight receives a gradient.

        Raises:
            MissingDependency: peft is not installed.
            IncompatibleError: no layer fits, one that was asked for does not, or the backbone holds adapters already.
            UnknownName: no layer of the name that `targets` gives.
        """
        chosen = pick("lora", self, options)
        tuner, config = _import_peft()
        if any(type(part).__module__.startswith("peft.") for part in backbone.module.modules()):
            raise IncompatibleError(
                f"{backbone.spec.name} holds adapters of peft already. Fix: merge them first (merge_and_unload), or "
                "load it again."
            )
        wanted = chosen["targets"].split(",") if chosen["targets"] else ()
        chosen_layers = targets(backbone, wanted)
        settings = config(
            r=chosen["rank"],
            lora_alpha=chosen["alpha"] or 2 * chosen["rank"],
            lora_dropout=chosen["dropout"],
            use_dora=chosen["dora"],
            target_modules="|".join(map(re.escape, chosen_layers)),  # of a list peft takes ends of names
        )
        with warnings.catch_warnings():  # peft sees by itself that GPT-2's Conv1D is turned round
            warnings.filterwarnings("ignore", "fan_in_fan_out is set to", UserWarning)
            self._injected = tuner(backbone.module, settings, ADAPTER)
        for name in chosen_layers:  # torch's transformer layers, in evaluation, pass by parts that have no hook
            backbone.module.get_submodule(name).register_forward_hook(_as_it_is)
        backbone.module.requires_grad_(False)
        own = {name: weight for name, weight in backbone.module.named_parameters() if f".{ADAPTER}" in name}
        if idle := sorted(set(own) - receiving(backbone, own)):
            self.drop()
            raise IncompatibleError(
                f"{len(idle)} of {len(own)} weights that lora injected into {backbone.spec.name} receive no gradient "
                f"(first: {idle[0]}). Fix: name other layers by `targets`."
            )
        for weight in own.values():
            weight.requires_grad_(True)
        return parameter_groups(backbone.module, lr=options["lr"], weight_decay=options.get("weight_decay", 0.0))

    def finish(self, backbone: Backbone) -> None:
        """Add the correction to the weights, so that the network has its own graph again."""
        backbone.module.eval()
        self._injected.merge_and_unload()
        backbone.module.requires_grad_(False)

    def drop(self) -> None:
        """Take the adapters out, unmerged: the network is what it was."""
        self._injected.unload()


def _as_it_is(_part: Any, _given: Any, _out: Any) -> None:
    """A hook that does nothing; it goes with the part it is on."""


def _import_peft() -> tuple[Any, Any]:
    """The tuner of peft and its configuration, or the error that says how to get them."""
    try:
        from peft import LoraConfig
        from peft.tuners.lora import LoraModel
    except ImportError as error:
        raise MissingDependency("peft", "peft") from error
    return LoraModel, LoraConfig
