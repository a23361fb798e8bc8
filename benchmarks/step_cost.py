"""Effect of each option on the speed of a training step on a CPU: `python benchmarks/step_cost.py`.

Measures forward pass, backward pass and optimizer step of one network on faces in memory. The variants take turns, so
that load from other programs affects all alike; the figure is the median of their rounds. Each variant differs from the
first in one respect. benchmarks/results/step_cost.json keeps the figures of each machine.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import torch
from layout import RESULTS, keep_beside_others, threads_in_words
from torch import nn
from torch.nn import functional as F

from mien.lab.nets import build
from mien.lab.nets.residual import ResidualNet
from mien.lab.optim import make_optimizer
from mien.lab.recipe import SGD, Muon, OwnNet
from mien.lab.recipe_book import recipes
from mien.lab.reproduction.speed import machine

RECIPE = recipes["mien-nano-first"]
NETWORKS = ("residual-nano", "residual-small")
ROUNDS, STEPS = 5, 4
RESULT: Path = RESULTS / "step_cost.json"


def stepper(
    network: str,
    *,
    batch: int = 128,
    precision: torch.dtype | None = torch.bfloat16,
    channels_last: bool = True,
    compiled: bool = False,
    depthwise: bool = False,
    pool_first: bool = False,
    optimizer: SGD | Muon = SGD(lr=0.1),  # noqa: B008  # frozen
) -> Callable[[], None]:
    """Return a function that takes one training step."""
    torch.manual_seed(0)
    classifier = build(OwnNet(name=network), RECIPE.preprocess, 7)
    if depthwise:
        separate(classifier)
    if pool_first:
        halve_first(classifier.network)
    if channels_last:
        classifier.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    model: Callable[..., torch.Tensor] = torch.compile(classifier) if compiled else classifier
    update = make_optimizer(optimizer, classifier, optimizer.lr)
    faces, labels = torch.rand(batch, 1, 48, 48), torch.randint(0, 7, (batch,))

    def step() -> None:
        update.zero_grad()
        with torch.autocast("cpu", precision) if precision else nullcontext():
            loss = F.cross_entropy(model(faces), labels)
        loss.backward()  # type: ignore[no-untyped-call]
        update.step()

    return step


def separate(network: nn.Module) -> None:
    """Replace each dense 3x3 convolution except the first by a depthwise and a pointwise one."""
    for module in list(network.modules()):
        for name, child in list(module.named_children()):
            if isinstance(child, nn.Conv2d) and child.in_channels > 1:
                inputs, outputs = child.in_channels, child.out_channels
                parts = nn.Conv2d(inputs, inputs, 3, child.stride, 1, groups=inputs, bias=False)
                setattr(module, name, nn.Sequential(parts, nn.Conv2d(inputs, outputs, 1, bias=False)))


def halve_first(network: nn.Module) -> None:
    """Halve each map before it is normalised, as the networks named pool-first do."""
    assert isinstance(network, ResidualNet)
    for at, (conv, pool, residual) in enumerate(network.stages):
        network.stages[at] = nn.Sequential(conv.insert(1, pool), residual)


VARIANTS: dict[str, dict[str, Any]] = {
    "bfloat16, channels last, batch 128, SGD": {},
    "float32": {"precision": None},
    "float16": {"precision": torch.float16},
    "channels first": {"channels_last": False},
    "torch.compile": {"compiled": True},
    "batch 64": {"batch": 64},
    "batch 256": {"batch": 256},
    "batch 512": {"batch": 512},
    "Muon, batch 128": {"optimizer": Muon(lr=0.03)},
    "Muon, batch 256": {"batch": 256, "optimizer": Muon(lr=0.03)},
    "depthwise and pointwise convolutions": {"depthwise": True},
    "halving before normalisation": {"pool_first": True},
}


def measure(network: str, threads: int) -> dict[str, float]:
    """Return images per second of each variant."""
    torch.set_num_threads(threads)
    seconds = in_turns({name: stepper(network, **choices) for name, choices in VARIANTS.items()})
    return {name: round(VARIANTS[name].get("batch", 128) / each, 1) for name, each in seconds.items()}


def in_turns(steps: dict[str, Callable[[], None]]) -> dict[str, float]:
    """Run the steps in turn; return the median seconds of each over the rounds."""
    seconds: dict[str, list[float]] = {name: [] for name in steps}
    for turn in range(ROUNDS + 1):
        for name, step in steps.items():
            start = time.perf_counter()
            for _ in range(STEPS):
                step()
            if turn:  # the first one compiles and allocates
                seconds[name].append((time.perf_counter() - start) / STEPS)
    return {name: statistics.median(each) for name, each in seconds.items()}


def main() -> None:
    """Measure all networks, on one thread and on all."""
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    cores = torch.get_num_threads()
    found = {
        threads_in_words(threads): {network: measure(network, threads) for network in NETWORKS}
        for threads in dict.fromkeys((1, cores))
    }
    torch.set_num_threads(cores)
    keep_beside_others(machine(), found, RESULT)


if __name__ == "__main__":
    main()
