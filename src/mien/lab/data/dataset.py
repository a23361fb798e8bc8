"""FaceDataset: faces, labels, splits and row ids in memory, whatever edition they came from."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt

from mien.errors import DataError
from mien.labels import FERPLUS, LabelSet

TRAINING, PUBLIC, PRIVATE, TEST = "Training", "PublicTest", "PrivateTest", "Test"
SPLITS = (TRAINING, PUBLIC, PRIVATE, TEST)
"""Names of the official splits; the folder edition has only Training and Test (the two test sets together)."""

_OF_FOLDERS = "Use a model that has them, or move their folders elsewhere and convert the others."
_OF_VOTES = (
    "FER+ adds contempt: use a model with its eight classes, such as mien-small-ferplus, or export one with "
    "`mien export RUN --votes` from a run that was trained on votes."
)


@dataclass(frozen=True, kw_only=True, eq=False)
class FaceDataset:
    """Faces of one edition of a data set.

    Attributes:
        faces: ``(N, H, W)`` uint8, grey.
        labels: ``(N,)`` int64 in the order of `label_set`; -1 = unlabelled.
        splits: ``(N,)`` str, each one of `SPLITS`.
        rows: ``(N,)`` str, position of each face in its source: the row of the 2013 CSV, counted from 0, or the
            file's path in the folder edition.
        label_set: the classes of the labels.
        source: where the faces were read from, for messages.
        votes: ``(N, 10)`` uint8, FER+ votes in the column order of `fer2013new.csv`; None where not joined.

    Raises:
        DataError: an array has another type or shape, a label is no class, or a split is not one of `SPLITS`.
    """

    faces: npt.NDArray[np.uint8]
    labels: npt.NDArray[np.int64]
    splits: npt.NDArray[np.str_]
    rows: npt.NDArray[np.str_]
    label_set: LabelSet
    source: str
    votes: npt.NDArray[np.uint8] | None = None

    def __post_init__(self) -> None:
        self._check("faces", np.uint8, 3, "(N, H, W) uint8, grey")
        self._check("labels", np.int64, 1, "(N,) int64, one for each face")
        self._check("splits", np.str_, 1, "(N,) str, one for each face")
        self._check("rows", np.str_, 1, "(N,) str, one for each face")
        if self.votes is not None:
            self._check("votes", np.uint8, 2, "(N, 10) uint8, a row for each face")
        classes = len(self.label_set)
        if len(self) and not -1 <= self.labels.min() <= self.labels.max() < classes:
            found = f"{self.labels.min()} to {self.labels.max()}"
            raise DataError(f"{self.source}: labels {found}; expected 0 to {classes - 1}, and -1 for unlabelled.")
        if not np.isin(self.splits, SPLITS).all():
            unknown = ", ".join(sorted({*self.splits.tolist()} - {*SPLITS}))
            raise DataError(f"{self.source}: splits {unknown}; expected {', '.join(SPLITS)}.")

    def _check(self, name: str, kind: type[np.generic], dimensions: int, expected: str) -> None:
        """Make sure that a field is an array of a type, with an entry for each face."""
        array = getattr(self, name)
        is_array = isinstance(array, np.ndarray)
        if is_array and array.ndim == dimensions and array.dtype.type is kind and len(array) == len(self.faces):
            return
        found = f"{array.shape} {array.dtype}" if is_array else type(array).__name__
        raise DataError(f"{self.source}: {name} are {found}; expected an array {expected}.")

    def __len__(self) -> int:
        return len(self.faces)

    def __repr__(self) -> str:
        counts = ", ".join(f"{name} {int((self.splits == name).sum()):,}" for name in self.split_names())
        return f"FaceDataset({self.source}: {len(self):,} faces, {counts})"

    def __iter__(self) -> Iterator[tuple[npt.NDArray[np.uint8], int]]:
        return zip(self.faces, self.labels.tolist(), strict=True)

    def split_names(self) -> list[str]:
        """Return the names of the splits that hold at least one face, in the official order."""
        return [name for name in SPLITS if (self.splits == name).any()]

    def take(self, where: npt.NDArray[np.bool_] | npt.NDArray[np.int64]) -> FaceDataset:
        """Return the faces at the given mask ``(N,)`` bool or indices, in that order."""
        return replace(
            self,
            faces=self.faces[where],
            labels=self.labels[where],
            splits=self.splits[where],
            rows=self.rows[where],
            votes=None if self.votes is None else self.votes[where],
        )

    def split(self, name: str) -> FaceDataset:
        """Return one official split.

        Raises:
            DataError: the data set has no such split; the message names those it has.
        """
        found = self.split_names()
        if name not in found:
            raise DataError(f"{self.source}: no split {name!r}; it has {', '.join(found) or 'no faces at all'}.")
        return self.take(self.splits == name)

    def relabel(self, label_set: LabelSet, remedy: str = "") -> FaceDataset:
        """Return the same faces with labels in the order of `label_set`, matched by name.

        `remedy` replaces the advice in the error message.

        Raises:
            DataError: `label_set` lacks a class that some face has.
        """
        positions = np.array([*self.label_set.positions_in(label_set), -1])  # the last one keeps -1 at -1
        used = np.unique(self.labels[self.labels >= 0])
        missing = [self.label_set.name(int(label)) for label in used if positions[label] < 0]
        if missing:
            remedy = remedy or (_OF_VOTES if self.votes is not None and self.label_set == FERPLUS else _OF_FOLDERS)
            raise DataError(f"{self.source}: classes {', '.join(missing)} are not in {', '.join(label_set)}. {remedy}")
        return replace(self, labels=positions[self.labels].astype(np.int64), label_set=label_set)

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 over faces, labels, splits and label names, in order: the same data give the same fingerprint."""
        digest = hashlib.sha256(",".join(self.label_set.names).encode())
        for part in (self.faces, self.labels):
            digest.update(np.ascontiguousarray(part).tobytes())
        digest.update("\n".join(self.splits.tolist()).encode())
        return digest.hexdigest()

    @property
    def training(self) -> FaceDataset:
        """The Training split."""
        return self.split(TRAINING)

    @property
    def test(self) -> FaceDataset:
        """The split that is evaluated by default: PublicTest, or Test where there is one (folder edition).

        Raises:
            DataError: neither is there; PrivateTest is used only where it is named.
        """
        names = self.split_names()
        if PUBLIC not in names and TEST not in names:
            found = ", ".join(names) or "no faces at all"
            raise DataError(f"{self.source}: neither {PUBLIC} nor {TEST}; it has {found}. Name one of them (--split).")
        return self.split(TEST if TEST in names else PUBLIC)


def check_dataset(data: object) -> None:
    """Make sure that `data` is a `FaceDataset`, and not the path of one.

    Raises:
        DataError: it is not.
    """
    if not isinstance(data, FaceDataset):
        found = repr(data) if isinstance(data, str | os.PathLike) else type(data).__name__
        raise DataError(f"data {found}; expected a FaceDataset, as lab.read_fer2013(PATH) returns it.")
