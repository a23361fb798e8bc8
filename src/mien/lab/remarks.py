"""Remarks: what a reader of a model's figures must know, in sentences."""

from __future__ import annotations

from typing import Any

from mien.lab.data import PRIVATE, PUBLIC, TEST, TRAINING, FaceDataset, has_learned_from
from mien.lab.predictions import TTA, Predictions

_TTA_REMARKS: dict[TTA, str] = {
    "none": "",
    "flip": "Test-time augmentation: probabilities averaged over each face and its mirror image.",
    "ten-crop": "Test-time augmentation: probabilities averaged over ten views of each face: four corners and the "
    "centre at 11/12 of the side, resized back, and their mirror images.",
}
_BY_ITSELF = "The model itself averages its answers to each face and to its mirror image."


def _of_training(recipe: dict[str, Any]) -> str:
    remark = recipe.get("remark", "")
    return f"Its training: {remark}" if remark else ""


def _steered(recipe: dict[str, Any]) -> bool:
    """Whether a training's validation faces stopped it, lowered its learning rate or chose its weights."""
    stopping, schedule = recipe.get("stopping", {}), recipe.get("schedule", {})
    stops = stopping.get("keep") == "best" or stopping.get("patience") is not None
    return stops or schedule.get("kind") == "Plateau"


_STEERED = "The training watched {} and was steered by them; on new faces expect less."
_WATCHED = "The training watched {}; nothing was chosen by them."
_CALIBRATED = "The model's confidence was calibrated on {}; its accuracy does not depend on that."


_OTHER_DATA = (
    "The Training split of this data set is not, face by face and in order, the one that the model has learned from, "
    "though it may hold the same faces; what is said here of its splits, and of twins in Training, holds for faces "
    "that stand in both."
)
_OTHER_FACES = (
    "Whether the model has learned from this data set is not known, as it has no Training split; what is said "
    "here of its splits holds for faces that stand in both."
)


def _shared(split: str, other: str) -> str:
    """Which faces of a split stand in another one, in words; Test is PublicTest and PrivateTest together."""
    halves = (PUBLIC, PRIVATE)
    if split == other or (split in halves and other == TEST):
        return "these faces"
    return "some of these faces" if split == TEST and other in halves else ""


def remarks_on(predictions: Predictions, provenance: dict[str, Any], tta: TTA) -> tuple[str, ...]:
    """Return what a reader of figures of `predictions` must know, in sentences.

    Args:
        predictions: of one split.
        provenance: of the model, from its card.
        tta: views that were averaged.
    """
    split, scored = predictions.split, int((predictions.labels >= 0).sum())
    recipe = provenance.get("recipe", {})
    trained = [recipe, *(member.get("recipe", {}) for member in provenance.get("members", ()))]
    watched = [(_shared(split, each.get("validation", {}).get("kind", "none")), _steered(each)) for each in trained]
    watched = [(which, steered) for which, steered in watched if which]
    by_itself = tta == "flip" and provenance.get("mirrored")
    remarks = [_BY_ITSELF if by_itself else _TTA_REMARKS[tta], _of_training(recipe)]
    if split == TRAINING:
        remarks.append("The network was trained on these faces.")
    elif watched:
        which, steered = max(watched, key=lambda each: each[1])
        remarks.append((_STEERED if steered else _WATCHED).format(which))
    if which := _shared(split, (provenance.get("calibration") or {}).get("faces", "").partition(",")[0]):
        remarks.append(_CALIBRATED.format(which))
    if scored == 0:
        remarks.append(
            f"{split} has no labels here: predictions only. `mien score` measures them once there are labels."
        )
    elif scored < len(predictions):
        remarks.append(f"{len(predictions) - scored:,} of {len(predictions):,} faces have no label and are not scored.")
    if predictions.twin_free is None:
        remarks.append("The data set has no Training split, so that the twin-free part is not known.")
    return tuple(filter(None, remarks))


def remarks_on_data(provenance: dict[str, Any], data: FaceDataset) -> tuple[str, ...]:
    """Return what a reader must know where a model is evaluated on a data set that it has not learned from."""
    trained = [each for each in provenance.get("members") or [provenance] if "data_fingerprint" in each]
    if all(has_learned_from(each, data) for each in trained):
        return ()
    return (_OTHER_DATA if (data.splits == TRAINING).any() else _OTHER_FACES,)
