"""Agreement: whether an exported model computes the same logits as the network that it was exported from."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch

from mien.errors import ModelError
from mien.lab.nets.input import Classifier, Mirrored
from mien.preprocess import Preprocess

AGREEMENT = 1e-4
"""Largest allowed difference of a logit after export, relative to the largest logit where that is above 1."""


def noise_like(preprocess: Preprocess) -> npt.NDArray[np.uint8]:
    """Return eight crops of random noise, ``(8, planes, crop_px, crop_px)``, to compare logits on."""
    p = preprocess
    return np.random.default_rng(0).integers(0, 256, (8, p.planes, p.crop_px, p.crop_px), np.uint8)


def difference(
    classifier: Classifier | Mirrored, faces: npt.NDArray[np.uint8], logits: npt.NDArray[np.float32]
) -> tuple[float, float]:
    """Return the largest difference of a logit and the largest allowed one; for the arguments see `check_agreement`."""
    with torch.no_grad():
        trained = classifier(torch.from_numpy(faces)).numpy()
    return float(np.abs(logits - trained).max()), AGREEMENT * max(1.0, float(np.abs(trained).max()))


def check_agreement(
    name: str, classifier: Classifier | Mirrored, faces: npt.NDArray[np.uint8], logits: npt.NDArray[np.float32]
) -> None:
    """Check that an exported model computes the logits of the trained network.

    Args:
        name: name of the model, for the message.
        classifier: the trained network, in evaluation mode.
        faces: ``(N, planes, crop_px, crop_px)``.
        logits: ``(N, K)``, of the exported model.

    Raises:
        ModelError: a logit differs by more than `AGREEMENT`.
    """
    worst, allowed = difference(classifier, faces, logits)
    if not worst <= allowed:  # refuses NaN too
        raise ModelError(
            f"{name}: a logit of the exported model differs from that of the trained network by {worst:.2g}, more than "
            f"the {allowed:.2g} allowed; nothing was written. Use the versions of torch, onnxscript and onnxruntime in "
            "constraints.txt, or another version of litert-torch, and check that the training did not diverge."
        )
