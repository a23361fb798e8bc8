"""MobileNet-v1 (Howard et al. 2017) as it was trained to know faces: batch normalisation folded into its layers."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

from torch import Tensor, nn
from torch.nn import functional as F

from mien.lab.nets.weights import load_weights
from mien.preprocess import Preprocess

WIDTHS = (32, 64, 128, 128, 256, 256, 512, 512, 512, 512, 512, 512, 1024, 1024)
STRIDES = (2, 1, 2, 1, 2, 1, 2, 1, 1, 1, 1, 1, 2, 1)
"""Of the first convolution, then of each depthwise one."""


class _Conv(nn.Conv2d):
    """A convolution with TensorFlow's "same" padding, then ReLU6."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1) -> None:
        super().__init__(inputs, outputs, kernel, stride, kernel // 2 if stride == 1 else 0, groups=groups)

    def forward(self, x: Tensor) -> Tensor:
        """Return ``(N, outputs, H / stride, W / stride)`` in [0, 6]."""
        if self.stride[0] == 2:
            x = F.pad(x, (0, 1, 0, 1))  # of an even side, TensorFlow pads right and bottom only
        return F.relu6(super().forward(x))


class _Trunk(nn.Module):
    """All convolutions, under the names of the weights file."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        pairs = list(pairwise(WIDTHS))
        self.conv1 = _Conv(channels, WIDTHS[0], 3, STRIDES[0])
        self.dw = nn.ModuleList(_Conv(a, a, 3, stride, a) for (a, _), stride in zip(pairs, STRIDES[1:], strict=True))
        self.pw = nn.ModuleList(_Conv(a, b, 1) for a, b in pairs)

    def forward(self, x: Tensor) -> Tensor:
        """Return ``(N, 1024, H / 32, W / 32)`` in [0, 6]."""
        x = self.conv1(x)
        for depthwise, pointwise in zip(self.dw, self.pw, strict=True):
            x = pointwise(depthwise(x))
        return x


class MobileNetV1(nn.Module):
    """A 3x3 convolution, thirteen depthwise 3x3 ones with a 1x1 convolution each, global mean, classes.

    With three channels and seven classes: 3,203,207 parameters, 104 million multiply-adds at 96 px.

    Source: the multi-output network of Savchenko (2019, https://doi.org/10.7717/peerj-cs.197), trained on VGGFace2.
    """

    def __init__(self, preprocess: Preprocess, classes: int, dropout: float = 0.3) -> None:
        super().__init__()
        self.trunk = _Trunk(preprocess.channels)
        self.dropout = nn.Dropout(dropout)
        self.classes = nn.Linear(WIDTHS[-1], classes)

    def load_trunk(self, file: Path) -> None:
        """Start from trained convolutions: safetensors with ``conv1``, ``dw.0`` to ``dw.12``, ``pw.0`` to ``pw.12``.

        Raises:
            ModelError: the file cannot be read, or holds another network.
        """
        load_weights(self.trunk, "MobileNet-v1", file)

    def forward(self, x: Tensor) -> Tensor:
        """Return logits."""
        x = self.trunk(x)  # (N, 1024, 3, 3) at 96 px
        x = self.dropout(x.mean((2, 3)))  # (N, 1024)
        logits: Tensor = self.classes(x)
        return logits  # (N, K)
