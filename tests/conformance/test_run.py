"""The run: rows for everyone, also for what fails, is refused or is too large; nothing is checked twice."""

import pytest

import zoo.conformance.run as module
from zoo.conformance.rows import read
from zoo.conformance.run import conform, examine
from zoo.errors import IncompatibleError, UnknownName
from zoo.providers.loading import spec_of

TINY = ["timm/test_resnet", "timm/test_vit"]


def test_rows_are_stored_and_not_made_again(tmp_path, monkeypatch):
    rows = conform(TINY, tmp_path, workers=2, quiet=True)
    assert [(row.name, row.state) for row in rows] == [(name, "conforms") for name in TINY]
    assert all(row.checks["batching"]["value"] <= 1e-4 for row in rows)
    assert all(row.parameters and row.measured["seconds"] > 0 for row in rows)
    monkeypatch.setattr(module, "examine", lambda spec, largest: pytest.fail("checked again"))
    assert conform(TINY, tmp_path, workers=1, quiet=True) == rows


def test_again(tmp_path, monkeypatch):
    conform(TINY[:1], tmp_path, workers=1, quiet=True)
    seen = []
    monkeypatch.setattr(module, "examine", lambda spec, largest: seen.append(spec.name) or examine(spec))
    conform(TINY[:1], tmp_path, workers=1, quiet=True, again=True)
    assert seen == TINY[:1]


def test_one_that_cannot_be_encoded_is_a_row(tmp_path, monkeypatch):
    def broken(spec):
        raise ZeroDivisionError("by nothing")

    monkeypatch.setattr("zoo.conformance.checks.prepare", broken)
    (row,) = conform(TINY[:1], tmp_path, workers=1, quiet=True)
    assert row.state == "fails"
    assert "ZeroDivisionError: by nothing (test_run.py:" in row.reason


def test_one_that_zoo_refuses_is_told_apart(tmp_path, monkeypatch):
    def refuses(spec):
        raise IncompatibleError("not with this library. Fix: none.")

    monkeypatch.setattr("zoo.conformance.checks.prepare", refuses)
    (row,) = conform(TINY[:1], tmp_path, workers=1, quiet=True)
    assert (row.state, row.reason) == ("refused", "not with this library. Fix: none.")


def test_one_check_that_raises_does_not_hide_the_others(tmp_path, monkeypatch):
    import zoo.conformance.checks as checks

    monkeypatch.setitem(checks.CHECKS, "widths", lambda subject: 1 / 0)
    (row,) = conform(TINY[:1], tmp_path, workers=1, quiet=True)
    assert row.failing == ("widths",)
    assert row.checks["batching"]["state"] == "holds"


def test_a_worker_that_dies_is_a_row(tmp_path, monkeypatch):
    import os

    monkeypatch.setattr(module, "examine", lambda spec, largest: os._exit(9) if spec.name == TINY[0] else examine(spec))
    rows = conform(TINY, tmp_path, workers=2, quiet=True)
    assert {row.name: row.state for row in rows} == {TINY[0]: "fails", TINY[1]: "conforms"}
    assert rows[0].reason


def test_one_that_is_too_large_is_checked_through_its_family(tmp_path):
    (row,) = conform(["timm/resnet50"], tmp_path, workers=1, quiet=True, largest=6_000_000)
    assert (row.state, row.through) == ("conforms", "timm/resnet10t")
    assert row.parameters == spec_of("timm/resnet50").parameters


def test_one_that_is_too_large_and_has_nothing_smaller(tmp_path):
    (row,) = conform(["pocket/resnet10"], tmp_path, workers=1, quiet=True, largest=1000)
    assert row.state == "not checked"
    assert "1 M parameters; at most 0 M are built" in row.reason


def test_what_is_declared_needs_a_reason_for_every_failing_check(tmp_path, monkeypatch):
    import zoo.conformance.checks as checks

    fails = checks.Finding("fails", "seen")
    monkeypatch.setitem(checks.CHECKS, "widths", lambda subject: fails)
    monkeypatch.setitem(module.DECLARED, "widths", {"timm/test_vit": "it is only a test"})
    (row,) = conform(["timm/test_vit"], tmp_path / "a", workers=1, quiet=True)
    assert (row.state, row.reason) == ("declared", "it is only a test")
    monkeypatch.setitem(checks.CHECKS, "finite", lambda subject: fails)
    (row,) = conform(["timm/test_vit"], tmp_path / "b", workers=1, quiet=True)
    assert row.state == "fails"


def test_image_text_without_its_tokenizer_is_checked_by_images(monkeypatch):
    from types import SimpleNamespace

    import zoo.conformance.checks as checks
    from zoo.errors import Offline

    def prepare(spec, modality=""):
        if not modality:
            raise Offline("the tokenizer is not on this machine")
        return checks.Subject(spec, SimpleNamespace(spec=spec), [modality], [])

    monkeypatch.setattr(checks, "prepare", prepare)
    monkeypatch.setattr(checks, "CHECKS", {"seen": lambda subject: checks.Finding("holds", subject.samples[0])})
    row = examine(spec_of("open_clip/ViT-B-16-SigLIP"), 10**9)
    assert row.through.startswith("its image tower")
    assert row.checks["seen"]["detail"] == "vision"


@pytest.mark.parametrize("limit", [{"timeout": 0.2}, {"memory_mb": 50}])
def test_a_limit_is_no_verdict(tmp_path, monkeypatch, limit):
    import time

    def slow(spec, largest):
        kept = bytearray(200_000_000)
        time.sleep(5)
        return kept

    monkeypatch.setattr(module, "examine", slow)
    (row,) = conform(TINY[:1], tmp_path, workers=2, quiet=True, **limit)
    assert (row.state, row.reason.partition(":")[0]) == (
        "not checked", "TimeLimit" if "timeout" in limit else "MemoryLimit")  # fmt: skip


def test_a_small_configuration_that_the_library_refuses_is_no_verdict(tmp_path, monkeypatch):
    monkeypatch.setattr("zoo.conformance.reduced.stand_in", lambda spec, largest: 1 / 0)
    (row,) = conform(TINY[:1], tmp_path, workers=1, quiet=True)
    assert (row.state, "ZeroDivisionError" in row.reason) == ("not checked", True)


def test_unknown_names_are_refused_before_anything_runs(tmp_path):
    with pytest.raises(UnknownName, match="Nearest: timm/test_resnet"):
        conform(["timm/test_resnet1"], tmp_path / "out", workers=1, quiet=True)
    assert not (tmp_path / "out").exists()


def test_damaged_rows_are_told(tmp_path):
    conform(TINY[:1], tmp_path, workers=1, quiet=True)
    next(tmp_path.glob("*.json")).write_text("{")
    from zoo.errors import StoreError

    with pytest.raises(StoreError, match="cannot be read"):
        read(tmp_path)
