"""cnn-17m: the custom CNN of report 001, with its 17,044,871 trainable parameters."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

from mien.lab.nets import keras
from mien.preprocess import Preprocess


class Block(nn.Module):
    """Two 3x3 convolutions, one batch normalisation, 2x2 max-pooling, dropout."""

    def __init__(self, channels_in: int, channels: tuple[int, int], padding: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels_in, channels[0], 3, padding=1)
        self.conv2 = nn.Conv2d(channels[0], channels[1], 3, padding=padding)
        self.norm = keras.batch_norm_2d(channels[1])
        self.pool = nn.MaxPool2d(2)
        self.dropout = nn.Dropout(0.25)

    def forward(self, x: Tensor) -> Tensor:
        """Halve a map ``(N, channels_in, S, S)``; without padding it first loses 2 px."""
        x = F.relu(self.conv1(x))  # (N, channels[0], S, S)
        x = F.relu(self.conv2(x))  # (N, channels[1], S or S - 2, ...)
        pooled: Tensor = self.dropout(self.pool(self.norm(x)))
        return pooled  # (N, channels[1], S // 2, ...)


class CNN17M(nn.Module):
    """Three blocks of 32-64, 128-256 and 512-512 filters, a dense layer of 1024, then the classes.

    The report prints the layers as a figure and their parameters in the text: 17,044,871. The layers are those of a
    public notebook with the same count and the same results (see `mien.lab.recipe_book.report_001`). With 1 channel and
    7 classes the count here is exactly the report's.
    """

    def __init__(self, preprocess: Preprocess, classes: int) -> None:
        super().__init__()
        self.blocks = nn.Sequential(
            Block(preprocess.channels, (32, 64), padding=1),
            Block(64, (128, 256), padding=0),  # Parity: the one convolution without padding
            Block(256, (512, 512), padding=1),
        )
        side = (preprocess.input_px // 2 - 2) // 2 // 2  # 5 at 48 px
        self.dense = nn.Linear(512 * side * side, 1024)
        self.dropout = nn.Dropout(0.5)
        self.classes = nn.Linear(1024, classes)
        keras.initialise(self)

    def forward(self, x: Tensor) -> Tensor:
        """Return logits."""
        x = self.blocks(x)  # (N, 512, 5, 5) at 48 px
        x = F.relu(self.dense(x.flatten(1)))  # (N, 1024)
        logits: Tensor = self.classes(self.dropout(x))
        return logits  # (N, K)
