"""Residual networks of dense 3x3 convolutions for 48 px faces: small, and fast on both CPUs and GPUs."""

from __future__ import annotations

from itertools import pairwise

from torch import Tensor, nn
from torch.nn import functional as F

from mien.preprocess import Preprocess


def _conv(inputs: int, outputs: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)
    )


def _stage(inputs: int, outputs: int, pool_first: bool) -> nn.Sequential:
    conv = _conv(inputs, outputs)
    if pool_first:
        return nn.Sequential(conv.insert(1, nn.MaxPool2d(2)), Residual(outputs))
    return nn.Sequential(conv, nn.MaxPool2d(2), Residual(outputs))


class Residual(nn.Module):
    """Two convolutions around a shortcut (He et al. 2016)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = _conv(width, width)
        self.second = nn.Sequential(nn.Conv2d(width, width, 3, 1, 1, bias=False), nn.BatchNorm2d(width))

    def forward(self, x: Tensor) -> Tensor:
        """Return a map of the same shape ``(N, width, H, W)``."""
        return F.relu(x + self.second(self.first(x)))


class ResidualNet(nn.Module):
    """A stem, then three stages that each halve the map and end in a residual block.

    With one channel, at 48 px: widths 8, 16, 24, 40 have 57,879 parameters, 3 million multiply-adds; 16, 32, 48, 72:
    204,351 and 11 million; 32, 64, 128, 192: 1,349,543 and 57 million; 64, 128, 256, 384: 5,390,151 and 226 million. A
    stem at full size, of stride 1, takes four times the multiply-adds with the same parameters: 43, 226 and 904 million
    for the last three.

    With `pool_first` a map is halved before it is normalised, as in cifar10-airbench. The multiply-adds stay the same,
    but normalisation and ReLU, whose memory traffic slows CPUs, process a quarter of the values.
    """

    def __init__(
        self,
        preprocess: Preprocess,
        classes: int,
        widths: tuple[int, ...] = (32, 64, 128, 192),
        stem_stride: int = 2,
        dropout: float = 0.2,
        pool_first: bool = False,
    ) -> None:
        super().__init__()
        self.settled, self.stem_stride = True, stem_stride
        self.stem = _conv(preprocess.channels, widths[0], stem_stride)
        self.stages = nn.Sequential(
            *(_stage(inputs, outputs, pool_first) for inputs, outputs in pairwise(widths)),
        )
        self.dropout = nn.Dropout(dropout)
        self.classes = nn.Linear(widths[-1], classes)

    def forward(self, x: Tensor) -> Tensor:
        """Return logits."""
        x = self.stem(x)  # (N, widths[0], S, S), S = input_px / stem_stride
        x = self.stages(x)  # (N, widths[-1], S / 8, S / 8)
        x = self.dropout(x.mean((2, 3)))  # (N, widths[-1])
        logits: Tensor = self.classes(x)
        return logits  # (N, K)
