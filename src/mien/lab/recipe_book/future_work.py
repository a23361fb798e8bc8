"""What reports 001 and 003 name as future work: networks of which they say nothing else.

All are trained alike, from ImageNet, so that they can be set beside each other; only sizes of the input and learning
rates follow the network, and efficientnet-lite0 is trained for half as long. Nothing in these rows has been tuned.
"""

from __future__ import annotations

from dataclasses import replace

from mien.lab.recipe import Adam, Augment, Backbone, Cosine, Recipe, Stopping, Validation
from mien.preprocess import Preprocess

EFFICIENTNET_B0 = Recipe(
    name="efficientnet-b0",
    source="mien, for report 001's future work: EfficientNet",
    network=Backbone(
        name="efficientnet_b0.ra_in1k",
        weights="imagenet",
        pool="avg",
        dense=(),
        batch_norm=False,
        dropout=0.2,
        keras_bn=False,
    ),
    preprocess=Preprocess(
        crop_px=48, color="grey", input_px=112, channels=3, mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225)
    ),
    augment=Augment(
        rotate_deg=15.0,
        shift_fraction=0.08,
        zoom_fraction=0.15,
        flip=True,
        contrast=0.3,
        erase_rate=0.3,
        erase_area=(0.02, 0.2),
        fill="zero",
    ),
    optimizer=Adam(lr=3e-4, betas=(0.9, 0.999), epsilon=1e-8, weight_decay=0.05, decoupled=True),
    schedule=Cosine(warmup_epochs=1.0, final_fraction=0.0),
    epochs=20,
    batch_size=64,
    label_smoothing=0.1,
    class_weights="none",
    validation=Validation(kind="holdout", fraction=0.05, rule="stratified"),
    stopping=Stopping(monitor="none", patience=None, keep="last"),
    phases=(),
    ema_decay=0.0,
    sam_rho=0.0,
    published=(),
    assumed={
        "network.name": "report 001 says 'EfficientNet'; B0 is the smallest of that family.",
        "preprocess.input_px": "a quarter of the area that the weights were trained at, so that a processor can "
        "train it.",
        "preprocess.mean": "mean and deviation that the weights were trained with.",
        "augment": "as mien-small-first, without change of brightness and without mixup.",
        "optimizer": "not tuned; AdamW at a usual rate for fine-tuning.",
        "epochs": "20, with a cosine: fine-tuning is over sooner than training from scratch.",
    },
    remark="Named by the report, but not trained there: all but the kind of network is our choice.",
)

EFFICIENTNET_LITE0 = replace(
    EFFICIENTNET_B0,
    name="efficientnet-lite0",
    network=replace(EFFICIENTNET_B0.network, name="tf_efficientnet_lite0.in1k"),
    preprocess=replace(EFFICIENTNET_B0.preprocess, mean=(127 / 255,) * 3, std=(128 / 255,) * 3),
    epochs=10,
    assumed=EFFICIENTNET_B0.assumed
    | {
        "network.name": "report 001 says 'EfficientNet'; Lite0 is B0 for phones, without squeeze-and-excitation.",
        "preprocess.mean": "(x - 127) / 128 of the bytes x, as the weights were trained with.",
        "epochs": "10, half of efficientnet-b0's, so that one core trains it in little more than an hour.",
    },
)

DENSENET_121 = replace(
    EFFICIENTNET_B0,
    name="densenet-121",
    source="mien, for report 001's future work: DenseNet",
    network=replace(EFFICIENTNET_B0.network, name="densenet121.tv_in1k"),
    assumed=EFFICIENTNET_B0.assumed
    | {"network.name": "report 001 says 'DenseNet'; 121 layers are the fewest of that family."},
)

INCEPTION_V3 = replace(
    EFFICIENTNET_B0,
    name="inception-v3",
    source="mien, for report 001's future work: InceptionV3",
    network=replace(EFFICIENTNET_B0.network, name="inception_v3.tv_in1k"),
    preprocess=replace(EFFICIENTNET_B0.preprocess, input_px=139, mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5)),
    assumed=EFFICIENTNET_B0.assumed
    | {
        "network.name": "report 001 says 'InceptionV3'; the side branch of its training is left out.",
        "preprocess.input_px": "near the smallest that leaves its last map 3x3; the weights were trained at 299.",
    },
)

CONVNEXT_TINY = replace(
    EFFICIENTNET_B0,
    name="convnext-tiny",
    source="mien, for report 001's future work: newer convolutional networks",
    network=replace(EFFICIENTNET_B0.network, name="convnext_tiny.fb_in1k"),
    optimizer=replace(EFFICIENTNET_B0.optimizer, lr=1e-4),
    assumed=EFFICIENTNET_B0.assumed
    | {
        "network.name": "report 001 wants 'state-of-the-art' convolutional networks; ConvNeXt-Tiny is as "
        "large as the reports' ResNet-50.",
        "optimizer": "not tuned; a third of the others' rate, as transformers and ConvNeXt are usually fine-tuned with "
        "less.",
    },
)

VIT_TINY = replace(
    CONVNEXT_TINY,
    name="vit-tiny",
    source="mien, for report 003's future work: transformers",
    network=replace(EFFICIENTNET_B0.network, name="vit_tiny_patch16_224.augreg_in21k_ft_in1k"),
    preprocess=replace(EFFICIENTNET_B0.preprocess, input_px=224, mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5)),
    assumed=CONVNEXT_TINY.assumed
    | {
        "network.name": "report 003 says 'transformers or attention'; a Vision Transformer of the smallest usual size.",
        "preprocess.input_px": "its position embeddings are made for 224.",
    },
)
