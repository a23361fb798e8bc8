"""Muon: an optimiser whose steps have equal length in all directions of a filter's matrix."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from mien.lab.hardware import is_fast_at_bfloat16
from mien.lab.recipe import Muon

ITERATIONS = 3
OTHER_MOMENTUM = 0.9


class MuonOptimizer(torch.optim.SGD):
    """Muon for convolution filters, SGD with Nesterov momentum for all other parameters.

    A layer's filters keep the same norm, the square root of their number: before batch normalisation, the norm only
    changes the relative size of a step. The learning rate of filters is therefore the share of them that a step
    replaces. That of the other parameters is ``lr_ratio`` times as large; the training loop multiplies the rate of each
    group by its `lr_ratio`.

    Source: Jordan et al., Muon (2024), and its use in cifar10-airbench. `torch.optim.Muon` takes matrices only, and
    leaves the norm to weight decay.
    """

    def __init__(self, network: nn.Module, lr: float, choice: Muon) -> None:
        parameters = [p for p in network.parameters() if p.requires_grad]
        filters = [p for p in parameters if _is_filter(p)]
        others = [p for p in parameters if not _is_filter(p)]
        ratio = choice.other_lr / choice.lr
        alike = {"lr": lr * ratio, "lr_ratio": ratio, "momentum": OTHER_MOMENTUM, "nesterov": True}
        groups = [
            {"params": filters, "muon_momentum": choice.momentum},
            {"params": [p for p in others if p.ndim > 1], "weight_decay": choice.weight_decay, **alike},
            {"params": [p for p in others if p.ndim <= 1], **alike},
        ]
        super().__init__(groups, lr)

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        """Take one step, which replaces the gradients of filters by their orthogonalised updates."""
        filters = self.param_groups[0]
        for parameter in filters["params"]:
            if parameter.grad is not None:
                state = self.state[parameter]
                if not state:
                    state["muon_buffer"] = torch.zeros_like(parameter.grad)
                momentum = state["muon_buffer"].mul_(filters["muon_momentum"]).add_(parameter.grad)
                step = parameter.grad.add(momentum, alpha=filters["muon_momentum"])  # Nesterov's
                parameter.mul_(len(parameter) ** 0.5 / parameter.norm().clamp(min=1e-7))  # some start at zero
                parameter.grad.copy_(orthogonal(step.flatten(1)).view_as(step))
        loss: float | None = super().step(closure)
        return loss


def orthogonal(matrix: Tensor) -> Tensor:
    """Return approximately the orthogonal matrix nearest to the given one: all singular values become about 1.

    An odd polynomial acts on the singular values alone; with these coefficients, a few iterations move all but tiny
    ones towards 1. How close they come matters little.

    Args:
        matrix: ``(M, N)``.

    Returns:
        ``(M, N)`` of the same type, computed in bfloat16 if the device is fast at it.
    """
    x: Tensor = matrix.to(torch.bfloat16 if is_fast_at_bfloat16() else torch.float32) / (matrix.norm() + 1e-7)
    for _ in range(ITERATIONS):
        square = x @ x.T  # (M, M)
        x = 3.4445 * x + (-4.7750 * square + 2.0315 * square @ square) @ x
    return x.to(matrix.dtype)


def _is_filter(parameter: Tensor) -> bool:
    return parameter.ndim == 4 and parameter.shape[1] > 1
