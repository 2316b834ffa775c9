"""`zoo.embed`: equal to encoding one by one, resumable after a kill, and honest about what it could not read."""

import json
import os
import subprocess
import sys

import numpy as np
import pyarrow.parquet as pq
import pytest
import soundfile
import torch
import torchaudio
from PIL import Image
from safetensors.numpy import load_file

import zoo
from zoo.embedding import run
from zoo.errors import DataError, UnknownName, UsageError
from zoo.providers.batching import encode_samples

NAME = "pocket/resnet10.glyphs"


def table_of(path):
    table = pq.read_table(path)
    return table["path"].to_pylist(), table["row"].to_pylist(), np.array(table["features"].to_pylist(), np.float32)


def test_features_are_those_of_each_alone_in_the_order_of_the_inputs(photos, tmp_path):
    made = zoo.embed(NAME, [photos / "right", photos / "left"], tmp_path / "o.parquet", batch_size=5, quiet=True)
    paths, rows, features = table_of(tmp_path / "o.parquet")
    expected = [*sorted(map(str, (photos / "right").iterdir())), *sorted(map(str, (photos / "left").iterdir()))]
    assert paths == expected
    assert rows == [None] * 24
    assert (made.rows, made.width, made.unreadable) == (24, 256, [])
    backbone = zoo.load(NAME)
    for path, vector in zip(paths, features, strict=True):
        alone = encode_samples(backbone, [Image.open(path)])["vision"].pooled[0].numpy()
        assert np.abs(alone - vector).max() <= 1e-4 * np.abs(alone).max()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["o.parquet", "photos"]


def test_unreadable_inputs_are_listed_and_the_rest_goes_on(photos, tmp_path):
    (photos / "left" / "3.png").write_bytes(b"no image")
    made = zoo.embed(NAME, [photos / "left"], tmp_path / "o.safetensors", quiet=True)
    assert made.rows == 11
    assert [item.path for item, _ in made.unreadable] == [str(photos / "left" / "3.png")]
    found = load_file(tmp_path / "o.safetensors")
    assert len(json.loads(found["paths"].tobytes())) == len(found["features"]) == 11
    (line,) = (tmp_path / "o.safetensors.unreadable.jsonl").read_text().splitlines()
    assert json.loads(line)["path"] == str(photos / "left" / "3.png")
    assert "cannot be read as an image" in json.loads(line)["reason"]


def test_nothing_readable_is_an_error(tmp_path):
    (tmp_path / "a.png").write_bytes(b"no")
    with pytest.raises(DataError, match=r"none of the 1 inputs could be read. The first: .*a\.png"):
        zoo.embed(NAME, [tmp_path / "a.png"], tmp_path / "o.safetensors", quiet=True)
    assert not (tmp_path / "o.safetensors").exists()


def test_an_interrupted_run_goes_on(photos, tmp_path, monkeypatch):
    monkeypatch.setattr(run, "BATCHES", 1)
    plain = zoo.embed(NAME, [photos], tmp_path / "plain.parquet", batch_size=4, quiet=True)
    real, calls = run._part, []

    def stopping(*arguments):
        if len(calls) == 3:
            raise KeyboardInterrupt
        calls.append(arguments)
        return real(*arguments)

    monkeypatch.setattr(run, "_part", stopping)
    with pytest.raises(KeyboardInterrupt):
        zoo.embed(NAME, [photos], tmp_path / "o.parquet", batch_size=4, quiet=True)
    assert not (tmp_path / "o.parquet").exists()
    with pytest.raises(UsageError, match="unfinished run, of another batch size"):
        zoo.embed(NAME, [photos], tmp_path / "o.parquet", batch_size=5, quiet=True)
    again = []
    monkeypatch.setattr(run, "_part", lambda *a: again.append(a) or real(*a))
    made = zoo.embed(NAME, [photos], tmp_path / "o.parquet", batch_size=4, quiet=True)
    assert len(again) == 3  # of 6 parts
    assert made.rows == plain.rows
    assert table_of(tmp_path / "o.parquet")[0] == table_of(tmp_path / "plain.parquet")[0]
    assert np.array_equal(table_of(tmp_path / "o.parquet")[2], table_of(tmp_path / "plain.parquet")[2])
    assert not (tmp_path / "o.parquet.parts").exists()


