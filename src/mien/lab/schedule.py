"""Phases, learning rates over time, and when to stop."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from itertools import accumulate, pairwise

from mien.errors import RecipeError
from mien.lab.recipe import Constant, Cosine, FullSize, OneCycle, Phase, Plateau, Progressive, Recipe, Stopping


def phases_of(recipe: Recipe) -> list[tuple[Phase, int]]:
    """Return for each epoch its phase and the phase's first epoch, both counted from 0.

    Raises:
        RecipeError: the phases do not add up to the recipe's epochs, or one is no longer than the warm-up.
    """
    phases = recipe.phases or (Phase(epochs=recipe.epochs, trainable="all", lr=recipe.optimizer.lr),)
    if sum(phase.epochs for phase in phases) != recipe.epochs:
        raise RecipeError(
            f"{recipe.name}: its phases last {' + '.join(str(phase.epochs) for phase in phases)} epochs, the recipe "
            f"{recipe.epochs}; set both (--set epochs=..., --set phases.0.epochs=...)."
        )
    if isinstance(recipe.schedule, Cosine) and recipe.schedule.warmup_epochs >= min(phase.epochs for phase in phases):
        raise RecipeError(
            f"{recipe.name}: a warm-up of {recipe.schedule.warmup_epochs:g} epochs does not fit a phase of "
            f"{min(phase.epochs for phase in phases)}; set schedule.warmup_epochs lower."
        )
    starts = accumulate((phase.epochs for phase in phases[:-1]), initial=0)
    return [(phase, start) for phase, start in zip(phases, starts, strict=True) for _ in range(phase.epochs)]


def with_epochs(recipe: Recipe, epochs: int) -> Recipe:
    """Return the same recipe for another number of epochs.

    Phases keep their order and their shares of the epochs, to the nearest epoch; one that rounds to 0 is left out. The
    warm-up keeps its share too.
    """
    ends = [round(end * epochs / recipe.epochs) for end in accumulate(phase.epochs for phase in recipe.phases)]
    lengths = [end - start for start, end in pairwise([0, *ends])]
    phases = [replace(phase, epochs=n) for phase, n in zip(recipe.phases, lengths, strict=True) if n]
    schedule = recipe.schedule
    if isinstance(schedule, Cosine):
        schedule = replace(schedule, warmup_epochs=schedule.warmup_epochs * epochs / recipe.epochs)
    return replace(recipe, epochs=epochs, phases=tuple(phases), schedule=schedule)


def rate_field(recipe: Recipe, epoch: int) -> str:
    """Return the name of the field that holds the learning rate of `epoch`, counted from 0."""
    return f"phases.{recipe.phases.index(phases_of(recipe)[epoch][0])}.lr" if recipe.phases else "optimizer.lr"


def rate_factor(schedule: Constant | Plateau | Cosine | OneCycle, step: int, steps: int, steps_per_epoch: int) -> float:
    """Return the factor of the learning rate at `step` of `steps`, counted from 0 within a phase.

    `Plateau` does not depend on the step: its factor is 1 here, and `PlateauState` holds the reduced one.
    """
    match schedule:
        case Constant() | Plateau():
            return 1.0
        case Cosine(warmup_epochs=warmup, final_fraction=final):
            warmup_steps = round(warmup * steps_per_epoch)
            if step < warmup_steps:
                return (step + 1) / warmup_steps
            done = (step - warmup_steps) / max(1, steps - warmup_steps)
            return final + (1 - final) * (1 + math.cos(math.pi * done)) / 2
        case OneCycle(up_fraction=up):
            top = max(1, round(up * steps))
            return (step + 1) / top if step < top else (steps - step) / max(1, steps - top)


def check_watching(recipe: Recipe) -> None:
    """Refuse early stopping or a schedule that needs validation where there is none.

    Raises:
        RecipeError: early stopping has no monitor, or it or the schedule needs validation and there is none.
    """
    stopping = recipe.stopping
    if stopping.monitor == "none" and (stopping.patience is not None or stopping.keep == "best"):
        raise RecipeError(
            f"{recipe.name}: stopping.patience and keep=best need a monitor; set stopping.monitor to loss or accuracy."
        )
    if recipe.validation.kind == "none" and (stopping.monitor != "none" or isinstance(recipe.schedule, Plateau)):
        raise RecipeError(
            f"{recipe.name}: stopping or the learning rate depends on validation, but there is none "
            "(validation.kind=none); set validation.kind=holdout, or stopping.monitor=none and another schedule."
        )


def side_at(recipe: Recipe, epoch: int) -> int:
    """Return the side of the network's input in `epoch`, counted from 0; px."""
    full = recipe.preprocess.input_px
    match recipe.sizes:
        case FullSize():
            return full
        case Progressive(first_px=first, step_px=step, until_fraction=until):
            steps = math.ceil((full - first) / step)
            taken = int(epoch / (until * recipe.epochs) * steps)
            return min(full, first + step * taken)


@dataclass
class PlateauState:
    """Keras' ReduceLROnPlateau on a loss.

    An epoch improves when its loss is below the best one by more than `min_delta`, absolute. When the wait reaches
    `patience`, the rate is reduced and the wait restarts; there is no cooldown, as in Keras by default.

    Source: keras/callbacks/reduce_lr_on_plateau.py, ``on_epoch_end``.
    """

    factor: float = 1.0
    best: float = math.inf
    wait: int = 0

    def update(self, plateau: Plateau, loss: float, lr: float) -> None:
        """Record an epoch's validation loss; `lr` is the phase's initial rate."""
        if loss < self.best - plateau.min_delta:
            self.best, self.wait = loss, 0
            return
        self.wait += 1
        if self.wait >= plateau.patience and lr * self.factor > plateau.min_lr:
            self.factor = max(self.factor * plateau.factor, plateau.min_lr / lr)
            self.wait = 0


@dataclass
class StoppingState:
    """Best epoch so far, and the epochs since. Keras' EarlyStopping stops when the wait reaches `patience`."""

    best: float = math.inf
    best_epoch: int = -1
    wait: int = 0

    def update(self, stopping: Stopping, epoch: int, loss: float | None, accuracy: float | None) -> bool:
        """Record an epoch's validation figures; return whether it is the best so far."""
        value = {"loss": loss, "accuracy": None if accuracy is None else -accuracy, "none": None}[stopping.monitor]
        if value is None or value < self.best - stopping.min_delta:
            self.best, self.best_epoch, self.wait = (math.inf if value is None else value), epoch, 0
            return True
        self.wait += 1
        return False

    def stops(self, stopping: Stopping) -> bool:
        """Whether to stop training."""
        return stopping.patience is not None and self.wait >= stopping.patience
