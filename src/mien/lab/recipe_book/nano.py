"""Networks of mien-nano's size, the first one first. A row that differs from an earlier one in little says in what."""

from __future__ import annotations

from dataclasses import replace

from mien.lab.recipe import (
    SGD,
    Adam,
    Augment,
    Cosine,
    Distillation,
    Muon,
    OneCycle,
    OwnNet,
    Recipe,
    Stopping,
    Validation,
)
from mien.lab.recipe_book.small import FACE_INPUT
from mien.preprocess import Preprocess

_TAUGHT = (
    "Learns from larger networks (--teacher) and FER+ votes (--votes) beside the labels. It holds out the same faces "
    "as its teachers, by the same rule and seed; they only calibrate the confidence."
)

_CHANGES = Augment(
    rotate_deg=12.0,
    shift_fraction=0.08,
    zoom_fraction=0.12,
    flip=True,
    brightness=0.1,
    contrast=0.3,
    soften_rate=0.2,
    soften_px=(16, 40),
    noise=0.04,
    erase_rate=0.1,
    erase_area=(0.02, 0.15),
    fill="nearest",
)

MIEN_NANO_FIRST = Recipe(
    name="mien-nano-first",
    source="mien",
    network=OwnNet(name="residual-nano"),
    preprocess=Preprocess(crop_px=48, color="grey", input_px=48, channels=1, mean=(0.507,), std=(0.254,)),
    augment=_CHANGES,
    optimizer=SGD(lr=0.1, momentum=0.9, weight_decay=2e-4, nesterov=True),
    schedule=OneCycle(up_fraction=0.2),
    epochs=70,
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
    remark=f"An early trial. {_TAUGHT}",
    votes_weight=0.5,
    distillation=Distillation(weight=0.7, temperature=2.0, faces="plain"),
)

MIEN_NANO_MUON = replace(
    MIEN_NANO_FIRST,
    name="mien-nano-muon",
    remark=_TAUGHT,
    optimizer=Muon(lr=0.03, momentum=0.9, other_lr=0.03, weight_decay=2e-4),
    batch_size=256,
    ema_decay=0.998,
)

MIEN_NANO_FULL = replace(
    MIEN_NANO_FIRST,
    name="mien-nano-full",
    network=OwnNet(name="residual-nano-full"),
    remark=f"What mien-nano was before mien-nano-even. {_TAUGHT}",
)

MIEN_NANO_TAUGHT = replace(
    MIEN_NANO_FULL,
    name="mien-nano-taught",
    network=OwnNet(name="residual-nano-full", weights="file"),
    optimizer=SGD(lr=0.05, momentum=0.9, weight_decay=2e-4, nesterov=True),
    epochs=24,
    remark="Goes on from a finished mien-nano-full (--weights) with better teachers: what mien-small-full-muon, "
    "mien-small-full-tuned and mien-small-distilled answer together (--teacher, three times). The held-out faces only "
    "calibrate the confidence.",
)

MIEN_NANO_OF_FIVE = replace(
    MIEN_NANO_FIRST,
    name="mien-nano-of-five",
    network=OwnNet(name="residual-nano-full-pool-first"),
    epochs=70,
    remark="Learns from the seeds 0 to 3 of speed-70 and from the mirrored int8 model of mien-small-robust (--teacher, "
    "five times), one of them in each step, and FER+ votes (--votes) beside the labels. Its teachers have learned the "
    "faces that it holds out.",
    distillation=Distillation(weight=0.8, temperature=2.0, faces="undamaged", teachers_a_step=1),
)

MIEN_NANO_FACES = replace(
    MIEN_NANO_FIRST,
    name="mien-nano-faces",
    network=OwnNet(name="mobilenet-v1-nano-normed", weights="file"),
    preprocess=replace(FACE_INPUT, input_px=64),
    augment=replace(_CHANGES, jpeg_rate=0.1, side="crop"),
    optimizer=Adam(lr=1e-3, betas=(0.9, 0.999), epsilon=1e-8, weight_decay=0.05, decoupled=True),
    schedule=Cosine(warmup_epochs=0.5, final_fraction=0.0),
    epochs=50,
    remark="The first six of the eleven blocks of mien-small-faces-steady (--weights), with the first 176 channels of "
    "the last of them. Learns from its int8 model and from that of seed 2 of mien-large-faces, one view each "
    "(--teacher, twice), one of them in each step, and FER+ votes (--votes) beside the labels. It holds out the same "
    "faces as the first of them; they only calibrate the confidence.",
    distillation=Distillation(weight=0.8, temperature=2.0, faces="undamaged", teachers_a_step=1),
)

MIEN_NANO_EVEN = replace(
    MIEN_NANO_FIRST,
    name="mien-nano-even",
    network=OwnNet(name="residual-nano-even"),
    epochs=90,
    remark="The model mien-nano. Learns from mien-large and mien-small, one view each (--teacher, twice), and FER+ "
    "votes (--votes) beside the labels. It holds out the same faces as its teachers, by the same rule and seed; they "
    "only calibrate the confidence.",
)

MIEN_NANO_EVEN_TUNED = replace(
    MIEN_NANO_EVEN,
    name="mien-nano-even-tuned",
    network=OwnNet(name="residual-nano-even", weights="file"),
    optimizer=SGD(lr=0.05, momentum=0.9, weight_decay=2e-4, nesterov=True),
    epochs=80,
    remark="Goes on from seed 0 of mien-nano-even (--weights) with the same teachers. The held-out faces only "
    "calibrate the confidence.",
)

MIEN_NANO_EVEN_MATCHED = replace(
    MIEN_NANO_EVEN,
    name="mien-nano-even-matched",
    network=OwnNet(name="residual-nano-even", weights="file"),
    augment=replace(_CHANGES, jpeg_rate=0.1),
    optimizer=Muon(lr=0.006, momentum=0.9, other_lr=0.02, weight_decay=2e-4),
    schedule=OneCycle(up_fraction=0.1),
    epochs=32,
    batch_size=256,
    ema_decay=0.998,
    remark="Goes on from the int8 weights of mien-nano, which is mien-nano-even (--weights), towards what mien-large "
    "and mien-small, one view each (--teacher, twice), one of them in each step, answer to the very faces that it "
    "sees; FER+ votes (--votes) are learned beside the labels. It holds out the same faces as both; they only "
    "calibrate the confidence.",
    distillation=Distillation(weight=0.9, temperature=2.0, faces="undamaged", teachers_a_step=1),
)

ROWS = (
    MIEN_NANO_FIRST,
    MIEN_NANO_MUON,
    MIEN_NANO_FULL,
    MIEN_NANO_TAUGHT,
    MIEN_NANO_OF_FIVE,
    MIEN_NANO_FACES,
    MIEN_NANO_EVEN,
    MIEN_NANO_EVEN_TUNED,
    MIEN_NANO_EVEN_MATCHED,
)
