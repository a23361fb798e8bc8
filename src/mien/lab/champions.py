"""Mien's own recipes, row by row as `mien.lab.recipe_book` has the published ones."""

from __future__ import annotations

from mien.lab.recipe import SGD, Augment, OneCycle, OwnNet, Recipe, Stopping, Validation
from mien.preprocess import Preprocess

_MIEN_SMALL = Recipe(
    name="mien-small",
    source="mien",
    network=OwnNet(name="residual-small"),
    # mean and std of the Training faces
    preprocess=Preprocess(crop_px=48, color="grey", input_px=48, channels=1, mean=(0.507,), std=(0.254,)),
    augment=Augment(
        rotate_deg=15.0,
        shift_fraction=0.08,
        zoom_fraction=0.15,
        flip=True,
        brightness=0.1,
        contrast=0.3,
        erase_rate=0.3,
        erase_area=(0.02, 0.2),
        mixup_alpha=0.4,
        mix_rate=0.5,
        fill="zero",
    ),
    optimizer=SGD(lr=0.1, momentum=0.9, weight_decay=5e-4, nesterov=True),
    schedule=OneCycle(up_fraction=0.2),
    epochs=105,
    batch_size=128,
    label_smoothing=0.1,
    class_weights="none",
    validation=Validation(kind="holdout", fraction=0.05, rule="stratified"),
    stopping=Stopping(monitor="none", patience=None, keep="last"),
    phases=(),
    ema_decay=0.999,
    sam_rho=0.0,
    published=(),
    assumed={},
    remark="The held-out faces only calibrate the confidence; no split chooses weights.",
)

champions: dict[str, Recipe] = {recipe.name: recipe for recipe in (_MIEN_SMALL,)}
"""The recipes of the models that ship, by name."""
