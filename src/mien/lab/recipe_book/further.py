"""Recipes that go on from a model that ships, on faces of one's own: a few hundred, and minutes of one core."""

from __future__ import annotations

from dataclasses import replace

from mien.lab.recipe import SGD, Adam, NoDistillation, OwnNet, Validation
from mien.lab.recipe_book.small import LIGHT_SOFTNESS, MIEN_SMALL_FACES
from mien.lab.recipe_book.teachers import MIEN_WIDE

_REMARK = (
    "Goes on from {model} (--weights {model}) on faces of your own, such as those of one camera; its classes are "
    "the model's. No model that ships has been made with it. The held-out faces calibrate the confidence."
)

_MIEN_SMALL_FURTHER = replace(
    MIEN_SMALL_FACES,
    name="mien-small-further",
    augment=replace(LIGHT_SOFTNESS, mixup_alpha=0.0, erase_rate=0.1, side="crop"),
    optimizer=Adam(lr=1e-4, betas=(0.9, 0.999), epsilon=1e-8, weight_decay=0.05, decoupled=True),
    epochs=12,
    batch_size=32,
    validation=Validation(kind="holdout", fraction=0.1, rule="stratified"),
    ema_decay=0.0,
    remark=_REMARK.format(model="mien-small"),
    votes_weight=0.0,
    distillation=NoDistillation(),
)

_MIEN_LARGE_FURTHER = replace(
    _MIEN_SMALL_FURTHER,
    name="mien-large-further",
    network=OwnNet(name="residual-wide", weights="file"),
    preprocess=MIEN_WIDE.preprocess,
    optimizer=SGD(lr=0.005, momentum=0.9, weight_decay=5e-4, nesterov=True),
    remark=_REMARK.format(model="mien-large"),
)

ROWS = (_MIEN_SMALL_FURTHER, _MIEN_LARGE_FURTHER)
