"""Report 004: D. Rodrigues, E. R. Brioso, E. Cruz, "Facial Expression Recognition with Machine Learning"."""

from __future__ import annotations

from mien.lab.recipe import Adam, Augment, Backbone, Constant, Figure, OwnNet, Recipe, Stopping, Validation
from mien.preprocess import Preprocess

RESNET50_SCRATCH = Recipe(
    name="resnet50-scratch",
    source='report 004, D. Rodrigues et al., "Facial Expression Recognition with Machine Learning", ResNet-50',
    network=Backbone(
        name="resnet50",
        weights="none",
        pool="avg",
        dense=(),
        batch_norm=False,
        dropout=0.0,
        keras_bn=True,
    ),
    preprocess=Preprocess(
        crop_px=48, color="grey", input_px=48, channels=3, mean=(0.5077, 0.5077, 0.5077), std=(0.255, 0.255, 0.255)
    ),
    augment=Augment(rotate_deg=10.0, zoom_fraction=0.1, zoom_per_axis=True, flip=True, fill="nearest"),
    optimizer=Adam(lr=1e-3, betas=(0.9, 0.999), epsilon=1e-7),
    schedule=Constant(),
    epochs=150,
    batch_size=64,
    label_smoothing=0.0,
    class_weights="none",
    validation=Validation(kind="PublicTest"),
    stopping=Stopping(monitor="none", patience=None, keep="last"),
    phases=(),
    ema_decay=0.0,
    sam_rho=0.0,
    published=(
        Figure(metric="accuracy", split="test", value=0.6294, place="report 004, section III"),
        Figure(metric="loss", split="test", value=0.9717, place="report 004, section III"),
    ),
    assumed={
        "network": "ResNet-50 of Keras in the report; timm's strides in the 3x3 convolution of a block, has no "
        "convolution biases, and its random weights are He-normal instead of Glorot-uniform; the last normalisation of "
        "a block begins at zero.",
        "preprocess.mean": "the data set's mean and standard deviation are stated as a method, not as numbers; "
        "computed from the 28,709 Training faces.",
        "augment": "flips, zoom and rotation are stated, their ranges are not: small ones. Zoom of each axis and the "
        "filling of the border are Keras' defaults.",
        "optimizer": "not stated; Keras' default Adam.",
        "schedule": "none is stated.",
        "batch_size": "not stated; 64, between Keras' default of 32 and the 128 of others.",
        "class_weights": "none are stated.",
        "validation": "the challenge's 28,709, 3,589 and 3,589 images are stated as training, validation and test; "
        "so PublicTest is watched.",
        "stopping": "150 epochs for all models, though validation is said to part from training after 55.",
    },
    remark="The report's test split is the challenge's second one, PrivateTest.",
)

RESNET50_IMAGENET = Recipe(
    name="resnet50-imagenet",
    source='report 004, D. Rodrigues et al., "Facial Expression Recognition with Machine Learning", transfer',
    network=Backbone(
        name="resnet50.tv_in1k",
        weights="imagenet",
        pool="avg",
        dense=(),
        batch_norm=False,
        dropout=0.0,
        keras_bn=True,
    ),
    preprocess=Preprocess(
        crop_px=48, color="grey", input_px=48, channels=3, mean=(0.5077, 0.5077, 0.5077), std=(0.255, 0.255, 0.255)
    ),
    augment=Augment(rotate_deg=10.0, zoom_fraction=0.1, zoom_per_axis=True, flip=True, fill="nearest"),
    optimizer=Adam(lr=1e-3, betas=(0.9, 0.999), epsilon=1e-7),
    schedule=Constant(),
    epochs=150,
    batch_size=64,
    label_smoothing=0.0,
    class_weights="none",
    validation=Validation(kind="PublicTest"),
    stopping=Stopping(monitor="none", patience=None, keep="last"),
    phases=(),
    ema_decay=0.0,
    sam_rho=0.0,
    published=(
        Figure(metric="accuracy", split="test", value=0.6372, place="report 004, section III"),
        Figure(metric="loss", split="test", value=0.9715, place="report 004, section III"),
    ),
    assumed={
        "network.name": "torchvision's first ImageNet weights, the nearest to those of Keras; the network strides in "
        "the 3x3 convolution of a block, not in the first 1x1, and has no convolution biases.",
        "preprocess.mean": "the data set's mean and standard deviation are stated as a method, not as numbers; "
        "computed from the 28,709 Training faces.",
        "augment": "flips, zoom and rotation are stated, their ranges are not: small ones. Zoom of each axis and the "
        "filling of the border are Keras' defaults.",
        "optimizer": "not stated; Keras' default Adam.",
        "schedule": "none is stated.",
        "batch_size": "not stated; 64, between Keras' default of 32 and the 128 of others.",
        "class_weights": "none are stated.",
        "validation": "the challenge's 28,709, 3,589 and 3,589 images are stated as training, validation and test; "
        "so PublicTest is watched.",
        "stopping": "150 epochs for all models, though validation is said to part from training after 55.",
        "phases": "nothing is said to be frozen.",
    },
    remark="The report's test split is the challenge's second one, PrivateTest. Of disgust it finds about 62 %, and "
    "with 55 epochs its accuracy 'does not change significantly'.",
)

CNN8 = Recipe(
    name="cnn8",
    source='report 004, D. Rodrigues et al., "Facial Expression Recognition with Machine Learning", custom CNN',
    network=OwnNet(name="cnn8"),
    preprocess=Preprocess(crop_px=48, color="grey", input_px=48, channels=1, mean=(0.5077,), std=(0.255,)),
    augment=Augment(rotate_deg=10.0, zoom_fraction=0.1, zoom_per_axis=True, flip=True, fill="nearest"),
    optimizer=Adam(lr=1e-3, betas=(0.9, 0.999), epsilon=1e-7),
    schedule=Constant(),
    epochs=150,
    batch_size=64,
    label_smoothing=0.0,
    class_weights="none",
    validation=Validation(kind="PublicTest"),
    stopping=Stopping(monitor="none", patience=None, keep="last"),
    phases=(),
    ema_decay=0.0,
    sam_rho=0.0,
    published=(
        Figure(metric="accuracy", split="test", value=0.6492, place="report 004, section III"),
        Figure(metric="loss", split="test", value=0.9407, place="report 004, section III"),
    ),
    assumed={
        "network": "stated: eight convolutions, batch normalisation after the first two, 3x3 max-pooling, dropout, "
        "one dense layer; that all come in such pairs is taken from a figure. Ours: padded, with ReLU, 64, 128, 256 "
        "and 512 filters of 3x3, pools of stride 2, dropout 0.25.",
        "preprocess.channels": "not stated; the faces are grey.",
        "preprocess.mean": "the data set's mean and standard deviation are stated as a method, not as numbers; "
        "computed from the 28,709 Training faces.",
        "augment": "flips, zoom and rotation are stated, their ranges are not: small ones. Zoom of each axis and the "
        "filling of the border are Keras' defaults.",
        "optimizer": "not stated; Keras' default Adam.",
        "schedule": "none is stated.",
        "batch_size": "not stated; 64, between Keras' default of 32 and the 128 of others.",
        "class_weights": "none are stated.",
        "validation": "the challenge's 28,709, 3,589 and 3,589 images are stated as training, validation and test; "
        "so PublicTest is watched.",
        "stopping": "'the CNN took advantage of all the training steps': 150 epochs, the last weights.",
    },
    remark="The report's test split is the challenge's second one, PrivateTest.",
)
