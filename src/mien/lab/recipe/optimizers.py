"""The parts of a recipe that update the weights: optimizers and learning rate schedules."""

from __future__ import annotations

from dataclasses import dataclass

from mien.errors import RecipeError
from mien.lab.recipe.bounds import ABOVE_0, FROM_0, FROM_1, SHARE, SHARE_ABOVE_0, SHARE_BELOW_1, check


@dataclass(frozen=True, kw_only=True)
class SGD:
    """Stochastic gradient descent with Nesterov's momentum."""

    lr: float
    momentum: float = 0.9
    weight_decay: float = 0.0
    nesterov: bool = True

    def __post_init__(self) -> None:
        check(self, lr=ABOVE_0, momentum=SHARE_BELOW_1, weight_decay=FROM_0)
        if self.nesterov and not self.momentum:
            raise RecipeError("SGD.nesterov: found True without momentum; expected False, or a momentum above 0.")


@dataclass(frozen=True, kw_only=True)
class Adam:
    """Adam (Kingma & Ba 2015); `weight_decay` is decoupled as in AdamW when `decoupled`."""

    lr: float
    betas: tuple[float, float] = (0.9, 0.999)
    epsilon: float = 1e-8
    weight_decay: float = 0.0
    decoupled: bool = False

    def __post_init__(self) -> None:
        check(self, lr=ABOVE_0, betas=SHARE_BELOW_1, epsilon=ABOVE_0, weight_decay=FROM_0)


@dataclass(frozen=True, kw_only=True)
class Muon:
    """Muon (Jordan et al. 2024) for convolution filters, SGD with Nesterov's momentum for everything else.

    Attributes:
        lr: share of a filter that a step at the full rate replaces.
        momentum: of the filters' gradients.
        other_lr: learning rate of everything else, under the same schedule.
        weight_decay: of dense layers; filters keep their norm.
    """

    lr: float
    momentum: float = 0.9
    other_lr: float = 0.1
    weight_decay: float = 0.0

    def __post_init__(self) -> None:
        check(self, lr=ABOVE_0, momentum=SHARE_BELOW_1, other_lr=FROM_0, weight_decay=FROM_0)


@dataclass(frozen=True, kw_only=True)
class Constant:
    """The learning rate is constant."""


@dataclass(frozen=True, kw_only=True)
class Plateau:
    """Keras' ReduceLROnPlateau on the validation loss: acts when the wait reaches `patience`, absolute delta.

    Keras' default for `min_delta` is 1e-4.
    """

    factor: float
    patience: int
    min_delta: float = 1e-4
    min_lr: float = 0.0

    def __post_init__(self) -> None:
        check(self, factor=SHARE_ABOVE_0, patience=FROM_1, min_delta=FROM_0, min_lr=FROM_0)


@dataclass(frozen=True, kw_only=True)
class Cosine:
    """Linear warm-up over `warmup_epochs`, then half a cosine down to ``lr * final_fraction`` (Loshchilov 2017)."""

    warmup_epochs: float = 0.0
    final_fraction: float = 0.0

    def __post_init__(self) -> None:
        check(self, warmup_epochs=FROM_0, final_fraction=SHARE)


@dataclass(frozen=True, kw_only=True)
class OneCycle:
    """Linear increase over `up_fraction` of all steps, then linear decrease to zero (Smith & Topin 2018)."""

    up_fraction: float = 0.2

    def __post_init__(self) -> None:
        check(self, up_fraction=SHARE)
