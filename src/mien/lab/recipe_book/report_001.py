"""Report 001: G. Soni, "Facial Emotion Classification".

A public notebook has the report's figures to the last digit: its parameter count (17,044,871), both accuracies of
VGG16 and of ResNet50, and the class weights. Where the report is silent the rows follow that notebook if they say so:
https://github.com/sahiltambe/Deep-Learning-for-Real-Time-Emotion-Recognition. Where they differ, the report holds.
"""

from __future__ import annotations

from mien.lab.recipe import (
    Adam,
    Augment,
    Backbone,
    Figure,
    NoAugment,
    OwnNet,
    Phase,
    Plateau,
    Recipe,
    Stopping,
    Validation,
)
from mien.preprocess import Preprocess

CNN_17M = Recipe(
    name="cnn-17m",
    source='report 001, G. Soni, "Facial Emotion Classification", model 1',
    network=OwnNet(name="cnn-17m"),
    preprocess=Preprocess(crop_px=48, color="grey", input_px=48, channels=1, mean=(0.0,), std=(1.0,)),
    augment=NoAugment(),
    optimizer=Adam(lr=1e-4, betas=(0.9, 0.999), epsilon=1e-7),
    schedule=Plateau(factor=0.2, patience=6, min_delta=1e-4, min_lr=0.0),
    epochs=10,
    batch_size=64,
    label_smoothing=0.0,
    class_weights="none",
    validation=Validation(kind="holdout", fraction=0.2, rule="keras"),
    stopping=Stopping(monitor="loss", patience=3, keep="best"),
    phases=(),
    ema_decay=0.0,
    sam_rho=0.0,
    published=(
        Figure(metric="accuracy", split="train", value=0.6558, place="report 001, model 1"),
        Figure(metric="accuracy", split="validation", value=0.5671, place="report 001, model 1"),
    ),
    assumed={
        "network": "the layers stand in a figure only; those of the public notebook have exactly the stated "
        "17,044,871 parameters. It also puts an L2 penalty of 0.01 on the inner convolutions, which the report does "
        "not name and we leave out.",
        "preprocess.mean": "pixels in [0, 1], as stated for model 2.",
        "augment": "the text speaks of rotation, scaling and flips here too, but names model 2 'with image "
        "augmentation' in contrast to this one.",
        "optimizer": "not stated; Adam 1e-4 as in the public notebook, the rest as Keras has it.",
        "schedule.min_delta": "stated for model 2; Keras' default.",
        "stopping.monitor": "'validation performance'; the validation loss, as stated for models 3 and 4.",
        "stopping.patience": "not stated; 3 as the public notebook has for model 3. The plateau's 6 is hardly ever "
        "reached, though the report says that it adjusted the learning rate.",
        "stopping.keep": "'ensuring the best model was retained'; that its figures come from it is assumed.",
        "class_weights": "none are stated.",
        "schedule.min_lr": "not stated; Keras' default.",
        "validation.rule": "20 % is stated; taken as Keras' validation_split takes it, the first faces of each class: "
        "of the folder edition those of the report, of any other edition as many.",
    },
    remark="The validation faces choose the weights: the report's validation accuracy is too high for a test.",
)

CNN_17M_AUG = Recipe(
    name="cnn-17m-aug",
    source='report 001, G. Soni, "Facial Emotion Classification", model 2',
    network=OwnNet(name="cnn-17m"),
    preprocess=Preprocess(crop_px=48, color="grey", input_px=48, channels=1, mean=(0.0,), std=(1.0,)),
    augment=Augment(
        rotate_deg=40.0,
        shift_fraction=0.2,
        shear_deg=0.2,
        zoom_fraction=0.2,
        zoom_per_axis=True,
        flip=True,
        fill="nearest",
    ),
    optimizer=Adam(lr=1e-4, betas=(0.9, 0.999), epsilon=1e-7),
    schedule=Plateau(factor=0.2, patience=6, min_delta=1e-4, min_lr=0.0),
    epochs=100,
    batch_size=64,
    label_smoothing=0.0,
    class_weights="none",
    validation=Validation(kind="holdout", fraction=0.2, rule="keras"),
    stopping=Stopping(monitor="loss", patience=7, keep="best"),
    phases=(),
    ema_decay=0.0,
    sam_rho=0.0,
    published=(
        Figure(metric="accuracy", split="train", value=0.5708, place="report 001, model 2"),
        Figure(metric="accuracy", split="validation", value=0.5914, place="report 001, model 2"),
    ),
    assumed={
        "network": "as model 1, without the notebook's L2 penalty.",
        "augment.shear_deg": "'random shearing intensity' without a range; 0.2 as the other ranges, which Keras takes "
        "as degrees: hardly any. Ours moves rows, Keras' moves columns, and turns the shift, too.",
        "augment.zoom_per_axis": "Keras' zoom_range scales x and y apart.",
        "optimizer": "not stated; Adam 1e-4 as in the public notebook, the rest as Keras has it.",
        "stopping.monitor": "'validation performance'; the validation loss, as stated for models 3 and 4.",
        "stopping.patience": "not stated; 7 as the public notebook has for model 4: the report's plateau of 6 can act, "
        "and its 100 epochs be reached.",
        "stopping.keep": "'The best model was saved'; that its figures come from it is assumed.",
        "class_weights": "none are stated.",
        "schedule.min_lr": "not stated; Keras' default.",
        "validation.rule": "20 % is stated; taken as Keras' validation_split takes it, the first faces of each class: "
        "of the folder edition those of the report, of any other edition as many.",
    },
    remark="The validation faces choose the weights: the report's validation accuracy is too high for a test.",
)

