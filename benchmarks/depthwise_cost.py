"""Training cost of depthwise convolutions of stride 2: `python benchmarks/depthwise_cost.py`.

On CPUs, oneDNN's gradient of a depthwise convolution of stride 2 in bfloat16 takes longer than that of one of stride 1.
During training, `mien.lab.nets.mobilenet_v1` therefore subsamples the output of a convolution of stride 1, which is
equivalent. Steps of both variants take turns; the figure is the median of their rounds.
benchmarks/results/depthwise_cost.json keeps the figures of each machine.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import torch
from layout import RESULTS, keep_beside_others, threads_in_words
from step_cost import in_turns
from torch import Tensor, nn
from torch.nn import functional as F

from mien.lab.nets import NETWORKS
from mien.lab.nets.mobilenet_v1 import MobileNetV1
from mien.lab.optim import make_optimizer
from mien.lab.recipe import Adam
from mien.lab.recipe_book import recipes
from mien.lab.reproduction.speed import machine

RECIPE = recipes["mien-large-faces"]
NAMES = ("mobilenet-v1", "mobilenet-v1-normed")
BATCH = 128
RESULT: Path = RESULTS / "depthwise_cost.json"


def stride_2(convolution: nn.Conv2d) -> Callable[[Tensor], Tensor]:
    """Return a convolution of stride 2 as in evaluation mode."""

    def forward(x: Tensor) -> Tensor:
        x = F.pad(x, (0, 1, 0, 1))
        return F.conv2d(x, convolution.weight, convolution.bias, stride=2, groups=convolution.groups)

    return forward


def stepper(name: str, halving: str) -> Callable[[], None]:
    """Return a function that takes one training step."""
    torch.manual_seed(0)
    network = NETWORKS[name](RECIPE.preprocess, 7).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    assert isinstance(network, MobileNetV1)
    if halving == "stride 2":
        for layer in network.trunk.layers():
            if layer.stride[0] == 2 and layer.groups > 1:
                layer._convolve = stride_2(layer)  # type: ignore[assignment]
    assert isinstance(RECIPE.optimizer, Adam)
    update = make_optimizer(RECIPE.optimizer, network, RECIPE.optimizer.lr)
    side = RECIPE.preprocess.input_px
    faces, labels = torch.rand(BATCH, 3, side, side), torch.randint(0, 7, (BATCH,))
    faces = faces.contiguous(memory_format=torch.channels_last)

    def step() -> None:
        update.zero_grad()
        with torch.autocast("cpu", torch.bfloat16):
            loss = F.cross_entropy(network(faces), labels)
        loss.backward()  # type: ignore[no-untyped-call]
        update.step()

    return step


def measure(name: str) -> dict[str, float]:
    """Return images per second of each variant."""
    seconds = in_turns({halving: stepper(name, halving) for halving in ("stride 2", "every second place of stride 1")})
    return {halving: round(BATCH / each, 1) for halving, each in seconds.items()}


def main() -> None:
    """Measure both networks, on torch's default number of threads."""
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    found = {threads_in_words(torch.get_num_threads()): {name: measure(name) for name in NAMES}}
    keep_beside_others(machine(), found, RESULT)


if __name__ == "__main__":
    main()
