"""`bench_collection` from end to end on tiny suites: one crew, resumed, and what happens when a member cannot run."""

import shutil

import pytest
from sentence_encoder import sentence_encoder
from tiny_collection import files, suite_text

import zoo.benchmarking.collection_runner as module
import zoo.benchmarking.runner as runner
from zoo.benchmarking.collection_runner import bench_collection, by_modality, together, weigh
from zoo.benchmarking.collection_status import collection_status
from zoo.benchmarking.collection_store import pack_collection, read_collection
from zoo.benchmarking.forecast import Forecast, Pace
from zoo.benchmarking.runner import bench
from zoo.benchmarking.store import Store
from zoo.benchmarking.suite import load_suite
from zoo.errors import IncompatibleError, StoreError, UnknownName, UsageError, WeightsError
from zoo.specs import canonical


@pytest.fixture(autouse=True)
def fast(monkeypatch):
    """No timing of real cells for the forecast, and no report but that of the reference."""
    monkeypatch.setattr(module, "write_collection_report", lambda store, folder: [])
    monkeypatch.setattr(runner, "write_report", lambda suite, rows, folder: [])
    monkeypatch.setattr(
        runner, "measure_paces", lambda workbench, arms: dict.fromkeys(arms, Pace(0.01, 0.1, 100.0, 10.0))
    )


def run(path, out, **options):
    return bench_collection(path, out, workers=1, quiet=True, **options)


def results(folder):
    return {row.key: canonical([row.run.to_json(), row.result]) for row in Store(folder).rows()}


@pytest.fixture(scope="module")
def reference(tmp_path_factory):
    folder = tmp_path_factory.mktemp("collection")
    path = files(folder, "one", "two", "absent")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(runner, "measure_paces", lambda bench, arms: dict.fromkeys(arms, Pace(0.01, 0.1, 100.0, 10.0)))
        told = []
        return path, run(path, folder / "run", tell=told.append), told


def test_all_members_run_and_one_that_cannot_is_said(reference):
    _, done, told = reference
    assert done.failed == 0
    assert collection_status(done.store).total("missing") == 0
    assert done.ran == collection_status(done.store).total("finished")
    assert list(done.problems) == ["absent"]
    assert "unknown suite 'absent'" in read_collection(done.store)[1][2].problem
    assert told[-3:] == [
        f"all together: {done.forecast}",
        *(f"{name}: reading inputs and frozen features, once for all cells" for name in ("one", "two")),
    ]
    assert done.forecast.cells == 24
    page = (done.store / "report.html").read_text(encoding="utf-8")
    assert "did not run" in page
    assert 'href="one/report.html"' in page
    assert (done.store / "two" / "report.html").is_file()


def test_references_stand_beside_the_members_of_their_modality(reference, tmp_path):
    path, _, _ = reference
    done = run(path, tmp_path / "with", references=["pocket/resnet10.textures"])
    stores = [entry.store for entry in read_collection(done.store)[1] if entry.member.suite in ("one", "two")]
    arms = [{row.run.arm for row in Store(store).rows() if row.run.role == "R"} for store in stores]
    assert arms == [{"R:resnet10.textures"}] * 2
    with pytest.raises(IncompatibleError, match=r"pocket/gpt2.pairs is for text, and the members are for vision\. Fix"):
        run(path, tmp_path / "other", references=["pocket/gpt2.pairs"])
    with pytest.raises(IncompatibleError, match="has no trained weights"):
        run(path, tmp_path / "other", references=["pocket/resnet10"])


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["pocket/resnet10.textures", "pocket/resnet10.textures"], "resnet10.textures is named twice. Fix"),
        (["pocket/resnet10.glyphs"], "is an arm of suite 'one' already. Fix: leave it out"),
    ],
)
def test_a_reference_that_a_member_cannot_have_is_refused_before_anything_is_made(reference, tmp_path, names, said):
    """It is a fault of the command: no member is shown as one that cannot run."""
    with pytest.raises(UsageError, match=said):
        run(reference[0], tmp_path / "out", references=names)
    assert not (tmp_path / "out").exists()


def test_a_reference_without_its_weights_costs_no_member_its_run(reference, tmp_path):
    sentence_encoder(tmp_path / "net")
    (tmp_path / "net" / "model.safetensors").unlink()
    texts = reference[0].read_text(encoding="utf-8").replace("vision", "text")
    (tmp_path / "areas.toml").write_text(texts, encoding="utf-8")
    with pytest.raises(WeightsError, match=r"model\*?\.safetensors"):
        run(tmp_path / "areas.toml", tmp_path / "out", references=[str(tmp_path / "net")])
    assert not (tmp_path / "out").exists()


