"""Agreement: whether an exported model gives the same answers as the network that it was made from."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch

from mien.errors import ModelError
from mien.lab.nets.input import Classifier, Mirrored
from mien.preprocess import Preprocess

AGREEMENT = 1e-4
"""How far a logit may be off after export, relative to the largest one where that is above 1."""


def noise_like(preprocess: Preprocess) -> npt.NDArray[np.uint8]:
    """Return eight crops of noise, ``(8, planes, crop_px, crop_px)``, on which any network can be compared."""
    p = preprocess
    return np.random.default_rng(0).integers(0, 256, (8, p.planes, p.crop_px, p.crop_px), np.uint8)


def difference(
    classifier: Classifier | Mirrored, faces: npt.NDArray[np.uint8], logits: npt.NDArray[np.float32]
) -> tuple[float, float]:
    """Return how far a logit is off, and how far it may be; its arguments are those of `check_agreement`."""
    with torch.no_grad():
        trained = classifier(torch.from_numpy(faces)).numpy()
    return float(np.abs(logits - trained).max()), AGREEMENT * max(1.0, float(np.abs(trained).max()))


def check_agreement(
    name: str, classifier: Classifier | Mirrored, faces: npt.NDArray[np.uint8], logits: npt.NDArray[np.float32]
) -> None:
    """Compare what an exported model has answered with what the trained network answers.

    Args:
        name: of the model, for the message.
        classifier: the trained network, in evaluation mode.
        faces: ``(N, planes, crop_px, crop_px)``.
        logits: ``(N, K)``, of the exported model.

    Raises:
        ModelError: a logit differs by more than `AGREEMENT`.
    """
    worst, allowed = difference(classifier, faces, logits)
    if not worst <= allowed:  # so that not-a-number is refused too
        raise ModelError(
            f"{name}: a logit of the exported model differs from the trained one by {worst:.2g}, more than the "
            f"{allowed:.2g} allowed; nothing was written. Use the versions of torch, onnxscript and onnxruntime in "
            "constraints.txt, for LiteRT another one of litert-torch, and check that the training did not diverge."
        )
