"""Audit: identical and nearly identical faces, conflicting labels and blanks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from weakref import WeakKeyDictionary

import numpy as np
import numpy.typing as npt

from mien.errors import DataError
from mien.lab.data.dataset import TRAINING, FaceDataset

Indices = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
Progress = Callable[[int, int], None]
"""Called with (steps done, steps in all)."""

NEAR = 0.95
"""Two faces are near twins if their correlation at 24x24 px, with one of them mirrored or not, is above this."""

BLANK_STD = 1.0
"""A face whose grey levels have a smaller standard deviation is blank."""

IN_WORDS = {
    "identical_in_training": "identical face in Training",
    "twin_in_training": "identical or near twin in Training",
    "twin_free": "twin-free",
    "conflicting": "identical face with another label",
    "blank": "blank",
}
"""Counts per split in `Audit.summary`, in the order of tables."""

_COMPARED_PX = 24
_TILE = 2048  # faces compared with as many others at a time: two products of 17 MB


@dataclass(frozen=True, kw_only=True, eq=False)
class Audit:
    """Twins, label conflicts and blanks in a data set of N faces, M of them distinct.

    Attributes:
        source: what was audited.
        splits: ``(N,)`` str, the split of each face.
        identical: ``(N,)`` int64, number of the distinct image that each face shows, 0 to M - 1.
        groups: ``(N,)`` int64, number of the group of twins, identical or near, that each face belongs to.
        near_twin_pairs: pairs of distinct images that are near twins.
        conflicting: ``(N,)`` bool, an identical face has another label.
        blank: ``(N,)`` bool, standard deviation below `BLANK_STD`.
        earliest: ``(N,)`` int64, position of the first Training face that is the face itself or its twin,
            identical or near; N where there is none.
    """

    source: str
    splits: npt.NDArray[np.str_]
    identical: Indices
    groups: Indices
    near_twin_pairs: int
    conflicting: Mask
    blank: Mask
    earliest: Indices

    def __repr__(self) -> str:
        return f"Audit({self.source}: {len(self.splits):,} faces; see `summary()`)"

    @cached_property
    def twin_free(self) -> Mask:
        """Whether each face is new ``(N,)`` bool: False where it has an exact or near twin in Training.

        For a Training face: False where an earlier face of Training is its twin.

        Raises:
            DataError: there is no Training split to compare with.
        """
        return ~self._follows(self.earliest)

    @cached_property
    def identical_in_training(self) -> Mask:
        """Whether an identical face is in Training ``(N,)`` bool; for Training faces, an earlier one."""
        return self._follows(_first_in_training(self.identical, self.splits)[self.identical])

    def _follows(self, first: Indices) -> Mask:
        """Whether each face comes after the one at `first` ``(N,)`` in Training; other splits come after Training."""
        if not (self.splits == TRAINING).any():
            raise DataError(
                f"{self.source}: no Training split, so it is not known which faces have a twin there. "
                "Read an edition that includes Training."
            )
        position = np.arange(len(self.splits))
        return first < np.where(self.splits == TRAINING, position, len(position))

    def summary(self) -> dict[str, int | dict[str, int]]:
        """Return the counts by name; those per split are dicts."""
        counts: dict[str, int | dict[str, int]] = {
            "faces": len(self.splits),
            "distinct": int(self.identical.max()) + 1,
            "near_twin_pairs": self.near_twin_pairs,
            "groups_with_conflicting_labels": len(np.unique(self.identical[self.conflicting])),
            "blank": self._per_split(self.blank),
            "conflicting": self._per_split(self.conflicting),
        }
        if (self.splits == TRAINING).any():
            counts["identical_in_training"] = self._per_split(self.identical_in_training)
            counts["twin_in_training"] = self._per_split(~self.twin_free)
            counts["twin_free"] = self._per_split(self.twin_free)
        return counts

    def _per_split(self, mask: Mask) -> dict[str, int]:
        return {str(name): int(mask[self.splits == name].sum()) for name in dict.fromkeys(self.splits.tolist())}


_AUDITS: WeakKeyDictionary[FaceDataset, Audit] = WeakKeyDictionary()


def audit(dataset: FaceDataset, progress: Progress | None = None) -> Audit:
    """Compare every face with every other one; the audit of each data set is cached.

    Takes about half a minute for the whole of FER2013 on two cores, and 0.4 GB in addition to the faces.

    Args:
        dataset: any edition.
        progress: called after each tile of the comparison.

    Raises:
        DataError: the data set is empty.
    """
    if not len(dataset):
        raise DataError(f"{dataset.source}: no faces to audit.")
    if dataset not in _AUDITS:
        _AUDITS[dataset] = _audited(dataset, progress)
    return _AUDITS[dataset]


def _audited(dataset: FaceDataset, progress: Progress | None) -> Audit:
    count = len(dataset)
    flat = dataset.faces.reshape(count, -1)
    _, first, identical = np.unique(flat.view(f"V{flat.shape[1]}").ravel(), return_index=True, return_inverse=True)
    std = np.array([face.std() for face in flat], np.float32)
    own = _first_in_training(identical, dataset.splits)
    earliest, groups, near_twin_pairs = own.copy(), np.arange(len(first)), 0
    for pairs in near_pairs(dataset.faces[first], std[first] >= BLANK_STD, progress):
        near_twin_pairs += len(pairs)
        np.minimum.at(earliest, pairs[:, 0], own[pairs[:, 1]])
        np.minimum.at(earliest, pairs[:, 1], own[pairs[:, 0]])
        groups = _linked(groups, pairs)
    return Audit(
        source=dataset.source,
        splits=dataset.splits,
        identical=identical,
        groups=groups[identical],
        near_twin_pairs=near_twin_pairs,
        conflicting=_conflicting(identical, dataset.labels),
        blank=std < BLANK_STD,
        earliest=earliest[identical],
    )


def near_pairs(faces: npt.NDArray[np.uint8], visible: Mask, progress: Progress | None = None) -> Iterator[Indices]:
    """Find the pairs of near twins tile by tile: all pairs of 20,000 frames of one scene would take gigabytes.

    Every face is the sum of an even part (the same when mirrored) and an odd part (its negative when mirrored).
    Let E and O be the products of the parts of two faces. Their correlation is E + O, or E - O with one of them
    mirrored; E + |O| gives the larger of the two at the cost of one.

    Args:
        faces: ``(N, H, W)`` uint8.
        visible: ``(N,)`` bool, False where a face is blank and matches nothing.
        progress: called after each tile.

    Yields:
        ``(P, 2)`` int64 of each tile, each pair once, the smaller index first.
    """
    even, odd = _unit_parts(faces, visible)
    starts = range(0, len(faces), _TILE)
    tiles = [(top, left) for top in starts for left in starts if left >= top]
    for done, (top, left) in enumerate(tiles, start=1):
        likeness = odd[top : top + _TILE] @ odd[left : left + _TILE].T
        np.abs(likeness, out=likeness)
        likeness += even[top : top + _TILE] @ even[left : left + _TILE].T
        pairs = np.argwhere(likeness > NEAR) + np.array([top, left])
        yield pairs[pairs[:, 0] < pairs[:, 1]]
        if progress:
            progress(done, len(tiles))


def _unit_parts(faces: npt.NDArray[np.uint8], visible: Mask) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Even and odd parts ``(N, 288)`` float32 of the faces at 24x24, centred, with joint length 1."""
    import cv2

    size = (_COMPARED_PX, _COMPARED_PX)
    small = np.stack([cv2.resize(face, size, interpolation=cv2.INTER_AREA) for face in faces]).astype(np.float32)
    small -= small.mean(axis=(1, 2), keepdims=True)
    length = np.linalg.norm(small, axis=(1, 2), keepdims=True)
    small /= np.where(visible[:, None, None] & (length > 0), length, np.inf)
    left, right = small[:, :, : _COMPARED_PX // 2], small[:, :, ::-1][:, :, : _COMPARED_PX // 2]
    half = np.float32(np.sqrt(0.5))
    return ((left + right) * half).reshape(len(faces), -1), ((left - right) * half).reshape(len(faces), -1)


def _linked(groups: Indices, pairs: Indices) -> Indices:
    """Return the group of each image ``(N,)`` after linking `pairs` too; groups are numbered by their first images."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    links = groups[pairs]
    links = links[links[:, 0] != links[:, 1]]
    if not len(links):
        return groups
    count = int(groups.max()) + 1
    graph = coo_array((np.ones(len(links)), links.T), shape=(count, count))
    merged: Indices = connected_components(graph, directed=False)[1].astype(np.int64)
    return merged[groups]


def _first_in_training(identical: Indices, splits: npt.NDArray[np.str_]) -> Indices:
    """For each distinct image, the position of its first face in Training; N where it has none there."""
    first = np.full(identical.max() + 1, len(splits))
    where = np.flatnonzero(splits == TRAINING)
    np.minimum.at(first, identical[where], where)
    return first


def _conflicting(identical: Indices, labels: npt.NDArray[np.int64]) -> Mask:
    """Whether a labelled face shows the same image as one with another label."""
    distinct = identical.max() + 1
    lowest, highest = np.full(distinct, np.iinfo(np.int64).max), np.full(distinct, -1)
    labelled = labels >= 0
    np.minimum.at(lowest, identical[labelled], labels[labelled])
    np.maximum.at(highest, identical[labelled], labels[labelled])
    return labelled & (highest > lowest)[identical]
