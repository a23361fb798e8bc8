"""Keras' `fit` with augmentation layers; the variant is the backend. See ../training_speed.py."""

from __future__ import annotations

import math
import os
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import watch
from PIL import Image
from watch import Clock, Watch

BACKEND, PLAN = watch.arguments()
os.environ["KERAS_BACKEND"] = BACKEND
import keras  # noqa: E402
from keras import layers  # noqa: E402

WIDTHS = {
    "residual-pico": (8, 16, 24, 40),
    "residual-nano": (16, 32, 48, 72),
    "residual-small": (32, 64, 128, 192),
}
DROPOUT = {"residual-pico": 0.0, "residual-nano": 0.1, "residual-small": 0.2}


def read(folder: Path) -> tuple[Any, Any]:
    """Read a folder of images: ``(N, 48, 48, 1)`` uint8, and labels ``(N,)``."""
    files = [(file, label) for label, place in enumerate(sorted(folder.iterdir())) for file in sorted(place.iterdir())]
    return np.stack([np.asarray(Image.open(file)) for file, _ in files])[..., None], np.array([y for _, y in files])


def changes() -> list[layers.Layer]:
    """Random augmentation of the training faces."""
    return [
        layers.RandomFlip("horizontal"),
        layers.RandomRotation(watch.ROTATE_DEG / 360, fill_mode="nearest"),
        layers.RandomTranslation(watch.SHIFT_FRACTION, watch.SHIFT_FRACTION, fill_mode="nearest"),
        layers.RandomZoom(watch.ZOOM_FRACTION, fill_mode="nearest"),
        layers.RandomBrightness(watch.BRIGHTNESS, value_range=(0, 1)),
        layers.RandomContrast(watch.CONTRAST, value_range=(0, 1)),
    ]


def conv(x: Any, width: int, stride: int = 1) -> Any:
    """A 3x3 convolution and batch normalisation, the latter with torch's momentum and epsilon."""
    x = layers.Conv2D(width, 3, stride, padding="same", use_bias=False)(x)
    return layers.BatchNormalization(momentum=0.9, epsilon=1e-5)(x)


def network(name: str, classes: int) -> keras.Model:
    """`mien.lab.nets.residual.ResidualNet` in Keras' layers."""
    faces = keras.Input((48, 48, 1))
    x = layers.Rescaling(1 / 255)(faces)
    for change in changes():
        x = change(x)
    x = layers.Normalization(mean=watch.MEAN, variance=watch.STD**2)(x)
    x = layers.ReLU()(conv(x, WIDTHS[name][0], 2))  # (N, 24, 24, width)
    for _, width in pairwise(WIDTHS[name]):
        x = layers.MaxPooling2D()(layers.ReLU()(conv(x, width)))
        x = layers.ReLU()(x + conv(layers.ReLU()(conv(x, width)), width))
    x = layers.Dropout(DROPOUT[name])(layers.GlobalAveragePooling2D()(x))
    return keras.Model(faces, layers.Dense(classes)(x))


class Epochs(keras.callbacks.Callback):
    """Reports each epoch to the watch."""

    def __init__(self, epochs: Watch, images: int) -> None:
        super().__init__()
        self._epochs, self._images = epochs, images

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Start the clock."""
        self._clock = Clock()

    def on_test_begin(self, logs: Any = None) -> None:
        """Stop the clock before the held-out faces."""
        float(self.model.metrics[0].result())  # waits for pending steps
        self._taken = self._clock.read()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Note both."""
        self._epochs.note(self._images, self._taken, float(logs["val_accuracy"]))


def device() -> str:
    """The device of the backend."""
    if BACKEND == "jax":
        import jax

        return str(jax.default_backend())
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def main() -> None:
    """Train until the watch ends it."""
    folder = Path(PLAN.folder)
    (faces, labels), held_out = read(folder / "train"), read(folder / "test")
    keras.utils.set_random_seed(0)
    model = network(PLAN.network, int(labels.max()) + 1)
    model.compile(
        keras.optimizers.SGD(watch.LR, momentum=watch.MOMENTUM, nesterov=True),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    parameters = sum(math.prod(weight.shape) for weight in model.trainable_weights)
    noting = Epochs(Watch(PLAN, parameters, f"{device()}, float32"), len(faces))
    model.fit(faces, labels, watch.BATCH, 10_000, verbose=0, callbacks=[noting], validation_data=held_out)


main()