VGG16_FROZEN = Recipe(
    name="vgg16-frozen",
    source='report 001, G. Soni, "Facial Emotion Classification", model 3',
    network=Backbone(
        name="vgg16.tv_in1k",
        weights="imagenet",
        pool="flatten",
        dense=(1024, 512),
        batch_norm=False,
        dropout=0.5,
        keras_bn=False,
    ),
    preprocess=Preprocess(
        crop_px=48, color="grey", input_px=224, channels=3, mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0)
    ),
    augment=Augment(
        rotate_deg=10.0,
        shift_fraction=0.1,
        zoom_fraction=0.2,
        zoom_per_axis=True,
        flip=True,
        fill="nearest",
    ),
    optimizer=Adam(lr=1e-4, betas=(0.9, 0.999), epsilon=1e-7),
    schedule=Plateau(factor=0.2, patience=6, min_delta=1e-4, min_lr=0.0),
    epochs=100,
    batch_size=64,
    label_smoothing=0.0,
    class_weights="none",
    validation=Validation(kind="Test"),
    stopping=Stopping(monitor="loss", patience=3, keep="best"),
    phases=(Phase(epochs=100, trainable="head", lr=1e-4),),
    ema_decay=0.0,
    sam_rho=0.0,
    published=(
        Figure(metric="accuracy", split="train", value=0.5593, place="report 001, model 3"),
        Figure(metric="accuracy", split="validation", value=0.55, place="report 001, model 3"),
    ),
    assumed={
        "network.dense": "three dense layers are stated; 1024, 512 and the classes as in the public notebook.",
        "network.dropout": "not stated; as in the public notebook.",
        "network.name": "torchvision's ImageNet weights; Keras' are of the VGG group's own training.",
        "preprocess.input_px": "224 is stated. Augmentation and bilinear enlargement are one interpolation, from 48 px "
        "to 224; Keras enlarges first, to the nearest pixel.",
        "augment.zoom_per_axis": "Keras' zoom_range scales x and y apart.",
        "optimizer": "not stated; Adam 1e-4 as in the public notebook, the rest as Keras has it.",
        "validation": "the report has 28,709 training and 7,178 test images and names no others.",
        "stopping.patience": "not stated; 3 as in the public notebook. The plateau's 6 is hardly ever reached, though "
        "the report says that it adjusted the learning rate.",
        "network.pool": "not stated; flattened as in the public notebook.",
        "class_weights": "none are stated.",
        "schedule.min_lr": "not stated; Keras' default.",
    },
    remark="The report seems to validate on its test images, and they choose the weights: its validation accuracy is "
    "too high for a test. In one place it calls this one its highest, which is the lowest of its four.",
)

RESNET50_BALANCED = Recipe(
    name="resnet50-balanced",
    source='report 001, G. Soni, "Facial Emotion Classification", model 4',
    network=Backbone(
        name="resnet50.tv_in1k",
        weights="imagenet",
        pool="flatten",
        dense=(64,),
        batch_norm=True,
        dropout=0.5,
        keras_bn=True,
    ),
    preprocess=Preprocess(
        crop_px=48, color="grey", input_px=224, channels=3, mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0)
    ),
    augment=Augment(
        rotate_deg=10.0,
        shift_fraction=0.1,
        zoom_fraction=0.2,
        zoom_per_axis=True,
        flip=True,
        fill="nearest",
    ),
    optimizer=Adam(lr=1e-3, betas=(0.9, 0.999), epsilon=1e-7),
    schedule=Plateau(factor=0.2, patience=6, min_delta=1e-4, min_lr=0.0),
    epochs=100,
    batch_size=64,
    label_smoothing=0.0,
    class_weights="balanced",
    validation=Validation(kind="Test"),
    stopping=Stopping(monitor="loss", patience=7, keep="best"),
    phases=(Phase(epochs=100, trainable="last50", lr=1e-3),),
    ema_decay=0.0,
    sam_rho=0.0,
    published=(
        Figure(metric="accuracy", split="train", value=0.6261, place="report 001, model 4"),
        Figure(metric="accuracy", split="validation", value=0.608, place="report 001, model 4"),
    ),
    assumed={
        "network.dense": "the text says nothing of the head; as in the public notebook, but without its dropout and "
        "batch normalisation of the last map. The notebook's trunk is ResNet50V2; the report says ResNet50.",
        "network.name": "torchvision's first ImageNet weights, the nearest to those of Keras; the network strides in "
        "the 3x3 convolution of a block, not in the first 1x1, and has no convolution biases.",
        "preprocess.input_px": "224 is stated. Augmentation and bilinear enlargement are one interpolation, from 48 px "
        "to 224; Keras enlarges first, to the nearest pixel.",
        "augment.zoom_per_axis": "Keras' zoom_range scales x and y apart.",
        "optimizer": "not stated; Keras' default Adam as in the public notebook.",
        "epochs": "not stated for this model; 100 as models 2 and 3.",
        "batch_size": "not stated for this model; 64 as the others.",
        "validation": "the report has 28,709 training and 7,178 test images and names no others.",
        "stopping.patience": "not stated; 7 as in the public notebook.",
        "schedule.min_lr": "not stated; Keras' default.",
        "phases": "not stated; the last 50 layers train, as in the public notebook.",
    },
    remark="The report seems to validate on its test images, and they choose the weights: its validation accuracy is "
    "too high for a test. In one place it calls this one slightly below VGG16, in another its highest, which the "
    "figures say.",
)
