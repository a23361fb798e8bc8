"""Recipes that reach an accuracy in as little time as possible, as cifar10-airbench does for CIFAR-10.

Each learns from the labels of all Training faces, without votes, teachers, or starting weights. A recipe's number is
the accuracy aimed at on PrivateTest, in percent; on PublicTest the aims are 68.5, 70.5 and 71.5.
"""

from __future__ import annotations

from dataclasses import replace

from mien.lab.recipe import Augment, Muon, OneCycle, OwnNet, Recipe, Stopping, Validation
from mien.preprocess import Preprocess

LIGHT = Augment(
    rotate_deg=12.0,
    shift_fraction=0.08,
    zoom_fraction=0.12,
    flip=True,
    brightness=0.1,
    contrast=0.3,
    fill="zero",
)

_SPEED_70 = Recipe(
    name="speed-70",
    source="mien",
    network=OwnNet(name="residual-small-pool-first"),
    preprocess=Preprocess(crop_px=48, color="grey", input_px=48, channels=1, mean=(0.507,), std=(0.254,)),
    augment=replace(LIGHT, mixup_alpha=0.4, mix_rate=0.5),
    optimizer=Muon(lr=0.03, momentum=0.9, other_lr=0.03, weight_decay=5e-4),
    schedule=OneCycle(up_fraction=0.2),
    epochs=40,
    batch_size=256,
    label_smoothing=0.1,
    class_weights="none",
    validation=Validation(kind="none"),
    stopping=Stopping(monitor="none", patience=None, keep="last"),
    phases=(),
    ema_decay=0.995,
    sam_rho=0.0,
    published=(),
    assumed={},
    remark="Trained on one core so far; on a GPU neither its time nor its mean over many seeds is known.",
)

_SPEED_70_LONGER = replace(
    _SPEED_70,
    name="speed-70-longer",
    epochs=56,
    remark="speed-70, which misses its aim by 0.1 points, with two fifths more epochs.",
)

_SPEED_72 = replace(
    _SPEED_70,
    name="speed-72",
    network=OwnNet(name="residual-wide"),
    augment=replace(LIGHT, erase_rate=0.2, mixup_alpha=0.4, mix_rate=0.5),
    epochs=40,
    remark="For a GPU, where it has not been trained yet: its number is an aim.",
)

_SPEED_73 = replace(
    _SPEED_72,
    name="speed-73",
    augment=replace(LIGHT, erase_rate=0.3, mixup_alpha=0.4, cutmix_alpha=1.0, mix_rate=0.7),
    epochs=120,
    ema_decay=0.999,
)

ROWS = (_SPEED_70, _SPEED_70_LONGER, _SPEED_72, _SPEED_73)
