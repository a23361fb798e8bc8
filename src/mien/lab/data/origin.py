"""Whether a model was trained on the Training split of a data set, whatever else the file holds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mien.lab.data.dataset import TRAINING, FaceDataset
from mien.lab.data.edition import FULL_SIZES

_FER2013_TRAINING = "f9be1aac6bf467e1588dda8c4a08207036ff30fe400be594357e40884b67c038"
_TRAINING_OF = {
    "2aa0fe73ce4785e98b338c97f7bc881f9d3a445dd519adec099821c41946411d": _FER2013_TRAINING,
    "20c291c681712bcb61650d64091b27d0388a3bb432a75868b074c14c711a1f83": _FER2013_TRAINING,
}
"""Fingerprint of a copy of FER2013 -> fingerprint of its Training split, for records that hold only the first.

The copies differ in whether they hold PrivateTest's faces, without labels (`tests/e2e/test_data_fer2013.py`).
"""

_TRAINING_VOTES = "393ef0b1b83c4ae5df1b669f24d10ca252435d9e59fbb1faf2ac0c8230219701"
_TRAINING_VOTES_OF = {
    "9c1536282aeca3cfb2dcb439984e04b0f8b2a8017fd189823fbacdf6baae1e7f": _TRAINING_VOTES,
    "5919e8e99a8f45472f339728c8e947c86c4990edb5054c312e511d679711c1b2": _TRAINING_VOTES,
}
"""SHA-256 of FER+'s votes on all faces of a copy -> SHA-256 of those on Training, for records that hold the first."""


def training_fingerprint(origin: Mapping[str, Any]) -> str:
    """Return the fingerprint of the Training split that a run or model was trained on.

    Args:
        origin: a run's environment, or the provenance in a model's card.

    Returns:
        The fingerprint; if only that of the whole data set is known, that one; empty if neither is.
    """
    whole: str = origin.get("data_fingerprint", "")
    known: str = origin.get("training_fingerprint", _TRAINING_OF.get(whole, whole))
    return known


def votes_digest(origin: Mapping[str, Any]) -> str | None:
    """Return the SHA-256 of the votes on Training faces that a run was trained on; None without votes."""
    found: str | None = origin.get("votes_sha256")
    return _TRAINING_VOTES_OF.get(found, found) if found else None


def has_learned_from(origin: Mapping[str, Any], data: FaceDataset) -> bool:
    """Whether a run or model of this `origin` was trained on the Training split of `data`, or on all of `data`."""
    if origin.get("data_fingerprint") == data.fingerprint:
        return True
    return TRAINING in data.split_names() and training_fingerprint(origin) == data.training.fingerprint


def origins_of(provenance: Mapping[str, Any], data: FaceDataset) -> tuple[list[Mapping[str, Any]], bool]:
    """Return which of a model and its members were trained on `data`, and whether all were.

    Args:
        provenance: in a model's card. One that does not name its data counts as trained on `data`.
        data: as for `has_learned_from`.
    """
    origins = provenance.get("members") or [provenance]
    learned = [each for each in origins if "data_fingerprint" not in each or has_learned_from(each, data)]
    return learned, len(learned) == len(origins)


def may_have_learned_from(provenance: Mapping[str, Any], data: FaceDataset) -> bool:
    """Whether a model or a member was trained on the Training split of `data`, or may have been: it may be FER2013's.

    Args:
        provenance: as for `origins_of`.
        data: the whole data set.
    """
    size = int((data.splits == TRAINING).sum())
    return size == FULL_SIZES[TRAINING] or bool(origins_of(provenance, data)[0])
