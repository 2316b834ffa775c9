"""Arms that cannot take part are refused with the reason; what a role allows is in test_arms."""

from __future__ import annotations

import dataclasses

import pytest

from zoo.benchmarking.arm_checks import check_arm, check_shared, trains
from zoo.benchmarking.suite import Arm, load_suite
from zoo.errors import IncompatibleError, UnknownName

KIND = "image_classification"
REFERENCE = Arm("R:x", "R", "x, another architecture", "timm/resnet18.a1_in1k", "linear_probe")


@pytest.mark.parametrize(
    ("arm", "kind", "error", "message"),
    [
        (REFERENCE, "text_classification", IncompatibleError, "is a backbone for vision"),
        (dataclasses.replace(REFERENCE, adaptation="layer_mix"), KIND, IncompatibleError, "pooled features"),
        (dataclasses.replace(REFERENCE, role="F", adaptation="full"), KIND, IncompatibleError, "freezes the backbone"),
        (dataclasses.replace(REFERENCE, backbone="timm/resnet18.a1_in"), KIND, UnknownName, "resnet18.a1_in1k"),
    ],
)
def test_refused(arm, kind, error, message):
    with pytest.raises(error, match=message):
        check_arm(arm, kind)


@pytest.mark.parametrize(("adaptation", "search", "moves"), [("linear_probe", "penalty", False), ("knn", "k", False),
                                                            ("full", "lr", True), ("lora", "lr", True)])  # fmt: skip
def test_a_reference_may_be_frozen_or_trained(adaptation, search, moves):
    arm = dataclasses.replace(REFERENCE, adaptation=adaptation)
    check_arm(arm, KIND)
    assert (arm.search, trains(arm)) == (search, moves)


def test_only_a_reference_may_be_another_network():
    suite = load_suite("digits")
    suite = dataclasses.replace(suite, arms=(*suite.arms, REFERENCE))
    facts = {arm.id: {"architecture": "a", "preprocessing": []} for arm in suite.arms if arm.role != "C"}
    check_shared(suite, facts | {"R:x": {"architecture": "b", "preprocessing": [1]}})
    with pytest.raises(IncompatibleError, match=r"another architecture than .* can stand beside them in role R"):
        check_shared(suite, facts | {"F:glyphs": {"architecture": "b", "preprocessing": []}})
