"""The scratch linter: a from-scratch arm that is handicapped, or not from scratch, is refused and not run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zoo.adaptations.probe import receiving
from zoo.errors import ScratchArmError

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor, nn

    from zoo.contracts import Backbone, ParameterGroup

SMALLEST_BATCH = 8  # below it BatchNorm's statistics are too noisy to train from nothing (Wu and He 2018, fig. 1)


def check_scratch(
    backbone: Backbone, groups: list[ParameterGroup], batch_size: int, seed: int, rebuild: Callable[[int], Backbone]
) -> None:
    """Refuse a from-scratch arm that PROTOCOL's rules forbid.

    Args:
        backbone: as it will start training.
        groups: the optimiser's groups of backbone parameters.
        batch_size: samples a step.
        seed: the seed that it was initialised with.
        rebuild: builds the architecture again with a seed.

    Raises:
        ScratchArmError: a frozen weight or BatchNorm, layer-wise decay, BatchNorm with small batches, or starting
            weights that differ from a same-seed rebuild, or that do not depend on the seed at all (trained weights in
            disguise); the message says which tensor or layer.
    """
    problems = [
        *_frozen(backbone, groups),
        *_rates(groups),
        *_norms(backbone.module, batch_size),
        *_start(backbone.module, rebuild(seed).module),
        *_constant(backbone.module, rebuild(seed + 1).module),
    ]
    if problems:
        raise ScratchArmError(
            f"the from-scratch arm of {backbone.spec.name} is refused: {'; '.join(problems[:4])}. A comparison with it "
            "would flatter pre-training. Fix: train all weights at one rate, from the architecture's initialisation."
        )


def _frozen(backbone: Backbone, groups: list[ParameterGroup]) -> list[str]:
    """Weights that could train and do not; one that receives no gradient has nothing to learn from."""
    training = {id(parameter) for group in groups for parameter in group["params"]}
    left_out = {
        name: parameter
        for name, parameter in backbone.module.named_parameters()
        if not parameter.requires_grad or id(parameter) not in training
    }
    reached = receiving(backbone, left_out)
    frozen = [name for name in left_out if name in reached]
    return [f"{len(frozen)} weights do not train (first: {frozen[0]})"] if frozen else []


def _rates(groups: list[ParameterGroup]) -> list[str]:
    rates = sorted({group["lr"] for group in groups})
    return [f"layers train at different rates {rates}"] if len(rates) > 1 else []


def _norms(module: nn.Module, batch_size: int) -> list[str]:
    from torch.nn.modules.batchnorm import _BatchNorm

    problems = []
    norms = [(name, part) for name, part in module.named_modules() if isinstance(part, _BatchNorm)]
    was_training = module.training
    module.train()
    for name, part in norms:
        if not part.training or not part.track_running_stats or part.momentum == 0:
            problems.append(f"{name} does not learn its statistics ({type(part).__name__})")
    module.train(was_training)
    for name, part in module.named_modules():
        if "frozen" in type(part).__name__.lower() and "norm" in type(part).__name__.lower():
            problems.append(f"{name} is a frozen norm ({type(part).__name__})")
    if norms and batch_size < SMALLEST_BATCH:
        problems.append(f"BatchNorm ({norms[0][0]}) with batches of {batch_size}, at least {SMALLEST_BATCH} are needed")
    return problems


def _start(module: nn.Module, rebuilt: nn.Module) -> list[str]:
    import torch

    own, fresh = module.state_dict(), rebuilt.state_dict()
    if own.keys() != fresh.keys():
        return [f"its graph differs from a rebuild ({len(own)} tensors against {len(fresh)})"]
    differing = [name for name in own if not torch.equal(own[name].cpu(), fresh[name].cpu())]
    return [f"{len(differing)} tensors differ from a same-seed rebuild (first: {differing[0]})"] if differing else []


def _constant(module: nn.Module, other_seed: nn.Module) -> list[str]:
    """Weights that another seed leaves as they are; constants (zeros, ones) and sinusoids may be part of a start."""
    import torch

    others = dict(other_seed.named_parameters())
    fixed = [
        name
        for name, parameter in module.named_parameters()
        if parameter.ndim > 1
        and (parameter != parameter.flatten()[0]).any()
        and name in others
        and torch.equal(parameter.cpu(), others[name].cpu())
        and not _sinusoids(parameter.detach().cpu().double())
    ]
    return (
        [f"{len(fixed)} weights are the same for every seed, as trained ones are (first: {fixed[0]})"] if fixed else []
    )


def _sinusoids(table: Tensor) -> bool:
    """Whether every column is a sinusoid over the rows, as positions are encoded: x[t + 1] + x[t - 1] = c x[t]."""
    if table.ndim != 2 or len(table) < 8:
        return False
    middle, beside = table[1:-1], table[2:] + table[:-2]
    factor = (beside * middle).sum(0) / middle.square().sum(0).clamp(min=1e-12)
    return bool((beside - factor * middle).abs().max() < 1e-4 * table.abs().max())
