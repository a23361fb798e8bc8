"""MobileNet-v1 (Howard et al. 2017) as pretrained for face recognition, with folded batch normalisation.

Batch normalisation can be restored for further training, see `mien.lab.nets.settle`.
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mien.errors import ModelError
from mien.lab.nets.weights import load_weights, read_weights
from mien.preprocess import Preprocess

WIDTHS = (32, 64, 128, 128, 256, 256, 512, 512, 512, 512, 512, 512, 1024, 1024)
STRIDES = (2, 1, 2, 1, 2, 1, 2, 1, 1, 1, 1, 1, 2, 1)
"""Of the first convolution, then of each depthwise one."""
BLOCKS = len(WIDTHS) - 1
"""Depthwise convolutions, each with its 1x1 convolution."""


class _Conv(nn.Conv2d):
    """A convolution with TensorFlow's "same" padding, optional batch normalisation, then ReLU6."""

    def __init__(
        self, inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1, batch_norm: bool = False
    ) -> None:
        super().__init__(inputs, outputs, kernel, stride, kernel // 2 if stride == 1 else 0, groups=groups)
        self.norm = nn.BatchNorm2d(outputs) if batch_norm else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """Return ``(N, outputs, H / stride, W / stride)`` in [0, 6]."""
        return F.relu6(self.norm(self._convolve(x)))

    def _convolve(self, x: Tensor) -> Tensor:
        if self.stride[0] == 1:
            return super().forward(x)
        if self.training and self.groups > 1 and x.device.type == "cpu":
            # stride 1, then every second position: oneDNN trains this faster (benchmarks/depthwise_cost.py)
            every = F.conv2d(x, self.weight, self.bias, padding=1, groups=self.groups)
            return every[..., 1::2, 1::2].contiguous(memory_format=torch.channels_last)
        return super().forward(F.pad(x, (0, 1, 0, 1)))  # for an even side, TensorFlow pads right and bottom only


class _Trunk(nn.Module):
    """All convolutions, with the names of the weights file."""

    def __init__(
        self, channels: int, batch_norm: bool = False, blocks: int = BLOCKS, last_width: int | None = None
    ) -> None:
        super().__init__()
        widths = (*WIDTHS[:blocks], last_width or WIDTHS[blocks])
        pairs = list(pairwise(widths))
        self.conv1 = _Conv(channels, WIDTHS[0], 3, STRIDES[0], batch_norm=batch_norm)
        self.dw = nn.ModuleList(
            _Conv(a, a, 3, stride, a, batch_norm) for (a, _), stride in zip(pairs, STRIDES[1 : blocks + 1], strict=True)
        )
        self.pw = nn.ModuleList(_Conv(a, b, 1, batch_norm=batch_norm) for a, b in pairs)

    def layers(self) -> list[_Conv]:
        """The convolutions in execution order."""
        pairs = zip(self.dw, self.pw, strict=True)
        return [self.conv1, *(layer for pair in pairs for layer in pair if isinstance(layer, _Conv))]

    def forward(self, x: Tensor) -> Tensor:
        """Return ``(N, last width, H / s, W / s)`` in [0, 6]; s is the product of the strides."""
        for layer in self.layers():
            x = layer(x)
        return x


class MobileNetV1(nn.Module):
    """A 3x3 convolution, thirteen depthwise 3x3 ones with a 1x1 convolution each, global mean, classes.

    With three channels and seven classes: 3,203,207 parameters, 104 million multiply-adds at 96 px; without the last
    two blocks 1,609,351 and 40 million at 64 px; normalisation adds 21,888 and 14,720. The first six blocks, the last
    of 176 channels in place of 512, have 181,767 and 17 million at 64 px; normalisation adds 3,808.

    Source: the multi-output network of Savchenko (2019, https://doi.org/10.7717/peerj-cs.197), trained on VGGFace2.

    Args:
        preprocess: gives channels and size of the input.
        classes: K.
        dropout: rate before the classes.
        batch_norm: whether each convolution is normalised, see `mien.lab.nets.settle`.
        blocks: number of pairs of a depthwise and a 1x1 convolution, the first of the thirteen.
        last_width: number of channels of the last of them, the first of all; None = all.
    """

    def __init__(
        self,
        preprocess: Preprocess,
        classes: int,
        dropout: float = 0.3,
        *,
        batch_norm: bool = False,
        blocks: int = BLOCKS,
        last_width: int | None = None,
    ) -> None:
        super().__init__()
        self.channels, self.batch_norm, self.blocks = preprocess.channels, batch_norm, blocks
        self.settled = not batch_norm
        self.trunk = _Trunk(preprocess.channels, batch_norm, blocks, last_width)
        self.dropout = nn.Dropout(dropout)
        self.classes = nn.Linear(last_width or WIDTHS[blocks], classes)

    def load_trunk(self, file: Path) -> None:
        """Load trained convolutions; blocks and last channels of the file that this network lacks are ignored.

        Args:
            file: safetensors with ``conv1``, ``dw.0`` to ``dw.12``, ``pw.0`` to ``pw.12``; or a run's weights, whose
                batch normalisation is loaded too, so that `settle` has nothing to do.

        Raises:
            ModelError: the file cannot be read, holds another network, or has batch normalisation that this one lacks.
        """
        found = {name.removeprefix("trunk."): value for name, value in read_weights(file).items()}
        normed = "conv1.norm.weight" in found
        if normed and not self.batch_norm:
            raise ModelError(f"{file}: has batch normalisation; use a network whose name ends in -normed.")
        deeper = tuple(f"{kind}.{block}." for kind in ("dw", "pw") for block in range(self.blocks, BLOCKS))
        found = {name: value for name, value in found.items() if not name.startswith(deeper)}
        last = found.get(f"pw.{self.blocks - 1}.weight", self.classes.weight.T)
        trunk = _Trunk(self.channels, normed, self.blocks, max(len(last), self.classes.in_features))  # as in the file
        load_weights(trunk, "MobileNet-v1", file, found)
        own = self.trunk.state_dict()
        fitting = {name: value[: len(own[name])] if value.ndim else value for name, value in trunk.state_dict().items()}
        self.trunk.load_state_dict(fitting, strict=False)
        self.settled = self.settled or normed

    def forward(self, x: Tensor) -> Tensor:
        """Return logits."""
        x = self.trunk(x)  # (N, last width, H / s, W / s), s the product of the strides: 32, of 6 to 11 blocks 16
        x = self.dropout(x.mean((2, 3)))  # (N, last width)
        logits: Tensor = self.classes(x)
        return logits  # (N, K)
