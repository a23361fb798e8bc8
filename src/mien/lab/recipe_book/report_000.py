"""Report 000: "Facial Expression Recognition: ResNet50 vs our CNN", a students' poster."""

from __future__ import annotations

from mien.lab.recipe import Adam, Augment, Backbone, Figure, OwnNet, Plateau, Recipe, Stopping, Validation
from mien.preprocess import Preprocess

RESNET50_FLATTEN = Recipe(
    name="resnet50-flatten",
    source='report 000, "Facial Expression Recognition: ResNet50 vs our CNN", the ResNet50',
    network=Backbone(
        name="resnet50.tv_in1k",
        weights="imagenet",
        pool="flatten",
        dense=(128, 64),
        batch_norm=False,
        dropout=0.0,
        keras_bn=True,
    ),
    preprocess=Preprocess(crop_px=48, color="grey", input_px=48, channels=3, mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0)),
    augment=Augment(rotate_deg=20.0, shear_deg=10.0, flip=True, fill="nearest"),
    optimizer=Adam(lr=1e-3, betas=(0.9, 0.999), epsilon=1e-7),
    schedule=Plateau(factor=0.3, patience=3, min_delta=1e-4, min_lr=1e-5),
    epochs=50,
    batch_size=32,
    label_smoothing=0.0,
    class_weights="none",
    validation=Validation(kind="holdout", fraction=0.2, rule="keras"),
    stopping=Stopping(monitor="loss", patience=None, keep="best"),
    phases=(),
    ema_decay=0.0,
    sam_rho=0.0,
    published=(Figure(metric="gap", split="test", value=0.18, place="report 000, Evaluation"),),
    assumed={
        "network.name": "torchvision's first ImageNet weights, the nearest to those of Keras; the network strides in "
        "the 3x3 convolution of a block, not in the first 1x1, and has no convolution biases.",
        "preprocess.channels": "(48, 48, 3) is stated for the own network only; ImageNet weights need 3 too.",
        "augment.shear_deg": "shearing is stated, its range is not: half of the rotation's. Ours moves rows, Keras' "
        "moves columns.",
        "augment.fill": "Keras' default.",
        "optimizer.epsilon": "Keras' default.",
        "schedule.min_delta": "Keras' default.",
        "class_weights": "none are stated.",
        "validation.rule": "20 % is stated; taken as Keras' validation_split takes it, the first faces of each class. "
        "Which edition the report used is not stated.",
        "stopping.keep": "'saves the best model'; that its figures come from it is assumed.",
        "phases": "nothing is said to be frozen, and a frozen trunk would hardly open a gap of 18 points.",
    },
    remark="The report gives its accuracies in a figure only; train minus test accuracy stands in the text.",
)

CNN_64_512 = Recipe(
    name="cnn-64-512",
    source='report 000, "Facial Expression Recognition: ResNet50 vs our CNN", the own network',
    network=OwnNet(name="cnn-64-512"),
    preprocess=Preprocess(crop_px=48, color="grey", input_px=48, channels=3, mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0)),
    augment=Augment(rotate_deg=20.0, shear_deg=10.0, flip=True, fill="nearest"),
    optimizer=Adam(lr=1e-3, betas=(0.9, 0.999), epsilon=1e-7),
    schedule=Plateau(factor=0.3, patience=3, min_delta=1e-4, min_lr=1e-5),
    epochs=50,
    batch_size=32,
    label_smoothing=0.0,
    class_weights="none",
    validation=Validation(kind="holdout", fraction=0.2, rule="keras"),
    stopping=Stopping(monitor="loss", patience=None, keep="best"),
    phases=(),
    ema_decay=0.0,
    sam_rho=0.0,
    published=(Figure(metric="gap", split="test", value=0.07, place="report 000, Evaluation"),),
    assumed={
        "network": "stated: several convolutions, batch normalisation, max-pooling, dropout, 64 growing to 512 "
        "filters, 7 classes. Ours: one 3x3 convolution a block, 2x2 pools, dropout 0.25, a flattened last map.",
        "augment.shear_deg": "shearing is stated, its range is not: half of the rotation's. Ours moves rows, Keras' "
        "moves columns.",
        "augment.fill": "Keras' default.",
        "optimizer.epsilon": "Keras' default.",
        "schedule.min_delta": "Keras' default.",
        "class_weights": "none are stated.",
        "validation.rule": "20 % is stated; taken as Keras' validation_split takes it, the first faces of each class. "
        "Which edition the report used is not stated.",
        "stopping.keep": "'saves the best model'; that its figures come from it is assumed.",
    },
    remark="The report gives its accuracies in a figure only; train minus test accuracy stands in the text.",
)
