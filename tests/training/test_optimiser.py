import torch
from torch.optim.lr_scheduler import LambdaLR

from zoo.training.optimiser import adamw, warmup_cosine


def test_schedule_against_a_slow_rewrite():
    steps, warmup = 40, 0.25
    seen = [warmup_cosine(step, steps, warmup) for step in range(steps)]
    assert seen[:10] == [(i + 1) / 10 for i in range(10)]
    cosine = torch.optim.lr_scheduler.CosineAnnealingLR(torch.optim.SGD([torch.zeros(1)], lr=1.0), T_max=30)
    for expected in seen[10:]:
        assert abs(cosine.get_last_lr()[0] - expected) < 1e-9
        cosine.optimizer.step()
        cosine.step()


def test_no_warmup_starts_at_full_rate():
    assert warmup_cosine(0, 10, 0.0) == 1.0


def test_adamw_is_fused_and_keeps_group_rates():
    optimiser = adamw([{"params": [torch.nn.Parameter(torch.ones(2))], "lr": 0.5, "weight_decay": 0.1}])
    LambdaLR(optimiser, lambda step: 0.5)
    assert optimiser.param_groups[0]["fused"]
    assert optimiser.param_groups[0]["lr"] == 0.25
