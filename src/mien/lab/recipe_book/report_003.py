"""Report 003: A. Shrivastava, "Facial Emotion Recognition".

Its reference 11, a Kaggle notebook ("Facial Emotion Recognition using Keras Tensorflow", Hackers Realm), has the
same convolutions with ReLU; the rows follow it where the report is silent and they say so.
"""

from __future__ import annotations

from mien.lab.recipe import Adam, Constant, Figure, NoAugment, OwnNet, Recipe, Stopping, Validation
from mien.preprocess import Preprocess

GELU_CNN = Recipe(
    name="gelu-cnn",
    source='report 003, A. Shrivastava, "Facial Emotion Recognition"',
    network=OwnNet(name="gelu-cnn"),
    preprocess=Preprocess(crop_px=48, color="grey", input_px=48, channels=1, mean=(0.0,), std=(1.0,)),
    augment=NoAugment(),
    optimizer=Adam(lr=1e-3, betas=(0.9, 0.999), epsilon=1e-7),
    schedule=Constant(),
    epochs=100,
    batch_size=128,
    label_smoothing=0.0,
    class_weights="none",
    validation=Validation(kind="Test"),
    stopping=Stopping(monitor="none", patience=None, keep="last"),
    phases=(),
    ema_decay=0.0,
    sam_rho=0.0,
    published=(
        Figure(metric="accuracy", split="train", value=0.982, place="report 003, Results", exact=False),
        Figure(metric="accuracy", split="validation", value=0.5, place="report 003, Results", exact=False),
        Figure(metric="accuracy", split="train", value=0.9682, place="report 003, Conclusion", epoch=50),
        Figure(metric="accuracy", split="validation", value=0.5129, place="report 003, Conclusion", epoch=50),
    ),
    assumed={
        "network": "stated: filters, GELU, 2x2 max-pooling, dropout 0.4, dense 256 and 512, and that batch "
        "normalisation is used. Ours: unpadded 3x3 convolutions as Keras' default, GELU, normalisation, pool, "
        "dropout; none after the dense layers.",
        "preprocess.channels": "not stated; the faces are grey.",
        "preprocess.mean": "not stated; pixels in [0, 1] as in its reference 11.",
        "augment": "none is stated.",
        "optimizer": "not stated; Keras' default Adam, as in its reference 11.",
        "schedule": "none is stated.",
        "batch_size": "not stated; as in its reference 11.",
        "class_weights": "none are stated.",
        "validation": "the report has training (28,000) and test images (7,000) and names no others.",
        "stopping": "none is stated; the last weights are taken.",
    },
    remark="The report seems to validate on its test images; nothing is chosen by them.",
)

GELU_CNN_NOBN = Recipe(
    name="gelu-cnn-nobn",
    source='report 003, A. Shrivastava, "Facial Emotion Recognition", without batch normalisation',
    network=OwnNet(name="gelu-cnn-nobn"),
    preprocess=Preprocess(crop_px=48, color="grey", input_px=48, channels=1, mean=(0.0,), std=(1.0,)),
    augment=NoAugment(),
    optimizer=Adam(lr=1e-3, betas=(0.9, 0.999), epsilon=1e-7),
    schedule=Constant(),
    epochs=100,
    batch_size=128,
    label_smoothing=0.0,
    class_weights="none",
    validation=Validation(kind="Test"),
    stopping=Stopping(monitor="none", patience=None, keep="last"),
    phases=(),
    ema_decay=0.0,
    sam_rho=0.0,
    published=(),
    assumed={
        "network": "as gelu-cnn without its batch normalisation.",
        "preprocess.channels": "not stated; the faces are grey.",
        "preprocess.mean": "not stated; pixels in [0, 1] as in its reference 11.",
        "augment": "none is stated.",
        "optimizer": "not stated; Keras' default Adam, as in its reference 11.",
        "schedule": "none is stated.",
        "epochs": "not stated for this variant; as gelu-cnn.",
        "batch_size": "not stated; as in its reference 11.",
        "class_weights": "none are stated.",
        "validation": "the report has training (28,000) and test images (7,000) and names no others.",
        "stopping": "none is stated; the last weights are taken.",
    },
    remark="The report gives no figures: 'the overfitting issue is resolved', and both accuracies are lower.",
)
