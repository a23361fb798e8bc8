"""Recipes of larger networks, that small ones learn from and ensembles are made of."""

from __future__ import annotations

from dataclasses import replace

from mien.lab.recipe import (
    SGD,
    Adam,
    Augment,
    Cosine,
    NoDistillation,
    OneCycle,
    OwnNet,
    Progressive,
    Recipe,
    Stopping,
    Validation,
)
from mien.lab.recipe_book.small import FACE_INPUT, LIGHT_SOFTNESS, MIEN_SMALL_FULL_MUON
from mien.preprocess import Preprocess

_MIEN_LARGE_FIRST = Recipe(
    name="mien-large-first",
    source="mien",
    network=OwnNet(name="mobilenet-v1", weights="file"),
    preprocess=FACE_INPUT,
    augment=Augment(
        rotate_deg=15.0,
        shift_fraction=0.08,
        zoom_fraction=0.15,
        flip=True,
        brightness=0.1,
        contrast=0.3,
        erase_rate=0.25,
        erase_area=(0.02, 0.2),
        mixup_alpha=0.2,
        mix_rate=0.5,
        fill="zero",
    ),
    optimizer=Adam(lr=3e-4, betas=(0.9, 0.999), epsilon=1e-8, weight_decay=0.05, decoupled=True),
    schedule=Cosine(warmup_epochs=0.5, final_fraction=0.0),
    epochs=12,
    batch_size=64,
    label_smoothing=0.1,
    class_weights="none",
    validation=Validation(kind="holdout", fraction=0.05, rule="grouped"),
    stopping=Stopping(monitor="none", patience=None, keep="last"),
    phases=(),
    ema_decay=0.999,
    sam_rho=0.0,
    published=(),
    assumed={},
    remark="An early trial. Starts from MobileNet-v1 trained on the faces of VGGFace2 "
    "(--weights); FER+ votes are learned beside the labels. The held-out faces only calibrate the confidence; no split "
    "chooses weights.",
    votes_weight=0.5,
)

_MIEN_LARGE_FACES = replace(
    _MIEN_LARGE_FIRST,
    name="mien-large-faces",
    network=OwnNet(name="mobilenet-v1-normed", weights="file"),
    augment=LIGHT_SOFTNESS,
    optimizer=Adam(lr=5e-4, betas=(0.9, 0.999), epsilon=1e-8, weight_decay=0.05, decoupled=True),
    epochs=46,
    batch_size=128,
    validation=Validation(kind="holdout", fraction=0.05, rule="stratified"),
    remark="Starts from MobileNet-v1 trained on the faces of VGGFace2 (--weights), with its batch normalisation "
    "unfolded again; FER+ votes are learned beside the labels. The held-out faces only calibrate the confidence.",
    sizes=Progressive(first_px=64, step_px=32, until_fraction=0.6),
)

WIDE_CHANGES = Augment(
    rotate_deg=15.0,
    shift_fraction=0.08,
    zoom_fraction=0.15,
    flip=True,
    brightness=0.1,
    contrast=0.3,
    erase_rate=0.3,
    erase_area=(0.02, 0.25),
    mixup_alpha=0.4,
    cutmix_alpha=1.0,
    mix_rate=0.7,
    fill="zero",
)

MIEN_WIDE = Recipe(
    name="mien-wide",
    source="mien",
    network=OwnNet(name="residual-wide"),
    preprocess=Preprocess(crop_px=48, color="grey", input_px=48, channels=1, mean=(0.507,), std=(0.254,)),
    augment=WIDE_CHANGES,
    optimizer=SGD(lr=0.1, momentum=0.9, weight_decay=5e-4, nesterov=True),
    schedule=OneCycle(up_fraction=0.2),
    epochs=150,
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
    remark="A member of the ensemble, for a GPU; FER+ votes are learned beside the labels (--votes). The held-out "
    "faces only calibrate the confidence.",
    votes_weight=0.5,
)

_MIEN_LARGE_MUON = replace(
    MIEN_SMALL_FULL_MUON,
    name="mien-large-muon",
    network=OwnNet(name="residual-large"),
    augment=replace(LIGHT_SOFTNESS, erase_rate=0.25),
    epochs=44,
    remark="mien-small-first's network of twice the width, from random weights in two hours of one core. Learns from a "
    "finished mien-small-distilled (--teacher) and FER+ votes (--votes) beside the labels. It holds out the same faces "
    "as its teacher; they only calibrate the confidence.",
)

_MIEN_LARGE_ALONE = replace(
    _MIEN_LARGE_MUON,
    name="mien-large-alone",
    remark="mien-large-muon without a teacher: labels and FER+ votes (--votes) alone. It holds out the same faces; "
    "they only calibrate the confidence.",
    distillation=NoDistillation(),
)

_MIEN_LARGE_LONG = replace(
    _MIEN_LARGE_MUON,
    name="mien-large-long",
    network=OwnNet(name="residual-large-pool-first"),
    epochs=58,
    remark="mien-large-muon for longer, halving maps before they are normalised. Learns from the mirrored int8 model "
    "of mien-small-robust (--teacher), and FER+ votes (--votes) beside the labels. It holds "
    "out the same faces as its teacher; they only calibrate the confidence.",
)

ROWS = (_MIEN_LARGE_FIRST, _MIEN_LARGE_FACES, MIEN_WIDE, _MIEN_LARGE_MUON, _MIEN_LARGE_ALONE, _MIEN_LARGE_LONG)