def test_a_killed_process_loses_no_finished_part(photos, tmp_path):
    code = (
        "import time\nfrom zoo.embedding import run\nrun.BATCHES, real = 1, run._part\n"
        "def slow(backbone, items, rows, *rest):\n"
        "    print(rows.start, flush=True)\n"
        "    if rows.start >= 8: time.sleep(60)\n"
        "    return real(backbone, items, rows, *rest)\n"
        "run._part = slow\n"
        f"run.embed({NAME!r}, [{str(photos)!r}], {str(tmp_path / 'o.parquet')!r}, batch_size=4, quiet=True)"
    )
    child = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    for line in child.stdout:
        if line.strip() == "8":
            break
    child.kill()
    child.wait()
    child.stdout.close()
    parts = tmp_path / "o.parquet.parts"
    assert sorted(p.name for p in parts.glob("*.safetensors")) == ["000000.safetensors", "000001.safetensors"]
    before = {p: p.stat().st_mtime_ns for p in parts.glob("*.safetensors")}
    whole = pytest.MonkeyPatch()
    whole.setattr(run, "BATCHES", 1)
    seen = []
    real = run._part
    whole.setattr(run, "_part", lambda b, i, rows, *rest: seen.append(rows.start) or real(b, i, rows, *rest))
    try:
        assert zoo.embed(NAME, [photos], tmp_path / "o.parquet", batch_size=4, quiet=True).rows == 24
    finally:
        whole.undo()
    assert seen == [8, 12, 16, 20]
    assert len(before) == 2


def test_changed_inputs_are_another_run(photos, tmp_path, monkeypatch):
    monkeypatch.setattr(run, "_part", lambda *a: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        zoo.embed(NAME, [photos], tmp_path / "o.parquet", quiet=True)
    os.utime(photos / "left" / "0.png", (1, 1))
    with pytest.raises(UsageError, match="of another inputs"):
        zoo.embed(NAME, [photos], tmp_path / "o.parquet", quiet=True)


def test_sounds_of_any_length_and_rate(tmp_path, monkeypatch):
    bundle = torchaudio.pipelines.WAV2VEC2_BASE
    small = {"encoder_embed_dim": 32, "encoder_num_layers": 1, "encoder_num_heads": 4, "encoder_pos_conv_groups": 4}
    monkeypatch.setattr(bundle, "_params", bundle._params | small)
    (tmp_path / "calls").mkdir()
    rng = np.random.default_rng(0)
    for index, (length, rate) in enumerate([(9_000, 16_000), (20_000, 44_100), (300, 16_000), (5_000, 8_000)]):
        soundfile.write(tmp_path / "calls" / f"{index}.wav", rng.uniform(-1, 1, (length, 2)), rate)
    name = "torchaudio/wav2vec2_base.WAV2VEC2_BASE"
    made = zoo.embed(name, [tmp_path / "calls"], tmp_path / "o.parquet", pretrained=False, seed=3, quiet=True)
    assert made.rows == 3
    assert "at least 400 for one token" in made.unreadable[0][1]
    assert "audio becomes mono" in made.notes[0]
    backbone = zoo.load(name, pretrained=False, seed=3)
    paths, _, features = table_of(tmp_path / "o.parquet")
    alone = torch.cat([encode_samples(backbone, [path])["speech"].pooled for path in paths]).numpy()
    assert np.abs(alone - features).max() < 1e-4 * np.abs(alone).max()


def test_bad_requests(photos, tmp_path):
    (tmp_path / "o.parquet").touch()
    for arguments, error, said in (
        ((NAME, [photos], tmp_path / "o.parquet"), UsageError, "exists"),
        ((NAME, [photos], tmp_path / "o.csv"), UsageError, "must end in"),
        (("pocket/resnet1", [photos], tmp_path / "n.parquet"), UnknownName, "pocket/resnet10"),
        ((NAME, [tmp_path / "absent"], tmp_path / "n.parquet"), DataError, "does not exist"),
    ):
        with pytest.raises(error, match=said):
            zoo.embed(*arguments, quiet=True)
    with pytest.raises(UsageError, match="--batch-size 0"):
        zoo.embed(NAME, [photos], tmp_path / "n.parquet", batch_size=0)
    with pytest.raises(UsageError, match="features of text and vision"):
        run.only({"vision": None, "text": None})


def test_progress_is_told_on_stderr(photos, tmp_path, capsys):
    zoo.embed(NAME, [photos], tmp_path / "o.parquet")
    out, err = capsys.readouterr()
    assert out == ""
    assert "embedding: done at 24/24 inputs" in err
