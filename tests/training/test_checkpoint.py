import json
import logging

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from zoo.errors import WeightsError
from zoo.training import checkpoint
from zoo.training.checkpoint import Checkpoints
from zoo.training.loop import make_accelerator
from zoo.training.trainspec import TrainSpec

SPEC = TrainSpec(steps=4, batch_size=1, lr=0.1, device="cpu")


def saved(tmp_path):
    accelerator = make_accelerator("cpu", "no")
    model = accelerator.prepare(nn.Linear(2, 2))
    return Checkpoints(tmp_path, accelerator, SPEC), model


def test_newest_are_kept_in_order_of_steps(tmp_path):
    checkpoints, _ = saved(tmp_path)
    for step in (2, 9, 10, 100):
        checkpoints.save(step, [0.5] * step)
    assert [path.name for path in checkpoints.steps()] == ["step-10", "step-100"]


def test_half_written_checkpoint_is_ignored(tmp_path):
    checkpoints, model = saved(tmp_path)
    checkpoints.save(1, [0.5])
    weight = model.weight.detach().clone()
    (tmp_path / ".partial-2").mkdir()
    (tmp_path / ".partial-2" / "model.safetensors").write_bytes(b"half")
    model.weight.data.zero_()
    losses = []
    assert checkpoints.resume(losses) == 1
    assert losses == [0.5]
    assert torch.equal(model.weight, weight)
    checkpoints.save(2, [0.5, 0.4])
    assert json.loads((tmp_path / "step-2" / "run.json").read_text())["losses"] == [0.5, 0.4]


def test_nothing_to_resume(tmp_path):
    assert saved(tmp_path / "empty")[0].resume([]) == 0


def test_weights_are_safetensors(tmp_path):
    checkpoints, _ = saved(tmp_path)
    checkpoints.save(1, [])
    assert (tmp_path / "step-1" / "model.safetensors").is_file()


@pytest.mark.parametrize("damaged", ["model.safetensors", "optimizer.bin", "run.json"])
def test_a_damaged_checkpoint_falls_back_to_the_one_before(tmp_path, damaged):
    accelerator = make_accelerator("cpu", "no")
    model = nn.Linear(2, 2)
    model, _ = accelerator.prepare(model, torch.optim.AdamW(model.parameters()))
    checkpoints = Checkpoints(tmp_path, accelerator, SPEC)
    checkpoints.save(1, [0.5])
    checkpoints.save(2, [0.5, 0.4])
    file = tmp_path / "step-2" / damaged
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    losses = []
    assert checkpoints.resume(losses) == 1
    assert losses == [0.5]
    (tmp_path / "step-1" / damaged).write_bytes(b"")
    with pytest.raises(WeightsError, match=r"do not fit this model or are damaged \(step-2: .*step-1"):
        checkpoints.resume([])


def test_strangers_in_the_folder_are_left_alone(tmp_path):
    checkpoints, _ = saved(tmp_path)
    (tmp_path / "step-old").mkdir()
    checkpoints.save(1, [])
    assert [path.name for path in checkpoints.steps()] == ["step-1"]
    checkpoints.clear()
    assert not tmp_path.exists()


def test_a_folder_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    checkpoints, _ = saved(tmp_path / "file" / "inside")
    with pytest.raises(WeightsError, match=r"cannot be written.*Fix"):
        checkpoints.save(1, [])


def test_what_else_a_run_remembers(tmp_path):
    checkpoints, _ = saved(tmp_path)
    checkpoints.save(1, [0.5])
    checkpoints.save(2, [0.5, 0.4], {"chunk": 4}, {"weight": torch.ones(2)})
    later, _ = saved(tmp_path)
    assert later.resume([]) == 2
    assert later.state == {"chunk": 4}
    assert torch.equal(later.weights["weight"], torch.ones(2))


def test_a_checkpoint_from_before_there_was_more_to_remember(tmp_path):
    checkpoints, _ = saved(tmp_path)
    checkpoints.save(1, [0.5])
    run = json.loads((tmp_path / "step-1" / "run.json").read_text())
    del run["state"]
    (tmp_path / "step-1" / "run.json").write_text(json.dumps(run))
    assert saved(tmp_path)[0].resume([]) == 1


def test_damaged_best_weights_fall_back_too(tmp_path):
    checkpoints, _ = saved(tmp_path)
    for step in (1, 2):
        checkpoints.save(step, [0.5] * step, {"scores": [[step, 1.0]]}, {"weight": torch.ones(2)})
    (tmp_path / "step-2" / "best.safetensors").write_bytes(b"half")
    assert checkpoints.resume([]) == 1
    assert checkpoints.state == {"scores": [[1, 1.0]]}


def test_a_full_disk_leaves_the_last_good_checkpoint(tmp_path):
    """A limit on the size of files fails every writer as a full disk does: accelerate's, torch's and safetensors'."""
    import resource

    accelerator = make_accelerator("cpu", "no")
    model = nn.Linear(300, 300)
    model, optimiser = accelerator.prepare(model, torch.optim.AdamW(model.parameters()))
    model(torch.ones(1, 300)).sum().backward()
    optimiser.step()
    checkpoints = Checkpoints(tmp_path, accelerator, SPEC)
    checkpoints.save(1, [0.5])
    weight = model.weight.detach().clone()
    model.weight.data.zero_()
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    for most in (2_000, 365_000):  # in the weights; in the state of the optimiser, which torch writes
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, before[1]))
        try:
            with pytest.raises(WeightsError, match=r"step-2 cannot be written.*last good one is .*step-1.*free space"):
                checkpoints.save(2, [0.5, 0.4], {}, {"large": torch.zeros(100, 100).T})
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
        assert [path.name for path in tmp_path.iterdir()] == ["step-1"]
    losses = []
    assert checkpoints.resume(losses) == 1
    assert torch.equal(model.weight, weight)


def test_weights_of_any_layout_are_remembered(tmp_path):
    checkpoints, _ = saved(tmp_path)
    weight = torch.rand(2, 3, 4, 4).to(memory_format=torch.channels_last)
    checkpoints.save(1, [0.5], {}, {"kernel": weight})
    assert checkpoints.resume([]) == 1
    assert torch.equal(checkpoints.weights["kernel"], weight)


class Tied(nn.Module):
    def __init__(self):
        super().__init__()
        self.one, self.other = nn.Linear(2, 2), nn.Linear(2, 2)
        self.other.weight = self.one.weight


def test_tied_weights_are_written_once_without_alarm(tmp_path, caplog):
    accelerator = make_accelerator("cpu", "no")
    model = accelerator.prepare(Tied())
    kept = model.one.weight.detach().clone()
    checkpoints = Checkpoints(tmp_path, accelerator, SPEC)
    with caplog.at_level(logging.WARNING):
        checkpoints.save(1, [0.5])
    assert not caplog.records
    file = next((tmp_path / "step-1").glob("model*.safetensors"))
    assert set(load_file(file)) == {"one.weight", "one.bias", "other.bias"}
    with torch.no_grad():
        model.one.weight.zero_()
    assert checkpoints.resume([]) == 1
    assert model.other.weight is model.one.weight
    assert torch.equal(model.other.weight, kept)


def test_a_tensor_that_shares_a_part_of_another_is_left_to_the_library():
    whole = torch.arange(6.0)
    state = {"whole": whole, "part": whole[:3], "again": whole[:], "own": torch.zeros(2)}
    checkpoint._once([], [state], "")
    assert set(state) == {"whole", "part", "own"}
