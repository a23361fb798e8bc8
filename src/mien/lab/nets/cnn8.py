"""cnn8: eight convolutions in pairs (report 004, figure 4)."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

from mien.lab.nets import keras
from mien.preprocess import Preprocess


class Pair(nn.Module):
    """Two 3x3 convolutions, one batch normalisation, 3x3 max-pooling, dropout."""

    def __init__(self, channels_in: int, channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels_in, channels, 3, padding=1)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1)
        self.norm = keras.batch_norm_2d(channels)
        # Stride 2: Keras' default, the window size of 3, would leave a map of 1 px for the fourth pool.
        self.pool = nn.MaxPool2d(3, stride=2, padding=1)
        self.dropout = nn.Dropout(0.25)

    def forward(self, x: Tensor) -> Tensor:
        """Halve a map: ``(N, channels_in, S, S)`` to ``(N, channels, S / 2, S / 2)``."""
        x = F.relu(self.conv1(x))  # (N, channels, S, S)
        x = F.relu(self.conv2(x))
        pooled: Tensor = self.dropout(self.pool(self.norm(x)))
        return pooled  # (N, channels, S / 2, S / 2)


class CNN8(nn.Module):
    """Four pairs of 64, 128, 256 and 512 filters, then the classes.

    The report gives the number of convolutions, their pairing, the layers of a block and the 3x3 pool; the widths,
    the stride and the dropout rate are ours.
    """

    def __init__(self, preprocess: Preprocess, classes: int) -> None:
        super().__init__()
        self.pairs = nn.Sequential(
            Pair(preprocess.channels, 64),
            Pair(64, 128),
            Pair(128, 256),
            Pair(256, 512),
        )
        side = preprocess.input_px
        for _ in range(4):
            side = (side + 1) // 2
        self.classes = nn.Linear(512 * side * side, classes)
        keras.initialise(self)

    def forward(self, x: Tensor) -> Tensor:
        """Return logits."""
        x = self.pairs(x)  # (N, 512, 3, 3) at 48 px
        logits: Tensor = self.classes(x.flatten(1))
        return logits  # (N, K)
