"""The checks, one function each: what the contract promises of a backbone, measured.

All but one run on from-scratch weights that were moved a little: at its own initialisation a network may have branches
that are exactly zero, which would hide what they do wrong.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch.nn.modules.batchnorm import _BatchNorm

from zoo.conformance.samples import samples_for
from zoo.data.batches import generator_at
from zoo.providers.batching import encode_samples
from zoo.providers.loading import build, fingerprint

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import nn

    from zoo.contracts import Backbone, Features
    from zoo.specs import BackboneSpec

EQUAL = 1e-4  # relative error below which features count as the same (promise 3)
DIFFERENT = 1e-3  # relative difference above which two samples are told apart
UNREACHED = 0.05  # share of trainable weights that may get no gradient; they are named all the same
NUDGE = 0.02  # standard deviation of what is added to every weight


@dataclass(frozen=True)
class Finding:
    """What one check saw. `state`: `holds`, `fails`, or `not checked`; `detail` says what was measured, or why not."""

    state: str
    detail: str = ""
    value: float | None = None

    def to_json(self) -> dict[str, Any]:
        return dataclasses.asdict(self)


@dataclass(frozen=True)
class Subject:
    """A backbone under test, with what its three samples gave when encoded one by one."""

    spec: BackboneSpec
    backbone: Backbone
    samples: list[Any]
    alone: list[dict[str, Features]]


def prepare(spec: BackboneSpec, modality: str = "") -> Subject:
    """Build it from scratch, move its weights, and encode each sample (of one modality, if one is named) on its own.

    Raises:
        ZooError: it cannot be built.
    """
    backbone = build(spec, pretrained=False, seed=0)
    nudge(backbone.module)
    samples = samples_for(backbone.spec, modality)
    calibrate(backbone, samples)
    backbone.module.eval()
    with torch.no_grad():
        alone = [encode_samples(backbone, [sample]) for sample in samples]
    return Subject(spec, backbone, samples, alone)


def nudge(module: nn.Module) -> None:
    """Add a little seeded noise to every floating-point weight."""
    generator = generator_at(0, 0)
    with torch.no_grad():
        for _, weight in sorted(module.named_parameters()):
            if weight.is_floating_point():
                weight.add_(NUDGE * torch.randn(weight.shape, generator=generator))


def calibrate(backbone: Backbone, samples: list[Any]) -> None:
    """Let BatchNorm see the samples: with the statistics that it starts with, deep networks may forget their input."""
    norms = [part for part in backbone.module.modules() if isinstance(part, _BatchNorm) and part.track_running_stats]
    kept = [norm.momentum for norm in norms]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # a plain average over what it sees
        norm.train()
    batches = [samples] if backbone.spec.padding == "fixed" else [[sample] for sample in samples]
    try:
        with torch.no_grad():
            for batch in batches if norms else []:
                backbone.encode(backbone.preprocess(batch))
    finally:
        for norm, momentum in zip(norms, kept, strict=True):
            norm.momentum = momentum
            norm.eval()


def widths(subject: Subject) -> Finding:
    """Features have the shapes that the contract says and the widths that the record declares."""
    spec, wrong = subject.backbone.spec, []
    for modality, features in subject.alone[0].items():
        if features.pooled.ndim != 2 or len(features.pooled) != 1:
            wrong.append(f"{modality} pooled {list(features.pooled.shape)} is not [1, D]")
        elif features.pooled.shape[1] != spec.pooled_dim:
            wrong.append(f"{modality} pooled width {features.pooled.shape[1]}, declared {spec.pooled_dim}")
        if ("tokens" in spec.can) and features.tokens is None and modality == spec.modality:
            wrong.append("tokens are declared and not given")
        if features.tokens is not None and features.tokens.ndim != 3:
            wrong.append(f"{modality} tokens {list(features.tokens.shape)} are not [B, N, D]")
        wrong += _mask_problems(modality, features)
        if any(level.ndim != 4 for level in features.maps or ()):
            wrong.append(f"{modality} maps are not [B, C, H, W]")
    return Finding("fails" if wrong else "holds", "; ".join(wrong) or f"pooled {spec.pooled_dim}")


def _mask_problems(modality: str, features: Features) -> list[str]:
    mask, tokens = features.mask, features.tokens
    if mask is None or tokens is None or (mask.shape == tokens.shape[:2] and mask.dtype == torch.bool):
        return []
    return [f"{modality} mask {list(mask.shape)} {mask.dtype} does not fit its tokens {list(tokens.shape)}"]


def finite(subject: Subject) -> Finding:
    """No feature is NaN or infinite."""
    bad = [m for one in subject.alone for m, features in one.items() if not torch.isfinite(features.pooled).all()]
    return Finding("fails" if bad else "holds", f"not finite: {', '.join(bad)}" if bad else "")


def sensitivity(subject: Subject) -> Finding:
    """Different samples give different features."""
    least = min(
        relative(subject.alone[a][m].pooled, subject.alone[b][m].pooled)
        for m in subject.alone[0]
        for a, b in ((0, 1), (0, 2), (1, 2))
    )
    return Finding("holds" if least > DIFFERENT else "fails", f"smallest difference {least:.1e}", least)


def batching(subject: Subject) -> Finding:
    """A sample alone and in a batch gives the same features: pooled, and tokens where they are real."""
    with torch.no_grad():
        together = encode_samples(subject.backbone, subject.samples)
    worst = max(
        _difference(together[modality], i, features)
        for i, one in enumerate(subject.alone)
        for modality, features in one.items()
    )
    how = subject.backbone.spec.padding
    return Finding("holds" if worst <= EQUAL else "fails", f"{how}, largest error {worst:.1e}", worst)


def _difference(together: Features, place: int, alone: Features) -> float:
    """The largest relative error of one sample in the batch: of its pooled features, and of its real tokens."""
    worst = relative(together.pooled[place : place + 1], alone.pooled)
    if together.tokens is None or alone.tokens is None:
        return worst
    own = alone.tokens[0] if alone.mask is None else alone.tokens[0][alone.mask[0]]
    rows = together.tokens[place] if together.mask is None else together.tokens[place][together.mask[place]]
    return max(worst, relative(rows, own)) if rows.shape == own.shape else float("inf")


def determinism(subject: Subject) -> Finding:
    """The same sample gives the same features when it is encoded again."""
    with torch.no_grad():
        again = encode_samples(subject.backbone, subject.samples[:1])
    same = all(torch.equal(again[m].pooled, features.pooled) for m, features in subject.alone[0].items())
    return Finding("holds" if same else "fails", "" if same else "two passes in evaluation mode differ")


def gradient(subject: Subject) -> Finding:
    """Gradient reaches the weights: those that none reaches are named, and are few."""
    module = subject.backbone.module
    module.zero_grad(set_to_none=True)
    with torch.enable_grad():
        total = torch.zeros(())
        for sample in subject.samples[:2]:
            for features in subject.backbone.encode(subject.backbone.preprocess([sample])).values():
                outputs = [features.pooled, features.tokens, *(features.maps or ())]
                for place, output in enumerate(output for output in outputs if output is not None):
                    weights = torch.randn(output.shape, generator=generator_at(1, place))
                    total = total + (output * weights).sum() / output.numel() ** 0.5
        total.backward()  # type: ignore[no-untyped-call]
    alone = subject.spec.modality == "image-text" and "text" not in subject.alone[0]  # then of the image tower only
    trains = {
        name: weight
        for name, weight in module.named_parameters()
        if weight.requires_grad and (not alone or name.startswith(("visual.", "vision")))
    }
    missed = [name for name, weight in trains.items() if weight.grad is None or not weight.grad.any()]
    share = sum(trains[name].numel() for name in missed) / max(sum(w.numel() for w in trains.values()), 1)
    module.zero_grad(set_to_none=True)
    detail = f"{len(missed)} of {len(trains)} tensors get none: {', '.join(missed[:4])}" if missed else "all of them"
    return Finding("holds" if share <= UNREACHED and trains else "fails", detail, share)


def same_graph(subject: Subject) -> Finding:
    """Built again with another seed, the graph is the same and the weights are not."""
    again = build(subject.spec, pretrained=False, seed=1)
    if fingerprint(again) != fingerprint(subject.backbone):
        return Finding("fails", "a second build has another graph")
    own = [
        torch.equal(a, b) for a, b in zip(again.module.parameters(), subject.backbone.module.parameters(), strict=True)
    ]
    return Finding("fails", "the seed changes nothing") if all(own) else Finding("holds")


def reload(subject: Subject) -> Finding:
    """Weights that are saved and loaded into a fresh build give the same features, bit for bit."""
    from safetensors.torch import load, save

    data = save({n: t.detach().clone().contiguous() for n, t in subject.backbone.module.state_dict().items()})
    again = build(subject.spec, pretrained=True, tensors=load(data), seed=1)
    again.module.eval()
    with torch.no_grad():
        found = encode_samples(again, subject.samples[:1])
    worst = max(relative(found[m].pooled, features.pooled) for m, features in subject.alone[0].items())
    return Finding("holds" if worst == 0 else "fails", f"largest error {worst:.1e}", worst)


def relative(a: torch.Tensor, b: torch.Tensor) -> float:
    """Largest difference relative to the largest value of `b`; 0 for two zeros.

    Example:
        >>> round(relative(torch.tensor([1.0, 2.0]), torch.tensor([1.0, 4.0])), 2)
        0.5
    """
    scale = float(b.abs().max())
    return float((a - b).abs().max()) / scale if scale else float((a - b).abs().max())


CHECKS: dict[str, Callable[[Subject], Finding]] = {
    "widths": widths,
    "finite": finite,
    "sensitivity": sensitivity,
    "batching": batching,
    "determinism": determinism,
    "gradient": gradient,
    "same_graph": same_graph,
    "reload": reload,
}
