"""Networks that learn from larger ones, which each remark names, or that go on from such a training."""

from __future__ import annotations

from dataclasses import replace

from mien.lab.recipe import SGD, Adam, Cosine, Distillation, Muon, OneCycle, OwnNet
from mien.lab.recipe_book.nano import MIEN_NANO_FULL
from mien.lab.recipe_book.small import LIGHT_SOFTNESS, MIEN_SMALL_FACES, MIEN_SMALL_FULL_MUON
from mien.lab.recipe_book.teachers import MIEN_WIDE, WIDE_CHANGES

_BY_WHOM = (
    "Learns from the seeds 0 to 2 of mien-wide (--teacher, three times), one of them in each step, and FER+ votes "
    "(--votes) beside the labels. It holds out the same faces as the first of them; they only calibrate the confidence."
)

_MIEN_WIDE_TAUGHT = replace(
    MIEN_WIDE,
    name="mien-wide-taught",
    augment=replace(WIDE_CHANGES, soften_rate=0.15, noise=0.05, jpeg_rate=0.15, fill="nearest"),
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

_SOFT_AND_NOISY = replace(WIDE_CHANGES, soften_rate=0.2, noise=0.06, mix_rate=0.5, fill="nearest")

_MIEN_WIDE_TUNED = replace(
    MIEN_WIDE,
    name="mien-wide-tuned",
    network=OwnNet(name="residual-wide", weights="file"),
    augment=_SOFT_AND_NOISY,
    optimizer=SGD(lr=0.01, momentum=0.9, weight_decay=5e-4, nesterov=True),
    schedule=Cosine(warmup_epochs=0.5, final_fraction=0.0),
    epochs=12,
    ema_decay=0.998,
    remark="Goes on from a finished mien-wide (--weights), whose int8 model is also its teacher (--teacher): it learns "
    "to answer to soft and noisy faces what its teacher answers before they became so. FER+ votes (--votes) are "
    "learned beside the labels. It holds out the same faces as its teacher; they only calibrate the confidence.",
    distillation=Distillation(weight=0.7, temperature=2.0, faces="undamaged"),
)

_MIEN_SMALL_FACES_TAUGHT = replace(
    MIEN_SMALL_FACES,
    name="mien-small-faces-taught",
    optimizer=Adam(lr=3e-4, betas=(0.9, 0.999), epsilon=1e-8, weight_decay=0.05, decoupled=True),
    epochs=42,
    remark="Goes on from a finished mien-small-faces (--weights) with a better teacher. Learns from the int8 models of "
    "seed 0 of mien-wide and of seed 2 of mien-large-faces, one view each (--teacher, twice), one of them in each "
    "step, and FER+ votes (--votes) beside the labels. It holds out the same faces as the first of them; they only "
    "calibrate the confidence.",
    distillation=Distillation(weight=0.7, temperature=2.0, faces="undamaged", teachers_a_step=1),
)

_MIEN_WIDE_HARDENED = replace(
    _MIEN_WIDE_TUNED,
    name="mien-wide-hardened",
    augment=replace(_SOFT_AND_NOISY, jpeg_rate=0.25, jpeg_quality=(8, 60)),
    remark="mien-wide-tuned with JPEG among its changes. Goes on from a finished mien-wide (--weights), whose int8 "
    "model is also its teacher (--teacher). FER+ votes (--votes) are learned beside the labels. It holds out the same "
    "faces as its teacher; they only calibrate the confidence.",
)

_MIEN_SMALL_FACES_HARDENED = replace(
    _MIEN_SMALL_FACES_TAUGHT,
    name="mien-small-faces-hardened",
    augment=replace(
        LIGHT_SOFTNESS, soften_rate=0.25, soften_px=(14, 48), noise=0.06, jpeg_rate=0.2, jpeg_quality=(6, 50)
    ),
    epochs=38,
    remark="Goes on from a finished mien-small-faces-taught (--weights) on softer, noisier and JPEG-compressed faces. "
    "Learns from the int8 models of mien-wide-robust and of seed 2 of mien-large-faces, one view each (--teacher, "
    "twice), one of them in each step, and FER+ votes (--votes) beside the labels. It holds out the same faces as the "
    "first of them; they only calibrate the confidence.",
)

_MIEN_SMALL_FACES_TUNED = replace(
    _MIEN_SMALL_FACES_HARDENED,
    name="mien-small-faces-tuned",
    augment=replace(
        LIGHT_SOFTNESS,
        soften_rate=0.25,
        soften_px=(12, 40),
        noise=0.06,
        jpeg_rate=0.2,
        erase_rate=0.3,
        erase_area=(0.02, 0.25),
        side="crop",
    ),
    epochs=26,
    remark="Goes on from mien-small-faces-steady (--weights), the mean of mien-small-faces-taught and "
    "mien-small-faces-hardened, on faces that are changed at 48 px, before they are enlarged. Learns from the int8 "
    "models of mien-wide-steady and of seed 2 of mien-large-faces, one view each (--teacher, twice), one of them in "
    "each step, and FER+ votes (--votes) beside the labels. It holds out the same faces as the first of them; they "
    "only calibrate the confidence.",
)

_MIEN_SMALL_FACES_FRAMED = replace(
    _MIEN_SMALL_FACES_TUNED,
    name="mien-small-faces-framed",
    augment=replace(
        LIGHT_SOFTNESS,
        shift_fraction=0.12,
        zoom_fraction=0.3,
        soften_rate=0.25,
        soften_px=(12, 40),
        noise=0.05,
        jpeg_rate=0.15,
        side="crop",
    ),
    epochs=22,
    remark="Goes on from the int8 weights of mien-small, which is mien-small-faces-steady (--weights), on faces that "
    "differ twice as much in size, as a detector's boxes do. Learns from mien-large, which is mien-wide-steady, and "
    "from mien-small itself, one view each (--teacher, twice), one of them in each step, and FER+ votes (--votes) "
    "beside the labels. It holds out the same faces as both; they only calibrate the confidence.",
)

_MIEN_SMALL_FACES_96 = replace(
    _MIEN_SMALL_FACES_TUNED,
    name="mien-small-faces-96",
    preprocess=replace(MIEN_SMALL_FACES.preprocess, input_px=96),
    augment=replace(LIGHT_SOFTNESS, soften_rate=0.25, soften_px=(12, 40), noise=0.06, jpeg_rate=0.2, side="crop"),
    optimizer=Adam(lr=5e-4, betas=(0.9, 0.999), epsilon=1e-8, weight_decay=0.05, decoupled=True),
    epochs=32,
    remark="Goes on from the int8 weights of mien-small, which is mien-small-faces-steady (--weights), with faces of "
    "96 instead of 64 px. Learns from mien-large and from mien-small itself, one view each (--teacher, twice), and "
    "FER+ votes (--votes) beside the labels. It holds out the same faces as both; they only calibrate the confidence.",
    distillation=Distillation(weight=0.7, temperature=2.0, faces="plain"),
)

_MIEN_SMALL_FACES_96_TAUGHT = replace(
    _MIEN_SMALL_FACES_96,
    name="mien-small-faces-96-taught",
    optimizer=Adam(lr=3e-4, betas=(0.9, 0.999), epsilon=1e-8, weight_decay=0.05, decoupled=True),
    epochs=8,
    remark="Goes on from mien-small-faces-96 (--weights) towards what its teachers, one of them in each step, answer "
    "to the very faces that it sees. It holds out the same faces.",
    distillation=Distillation(weight=0.7, temperature=2.0, faces="undamaged", teachers_a_step=1),
)

_MIEN_SMALL_FACES_96_HARDENED = replace(
    _MIEN_SMALL_FACES_96,
    name="mien-small-faces-96-hardened",
    augment=replace(
        LIGHT_SOFTNESS,
        soften_rate=0.3,
        soften_px=(10, 40),
        noise=0.08,
        jpeg_rate=0.3,
        erase_rate=0.3,
        erase_area=(0.02, 0.25),
        side="crop",
    ),
    optimizer=_MIEN_SMALL_FACES_96_TAUGHT.optimizer,
    epochs=11,
    remark="Goes on from mien-small-faces-96 (--weights) with the same teachers, on faces that are more often soft, "
    "noisy, JPEG-compressed or hidden in part. It holds out the same faces.",
)

_MIEN_SMALL_FACES_96_LONGER = replace(
    _MIEN_SMALL_FACES_96_TAUGHT,
    name="mien-small-faces-96-longer",
    optimizer=_MIEN_SMALL_FACES_96.optimizer,
    epochs=34,
    remark="Goes on from mien-small-faces-96-taught (--weights) in the same way, for longer. It holds out the "
    "same faces.",
)

_MIEN_SMALL_SLIM = replace(
    MIEN_SMALL_FULL_MUON,
    name="mien-small-slim",
    network=OwnNet(name="residual-slim", weights="file"),
    augment=replace(LIGHT_SOFTNESS, soften_rate=0.2, soften_px=(12, 40), noise=0.05, jpeg_rate=0.15),
    optimizer=Muon(lr=0.01, momentum=0.9, other_lr=0.03, weight_decay=5e-4),
    schedule=OneCycle(up_fraction=0.1),
    epochs=38,
    remark="A quarter of mien-large's network: begins with what `mien narrow mien-large --network residual-slim` has "
    "fitted (--weights). Learns from mien-large and mien-small, one view each (--teacher, twice), one of them in each "
    "step, and FER+ votes (--votes) beside the labels. It holds out the same faces as both; they only calibrate the "
    "confidence.",
    distillation=Distillation(weight=0.8, temperature=2.0, faces="undamaged", teachers_a_step=1),
)

ROWS = (
    _MIEN_WIDE_TAUGHT,
    _MIEN_SMALL_OF_WIDE,
    _MIEN_NANO_OF_WIDE,
    _MIEN_WIDE_TUNED,
    _MIEN_SMALL_FACES_TAUGHT,
    _MIEN_WIDE_HARDENED,
    _MIEN_SMALL_FACES_HARDENED,
    _MIEN_SMALL_FACES_TUNED,
    _MIEN_SMALL_FACES_FRAMED,
    _MIEN_SMALL_FACES_96,
    _MIEN_SMALL_FACES_96_TAUGHT,
    _MIEN_SMALL_FACES_96_HARDENED,
    _MIEN_SMALL_FACES_96_LONGER,
    _MIEN_SMALL_SLIM,
)
