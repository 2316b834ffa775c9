"""References beside a suite: frozen pre-trained backbones of other architectures (role R), added without a file."""

from __future__ import annotations

import shlex
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

from zoo.benchmarking.suite import COMMAND, ROLES, Arm, Suite
from zoo.benchmarking.suite_checks import ANOTHER, check
from zoo.errors import IncompatibleError, UsageError
from zoo.providers.loading import spec_of
from zoo.training.matching import check_task

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from zoo.specs import BackboneSpec


def with_references(suite: Suite, names: Sequence[str]) -> Suite:
    """The suite with a frozen linear probe of each named backbone beside its own arms.

    It is another suite then, and needs a store of its own. Each is compared with every from-scratch arm, and because
    its network is another one, never as an effect of pre-training.

    Args:
        suite: of any modality.
        names: pre-trained backbones of that modality, as `zoo.load` takes them.

    Raises:
        UnknownName: no such backbone.
        IncompatibleError: one without trained weights, or that cannot do the suite's task.
        UsageError: one that is named twice, or is an arm of the suite already.
        InvalidRecord: the suite searches no `penalty`, which a linear probe needs.

    Example:
        >>> from zoo.benchmarking.suite import load_suite
        >>> with_references(load_suite("digits"), ["timm/resnet18.a1_in1k"]).arms[-1].label
        'resnet18.a1_in1k, another architecture, frozen probe'
    """
    arms = list(suite.arms)
    given: list[str] = []
    for name in names:
        spec, full = spec_of(name), anywhere(name)
        check_reference(spec, name)
        check_task(spec, suite.task.kind)
        if full in given:
            raise UsageError(f"{name} is named twice. Fix: name each reference once.")
        if full in [anywhere(arm.backbone) for arm in arms if arm.backbone]:
            raise UsageError(f"{name} is an arm of suite {suite.name!r} already. Fix: leave it out.")
        called = _free(short_name(spec.name), {arm.id for arm in arms})
        arms.append(Arm(f"R:{called}", "R", f"{called}, {ANOTHER}, frozen probe", full, "linear_probe"))
        given.append(full)
    if not given:
        raise UsageError("no reference was named. Fix: --with A,B with names from `zoo list --pretrained`.")
    own = suite.sources.get(COMMAND, f"zoo bench {shlex.quote(suite.name)} --level {suite.level}")
    command = f"{own} --with {shlex.quote(','.join(given))}"
    found = replace(suite, arms=tuple(arms), sources={**suite.sources, COMMAND: command})
    check(found, ROLES)
    return found


def anywhere(name: str) -> str:
    """A folder by its full path, so that a stored suite can be used from anywhere; every other name as it is.

    Example:
        >>> anywhere("timm/resnet18.a1_in1k")
        'timm/resnet18.a1_in1k'
    """
    folder = Path(name).expanduser()
    return str(folder.resolve()) if folder.is_dir() else name


def short_name(name: str) -> str:
    """A backbone's name in tables: without its provider, and of a folder the last part of its path.

    Example:
        >>> short_name("timm/resnet18.a1_in1k"), short_name("/home/me/minilm")
        ('resnet18.a1_in1k', 'minilm')
    """
    return Path(name).name if Path(name).is_absolute() else name.partition("/")[2] or name


def _free(name: str, ids: Collection[str]) -> str:
    """The name, numbered where a reference of that name is there already: two folders may be called alike."""
    numbered = (name if number == 1 else f"{name}-{number}" for number in count(1))
    return next(one for one in numbered if f"R:{one}" not in ids)


def check_reference(spec: BackboneSpec, name: str) -> None:
    """Refuse a backbone without trained weights.

    Raises:
        IncompatibleError: it has none.
    """
    if not spec.pretrained:
        raise IncompatibleError(
            f"{name} has no trained weights. Fix: name one of its tags (`zoo list '{spec.name}.*'`)."
        )


def folder_name(suite: Suite) -> str:
    """What the folder of a suite's store is called: its name, and the references beside it.

    Example:
        >>> from zoo.benchmarking.suite import load_suite
        >>> folder_name(load_suite("digits"))
        'digits'
        >>> folder_name(with_references(load_suite("digits"), ["timm/resnet18.a1_in1k"]))
        'digits-with-resnet18.a1_in1k'
    """
    beside = [arm.id.partition(":")[2].replace("/", "-") for arm in suite.arms if arm.role == "R"]
    added = "--with" in str(suite.sources.get(COMMAND))  # those that its file names belong to the suite
    return "-".join([suite.name, "with", *beside]) if added else suite.name
