"""Trainers for `speed_ideas.py`: each adds one idea to mien's own, which would adopt it if it pays off."""

from __future__ import annotations

from typing import Any

import torch
from step_cost import separate
from torch import Tensor, nn

from mien.lab.nets import NETWORKS
from mien.lab.nets.residual import Residual, ResidualNet
from mien.lab.training import VALIDATION_BATCH, Trainer, steps_an_epoch
from mien.preprocess import Preprocess

DEPTHWISE, EXCITED, DEEP = "residual-small, depthwise", "residual-small, excited", "residual-small, deep"


def depthwise(preprocess: Preprocess, classes: int) -> nn.Module:
    """mien-small-first's network with each inner convolution split into a depthwise and a pointwise one."""
    network = ResidualNet(preprocess, classes)
    separate(network)
    return network


class Excited(nn.Module):
    """A stage with squeeze and excitation, which scales channels by their means over the map (Hu et al. 2018)."""

    def __init__(self, stage: nn.Module, width: int) -> None:
        super().__init__()
        self.stage = stage
        self.gate = nn.Sequential(nn.Linear(width, width // 8), nn.ReLU(), nn.Linear(width // 8, width), nn.Sigmoid())

    def forward(self, x: Tensor) -> Tensor:
        """Return the stage's map ``(N, width, H, W)``, scaled."""
        x = self.stage(x)
        return x * self.gate(x.mean((2, 3)))[:, :, None, None]


def excited(preprocess: Preprocess, classes: int) -> nn.Module:
    """mien-small-first's network with squeeze and excitation after each stage."""
    network, widths = ResidualNet(preprocess, classes), (64, 128, 192)
    for at, width in enumerate(widths):
        network.stages[at] = Excited(network.stages[at], width)
    return network


def deep(preprocess: Preprocess, classes: int) -> nn.Module:
    """mien-small-first's network with a second residual block in the last two stages: 2.3 M parameters."""
    network = ResidualNet(preprocess, classes)
    for at, width in ((1, 128), (2, 192)):
        network.stages[at] = nn.Sequential(network.stages[at], Residual(width))
    return network


NETWORKS |= {DEPTHWISE: depthwise, EXCITED: excited, DEEP: deep}


class Choosing(Trainer):
    """Trains on a subset of its faces; the learning rate schedule follows the number of steps for these."""

    def learn_from(self, chosen: Tensor, among: tuple[Tensor, ...]) -> None:
        """Take faces, labels and targets at indices ``(N,)`` of `among`."""
        self.faces, self.labels, self.targets = (part[chosen] for part in among)
        self.steps = steps_an_epoch(len(self.faces), self.recipe.batch_size, self.fabric.world_size)


class AlternatingFlip(Trainer):
    """Every face is mirrored in every second epoch (cifar10-airbench)."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        half = torch.rand(len(self.faces), generator=torch.Generator().manual_seed(self.seed)) < 0.5
        self.faces[half] = self.faces[half].flip(-1)

    def _train_epoch(self, *args: Any) -> dict[str, float]:
        row = super()._train_epoch(*args)
        self.faces = self.faces.flip(-1)
        return row


class SkippingEasy(Choosing):
    """From the fifth epoch on, the 30 % most confident faces are left out; they are chosen again every third epoch."""

    FIRST, EVERY, KEPT = 4, 3, 0.7

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.all = self.faces, self.labels, self.targets

    def _train_epoch(self, *args: Any) -> dict[str, float]:
        epoch = args[2]
        if epoch >= self.FIRST and (epoch - self.FIRST) % self.EVERY == 0:
            faces, labels, _ = self.all
            self.kept.eval()
            with torch.no_grad(), self.fabric.autocast():
                logits = torch.cat([self.kept(part) for part in torch.split(faces, VALIDATION_BATCH)])
            sureness = logits.float().softmax(1)[torch.arange(len(labels)), labels]
            hard = sureness.argsort()[: round(self.KEPT * len(labels))]
            self.learn_from(hard, self.all)
        return super()._train_epoch(*args)


class WithoutRepeats(Choosing):
    """Duplicate faces are used once, and blank ones are left out."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        flat = self.faces.flatten(1)
        _, group = flat.unique(dim=0, return_inverse=True)
        first = torch.full((int(group.max()) + 1,), len(flat)).scatter_reduce(
            0, group, torch.arange(len(flat)), "amin", include_self=True
        )
        shown = first[(flat.amax(1) > flat.amin(1))[first]].sort().values
        self.learn_from(shown, (self.faces, self.labels, self.targets))
        print(f"{len(flat) - len(shown)} of {len(flat)} faces left out", flush=True)


class WhitenedStem(Trainer):
    """The first filters whiten 3x3 patches, each with both signs, and are frozen (cifar10-airbench)."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        stem = self.classifier.network.stem[0]  # type: ignore[index, union-attr]
        faces = self.classifier.input(self.faces[:5000])
        patches = faces.unfold(2, 3, 3).unfold(3, 3, 3).reshape(-1, 9)  # (patches, 9)
        values, vectors = torch.linalg.eigh(torch.cov(patches.T))
        filters = (vectors / (values + 5e-4).sqrt()).T.view(9, 1, 3, 3)
        weight: Tensor = stem.weight
        weight.data[:18] = torch.cat([filters, -filters])
        mask = torch.ones_like(weight)
        mask[:18] = 0
        weight.register_hook(lambda gradient: gradient * mask)
        if self.averaged is not None:
            self.averaged.module.load_state_dict(self.classifier.state_dict())


class QuickStatistics(Trainer):
    """Batch normalisation updates its statistics three times as fast."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        for module in self.classifier.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.momentum = 0.3


class Lookahead(Trainer):
    """Lookahead (Zhang et al. 2019): every fifth step, the weights move halfway back to the slow weights."""

    EVERY, SHARE = 5, 0.5

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.slow, self.taken = [weight.detach().clone() for weight in self.classifier.parameters()], 0

    @torch.no_grad()
    def _step(self, *args: Any) -> Tensor:
        with torch.enable_grad():
            totals = super()._step(*args)
        self.taken += 1
        if self.taken % self.EVERY == 0 or self.taken == self.steps * self.recipe.epochs:
            for slow, weight in zip(self.slow, self.classifier.parameters(), strict=True):
                weight.copy_(slow.lerp_(weight, self.SHARE))
        return totals
