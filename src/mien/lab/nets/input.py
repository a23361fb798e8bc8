"""The first layer of every network: it turns stored crops into normalised input."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mien.preprocess import Preprocess


class InputLayer(nn.Module):
    """The part of `Preprocess` that is exported in the model file.

    Attributes:
        side: of the network's input, px: `input_px`, or less during progressive resizing.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, preprocess: Preprocess) -> None:
        super().__init__()
        self.preprocess = preprocess
        self.side = preprocess.input_px
        self.register_buffer("mean", torch.tensor(preprocess.mean).view(1, -1, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(preprocess.std).view(1, -1, 1, 1), persistent=False)

    def forward(self, faces: Tensor) -> Tensor:
        """Normalise a batch.

        Args:
            faces: ``(N, planes, H, W)``, uint8 crops, or augmented ones, float in [0, 1].

        Returns:
            ``(N, channels, side, side)`` float.
        """
        p = self.preprocess
        x = faces.float() / 255 if faces.dtype == torch.uint8 else faces  # (N, planes, H, W) in [0, 1]
        if x.shape[-1] != self.side:
            x = F.interpolate(x, size=(self.side, self.side), mode="bilinear", align_corners=False)
        if p.planes != p.channels:
            x = x.expand(-1, p.channels, -1, -1)
        return (x - self.mean) / self.std  # (N, channels, side, side)


class Classifier(nn.Module):
    """A network with its input layer, the unit of training, evaluation and export.

    Attributes:
        answers: which of the network's outputs are returned. A network that also learns FER+ votes has outputs for the
            labels, then for the votes: training needs both, inference one of them.
    """

    def __init__(self, preprocess: Preprocess, network: nn.Module) -> None:
        super().__init__()
        self.input = InputLayer(preprocess)
        self.network = network
        self.answers = slice(None)

    def forward(self, faces: Tensor) -> Tensor:
        """Return logits ``(N, K)`` float32 of `faces` ``(N, planes, H, W)`` (uint8, or float in [0, 1])."""
        logits: Tensor = self.network(self.input(faces))
        return logits[:, self.answers].float()  # (N, K)


class Mirrored(nn.Module):
    """The mean of a classifier's logits for a face and its mirror image: more accurate, in twice the time."""

    def __init__(self, classifier: Classifier) -> None:
        super().__init__()
        self.classifier = classifier

    def forward(self, faces: Tensor) -> Tensor:
        """Return logits ``(N, K)`` float32, as `Classifier` does."""
        both = self.classifier(torch.cat([faces, faces.flip(-1)]))  # (2 N, K)
        logits: Tensor = both.view(2, faces.shape[0], -1).mean(0)
        return logits  # (N, K)
