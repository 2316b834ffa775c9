"""`zoo bench` and `zoo report`."""

import dataclasses
import json
import shutil
from pathlib import Path

from running import run

from zoo.benchmarking.collection import Collection, Member, load_collection
from zoo.benchmarking.collection_runner import CollectionOutcome
from zoo.benchmarking.collection_store import open_collection
from zoo.benchmarking.forecast import Forecast
from zoo.benchmarking.runner import Outcome
from zoo.benchmarking.store import Store, read_rows, read_suite
from zoo.errors import DataError


def test_report_of_stored_rows(capsys, tmp_path):
    stored = "benchmarks/results/pocket-quick/digits.jsonl"
    code, out, _ = run(capsys, "report", stored, "--out", str(tmp_path))
    assert code == 0
    assert "glyphs, fine-tuned" in out
    assert (tmp_path / "report.html").is_file()
    summary = json.loads(run(capsys, "report", stored, "--json")[1])
    assert summary["suite"] == "digits"


def test_status_of_stored_rows(capsys):
    stored = "benchmarks/results/pocket-quick/digits.jsonl"
    code, out, _ = run(capsys, "bench", "status", stored)
    assert code == 0
    assert out.splitlines()[-1] == f"{stored}: suite digits, level quick: 242 cells finished, 0 failed, 0 missing"
    assert run(capsys, "bench", "status", "--out", stored)[1] == out
    found = json.loads(run(capsys, "bench", "status", stored, "--json")[1])
    assert (found["finished"], found["missing"], found["reasons"]) == (242, 0, {})


def test_a_collection_of_stored_rows(capsys, tmp_path):
    stored = Path("benchmarks/results/pocket-quick/digits.jsonl")
    made = Collection("one", "1", "quick", "One", "Stored rows.", (Member("digits", "vision", "digits"),))
    open_collection(tmp_path, made)
    shutil.copyfile(stored, tmp_path / "digits.jsonl")
    code, out, _ = run(capsys, "bench", "status", str(tmp_path))
    assert code == 0
    assert out.splitlines()[-1].endswith("collection one, level quick: 242 cells finished, 0 failed, 0 missing")
    assert json.loads(run(capsys, "bench", "status", str(tmp_path), "--json")[1])["finished"] == 242
    summary = json.loads(run(capsys, "report", str(tmp_path), "--json")[1])
    assert summary["members"][0]["finished"] == 140
    code, out, _ = run(capsys, "report", str(tmp_path), "--out", str(tmp_path / "out"))
    assert code == 0
    assert "In vision: with 1 label a class" in out
    assert (tmp_path / "out" / "digits" / "report.html").is_file()


def test_quick_is_a_word_for_its_level(capsys, monkeypatch):
    asked = []

    def bench(name, out, **options):
        asked.append((name, out, options["level"]))
        raise DataError("enough")

    monkeypatch.setattr("zoo.benchmarking.collection_runner.bench_collection", bench)
    for words in (["--quick"], [], ["--level", "quick", "--quick"], ["--level", "default"]):
        assert run(capsys, "bench", "pocket", *words)[0] == 2
    assert asked == [("pocket", "runs/pocket", level) for level in ("quick", "quick", "quick", "default")]
    code, _, err = run(capsys, "bench", "pocket", "--quick", "--level", "default")
    assert (code, len(asked)) == (2, 4)
    assert "--quick and --level default were both given" in err


def test_references_without_a_name(capsys):
    code, _, err = run(capsys, "bench", "pocket", "--with", "", "--dry-run")
    assert (code, "no reference was named" in err) == (2, True)


def test_the_folder_of_a_collection_with_references(capsys, monkeypatch, tmp_path):
    asked = []

    def bench(name, out, **options):
        asked.append(out)
        raise DataError("enough")

    monkeypatch.setattr("zoo.benchmarking.collection_runner.bench_collection", bench)
    (tmp_path / "minilm").mkdir()
    run(capsys, "bench", "pocket", "--with", f"{tmp_path / 'minilm'}, timm/resnet18.a1_in1k")
    assert asked == ["runs/pocket-with-minilm-resnet18.a1_in1k"]


def test_a_home_folder_that_no_shell_wrote_out(capsys, monkeypatch, tmp_path):
    """`--out=~/x` reaches zoo as it is: rows go to the home folder, and the report is printed from there."""
    stored = Path("benchmarks/results/pocket-quick/digits.jsonl").resolve()
    monkeypatch.setenv("HOME", str(tmp_path))
    Store(tmp_path / "x").create(read_suite(stored))
    for row in read_rows(stored):
        Store(tmp_path / "x").write(row)
    done = Outcome(tmp_path / "x", read_suite(stored), 0, 0, Forecast(0, 0.0, 0.0, 0.0, 1))
    monkeypatch.setattr("zoo.benchmarking.runner.bench", lambda suite, out, **options: done)
    code, out, _ = run(capsys, "bench", "digits", "--out=~/x")
    assert (code, "glyphs, fine-tuned" in out) == (0, True)


def test_options_of_data_do_not_go_with_a_collection(capsys):
    code, _, err = run(capsys, "bench", "pocket", "--steps", "3")
    assert code == 2
    assert "--steps without --data" in err


def test_a_forecast_as_json(capsys, monkeypatch):
    forecast = Forecast(24, 6.0, 3.0, 900.0, 2)
    done = CollectionOutcome(Path("x"), load_collection("pocket"), 0, 0, forecast, {"words": "no soundfile"})
    monkeypatch.setattr("zoo.benchmarking.collection_runner.bench_collection", lambda *given, **named: done)
    code, out, _ = run(capsys, "bench", "pocket", "--dry-run", "--json")
    assert code == 1
    assert json.loads(out) == {**dataclasses.asdict(forecast), "problems": {"words": "no soundfile"}}
    assert run(capsys, "bench", "pocket", "--json")[0] == 2