def test_a_suite_alone_is_not_run_into_the_folder_of_a_collection(reference, tmp_path):
    path, done, _ = reference
    before = sorted(done.store.rglob("*"))
    with pytest.raises(StoreError, match=r"is the folder of a collection\. Fix: give suite 'two' another folder"):
        bench(load_suite(path.with_name("two.toml")), done.store, workers=1, quiet=True)
    assert sorted(done.store.rglob("*")) == before


def test_a_backbone_of_two_towers_stands_beside_images_and_texts():
    clip = "open_clip/ViT-B-32.laion2b_s34b_b79k"
    assert by_modality([clip], ["vision", "text", "speech"]) == {"text": [clip], "vision": [clip]}
    assert by_modality([clip], ["vision"]) == {"vision": [clip]}
    with pytest.raises(IncompatibleError, match="is for image-text, and the members are for speech"):
        by_modality([clip], ["speech"])


def test_packed_rows_are_not_run_over(reference, tmp_path):
    path, done, _ = reference
    packed = tmp_path / "packed"
    pack_collection(done.store, packed)
    before = sorted(packed.rglob("*"))
    for options in ({}, {"dry_run": True}, {"only": "failed"}):
        with pytest.raises(StoreError, match=r"one\.jsonl holds packed rows of one, to which a run cannot add\. Fix"):
            run(path, packed, **options)
    assert sorted(packed.rglob("*")) == before


def test_a_member_has_the_rows_that_it_has_alone(reference, tmp_path):
    path, done, _ = reference
    bench(load_suite(path.with_name("two.toml")), tmp_path / "alone", workers=1, quiet=True)
    assert results(tmp_path / "alone") == results(done.store / "two")


def test_a_second_call_runs_what_is_missing(reference, tmp_path):
    path, done, _ = reference
    again = shutil.copytree(done.store, tmp_path / "run")
    assert run(path, again).ran == 0
    lost = sorted((again / "two" / "rows").iterdir())[:2]
    for row in lost:
        row.unlink()
    assert run(path, again).ran == 2
    assert results(again / "two") == results(done.store / "two")


def test_only_failed_runs_those_again(reference, tmp_path):
    path, done, _ = reference
    again = shutil.copytree(done.store, tmp_path / "run")
    rows = again / "one" / "rows"
    row = next(row for row in Store(again / "one").rows() if row.run.phase == "final")
    (rows / f"{row.key}.json").unlink()
    Store(again / "one").write(type(row)(row.run, {"status": "failed", "reason": "power cut"}))
    other = sorted((again / "two" / "rows").iterdir())[0]
    other.unlink()  # never tried: left to a run without `only`
    assert run(path, again, only="failed").ran == 1
    assert results(again / "one") == results(done.store / "one")
    assert not other.exists()


def test_a_dry_run_writes_nothing(reference, tmp_path):
    done = run(reference[0], tmp_path / "run", dry_run=True)
    assert done.forecast.cells == 24
    assert not (tmp_path / "run").exists()


def test_a_member_that_loads_but_cannot_run_has_its_cells_counted(tmp_path):
    path = files(tmp_path, "one", "two")
    (tmp_path / "two.toml").write_text(suite_text("two").replace("resnet10.glyphs", "resnet10.glyfs"), encoding="utf-8")
    done = run(path, tmp_path / "run")
    assert list(done.problems) == ["two"]
    two = collection_status(done.store).members[1]
    assert two.status.total("missing") == 12
    assert "glyfs" in two.problem


def test_with_no_member_that_can_run_the_first_reason_is_raised(tmp_path):
    with pytest.raises(UnknownName, match="unknown suite 'absent'"):
        run(files(tmp_path, "absent"), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_another_collection_is_refused(reference, tmp_path):
    with pytest.raises(StoreError, match="another collection"):
        run(files(tmp_path, "one"), reference[1].store)


def test_bench_of_a_collection_says_what_runs_it(tmp_path):
    with pytest.raises(IncompatibleError, match="pocket is a collection of suites"):
        bench("pocket", tmp_path)


def test_an_unknown_pace_leaves_the_time_open():
    open_end = together([Forecast(5, 0.0, 0.0, 0.0, 2), Forecast(5, 9.0, 4.5, 50.0, 2)], 2)
    assert (open_end.cells, open_end.cpu_seconds) == (10, 0.0)
    assert together([Forecast(0, 0.0, 0.0, 0.0, 2)], 2).cells == 0
    assert weigh([]) == 0
