"""Muon: steps of equal length in all directions of a filter's matrix."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from mien.lab.recipe import Muon

ITERATIONS = 3
OTHER_MOMENTUM = 0.9


class MuonOptimizer(torch.optim.Optimizer):
    """Muon for convolution filters, SGD with Nesterov's momentum for all else.

    Filters keep their norm, the root of their number: behind batch normalisation it would change nothing but how large
    a step is relative to it. So the learning rate of a filter is the share of it that a step replaces.

    Source: Jordan et al., Muon (2024), and its use in cifar10-airbench. `torch.optim.Muon` takes matrices only, and
    leaves the norm to weight decay.
    """

    def __init__(self, network: nn.Module, lr: float, choice: Muon) -> None:
        parameters = [p for p in network.parameters() if p.requires_grad]
        filters = [p for p in parameters if _is_filter(p)]
        others = [p for p in parameters if not _is_filter(p)]
        ratio = choice.other_lr / choice.lr
        groups = [
            {"params": filters, "muon": True, "lr_ratio": 1.0, "weight_decay": 0.0, "momentum": choice.momentum},
            {"params": [p for p in others if p.ndim > 1], "weight_decay": choice.weight_decay},
            {"params": [p for p in others if p.ndim <= 1], "weight_decay": 0.0},
        ]
        super().__init__(groups, {"lr": lr, "muon": False, "lr_ratio": ratio, "momentum": OTHER_MOMENTUM})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        """Take one step; `closure` is refused."""
        assert closure is None
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None:
                    self._move(parameter, group)

    def _move(self, parameter: Tensor, group: dict[str, Any]) -> None:
        assert parameter.grad is not None
        gradient = parameter.grad.add(parameter, alpha=group["weight_decay"])
        state = self.state[parameter]
        if not state:
            state["momentum"] = torch.zeros_like(gradient)
        momentum = state["momentum"].mul_(group["momentum"]).add_(gradient)
        step = gradient.add(momentum, alpha=group["momentum"])  # Nesterov's
        if group["muon"]:
            parameter.mul_(len(parameter) ** 0.5 / parameter.norm())
            step = orthogonal(step.flatten(1)).view_as(step)
        parameter.add_(step, alpha=-group["lr"] * group["lr_ratio"])


def orthogonal(matrix: Tensor) -> Tensor:
    """Return about the orthogonal matrix that is nearest to the given one: its singular values become about 1.

    A polynomial of odd degree acts on the singular values alone, and its coefficients draw all that are not tiny
    towards 1 in few rounds; how near they come matters little.

    Args:
        matrix: ``(M, N)``.

    Returns:
        ``(M, N)`` of the same type, computed in bfloat16.
    """
    x: Tensor = matrix.bfloat16() / (matrix.norm() + 1e-7)
    for _ in range(ITERATIONS):
        square = x @ x.T  # (M, M)
        x = 3.4445 * x + (-4.7750 * square + 2.0315 * square @ square) @ x
    return x.to(matrix.dtype)


def _is_filter(parameter: Tensor) -> bool:
    return parameter.ndim == 4 and parameter.shape[1] > 1
