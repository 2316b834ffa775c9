"""A few steps of an objective on one batch, for tests: plain AdamW, no engine."""

import torch

from zoo.contracts import Backbone, Batch


def losses_of(objective, backbone: Backbone, heads, batch: Batch, steps: int = 30, lr: float = 3e-3) -> list[float]:
    """The loss of each step; the same views every time, so that it must fall."""
    found = []
    parameters = {id(p): p for part in (backbone.module, heads) for p in part.parameters() if p.requires_grad}
    optimiser = torch.optim.AdamW(parameters.values(), lr=lr, weight_decay=0.0)
    for _ in range(steps):
        views = objective.views(batch, torch.Generator().manual_seed(0))
        loss = objective.loss(backbone, heads, views)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        objective.after_step()
        found.append(loss.item())
    return found


def check_gradients(objective, backbone: Backbone, heads, batch: Batch, unused: tuple[str, ...] = ()) -> None:
    """Every weight that trains gets a gradient, but for those whose name holds one of `unused`."""
    views = objective.views(batch, torch.Generator().manual_seed(0))
    objective.loss(backbone, heads, views).backward()
    for part in (backbone.module, heads):
        for name, parameter in part.named_parameters():
            if parameter.requires_grad and not any(word in name for word in unused):
                assert parameter.grad is not None, name
                assert torch.isfinite(parameter.grad).all(), name
