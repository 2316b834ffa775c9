from __future__ import annotations

import json
import random
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from zoo.benchmarking.lines import differences, from_line, to_line
from zoo.benchmarking.suite import Suite, load_suite
from zoo.errors import InvalidRecord
from zoo.specs import Result, RunSpec

if TYPE_CHECKING:
    from collections.abc import Callable

RUN = RunSpec("digits", "1", "digits", "r", "S", "S", "pocket/resnet10", "", 5, 0, "final", {"lr": 0.1})


def row(**result: Any) -> Result:
    return Result(RUN, {"status": "ok", "score": 90.5} | result, {"seconds": 1.5})


def test_one_plain_line() -> None:
    data = to_line(row(text="a\nGrüße \u2028"))
    assert json.loads(data) == row(text="a\nGrüße \u2028").to_json()
    assert (data.count(b"\n"), data[-1:]) == (1, b"\n")
    suite = load_suite("digits")
    assert from_line(Suite, to_line(suite)) == suite


def test_random_json_survives_and_equal_results_have_equal_bytes() -> None:
    rng = random.Random(0)

    def value(depth: int) -> Any:
        kinds: list[Callable[[], Any]] = [
            lambda: rng.choice([True, False, None, "", "\n", '"', "é\x00", -0.0, 1e-300, 0.1 + 0.2, 2**70]),
            lambda: rng.random() * 10 ** rng.randint(-20, 20),
            lambda: [value(depth - 1) for _ in range(rng.randint(0, 3))],
            lambda: {str(rng.random()): value(depth - 1) for _ in range(rng.randint(0, 3))},
        ]
        return rng.choice(kinds if depth else kinds[:2])()

    def shuffled(data: Any) -> Any:
        if isinstance(data, dict):
            return {name: shuffled(data[name]) for name in sorted(data, key=lambda _: rng.random())}
        return data

    for _ in range(200):
        one = row(x=value(3))
        assert from_line(Result, to_line(one)) == one
        assert to_line(replace(one, result=shuffled(one.result))) == to_line(one)


@pytest.mark.parametrize(
    ("result", "named"),
    [
        ({"score": float("nan")}, "result.score"),
        ({"list": [0.0, {"deep": float("inf")}]}, "result.list[1].deep"),
        ({"array": {1, 2}}, "result.array"),
        ({"text": "\udc80"}, "result.text"),
        ({"status": "fine"}, "result.status"),
    ],
)
def test_what_is_not_json_is_refused_by_name(result: dict[str, Any], named: str) -> None:
    with pytest.raises(InvalidRecord) as caught:
        to_line(row(**result))
    assert named in str(caught.value)


def test_nan_in_a_recipe_is_refused() -> None:
    with pytest.raises(InvalidRecord, match=r"run\.recipe\.lr = nan"):
        to_line(replace(row(), run=replace(RUN, recipe={"lr": float("nan")})))


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        (b"}\n", b"", "it is not JSON"),
        (b"90.5", b"NaN", "it holds NaN"),
        (b'"ok"', b'"great"', "received 'great'"),
        (b'"ok"', b'"\xff"', "it is not JSON"),
    ],
)
def test_a_damaged_line_is_refused(old: bytes, new: bytes, problem: str) -> None:
    with pytest.raises(InvalidRecord, match=problem):
        from_line(Result, to_line(row()).replace(old, new))


def test_differences() -> None:
    assert differences({"a": [1, {"b": 2}]}, {"a": [1, {"b": 2}]}) == []
    assert differences({"a": [1, {"b": 2}]}, {"a": [1, {"b": 3}], "c": "x" * 100}) == [
        "a[1].b is 2 there and 3 here",
        f"c is '-' there and '{'x' * 56}... here",
    ]
    many = differences({"a": 0}, {"a": 0} | {str(number): number for number in range(8)})
    assert (len(many), many[-1]) == (6, "and 3 more")
