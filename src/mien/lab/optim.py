"""Optimizers, sharpness-aware steps and averaged weights."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.optim.swa_utils import AveragedModel

from mien.lab.muon import MuonOptimizer
from mien.lab.nets.input import Classifier
from mien.lab.recipe import SGD, Adam, Muon


def make_optimizer(choice: SGD | Adam | Muon, network: nn.Module, lr: float) -> torch.optim.Optimizer:
    """Return the optimizer of the trainable parameters; biases and normalisation get no weight decay."""
    if isinstance(choice, Muon):
        return MuonOptimizer(network, lr, choice)
    parameters = [p for p in network.parameters() if p.requires_grad]
    groups = [
        {"params": [p for p in parameters if p.ndim > 1], "weight_decay": choice.weight_decay},
        {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0},
    ]
    match choice:
        case SGD():
            return torch.optim.SGD(groups, lr, choice.momentum, nesterov=choice.nesterov)
        case Adam():
            kind = torch.optim.AdamW if choice.decoupled else torch.optim.Adam
            return kind(groups, lr, choice.betas, choice.epsilon, fused=True)  # one pass over the weights


@contextmanager
def sharpest_neighbour(model: nn.Module, rho: float) -> Iterator[None]:
    """Move the weights by `rho` along their gradient within the block (Foret et al. 2021, eq. 2).

    Batch normalisation does not update its running statistics there: they belong to the original weights.
    """
    pairs = [(parameter.data, parameter.grad) for parameter in model.parameters() if parameter.grad is not None]
    weights, gradients = [weight for weight, _ in pairs], [gradient for _, gradient in pairs]
    with torch.no_grad():
        norm = nn.utils.get_total_norm(gradients)
        moves = [gradient * (rho / (norm + 1e-12)) for gradient in gradients]
        torch._foreach_add_(weights, moves)
    norms = [layer for layer in model.modules() if isinstance(layer, _BatchNorm) and layer.track_running_stats]
    for layer in norms:
        layer.track_running_stats = False
    try:
        yield
    finally:
        for layer in norms:
            layer.track_running_stats = True
        torch._foreach_sub_(weights, moves)


class MovingAverage(AveragedModel):
    """An exponential moving average of a network, statistics of batch normalisation included.

    The decay after n updates is at most (1 + n) / (10 + n), so that early averages forget the initial weights.
    """

    def __init__(self, classifier: Classifier, decay: float) -> None:
        super().__init__(classifier)
        self.decay = decay
        self.n_averaged: Tensor = self.n_averaged.cpu()  # reading a count on the GPU would synchronise in every step

    @torch.no_grad()
    def update_parameters(self, model: nn.Module) -> None:
        """Move towards the weights and buffers of `model`; the first call copies them."""
        updates = int(self.n_averaged)
        keep = min(self.decay, (1 + updates) / (10 + updates)) if updates else 0.0
        pairs = list(zip(_state(self.module), _state(model), strict=True))
        real = [pair for pair in pairs if pair[0].is_floating_point()]
        counts = [pair for pair in pairs if not pair[0].is_floating_point()]
        torch._foreach_lerp_([old for old, _ in real], [new for _, new in real], 1 - keep)
        if counts:
            torch._foreach_copy_([old for old, _ in counts], [new for _, new in counts])
        self.n_averaged += 1


def _state(module: nn.Module) -> list[Tensor]:
    return [*module.parameters(), *module.buffers()]
