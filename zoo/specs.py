"""Frozen records and their JSON form. Everything that zoo stores is one of these.

Each record class carries a schema version, so that a reader can tell what it holds and refuse what it cannot read:
`{"schema": "zoo.RunSpec/1", "suite": ...}`. Standard library only: listing and reporting must not import torch.
"""

from __future__ import annotations

import dataclasses
import json
import typing
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from types import UnionType
from typing import Any, ClassVar, Self

from zoo.errors import InvalidRecord, nearest
from zoo.migrations import migrated


class Record:
    """What all records share: `to_json()` and `from_json()`, with the schema version written and checked."""

    VERSION: ClassVar[int] = 1

    @classmethod
    def schema(cls) -> str:
        return f"zoo.{cls.__name__}/{cls.VERSION}"

    def to_json(self, *, brief: bool = False) -> dict[str, Any]:
        """A plain dict of JSON types; tuples become lists, nested records become dicts.

        With `brief` fields at their default are left out; `from_json` puts them back.
        """
        data: dict[str, Any] = {"schema": self.schema()}
        fields = self.__dataclass_fields__  # type: ignore[attr-defined]  # every subclass is a dataclass
        for name, value in vars(self).items() if brief else ((name, getattr(self, name)) for name in fields):
            if not brief or value != fields[name].default:
                data[name] = value if value.__class__ in _PLAIN else _plain(value)
        return data

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Rebuild the record; one of an earlier schema version is brought up to date (`zoo/migrations.py`).

        Raises:
            InvalidRecord: another schema, a later version of it, an unknown or missing field, or a value of the wrong
                type.

        Example:
            >>> TaskSpec.from_json(TaskSpec("digits", "image_classification", "digits", 10).to_json()).chance
            10.0
        """
        if not isinstance(data, Mapping):
            raise InvalidRecord(f"a {cls.__name__} must be a JSON object, received {type(data).__name__}.")
        values = migrated(cls.__name__, cls.VERSION, data)
        types = _field_types(cls)  # type: ignore[arg-type]  # mypy takes __hash__ of instances for that of the class
        for name in values:
            if name not in types:
                near = ", ".join(nearest(name, types)) or ", ".join(types)
                raise InvalidRecord(f"{cls.__name__} has no field {name!r}. Nearest: {near}.", (name,))
        try:
            return cls(**{name: _typed(cls, name, value, types[name]) for name, value in values.items()})
        except TypeError as error:
            raise InvalidRecord(f"{cls.__name__} is incomplete: {error}.") from error


@dataclass(frozen=True)
class BackboneSpec(Record):
    """What is known of a backbone without building it.

    `name` is `provider/arch` (from scratch only), `provider/arch.tag`, or for a checkpoint of the Hugging Face hub
    `transformers/NAMESPACE/NAME`, whose `arch` is the model type and whose `tag` is the repository. `None` and "" mean
    not known until it is built. `licence` is that of the weights; `unknown` is said, never guessed.

    Fields by what they are of, with their units:
        all: `parameters` counted without heads; `pooled_dim` and `token_dim` widths of `Features.pooled` and `.tokens`;
            `stride` pixels or samples a token (the longer side of a patch; the product of all convolution strides);
            `padding` one of `masked`, `equal_length`, `fixed`; `family` the model family (resnet, bert, wav2vec2).
        weights: `source` `hf-hub:NAMESPACE/NAME` or a URL; `revision` a commit where one is pinned; `weights_format`
            `safetensors`, `pickle` or "" where only the repository knows; `library` the version that said all this;
            `pretraining_flops` what making them took, where that was counted; `origin` what weights that were trained
            with zoo began as: `scratch`, `hf-hub:NAMESPACE/NAME[@COMMIT]` or a name of zoo ("" where nobody trained).
        images: `input_size` [C, H, W], `mean`, `std`, `interpolation`, `crop_pct`, `crop_mode`.
        speech: `sample_rate` in Hz; `normalize_waveform`, whether each clip is brought to mean 0 and variance 1.
        text: `context` in tokens; `tokenizer` its class; `lower_case`, whether it folds case.
        image-text: both towers, so the fields of images and of text; `pooled_dim` is that of the shared space,
            `token_dim` that of the image tower.
        transformers: `config`, JSON of the values that differ from the model type's defaults.
    """

    name: str
    provider: str
    arch: str
    tag: str = ""
    modality: str = "vision"
    parameters: int | None = None
    pooled_dim: int | None = None
    input_size: tuple[int, ...] | None = None
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()
    interpolation: str = "bicubic"
    crop_pct: float = 1.0
    crop_mode: str = "center"
    padding: str = "fixed"
    can: tuple[str, ...] = ("pooled",)
    licence: str = "unknown"
    source: str = ""
    revision: str = ""
    digest: str = ""
    objective: str = ""
    pretrained_on: str = ""
    recipe: str = ""
    recipe_digest: str = ""
    pretraining_flops: int | None = None
    family: str = ""
    token_dim: int | None = None
    stride: int | None = None
    sample_rate: int | None = None
    normalize_waveform: bool = False
    context: int | None = None
    tokenizer: str = ""
    lower_case: bool | None = None
    config: str = ""
    weights_format: str = ""
    library: str = ""
    curated: bool = False
    origin: str = ""

    @property
    def pretrained(self) -> bool:
        """Whether trained weights exist under this name."""
        return bool(self.tag)


@dataclass(frozen=True)
class TaskSpec(Record):
    """A downstream task: which kind it is, where its samples come from, and what chance scores (in percent).

    `classes` is the number of outputs: 1 for a regression. `chance` is what knowing nothing scores: guessing one class
    of several; for a regression an r2 of 0, which always saying the mean has. For multi-label tasks it is 0, the floor:
    a random order scores the share of positive answers, and only the data tell that.
    """

    name: str
    kind: str
    source: str
    classes: int
    metric: str = "accuracy"
    revision: str = ""

    @property
    def chance(self) -> float:
        return 0.0 if self.kind.endswith(("_multi_label", "_regression")) else 100.0 / self.classes


@dataclass(frozen=True)
class RunSpec(Record):
    """One cell of a benchmark: everything that can change its result, in one environment.

    `arm` is the identifier within the suite (`P:glyphs`), `role` its letter in the protocol (`P`). `phase` is `tune`
    (scored on validation, tuning seeds) or `final` (scored on test, reporting seeds). `budget` counts labels a class.
    """

    suite: str
    suite_version: str
    task: str
    data_revision: str
    arm: str
    role: str
    backbone: str
    backbone_digest: str
    budget: int
    seed: int
    phase: str
    recipe: dict[str, Any] = field(default_factory=dict)

    def key(self) -> str:
        """A stable hash (20 hex digits) of all fields, independent of the order of dictionary keys.

        Example:
            >>> run = RunSpec("s", "1", "t", "d", "S", "S", "b", "", 1, 0, "final", {"lr": 1e-3, "steps": 10})
            >>> run.key() == dataclasses.replace(run, recipe={"steps": 10, "lr": 1e-3}).key()
            True
        """
        return digest_of(self.to_json())[:20]


@dataclass(frozen=True)
class Result(Record):
    """One row of a store.

    `result` is byte-identical on a rerun in the same environment; `measured` (time, memory, versions, host) is not.

    `result` of a finished cell: `status` "ok", `split`, `score` (percent), `loss`, `test_reads`, `flops` (of the
    network: `train`, `extract`, `evaluate`; None where they cannot be counted, and `flops_unknown` says why); of a
    final cell also `correct` (a string of 0 and 1, one per test item), `predictions`, `chosen`, `search`, `lr_edge`,
    `trained_parameters`, `total_parameters`, `graph`, `pretraining_flops`, `warnings`. Of a
    failed cell: `status` "failed" and `reason`.
    """

    run: RunSpec
    result: dict[str, Any]
    measured: dict[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> str:
        return self.run.key()

    @property
    def ok(self) -> bool:
        return self.result.get("status") == "ok"


def canonical(data: object) -> str:
    """JSON with sorted keys and no spaces; NaN and infinity are refused, because they are not JSON."""
    return json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def digest_of(data: object) -> str:
    """SHA-256 (hex) of the canonical JSON of `data`."""
    import hashlib  # 2.5 ms, which listing backbones need not pay

    return hashlib.sha256(canonical(data).encode()).hexdigest()


_PLAIN = frozenset({str, int, float, bool, type(None)})


def _plain(value: Any) -> Any:
    if isinstance(value, Record):
        return value.to_json()
    if isinstance(value, (tuple, list)):
        return [_plain(item) for item in value]
    if isinstance(value, Mapping):
        return {str(name): _plain(item) for name, item in value.items()}
    return value


@cache  # 0.2 ms a class: too dear for each row of a store
def _field_types(cls: type[Record]) -> dict[str, Any]:
    hints = typing.get_type_hints(cls)
    return {f.name: hints[f.name] for f in dataclasses.fields(cls)}  # type: ignore[arg-type]


def _typed(cls: type[Record], name: str, value: Any, hint: Any) -> Any:
    """`value` as the field's type: lists back to tuples, dicts back to records, integers widened to floats."""
    options = typing.get_args(hint) if isinstance(hint, UnionType) else (hint,)
    for option in options:
        origin = typing.get_origin(option) or option
        if origin is type(None) and value is None:
            return None
        if isinstance(origin, type) and issubclass(origin, Record) and isinstance(value, (Mapping, origin)):
            return origin.from_json(value) if isinstance(value, Mapping) else value
        if origin is tuple and isinstance(value, (list, tuple)):
            return tuple(_typed(cls, name, item, typing.get_args(option)[0]) for item in value)
        if origin is float and isinstance(value, (int, float)) and not isinstance(value, bool):
            return float(value)
        if origin is int and isinstance(value, int) and not isinstance(value, bool):
            return value
        if origin in (str, bool, dict) and isinstance(value, origin):
            return value
    raise InvalidRecord(f"{cls.__name__}.{name} must be {_said(hint)}, received {value!r}.", (name,))


def _said(hint: Any) -> str:
    """A type as people write it: `int`, `tuple[int, ...]`, not `<class 'int'>`."""
    return hint.__name__ if isinstance(hint, type) and not typing.get_args(hint) else str(hint)
