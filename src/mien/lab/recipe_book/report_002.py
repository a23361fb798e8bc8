"""Report 002: "Facial Emotion Recognition using ResNet-50", a students' presentation."""

from __future__ import annotations

from mien.lab.recipe import Adam, Backbone, Constant, Figure, NoAugment, Phase, Recipe, Stopping, Validation
from mien.preprocess import Preprocess

RESNET50_LAST50 = Recipe(
    name="resnet50-last50",
    source='report 002, "Facial Emotion Recognition using ResNet-50"',
    network=Backbone(
        name="resnet50.tv_in1k",
        weights="imagenet",
        pool="avg",
        dense=(256,),
        batch_norm=True,
        dropout=0.5,
        keras_bn=True,
    ),
    preprocess=Preprocess(
        crop_px=48, color="grey", input_px=224, channels=3, mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0)
    ),
    augment=NoAugment(),
    optimizer=Adam(lr=1e-3, betas=(0.9, 0.999), epsilon=1e-7),
    schedule=Constant(),
    epochs=30,
    batch_size=32,
    label_smoothing=0.0,
    class_weights="none",
    validation=Validation(kind="holdout", fraction=0.2, rule="stratified"),
    stopping=Stopping(monitor="none", patience=None, keep="last"),
    phases=(Phase(epochs=10, trainable="head", lr=1e-3), Phase(epochs=20, trainable="last50", lr=1e-4)),
    ema_decay=0.0,
    sam_rho=0.0,
    published=(
        Figure(metric="accuracy", split="train", value=0.8, place="report 002, Model Prediction", over=True),
        Figure(metric="accuracy", split="validation", value=0.7001, place="report 002, Model Prediction"),
    ),
    assumed={
        "network.dense": "one dense layer is stated, its units are not.",
        "network.dropout": "stated without its rate.",
        "network.keras_bn": "the dense layer's ReLU, too, is not stated.",
        "network.name": "torchvision's first ImageNet weights, the nearest to those of Keras; the network strides in "
        "the 3x3 convolution of a block, not in the first 1x1, and has no convolution biases.",
        "preprocess.channels": "grey faces repeated to the three planes that the weights need.",
        "augment": "none is stated; the report names it as future work.",
        "optimizer": "not stated; Keras' default Adam, a tenth of its rate for the last 50 layers.",
        "schedule": "none is stated.",
        "batch_size": "not stated; Keras' default.",
        "class_weights": "none are stated.",
        "validation": "a split into training and validation is stated, its share and rule are not: a fifth, drawn, as "
        "the report reads arrays of pixels and not folders.",
        "stopping": "none is stated; the last weights are taken.",
        "phases": "'initially' frozen, 'later' the last 50 layers: the 30 epochs are shared 10 to 20.",
    },
    remark="'The last 50 layers' are Keras layers: all of stage 5, block 6 of stage 4, the last 8 of its block 5.",
)
