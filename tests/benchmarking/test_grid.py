import dataclasses

import pytest

import zoo
from zoo.benchmarking.arms import Workbench
from zoo.benchmarking.executors import InProcess
from zoo.benchmarking.grid import Grid
from zoo.benchmarking.places import Place, place_of
from zoo.benchmarking.store import Store
from zoo.benchmarking.suite import load_suite
from zoo.errors import IncompatibleError, StoreError
from zoo.specs import Result
from zoo.training.progress import Progress


def tiny(**changes):
    suite = load_suite("digits")
    arms = tuple(arm for arm in suite.arms if arm.id in ("F:glyphs", "S", "C"))
    return dataclasses.replace(suite, arms=arms, budgets=(1,), seeds=(0, 1), steps=2, longer=(), **changes)


@pytest.fixture(scope="module")
def workbench():
    return Workbench(tiny())


@pytest.fixture
def grid(workbench, tmp_path):
    store = Store(tmp_path)
    store.create(workbench.suite)
    return Grid(workbench, store)


def finish(grid):
    with Progress("grid", 0, quiet=True) as progress:
        grid.run(InProcess(), progress)
    return {row.key: row for row in grid.store.rows()}


def failing(workbench, where):
    """A workbench on which the chosen cells fail."""
    broken = object.__new__(Workbench)
    broken.__dict__.update(workbench.__dict__)

    def run(job):
        if where(job.run):
            raise RuntimeError("power cut")
        return workbench.run(job)

    broken.run = run
    return broken


def test_places_and_their_cells(grid):
    assert Place("S", 1, 1) in grid.places
    job = grid.trials(Place("S", 1, 1), [0.01])[0]
    assert place_of(job.run) == Place("S", 1, 1)
    assert job.run.recipe["lr"] == 0.01
    assert len(grid.everything()) == 3 * (3 * 2 + 2)


def test_a_retry_of_failed_trials_leaves_a_finished_arm_alone(grid, workbench):
    """Otherwise the retried value could win, and two different rows would claim each reporting cell."""
    best = 10.0

    def lost(run):
        return run.phase == "tune" and run.arm == "F:glyphs" and run.recipe["penalty"] == best

    broken = Grid(failing(workbench, lost), grid.store)
    finish(broken)
    assert len(grid.store.failed()) == 2
    assert broken.failed == 0  # no reporting cell
    before = {row.key for row in grid.store.rows() if row.run.phase == "final"}
    again = Grid(workbench, grid.store, only="failed")
    finish(again)
    assert again.ran == 0
    assert {row.key for row in grid.store.rows() if row.run.phase == "final"} == before


def test_failed_reporting_cells_are_retried_with_the_same_choice(grid, workbench):
    broken = Grid(
        failing(workbench, lambda run: run.phase == "final" and run.seed == 1 and run.role == "C"), grid.store
    )
    finish(broken)
    assert broken.failed == 1
    again = Grid(workbench, grid.store, only="failed")
    rows = finish(again)
    assert again.ran == 1
    chosen = {str(row.result["chosen"]) for row in rows.values() if row.run.phase == "final" and row.run.role == "C"}
    assert len(chosen) == 1
    assert all(row.ok for row in rows.values())


def test_rows_of_other_weights_are_not_mixed_in(grid, workbench):
    finish(grid)
    other = object.__new__(Workbench)
    other.__dict__.update(workbench.__dict__)
    other.digests = {**workbench.digests, "F:glyphs": "retrained"}
    with pytest.raises(StoreError, match=r"arm 'F:glyphs' that another start made \(backbone_digest differs.*--out"):
        Grid(other, grid.store).planned()
    assert Grid(workbench, grid.store).planned() == []


def test_planned_counts_what_is_missing(grid):
    rows = finish(grid)
    row = next(row for row in rows.values() if row.run.phase == "final" and row.run.role == "S")
    (grid.store.folder / "rows" / f"{row.key}.json").unlink()
    assert [job.run for job in grid.planned()] == [row.run]


def test_extension_is_the_same_after_a_kill_between_its_trials(grid, workbench):
    whole = finish(grid)
    extended = [
        r for r in whole.values() if r.run.phase == "tune" and r.run.recipe.get("lr") not in (None, 1e-3, 1e-2, 1e-1)
    ]
    cut = Store(grid.store.folder / "cut")
    cut.create(workbench.suite)
    for row in whole.values():
        if row.run.phase == "tune" and row not in extended[1:]:
            cut.write(Result(row.run, row.result, row.measured))
    resumed = finish(Grid(workbench, cut))
    assert {key: row.result for key, row in resumed.items()} == {key: row.result for key, row in whole.items()}


@pytest.mark.parametrize(
    ("backbone", "what"),
    [("timm/test_vit", "architecture and preprocessing"), ("module/test_grid:blurred", "preprocessing")],
)
def test_arms_that_differ_in_more_than_their_start_are_refused(backbone, what):
    suite = tiny()
    arms = [dataclasses.replace(arm, backbone=backbone) if arm.role == "S" else arm for arm in suite.arms]
    with pytest.raises(IncompatibleError, match=f"another {what} than the from-scratch arm"):
        Workbench(dataclasses.replace(suite, arms=tuple(arms)))


def blurred():
    """The pocket network with other statistics."""
    built = zoo.load("pocket/resnet10", pretrained=False)
    return dataclasses.replace(built, spec=dataclasses.replace(built.spec, mean=(0.5,)))
