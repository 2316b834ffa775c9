"""What an arm must be to take part: its adaptation goes with its role, and only its start differs from scratch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zoo.adaptations import ADAPTATIONS
from zoo.adaptations.options import own_options
from zoo.errors import IncompatibleError
from zoo.providers.loading import spec_of
from zoo.training.matching import check_fit, check_task

if TYPE_CHECKING:
    from collections.abc import Mapping

    from zoo.benchmarking.suite import Arm, Suite


def trains(arm: Arm) -> bool:
    """Whether the arm's network trains; the other arms have a head on what a frozen backbone or no network gives.

    Example:
        >>> from zoo.benchmarking.suite import load_suite
        >>> [arm.role for arm in load_suite("digits").arms if trains(arm)]
        ['S', 'P', 'P']
    """
    return arm.role != "C" and bool(ADAPTATIONS.get(arm.adaptation).trains_backbone)


def check_arm(arm: Arm, kind: str) -> None:
    """Refuse an arm that cannot do the task, or whose adaptation does not go with its role, before anything runs.

    Args:
        arm: of a suite.
        kind: of the task, such as `text_classification`.

    Raises:
        UnknownName: no such backbone, adaptation or option.
        IncompatibleError: a backbone of another modality; an adaptation that the role cannot have, or that the
            benchmark does not read features for; a searched option that is set.

    Example:
        >>> from zoo.benchmarking.suite import load_suite
        >>> check_arm(load_suite("digits").arms[0], "image_classification")
    """
    if arm.role == "C":
        if arm.options:
            raise IncompatibleError(f"arm {arm.id!r} has role C, which takes no options. Fix: leave them out.")
        return
    adaptation, wanted = ADAPTATIONS.get(arm.adaptation)(), arm.role in "SPM"
    own_options(arm.adaptation, adaptation, arm.options)
    what = ""
    if arm.role != "R" and adaptation.trains_backbone != wanted:
        what = f"which {'trains' if wanted else 'freezes'} the backbone, and adaptation {arm.adaptation!r} does not"
    elif arm.role in "SM" and needs_trained(arm):
        what = f"which has no trained weights, and adaptation {arm.adaptation!r} makes no sense without"
    elif getattr(adaptation, "needs_names", False) or getattr(adaptation, "features", "pooled") != "pooled":
        what = f"and a benchmark learns from pooled features, which adaptation {arm.adaptation!r} does not"
    if arm.search in arm.options:
        raise IncompatibleError(
            f"arm {arm.id!r} sets {arm.search}, which zoo searches. Fix: list its values under grids.{arm.search}."
        )
    if what:
        raise IncompatibleError(
            f"arm {arm.id!r} has role {arm.role}, {what}. Fix: roles S, P and M take 'full' (P also 'lora', 'top_k' "
            "or 'lp_ft'), role F takes 'linear_probe' or 'knn', role R any of these."
        )
    spec = spec_of(arm.backbone)
    check_task(spec, kind)
    check_fit(arm.adaptation, spec)


def needs_trained(arm: Arm) -> bool:
    """Whether the arm's adaptation makes sense on trained weights only."""
    return bool(getattr(ADAPTATIONS.get(arm.adaptation), "needs_trained", False))


def check_shared(suite: Suite, facts: Mapping[str, Mapping[str, Any]]) -> None:
    """Only the start may differ: each arm has the graph, inputs and adaptation that its scratch arm has.

    An arm of role P may have an adaptation that makes no sense without trained weights (LoRA): scratch cannot have
    it, trains in full, and the verdict is on pre-training used in that way. A reference (role R) is another network by
    its nature, and its difference from scratch is never called an effect of pre-training.

    Args:
        suite: says which arms are compared.
        facts: by the id of each arm but C: its `architecture` and its `preprocessing`.

    Raises:
        IncompatibleError: an arm has another architecture, preprocessing or (where it trains) adaptation.
    """
    for arm in (arm for arm in suite.arms if arm.role in "PFM"):
        scratch = suite.baselines(arm)[0]
        what = [name for name, own in facts[arm.id].items() if own != facts[scratch.id][name]]
        if arm.role in "PM" and arm.adaptation != scratch.adaptation and not needs_trained(arm):
            what.append("adaptation")
        if arm.role == "M" and arm.options != scratch.options:
            what.append("options")
        if what:
            raise IncompatibleError(
                f"arm {arm.id!r} ({arm.backbone}) has another {' and '.join(what)} than the from-scratch arm "
                f"{scratch.id!r} ({scratch.backbone}), so their difference would not be due to pre-training. "
                "Fix: give the from-scratch arm the same name; it is built without its weights. "
                "A network of another architecture can stand beside them in role R."
            )
