"""mien's training loop, called as by its users; the variant is its `precision`. See ../training_speed.py."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Literal, cast

import torch
import watch
from watch import Clock, Plan, Watch

from mien import lab
from mien.lab.nets import build, count_parameters
from mien.lab.recipe import SGD, Augment, Constant, OwnNet, Recipe, Stopping, Validation
from mien.lab.training import Progress, precision_of
from mien.preprocess import Preprocess


def recipe_of(plan: Plan) -> Recipe:
    """The recipe that all contenders follow."""
    return Recipe(
        name="training-speed",
        source="mien",
        network=OwnNet(name=plan.network),
        preprocess=Preprocess(mean=(watch.MEAN,), std=(watch.STD,)),
        augment=Augment(
            rotate_deg=watch.ROTATE_DEG,
            shift_fraction=watch.SHIFT_FRACTION,
            zoom_fraction=watch.ZOOM_FRACTION,
            flip=True,
            brightness=watch.BRIGHTNESS,
            contrast=watch.CONTRAST,
        ),
        optimizer=SGD(lr=watch.LR, momentum=watch.MOMENTUM),
        schedule=Constant(),
        epochs=10_000,
        batch_size=watch.BATCH,
        label_smoothing=0.0,
        class_weights="none",
        validation=Validation(kind="Test"),
        stopping=Stopping(monitor="none", patience=None, keep="last"),
        phases=(),
        ema_decay=0.0,
        sam_rho=0.0,
        published=(),
        assumed={},
        remark="",
    )


def main() -> None:
    """Train until the watch ends it."""
    precision, plan = watch.arguments()
    data, recipe = lab.read_fer2013(plan.folder), recipe_of(plan)
    parameters = count_parameters(build(recipe.network, recipe.preprocess, len(data.label_set)))
    device = "cuda" if torch.cuda.is_available() else "cpu"
    epochs = Watch(plan, parameters, f"{device}, {'bfloat16' if 'bf16' in precision_of(precision) else 'float32'}")
    clock, taken = Clock(), dict[str, float]()

    def look(progress: Progress) -> None:
        nonlocal clock, taken
        if progress.step == 1:
            if progress.epoch > 1:  # the epoch before has ended, and its checkpoint is written
                row = lab.Run.open(next(Path(runs).iterdir())).history()[-1]
                epochs.note(len(data.training) - recipe.batch_size, taken, row["validation_accuracy"])
            clock = Clock()  # the first batch is not in it
        if progress.step == progress.steps:
            taken = clock.read()

    with tempfile.TemporaryDirectory() as runs:
        lab.train(recipe, data, out=runs, precision=cast(Literal["auto", "bf16", "32"], precision), on_progress=look)


main()
