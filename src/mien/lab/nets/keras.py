"""Keras' defaults in torch, for networks whose reports used Keras."""

from __future__ import annotations

from torch import nn

EPSILON = 1e-3
MOMENTUM = 0.01
"""Torch's momentum is the share of the new batch: one minus Keras' 0.99."""


def batch_norm_2d(channels: int) -> nn.BatchNorm2d:
    """Return batch normalisation of feature maps ``(N, channels, H, W)`` with Keras' momentum and epsilon."""
    return nn.BatchNorm2d(channels, eps=EPSILON, momentum=MOMENTUM)


def batch_norm_1d(units: int) -> nn.BatchNorm1d:
    """Return batch normalisation of vectors ``(N, units)`` with Keras' momentum and epsilon."""
    return nn.BatchNorm1d(units, eps=EPSILON, momentum=MOMENTUM)


def initialise(network: nn.Module) -> None:
    """Initialise all convolutions and dense layers as Keras does: Glorot-uniform, with zero biases.

    Source: Glorot & Bengio 2010, equation 16.
    """
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            nn.init.xavier_uniform_(module.weight)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
