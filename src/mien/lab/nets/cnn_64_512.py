"""cnn-64-512: the custom CNN of report 000."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

from mien.lab.nets import keras
from mien.preprocess import Preprocess


class Block(nn.Module):
    """A 3x3 convolution, batch normalisation, 2x2 max-pooling, dropout."""

    def __init__(self, channels_in: int, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels_in, channels, 3, padding=1)
        self.norm = keras.batch_norm_2d(channels)
        self.pool = nn.MaxPool2d(2)
        self.dropout = nn.Dropout(0.25)

    def forward(self, x: Tensor) -> Tensor:
        """Halve a map: ``(N, channels_in, S, S)`` to ``(N, channels, S / 2, S / 2)``."""
        x = self.norm(F.relu(self.conv(x)))  # (N, channels, S, S)
        pooled: Tensor = self.dropout(self.pool(x))
        return pooled  # (N, channels, S / 2, S / 2)


class CNN64To512(nn.Module):
    """Four blocks of 64, 128, 256 and 512 filters, then the classes.

    The report gives the kinds of layers and the first and last width; the rest is ours.
    """

    def __init__(self, preprocess: Preprocess, classes: int) -> None:
        super().__init__()
        self.blocks = nn.Sequential(
            Block(preprocess.channels, 64),
            Block(64, 128),
            Block(128, 256),
            Block(256, 512),
        )
        self.classes = nn.Linear(512 * (preprocess.input_px // 16) ** 2, classes)
        keras.initialise(self)

    def forward(self, x: Tensor) -> Tensor:
        """Return logits."""
        x = self.blocks(x)  # (N, 512, 3, 3) at 48 px
        logits: Tensor = self.classes(x.flatten(1))
        return logits  # (N, K)
