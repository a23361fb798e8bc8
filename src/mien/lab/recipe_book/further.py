"""The recipe that goes on from a model that ships, on faces of one's own: a few hundred, and minutes of one core."""

from __future__ import annotations

from dataclasses import replace

from mien.lab.recipe import Adam, NoDistillation, Validation
from mien.lab.recipe_book.small import LIGHT_SOFTNESS, MIEN_SMALL_FACES

_MIEN_SMALL_FURTHER = replace(
    MIEN_SMALL_FACES,
    name="mien-small-further",
    augment=replace(LIGHT_SOFTNESS, mixup_alpha=0.0, erase_rate=0.1, side="crop"),
    optimizer=Adam(lr=1e-4, betas=(0.9, 0.999), epsilon=1e-8, weight_decay=0.05, decoupled=True),
    epochs=12,
    batch_size=32,
    validation=Validation(kind="holdout", fraction=0.1, rule="stratified"),
    ema_decay=0.0,
    remark="Goes on from mien-small (--weights mien-small) on faces of your own, such as those of one camera; its "
    "classes are the model's. No model that ships has been made with it. The held-out faces calibrate the confidence.",
    votes_weight=0.0,
    distillation=NoDistillation(),
)

ROWS = (_MIEN_SMALL_FURTHER,)
