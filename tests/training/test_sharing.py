import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from small_backbones import small, small_folder

import zoo
from zoo.contracts import Batch, Padded, Pair
from zoo.data.raw import from_labelled, from_list
from zoo.training import sharing, sources
from zoo.training.sharing import blank, rows_suffice, shape_of
from zoo.training.sources import SampleSource

TEXTS = [f"text number {index}" + " word" * (index % 7) for index in range(40)]


@pytest.mark.parametrize(
    "one",
    [
        torch.ones(1, 3, 4),
        Padded(torch.ones(1, 5, 2, dtype=torch.int64), torch.tensor([[True] * 3 + [False] * 2])),
        Pair(torch.ones(1, 3, 4), Padded(torch.ones(1, 2), torch.ones(1, 2, dtype=torch.bool))),
        (torch.ones(1, 2), torch.ones(1, 3)),
    ],
)
def test_zeros_have_the_shape_that_was_told(one):
    assert shape_of(blank(shape_of(one))) == shape_of(one)


class Two:
    """Two processes in one: `as_rank` makes this process one of them, and what the other has is known."""

    def __init__(self, monkeypatch, size):
        self.size, self.rank, self.sent = size, 0, {}
        monkeypatch.setattr(sharing, "processes", lambda: 2)
        monkeypatch.setattr(sharing, "rank", lambda: self.rank)
        monkeypatch.setattr(sharing, "total", float)
        monkeypatch.setattr(sharing, "gathered", lambda told: [*map(self.sent.get, (0, 1))])
        for module in (sharing, sources):
            monkeypatch.setattr(module, "share", self.share)

    def share(self, size):
        return slice(size * self.rank // 2, size * (self.rank + 1) // 2)

    def tell(self, source, step):
        for self.rank in (0, 1):
            rows = source.own(step, self.size, 0)
            self.sent[self.rank] = ([shape_of(one) for one in rows.made], rows.targets)


@pytest.mark.parametrize("padding", ["masked", "equal_length"])
def test_own_rows_are_those_of_the_whole_batch(monkeypatch, padding):
    bert = small("transformers/bert")
    object.__setattr__(bert.spec, "padding", padding)
    whole, source = (SampleSource(from_list(TEXTS, "text"), bert) for _ in range(2))
    two = Two(monkeypatch, size=7)
    for step in range(3):
        two.tell(source, step)
        expected = whole.at(step, 7, 0)
        for two.rank in (0, 1):
            made = source.joined(source.own(step, 7, 0))
            assert torch.equal(made.targets, expected.targets)
            own, wanted = (sharing.taken(batch, two.share(7)) for batch in (made, expected))
            assert sharing._equal(own, wanted)
            assert not sharing._equal(made, expected)


def test_rows_of_the_others_are_not_opened(monkeypatch):
    pocket = zoo.load("pocket/resnet10", pretrained=False, seed=0)
    source = SampleSource(from_labelled(zoo.read_data("digits").taken(np.arange(16))), pocket)
    two = Two(monkeypatch, size=8)
    two.rank = 1
    for step in (0, 1):
        source.own(step, 8, 0)
    assert len(source._kept) == 8  # half of an epoch


class Mixing:
    """An objective whose views let samples flow into each other, or not."""

    def __init__(self, mixes):
        self.mixes = mixes

    def views(self, batch, generator):
        noise = torch.rand(batch.inputs.shape, generator=generator)
        return Batch(batch.inputs + noise + self.mixes * batch.inputs.flip(0), batch.targets)


@pytest.mark.parametrize("mixes", [0, 1])
def test_views_that_mix_samples_are_found_out(monkeypatch, mixes):
    pocket = zoo.load("pocket/resnet10", pretrained=False, seed=0)
    source = SampleSource(from_labelled(zoo.read_data("digits").taken(np.arange(16))), pocket)
    assert not rows_suffice(Mixing(0), source, 8, 0)  # alone there is nothing to share
    two = Two(monkeypatch, size=8)
    sent = {}
    for step in range(sharing.CHECKED):
        two.tell(source, step)
        sent[step] = dict(two.sent)
    two.rank, steps = 0, iter(sent)
    monkeypatch.setattr(sharing, "gathered", lambda told: list(sent[next(steps)].values()))
    assert rows_suffice(Mixing(mixes), source, 8, 0) == (not mixes)


def launched(folder, program, *arguments, count=2, **options):
    (folder / "program.py").write_text(program)
    here = Path(__file__).parents[2]
    paths = [str(here), str(here / "tests/training"), str(here / "tests/providers")]
    launch = [sys.executable, "-m", "torch.distributed.run", f"--nproc-per-node={count}", "--standalone"]
    return subprocess.Popen(
        [*launch, str(folder / "program.py"), *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True, env=os.environ | {"PYTHONPATH": os.pathsep.join(paths), "OMP_NUM_THREADS": "1"}, **options,
    )  # fmt: skip


MANY = """
import sys, torch, zoo
from pathlib import Path
torch.set_num_threads(1)
out, bert, hubert, wav2vec2, texts, clips, photos = Path(sys.argv[1]), *sys.argv[2:]
def run(name, backbone, data, objective, **options):
    zoo.pretrain(backbone, out / name, data=data, objective=objective, options=options, steps=5, batch_size=6,
                 device="cpu", quiet=True, probe_every=0)
run("mlm", bert, texts, "mlm")
run("hubert", hubert, clips, "masked_prediction", clusters=4, clips=6)
run("wav2vec2", wav2vec2, clips, "wav2vec2", others=10)
vit = "timm/test_vit"
run("mae", vit, photos, "mae", decoder_width=32, decoder_depth=1)
run("simclr", vit, photos, "simclr")
"""


@pytest.mark.slow
def test_two_processes_with_their_own_rows_give_the_losses_of_one(photos, tmp_path):
    import soundfile

    (tmp_path / "texts.txt").write_text("\n".join(TEXTS))
    (tmp_path / "clips").mkdir()
    for index in range(8):
        wave = np.random.default_rng(index).normal(size=6000 + 900 * (index % 3)) / 10
        soundfile.write(tmp_path / "clips" / f"{index}.wav", wave, 16000)
    bert = small_folder(
        "transformers/bert", tmp_path / "bert", hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0
    )
    drops = ("hidden_dropout", "attention_dropout", "activation_dropout", "feat_proj_dropout", "layerdrop")
    hubert, wav2vec2 = (
        small_folder(f"transformers/{arch}", tmp_path / arch, **dict.fromkeys(drops, 0.0))
        for arch in ("hubert", "wav2vec2")
    )
    for count in (1, 2):
        given = (tmp_path / f"by{count}", bert, hubert, wav2vec2, tmp_path / "texts.txt", tmp_path / "clips", photos)
        ran = launched(tmp_path, MANY, *given, count=count)
        _, errors = ran.communicate(timeout=400)
        assert ran.returncode == 0, errors
    for name in ("mlm", "hubert", "wav2vec2", "mae", "simclr"):
        told = [json.loads((tmp_path / f"by{count}" / name / "history.json").read_text()) for count in (1, 2)]
        assert told[1]["losses"] == pytest.approx(told[0]["losses"], abs=1e-4), name
        assert not any("reads all rows" in note for note in told[1]["notes"]), name


ONE_RUN = """
import os, signal, sys, time, torch, toy_objectives, zoo
from pathlib import Path
from zoo.cli.main import main
from zoo.training import loop
torch.set_num_threads(1)
toy_objectives.register()
bert, data, out, how = sys.argv[1:]
rank, original = int(os.environ["RANK"]), loop.batch_on
def batch_on(batch, device):
    batch_on.calls = getattr(batch_on, "calls", 0) + 1
    if how.startswith("kill") and batch_on.calls == 6 and (how == "kill both" or rank == 1):
        os.kill(os.getpid(), signal.SIGKILL)
    if how == "slow":
        Path(out, f"at-{rank}-{batch_on.calls}").touch()
        time.sleep(0.3)
    return original(batch, device)
loop.batch_on = batch_on
arguments = ["pretrain", bert, data, "--objective", "hidden", "--out", out, "--steps", "12", "--batch-size", "6",
             "--device", "cpu", "--checkpoint-every", "4"]
sys.exit(main(arguments))
"""


@pytest.mark.slow
def test_two_processes_that_are_killed_or_stopped_go_on_to_the_same_end(tmp_path):
    bert = small_folder("transformers/bert", tmp_path / "bert")
    (tmp_path / "a.txt").write_text("\n".join(TEXTS))

    def run(out, how, **options):
        return launched(tmp_path, ONE_RUN, bert, tmp_path / "a.txt", tmp_path / out, how, **options)

    def finished(out):
        ran = run(out, "whole")
        _, errors = ran.communicate(timeout=300)
        assert ran.returncode == 0, errors
        return zoo.load(str(tmp_path / out)).spec.digest

    expected = finished("whole")
    for how in ("kill one", "kill both"):
        killed = run(how, how)
        killed.communicate(timeout=300)
        assert killed.returncode != 0
        assert [path.name for path in (tmp_path / how / "checkpoints").glob("step-*")] == ["step-4"]
        assert finished(how) == expected

    stopped = run("stop", "slow")
    patience = time.monotonic() + 200
    while not (tmp_path / "stop" / "at-1-6").exists() and time.monotonic() < patience:
        time.sleep(0.05)
    stopped.send_signal(signal.SIGINT)  # to the launcher, which tells its processes
    _, errors = stopped.communicate(timeout=200)
    assert "was stopped by Ctrl-C after step" in errors
    assert errors.count("was stopped by Ctrl-C") == 1
    (last,) = (path.name for path in (tmp_path / "stop" / "checkpoints").iterdir() if path.name != "step-4")
    assert last.startswith("step-")
    assert finished("stop") == expected
