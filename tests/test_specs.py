"""Records go to JSON and back unchanged, refuse what they cannot read, and a run's key is stable."""

import dataclasses
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import zoo
from zoo.errors import InvalidRecord
from zoo.specs import BackboneSpec, Record, Result, RunSpec, TaskSpec, canonical, digest_of

RUN = RunSpec(
    suite="digits",
    suite_version="1",
    task="digits",
    data_revision="abc",
    arm="P:glyphs",
    role="P",
    backbone="pocket/resnet10.glyphs",
    backbone_digest="def",
    budget=10,
    seed=0,
    phase="final",
    recipe={"lr": 1e-3, "steps": 100, "warp": True, "levels": [1, 2], "nested": {"b": None, "a": 1}},
)
RECORDS = [
    BackboneSpec("timm/resnet50", "timm", "resnet50"),
    BackboneSpec("a/b.c", "a", "b", "c", parameters=3, input_size=(1, 32, 32), mean=(0.5,), std=(1.0,), can=("maps",)),
    TaskSpec("digits", "image_classification", "digits", 10),
    RUN,
    Result(RUN, {"status": "ok", "score": 91.5, "correct": "0110"}, {"seconds": 1.5}),
]


def through_json(record: Record) -> Record:
    return type(record).from_json(json.loads(json.dumps(record.to_json())))


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: type(record).__name__)
def test_json_round_trip(record):
    assert through_json(record) == record


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: type(record).__name__)
def test_json_carries_the_schema(record):
    assert record.to_json()["schema"] == f"zoo.{type(record).__name__}/1"


def test_a_default_may_be_left_out_and_lists_become_tuples():
    data = {
        "schema": "zoo.BackboneSpec/1",
        "name": "a/b",
        "provider": "a",
        "arch": "b",
        "mean": [0, 1],
        "can": ["maps"],
    }
    spec = BackboneSpec.from_json(data)
    assert (spec.mean, spec.can, spec.licence) == ((0.0, 1.0), ("maps",), "unknown")


@pytest.mark.parametrize("schema", ["zoo.TaskSpec/2", "zoo.RunSpec/1", None])
def test_another_schema_is_refused(schema):
    with pytest.raises(InvalidRecord, match=r"expected a record of schema 'zoo.TaskSpec/1', received"):
        TaskSpec.from_json(RECORDS[2].to_json() | {"schema": schema})


def test_an_unknown_field_is_refused_with_the_nearest():
    with pytest.raises(InvalidRecord, match=r"no field 'clases'\. Nearest: classes"):
        TaskSpec.from_json(RECORDS[2].to_json() | {"clases": 10})


def test_a_missing_field_is_refused():
    data = RECORDS[2].to_json()
    del data["classes"]
    with pytest.raises(InvalidRecord, match=r"TaskSpec is incomplete: .*classes"):
        TaskSpec.from_json(data)


@pytest.mark.parametrize(
    ("record", "field", "value"),
    [
        (RECORDS[0], "name", 3),
        (RECORDS[0], "parameters", "3"),
        (RECORDS[0], "parameters", 3.0),
        (RECORDS[0], "parameters", True),
        (RECORDS[0], "input_size", [1, "a"]),
        (RECORDS[0], "can", "pooled"),
        (RECORDS[0], "crop_pct", False),
        (RECORDS[3], "seed", None),
        (RECORDS[3], "recipe", []),
        (RECORDS[4], "run", "a run"),
    ],
)
def test_a_value_of_the_wrong_type_is_refused(record, field, value):
    with pytest.raises(InvalidRecord, match=field):
        type(record).from_json(record.to_json() | {field: value})


@pytest.mark.parametrize("data", [[], "text", None])
def test_something_else_than_an_object_is_refused(data):
    with pytest.raises(InvalidRecord, match="must be a JSON object"):
        TaskSpec.from_json(data)


def test_a_nested_record_is_checked_too():
    data = RECORDS[4].to_json()
    data["run"]["schema"] = "zoo.RunSpec/9"
    with pytest.raises(InvalidRecord, match=r"zoo\.RunSpec/9"):
        Result.from_json(data)


def test_what_records_say_of_themselves():
    assert not RECORDS[0].pretrained
    assert RECORDS[1].pretrained
    assert TaskSpec("t", "k", "s", classes=4).chance == 25.0
    assert RECORDS[4].ok
    assert not Result(RUN, {"status": "failed", "reason": "it broke"}).ok
    assert RECORDS[4].key == RUN.key()


def test_a_key_is_what_it_always_was():
    # Stored rows are found by their key. If this fails, raise RunSpec.VERSION: all stored rows are new runs then.
    assert RUN.key() == "ebbb338a3089b610b2c8"


def test_a_key_does_not_depend_on_the_order_of_dictionaries():
    reordered = {name: RUN.recipe[name] for name in reversed(RUN.recipe)} | {"nested": {"a": 1, "b": None}}
    assert list(reordered) != list(RUN.recipe)
    assert dataclasses.replace(RUN, recipe=reordered).key() == RUN.key()


def test_a_key_survives_storage():
    assert through_json(RUN).key() == RUN.key()


@pytest.mark.parametrize("seed", ["0", "1", "4242"])
def test_a_key_is_the_same_in_every_process(seed):
    code = "import json, sys; from zoo.specs import RunSpec; print(RunSpec.from_json(json.load(sys.stdin)).key())"
    told = subprocess.run(
        [sys.executable, "-c", code],
        input=json.dumps(RUN.to_json()),
        env=os.environ | {"PYTHONHASHSEED": seed},
        cwd=Path(zoo.__file__).parent.parent,
        capture_output=True,
        text=True,
        check=True,
    )
    assert told.stdout.strip() == RUN.key()


@pytest.mark.parametrize("field", [field.name for field in dataclasses.fields(RunSpec)])
def test_a_key_changes_with_every_field(field):
    value = getattr(RUN, field)
    other = value + 1 if isinstance(value, int) else value + "x" if isinstance(value, str) else value | {"lr": 2e-3}
    assert dataclasses.replace(RUN, **{field: other}).key() != RUN.key()


def test_canonical_json_is_compact_sorted_and_never_nan():
    assert canonical({"b": [1, None], "a": "é"}) == '{"a":"é","b":[1,null]}'
    assert digest_of({"b": 1, "a": 2}) == digest_of({"a": 2, "b": 1})
    with pytest.raises(ValueError, match="not JSON compliant"):
        canonical({"score": float("nan")})


def test_brief_form_comes_back_whole():
    spec = BackboneSpec("timm/x.y", "timm", "x", tag="y", input_size=(3, 8, 8), licence="mit")
    brief = spec.to_json(brief=True)
    assert brief == {"schema": "zoo.BackboneSpec/1", "name": "timm/x.y", "provider": "timm", "arch": "x", "tag": "y",
                     "input_size": [3, 8, 8], "licence": "mit"}  # fmt: skip
    assert BackboneSpec.from_json(brief) == spec


def test_chance_is_of_the_kind_of_answer():
    chances = {kind: TaskSpec("t", kind, "t", 4).chance for kind in ("text_classification", "audio_multi_label")}
    assert chances == {"text_classification": 25.0, "audio_multi_label": 0.0}
    assert TaskSpec("t", "image_regression", "t", 1).chance == 0.0
