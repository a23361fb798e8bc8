"""What is said of faces that a training has watched, or that a confidence was fitted to."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mien.lab.data import FaceDataset, draw_faces
from mien.lab.predictions import Predictions
from mien.lab.remarks import (
    remark_on_training_in_short,
    remarks_on_data,
    remarks_on_faces,
    remarks_on_model,
    watched_faces,
)
from mien.labels import LabelSet

STEERED = {"stopping": {"monitor": "accuracy", "keep": "best"}}
UNSTEERED = {"stopping": {"monitor": "none", "keep": "last"}, "schedule": {"kind": "Constant"}}


def faces_of(*splits: str, seed: int = 0) -> FaceDataset:
    data = draw_faces(1, seed=seed).training
    return replace(data, splits=np.resize(splits, len(data)))


def remarks_of(split: str, provenance: dict[str, object]) -> tuple[str, ...]:
    return remarks_on_model(split, provenance, "none", faces_of("Training", split))


@pytest.mark.parametrize(
    ("split", "other", "which"),
    [
        ("PublicTest", "PublicTest", "these faces"),
        ("PublicTest", "Test", "these faces"),
        ("PrivateTest", "Test", "these faces"),
        ("Test", "Test", "these faces"),
        ("Test", "PublicTest", "some of these faces"),
        ("PrivateTest", "PublicTest", None),
        ("Test", "holdout", None),
        ("PublicTest", "none", None),
    ],
)
def test_faces_in_common(split: str, other: str, which: str | None) -> None:
    watching = {"recipe": UNSTEERED | {"validation": {"kind": other}}}
    calibrated = {"calibration": {"faces": f"{other}, without twins in Training"}}
    steered = {"recipe": STEERED | {"validation": {"kind": other}}}
    for provenance, remark in (
        (watching, f"The training watched {which}; nothing was chosen by them."),
        (steered, f"The training watched {which} and was steered by them; on new faces expect less."),
        (calibrated, f"The model's confidence was calibrated on {which}; its accuracy does not depend on that."),
    ):
        assert remarks_of(split, provenance) == (() if which is None else (remark,))


def test_a_test_beside_a_validation_is_another_split() -> None:
    data = faces_of("Training", "PublicTest", "Test")
    for split, other in (("PublicTest", "Test"), ("Test", "PublicTest")):
        watching = {"recipe": UNSTEERED | {"validation": {"kind": other}}}
        assert remarks_on_model(split, watching, "none", data) == ()


@pytest.mark.parametrize(
    ("watched", "said"),
    [
        ({"n_validation": 7178, "watched_splits": ["PublicTest", "PrivateTest"]}, " of PublicTest and PrivateTest"),
        ({"n_validation": 7178, "watched_splits": ["Training"]}, " held out of Training"),
        (
            {"n_validation": 7178, "watched_splits": ["Training"], "n_validation_learned": 3589},
            " held out of Training, 3,589 of which the starting weights had learned",
        ),
        ({"n_validation": 7178}, ""),  # as earlier versions left it
    ],
)
def test_which_faces_were_watched(watched: dict[str, object], said: str) -> None:
    assert watched_faces(watched) == f"7,178 faces{said}"


def test_the_worst_of_all_members_is_told() -> None:
    members = [{"recipe": steering | {"validation": {"kind": "Test"}}} for steering in (UNSTEERED, STEERED)]
    (remark,) = remarks_of("PublicTest", {"members": members})
    assert "was steered by them" in remark


@pytest.mark.parametrize("split", ["Training", "PublicTest", "Test"])
def test_of_other_data_it_is_not_said_what_the_training_did_with_them(split: str) -> None:
    learned, own = faces_of("Training", split), faces_of("Training", split, seed=1)
    origin = {
        "data_fingerprint": learned.fingerprint,
        "recipe": STEERED | {"validation": {"kind": split}},
        "calibration": {"faces": f"{split}, without twins in Training"},
    }
    assert len(remarks_on_model(split, origin, "none", learned)) == 2
    assert remarks_on_model(split, origin, "none", own) == ()
    assert len(remarks_on_model(split, origin | {"members": [origin, origin]}, "none", learned)) == 2
    assert remarks_on_model(split, origin | {"members": [origin, origin]}, "none", own) == ()
    calibration = {"faces": split, "data_fingerprint": own.split(split).fingerprint}
    calibrated = origin | {"calibration": calibration}
    (remark,) = remarks_on_model(split, calibrated, "none", own)
    assert remark.startswith("The model's confidence was calibrated on these faces")
    assert remarks_on_model(split, calibrated, "none", faces_of("Training", split, seed=2)) == ()


def test_another_data_set_is_said() -> None:
    data = draw_faces(20, seed=0)
    public = data.split("PublicTest")
    origin = {"data_fingerprint": data.fingerprint, "training_fingerprint": data.training.fingerprint}
    assert remarks_on_data(origin, data) == ()
    assert remarks_on_data(origin, data.training) == ()  # the rest of the file is not what it has learned
    (remark,) = remarks_on_data(origin, draw_faces(20, seed=1))
    assert remark.startswith("The model has learned from another Training split, or from another copy")
    (remark,) = remarks_on_data(origin, public)
    assert remark.startswith("Without a Training split it is not known whether the model has learned from")
    assert remarks_on_data({}, data) == ()
    joined = {"members": [{"data_fingerprint": draw_faces(20, seed=1).fingerprint}, origin]}
    assert remarks_on_data(joined, data)[0].startswith("The model has learned from another Training split")
    assert remarks_on_data({"members": [origin, origin]}, data) == ()


@pytest.mark.parametrize(
    ("stopping", "schedule", "steers"),
    [
        ({"monitor": "loss", "patience": None, "keep": "last"}, "Constant", False),
        ({"monitor": "loss", "patience": 3, "keep": "last"}, "Constant", True),
        ({"monitor": "none", "patience": None, "keep": "last"}, "Plateau", True),
    ],
)
def test_what_steers(stopping: dict[str, object], schedule: str, steers: bool) -> None:
    recipe = {"stopping": stopping, "schedule": {"kind": schedule}, "validation": {"kind": "PublicTest"}}
    (remark,) = remarks_of("PublicTest", {"recipe": recipe})
    assert ("was steered by them" in remark) == steers


@pytest.mark.parametrize(
    ("recipe", "steered"),
    [
        (UNSTEERED | {"validation": {"kind": "holdout"}}, "No split steered its training"),
        (STEERED | {"validation": {"kind": "holdout"}}, "Faces held out of Training steered its training"),
        (STEERED | {"validation": {"kind": "PublicTest"}}, "PublicTest steered its training"),
    ],
)
def test_what_steered_a_training_in_short(recipe: dict[str, object], steered: str) -> None:
    assert remark_on_training_in_short(recipe, "mine") == f"{steered}; `mien models mine` says how it was trained."


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        ([0, 1, 2], ()),
        ([0, 1, 1], ("No face has the label happy: balanced accuracy leaves such a class out",)),
        ([0, 0, -1], ("1 of 3 faces have no label", "No face has the label sad or happy: ")),
        ([-1, -1, -1], ("Test has no labels here",)),
    ],
)
def test_classes_without_faces_are_named(labels: list[int], said: tuple[str, ...]) -> None:
    names = LabelSet(("angry", "sad", "happy"))
    found = remarks_on_faces(
        Predictions(
            rows=np.array(["0", "1", "2"]),
            labels=np.array(labels),
            probabilities=np.full((3, 3), 1 / 3),
            label_set=names,
            split="Test",
            twin_free=np.full(3, True),
        )
    )
    assert len(found) == len(said) and all(map(str.startswith, found, said))


@pytest.mark.parametrize("recipe", ["by hand", None])
def test_a_card_made_by_hand_says_nothing_of_its_training(recipe: object) -> None:
    data = faces_of("Training", "PublicTest")
    origin = {"recipe": recipe, "data_fingerprint": data.fingerprint}
    assert remarks_on_model("PublicTest", origin, "none", data) == ()
    assert remarks_on_model("PublicTest", {"members": [origin, origin]}, "none", data) == ()
