import subprocess
import sys
from pathlib import Path

import torch

from zoo.objectives.contrastive import clip_loss, nt_xent
from zoo.objectives.gathering import alone, gather_here

SCRIPT = """
import sys, torch
from datetime import timedelta
from zoo.objectives.contrastive import clip_loss, nt_xent
from zoo.objectives.gathering import across_processes, gather_here
rank, folder = int(sys.argv[1]), sys.argv[2]
torch.distributed.init_process_group(
    "gloo", init_method=f"file://{folder}/meet", rank=rank, world_size=2, timeout=timedelta(seconds=60)
)
assert gather_here() is across_processes
torch.manual_seed(0)
wholes = [torch.randn(6, 5) for _ in range(2)]
parts = [whole.chunk(2)[rank].clone().requires_grad_() for whole in wholes]
loss = nt_xent(*parts, 0.2, gather_here()) + clip_loss(*parts, torch.tensor(7.0), gather=gather_here())
loss.backward()
torch.save([loss.detach(), *[part.grad for part in parts]], f"{folder}/{rank}.pt")
torch.distributed.destroy_process_group()
"""


def test_a_single_process_gathers_its_own_rows():
    assert gather_here() is alone
    rows = torch.ones(3, 2)
    assert alone(rows).rows is rows
    assert alone(rows).first == 0


def test_two_real_processes_give_the_loss_and_gradient_of_one(tmp_path):
    root = Path(__file__).parents[2]
    running = [
        subprocess.Popen([sys.executable, "-c", SCRIPT, str(rank), str(tmp_path)], cwd=root, stderr=subprocess.PIPE)
        for rank in (0, 1)
    ]
    for process in running:
        _, said = process.communicate(timeout=120)
        assert process.returncode == 0, said.decode()
    torch.manual_seed(0)
    wholes = [torch.randn(6, 5, requires_grad=True) for _ in range(2)]
    loss = nt_xent(*wholes, 0.2) + clip_loss(*wholes, torch.tensor(7.0))
    loss.backward()
    first, second = (torch.load(tmp_path / f"{rank}.pt") for rank in (0, 1))
    assert torch.allclose((first[0] + second[0]) / 2, loss, atol=1e-6)
    for whole, one, other in zip(wholes, first[1:], second[1:], strict=True):  # the engine takes the mean gradient
        assert torch.allclose(torch.cat([one, other]) / 2, whole.grad, atol=1e-6)
