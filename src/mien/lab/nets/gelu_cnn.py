"""gelu-cnn: four wide convolutions with GELU (report 003)."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

from mien.lab.nets import keras
from mien.preprocess import Preprocess


class Block(nn.Module):
    """An unpadded 3x3 convolution, GELU, batch normalisation or none, 2x2 max-pooling, dropout."""

    def __init__(self, channels_in: int, channels: int, batch_norm: bool) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels_in, channels, 3)
        self.norm = keras.batch_norm_2d(channels) if batch_norm else nn.Identity()
        self.pool = nn.MaxPool2d(2)
        self.dropout = nn.Dropout(0.4)

    def forward(self, x: Tensor) -> Tensor:
        """Shrink a map ``(N, channels_in, S, S)``."""
        x = self.norm(F.gelu(self.conv(x)))  # (N, channels, S - 2, S - 2)
        pooled: Tensor = self.dropout(self.pool(x))
        return pooled  # (N, channels, (S - 2) // 2, (S - 2) // 2)


class GeluCNN(nn.Module):
    """Blocks of 128, 256, 512 and 512 filters, dense layers of 256 and 512 with GELU, then the classes.

    The report gives filters, pools, dropout, dense layers and GELU; kernel, padding and the normalisation's place are
    ours. `batch_norm=False` is the variant that, by the report, does not overfit.
    """

    def __init__(self, preprocess: Preprocess, classes: int, batch_norm: bool = True) -> None:
        super().__init__()
        self.blocks = nn.Sequential(
            Block(preprocess.channels, 128, batch_norm),
            Block(128, 256, batch_norm),
            Block(256, 512, batch_norm),
            Block(512, 512, batch_norm),
        )
        side = preprocess.input_px
        for _ in self.blocks:
            side = (side - 2) // 2  # 1 at 48 px
        self.dense1 = nn.Linear(512 * side * side, 256)
        self.dense2 = nn.Linear(256, 512)
        self.classes = nn.Linear(512, classes)
        keras.initialise(self)

    def forward(self, x: Tensor) -> Tensor:
        """Return logits."""
        x = self.blocks(x)  # (N, 512, 1, 1) at 48 px
        x = F.gelu(self.dense1(x.flatten(1)))  # (N, 256)
        x = F.gelu(self.dense2(x))  # (N, 512)
        logits: Tensor = self.classes(x)
        return logits  # (N, K)
