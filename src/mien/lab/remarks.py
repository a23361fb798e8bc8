"""Remarks: what a reader of a model's figures must know, in sentences."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mien.lab.data import PRIVATE, PUBLIC, TEST, TRAINING, FaceDataset, origins_of
from mien.lab.predictions import TTA, Predictions

_TTA_REMARKS: dict[TTA, str] = {
    "none": "",
    "flip": "Test-time augmentation: probabilities averaged over each face and its mirror image.",
    "ten-crop": "Test-time augmentation: probabilities averaged over ten views of each face: four corners and the "
    "centre at 11/12 of the side, resized back, and their mirror images.",
}
_BY_ITSELF = "The model itself averages its answers to each face and to its mirror image."


def recipe_of(origin: Mapping[str, Any]) -> dict[str, Any]:
    """Return a card's recipe; empty where a card made by hand has none, or describes it in words."""
    recipe = origin.get("recipe")
    return recipe if isinstance(recipe, dict) else {}


def remark_on_training(recipe: dict[str, Any]) -> str:
    """Return the remark of a model's recipe as a sentence; empty where it has none."""
    remark = recipe.get("remark", "")
    return f"Its training: {remark}" if remark else ""


def remark_on_training_in_short(recipe: dict[str, Any], model: str) -> str:
    """Return one line: which faces steered the training of `model`, and which command tells more."""
    kind = recipe.get("validation", {}).get("kind", "none")
    watched = "Faces held out of Training" if kind == "holdout" else kind
    by = f"{watched} steered its training" if _steered(recipe) else "No split steered its training"
    return f"{by}; `mien models {model}` says how it was trained."


def watched_faces(environment: dict[str, Any]) -> str:
    """Return the faces that a training was validated on, such as ``7,178 faces of PublicTest and PrivateTest``.

    Args:
        environment: of the run; earlier versions did not record the splits.
    """
    splits, learned = environment.get("watched_splits", ()), environment.get("n_validation_learned", 0)
    of = "held out of Training" if splits == [TRAINING] else f"of {' and '.join(splits)}"
    known = f", {learned:,} of which the starting weights had learned" if learned else ""
    return f"{environment.get('n_validation', 0):,} faces" + (f" {of}" if splits else "") + known


def _steered(recipe: dict[str, Any]) -> bool:
    """Whether a training's validation faces stopped it, lowered its learning rate or chose its weights."""
    stopping, schedule = recipe.get("stopping", {}), recipe.get("schedule", {})
    stops = stopping.get("keep") == "best" or stopping.get("patience") is not None
    return stops or schedule.get("kind") == "Plateau"


_STEERED = "The training watched {} and was steered by them; on new faces expect less."
_WATCHED = "The training watched {}; nothing was chosen by them."
_CALIBRATED = "The model's confidence was calibrated on {}; its accuracy does not depend on that."


_OTHER_DATA = (
    "The model has learned from another Training split, or from another copy of this one: it is not known whether it "
    "learned from these faces, or whether they steered its training or calibrated its confidence. Twins are those in "
    "the Training split here."
)
_OTHER_FACES = (
    "Without a Training split it is not known whether the model has learned from these faces, and whether they steered "
    "its training or calibrated its confidence."
)


def _shared(split: str, other: str, data: FaceDataset) -> str:
    """Which faces of a split are also in another, in words; Test is the other two together unless it is beside one."""
    names = data.split_names()
    halves = () if TEST in names and {PUBLIC, PRIVATE} & {*names} else (PUBLIC, PRIVATE)
    if split == other or (split in halves and other == TEST):
        return "these faces"
    return "some of these faces" if split == TEST and other in halves else ""


def remarks_on_model(split: str, provenance: dict[str, Any], tta: TTA, data: FaceDataset) -> tuple[str, ...]:
    """Return what a reader must know about the training of a model that is measured on a split of `data`, in sentences.

    How training used a split is stated only for a model trained on `data`: other data sets have splits of these names.

    Args:
        split: the measured split.
        provenance: of the model, from its card.
        tta: test-time augmentation that was used.
        data: the whole data set.
    """
    recipe, (learned, _) = recipe_of(provenance), origins_of(provenance, data)
    trained = [recipe_of(each) for each in learned]
    shared = [(_shared(split, each.get("validation", {}).get("kind", "none"), data), each) for each in trained]
    watched = [(which, _steered(each)) for which, each in shared if which]
    by_itself = tta == "flip" and provenance.get("mirrored")
    remarks = [_BY_ITSELF if by_itself else _TTA_REMARKS[tta], remark_on_training(recipe)]
    if split == TRAINING and learned:
        remarks.append("The network was trained on these faces.")
    elif watched:
        which, steered = max(watched, key=lambda each: each[1])
        remarks.append((_STEERED if steered else _WATCHED).format(which))
    calibration = provenance.get("calibration") or {}
    named = calibration.get("faces", "").partition(",")[0]
    known = bool(learned)
    if named == split and "data_fingerprint" in calibration:
        known = calibration["data_fingerprint"] == data.split(split).fingerprint
    if known and (which := _shared(split, named, data)):
        remarks.append(_CALIBRATED.format(which))
    return tuple(filter(None, remarks))


def remarks_on_faces(predictions: Predictions) -> tuple[str, ...]:
    """Return what a reader must know about the faces and labels behind figures of `predictions`, in sentences."""
    split, scored, remarks = predictions.split, int((predictions.labels >= 0).sum()), []
    if scored == 0:
        remarks.append(
            f"{split} has no labels here: predictions only. `mien score` measures them once there are labels."
        )
    elif scored < len(predictions):
        remarks.append(f"{len(predictions) - scored:,} of {len(predictions):,} faces have no label and are not scored.")
    present = set(predictions.labels.tolist())
    missing = [name for label, name in enumerate(predictions.label_set) if label not in present]
    if scored and missing:
        remarks.append(
            f"No face has the label {' or '.join(missing)}: balanced accuracy leaves such a class out; macro "
            "precision, recall and F1 count it, as 0, where it was an answer."
        )
    if predictions.twin_free is None:
        remarks.append("The data set has no Training split, so that the twin-free part is not known.")
    return tuple(remarks)


def remarks_on_data(provenance: dict[str, Any], data: FaceDataset) -> tuple[str, ...]:
    """Return what a reader must know where a model is evaluated on a data set that it was not trained on."""
    if origins_of(provenance, data)[1]:
        return ()
    return (_OTHER_DATA if (data.splits == TRAINING).any() else _OTHER_FACES,)
