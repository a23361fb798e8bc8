"""Networks of mien-small's size, the first one first. A row that differs from an earlier one in little says in what."""

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
    Progressive,
    Recipe,
    Stopping,
    Validation,
)
from mien.preprocess import Preprocess

MIEN_SMALL_FIRST = Recipe(
    name="mien-small-first",
    source="mien",
    network=OwnNet(name="residual-small"),
    # about the mean and std of the Training faces
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
    remark="The first of three steps to mien-small-robust, of which mien-small-ferplus is. The held-out faces only "
    "calibrate the confidence; no split chooses weights.",
)

MIEN_SMALL_DISTILLED = replace(
    MIEN_SMALL_FIRST,
    name="mien-small-distilled",
    epochs=100,
    remark="Learns from a finished mien-small-first (--teacher) and FER+ votes (--votes) beside the labels. It holds "
    "out the same faces as its teacher, by the same rule and seed; they only calibrate the confidence.",
    votes_weight=0.5,
    distillation=Distillation(weight=0.5, temperature=2.0, faces="same"),
)

MIEN_SMALL_TUNED = Recipe(
    name="mien-small-tuned",
    source="mien",
    network=OwnNet(name="residual-small", weights="file"),
    preprocess=Preprocess(crop_px=48, color="grey", input_px=48, channels=1, mean=(0.507,), std=(0.254,)),
    augment=Augment(
        rotate_deg=18.0,
        shift_fraction=0.12,
        zoom_fraction=0.2,
        flip=True,
        brightness=0.15,
        contrast=0.5,
        soften_rate=0.3,
        soften_px=(12, 40),
        noise=0.06,
        erase_rate=0.2,
        erase_area=(0.02, 0.2),
        fill="nearest",
    ),
    optimizer=SGD(lr=0.01, momentum=0.9, weight_decay=5e-4, nesterov=True),
    schedule=Cosine(warmup_epochs=0.5, final_fraction=0.0),
    epochs=15,
    batch_size=128,
    label_smoothing=0.1,
    class_weights="none",
    validation=Validation(kind="holdout", fraction=0.05, rule="stratified"),
    stopping=Stopping(monitor="none", patience=None, keep="last"),
    phases=(),
    ema_decay=0.998,
    sam_rho=0.0,
    published=(),
    assumed={},
    remark="Goes on from a finished mien-small-distilled (--weights), which is also its teacher: it learns to answer "
    "to soft, noisy and badly cut faces what its teacher answers to the plain ones. The held-out faces only calibrate "
    "the confidence.",
    votes_weight=0.5,
    distillation=Distillation(weight=0.7, temperature=2.0, faces="plain"),
)

MIEN_SMALL_QUICK = Recipe(
    name="mien-small-quick",
    source="mien",
    network=OwnNet(name="residual-small"),
    preprocess=Preprocess(crop_px=48, color="grey", input_px=48, channels=1, mean=(0.507,), std=(0.254,)),
    augment=Augment(
        rotate_deg=15.0,
        shift_fraction=0.1,
        zoom_fraction=0.18,
        flip=True,
        brightness=0.1,
        contrast=0.4,
        soften_rate=0.2,
        soften_px=(14, 40),
        noise=0.04,
        erase_rate=0.2,
        erase_area=(0.02, 0.2),
        mixup_alpha=0.4,
        mix_rate=0.5,
        fill="nearest",
    ),
    optimizer=Muon(lr=0.03, momentum=0.9, other_lr=0.03, weight_decay=5e-4),
    schedule=OneCycle(up_fraction=0.2),
    epochs=40,
    batch_size=256,
    label_smoothing=0.1,
    class_weights="none",
    validation=Validation(kind="holdout", fraction=0.05, rule="grouped"),
    stopping=Stopping(monitor="none", patience=None, keep="last"),
    phases=(),
    ema_decay=0.998,
    sam_rho=0.0,
    published=(),
    assumed={},
    remark="Learns FER+ votes (--votes) beside the labels, in a quarter of the time of mien-small-distilled: too "
    "short for so strong changes of the faces. The held-out faces only calibrate the confidence.",
    votes_weight=0.5,
    sizes=Progressive(first_px=24, step_px=8, until_fraction=0.7),
)

MIEN_SMALL_FULL = replace(
    MIEN_SMALL_DISTILLED,
    name="mien-small-full",
    network=OwnNet(name="residual-small-full", weights="file"),
    augment=Augment(
        rotate_deg=15.0,
        shift_fraction=0.1,
        zoom_fraction=0.18,
        flip=True,
        brightness=0.1,
        contrast=0.3,
        soften_rate=0.2,
        soften_px=(16, 40),
        noise=0.04,
        erase_rate=0.3,
        erase_area=(0.02, 0.2),
        mixup_alpha=0.4,
        mix_rate=0.5,
        fill="nearest",
    ),
    optimizer=SGD(lr=0.05, momentum=0.9, weight_decay=5e-4, nesterov=True),
    epochs=18,
    ema_decay=0.998,
    remark="Goes on from a finished mien-small-distilled (--weights), which is also its teacher (--teacher), with the "
    "stem at full size: the same filters see a map of twice the width and height. FER+ votes (--votes) are learned "
    "beside the labels. It holds out the same faces as its teacher; they only calibrate the confidence.",
)

