"""Recipes of the networks that learn from three seeds of mien-wide: a large, a small and a tiny one."""

from __future__ import annotations

from dataclasses import replace

from mien.lab.champions.nano import MIEN_NANO_FULL
from mien.lab.recipe import SGD, Distillation, OwnNet
from mien.lab.teachers import MIEN_WIDE, WIDE_CHANGES

_BY_WHOM = (
    "Learns from the seeds 0 to 2 of mien-wide (--teacher, three times), one of them in each step, and FER+ votes "
    "(--votes) beside the labels. It holds out the same faces as the first of them; they only calibrate the confidence."
)

_MIEN_WIDE_TAUGHT = replace(
    MIEN_WIDE,
    name="mien-wide-taught",
    augment=replace(WIDE_CHANGES, soften_rate=0.15, noise=0.05, fill="nearest"),
    optimizer=SGD(lr=0.15, momentum=0.9, weight_decay=5e-4, nesterov=True),
    batch_size=256,
    ema_decay=0.998,
    remark=_BY_WHOM,
    distillation=Distillation(weight=0.7, temperature=2.0, faces="undamaged", teachers_a_step=1),
)

_MIEN_SMALL_OF_WIDE = replace(
    _MIEN_WIDE_TAUGHT, name="mien-small-of-wide", network=OwnNet(name="residual-medium"), epochs=200
)

_MIEN_NANO_OF_WIDE = replace(
    MIEN_NANO_FULL,
    name="mien-nano-of-wide",
    optimizer=SGD(lr=0.15, momentum=0.9, weight_decay=2e-4, nesterov=True),
    epochs=240,
    batch_size=256,
    ema_decay=0.998,
    remark=_BY_WHOM,
    distillation=Distillation(weight=0.8, temperature=2.0, faces="undamaged", teachers_a_step=1),
)

students = {recipe.name: recipe for recipe in (_MIEN_WIDE_TAUGHT, _MIEN_SMALL_OF_WIDE, _MIEN_NANO_OF_WIDE)}
"""The recipes by name."""