LIGHT_SOFTNESS = Augment(
    rotate_deg=15.0,
    shift_fraction=0.1,
    zoom_fraction=0.15,
    flip=True,
    brightness=0.1,
    contrast=0.3,
    soften_rate=0.1,
    soften_px=(16, 40),
    noise=0.03,
    erase_rate=0.2,
    erase_area=(0.02, 0.2),
    mixup_alpha=0.4,
    mix_rate=0.5,
    fill="nearest",
)

MIEN_SMALL_FULL_MUON = replace(
    MIEN_SMALL_DISTILLED,
    name="mien-small-full-muon",
    network=OwnNet(name="residual-small-full"),
    augment=LIGHT_SOFTNESS,
    optimizer=Muon(lr=0.03, momentum=0.9, other_lr=0.03, weight_decay=5e-4),
    epochs=40,
    batch_size=256,
    ema_decay=0.998,
    remark="mien-small-first with its stem at full size from random weights, in fewer epochs with Muon. Learns from a "
    "finished mien-small-distilled (--teacher) and FER+ votes (--votes) beside the labels. It holds out the same faces "
    "as its teacher; they only calibrate the confidence.",
)

MIEN_SMALL_FULL_TUNED = replace(
    MIEN_SMALL_FULL_MUON,
    name="mien-small-full-tuned",
    network=OwnNet(name="residual-small-full", weights="file"),
    augment=Augment(
        rotate_deg=15.0,
        shift_fraction=0.12,
        zoom_fraction=0.18,
        flip=True,
        brightness=0.15,
        contrast=0.4,
        soften_rate=0.25,
        soften_px=(12, 40),
        noise=0.05,
        erase_rate=0.2,
        erase_area=(0.02, 0.2),
        fill="nearest",
    ),
    optimizer=Muon(lr=0.01, momentum=0.9, other_lr=0.01, weight_decay=5e-4),
    schedule=Cosine(warmup_epochs=0.5, final_fraction=0.0),
    epochs=15,
    remark="Goes on from a finished mien-small-full-muon (--weights) as mien-small-tuned does, and learns what it, "
    "mien-small-full and mien-small-distilled answer together (--teacher, three times) to the plain faces. The "
    "held-out faces only calibrate the confidence.",
    distillation=Distillation(weight=0.7, temperature=2.0, faces="plain"),
)

MIEN_SMALL_OF_FIVE = replace(
    MIEN_SMALL_FULL_MUON,
    name="mien-small-of-five",
    network=OwnNet(name="residual-small-pool-first"),
    epochs=76,
    remark="Learns from the seeds 0 to 3 of speed-70 and from the mirrored int8 model of mien-small-robust (--teacher, "
    "five times), one of them in each step, and FER+ votes (--votes) beside the labels. Its teachers have learned the "
    "faces that it holds out.",
    distillation=Distillation(weight=0.7, temperature=2.0, faces="undamaged", teachers_a_step=1),
)

MIEN_SMALL_OF_THREE = replace(
    MIEN_SMALL_DISTILLED,
    name="mien-small-of-three",
    network=OwnNet(name="residual-small-pool-first"),
    augment=LIGHT_SOFTNESS,
    remark="mien-small-distilled with better teachers. Learns from the int8 models of mien-large-faces and "
    "mien-large-long, one view each, and from the mirrored one of mien-small-robust (--teacher, three times), one of "
    "them in each step, and FER+ votes (--votes) beside the labels. It holds out the same faces as its teachers; "
    "they only calibrate the confidence.",
    distillation=Distillation(weight=0.6, temperature=2.0, faces="undamaged", teachers_a_step=1),
)

FACE_INPUT = Preprocess(
    crop_px=48,
    color="grey",
    input_px=96,
    channels=3,
    # the face network's own means, of 0..255 in BGR order; faces are grey, so that the order does not matter
    mean=(103.939 / 255, 116.779 / 255, 123.68 / 255),
    std=(1 / 255, 1 / 255, 1 / 255),
)

MIEN_SMALL_FACES = replace(
    MIEN_SMALL_OF_THREE,
    name="mien-small-faces",
    network=OwnNet(name="mobilenet-v1-short-normed", weights="file"),
    preprocess=replace(FACE_INPUT, input_px=64),
    optimizer=Adam(lr=5e-4, betas=(0.9, 0.999), epsilon=1e-8, weight_decay=0.05, decoupled=True),
    schedule=Cosine(warmup_epochs=0.5, final_fraction=0.0),
    epochs=56,
    remark="The first eleven of thirteen blocks of a finished mien-large-faces (--weights), on smaller faces. Learns "
    "from the same teachers as mien-small-of-three (--teacher, three times), one of them in each step, and FER+ votes "
    "(--votes) beside the labels. It holds out the same faces as its teachers; they only calibrate the confidence.",
)

ROWS = (
    MIEN_SMALL_FIRST,
    MIEN_SMALL_DISTILLED,
    MIEN_SMALL_TUNED,
    MIEN_SMALL_QUICK,
    MIEN_SMALL_FULL,
    MIEN_SMALL_FULL_MUON,
    MIEN_SMALL_FULL_TUNED,
    MIEN_SMALL_OF_FIVE,
    MIEN_SMALL_OF_THREE,
    MIEN_SMALL_FACES,
)
