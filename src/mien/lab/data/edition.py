"""Edition: what a reader found at a path."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mien.errors import DataError
from mien.lab.data.dataset import PRIVATE, PUBLIC, TEST, TRAINING, FaceDataset

FULL_SIZES = {TRAINING: 28_709, PUBLIC: 3_589, PRIVATE: 3_589}
"""Faces in each split of FER2013 (Goodfellow et al. 2013)."""
TEST_SIZE = FULL_SIZES[PUBLIC] + FULL_SIZES[PRIVATE]
"""Faces in Test of the folder edition: PublicTest and PrivateTest together."""

_SPLIT_NAMES = {
    "train": TRAINING,
    "training": TRAINING,
    "publictest": PUBLIC,
    "validation": PUBLIC,  # PublicTest is what papers on FER2013 validate on
    "valid": PUBLIC,
    "val": PUBLIC,
    "privatetest": PRIVATE,
    "test": TEST,
    "testing": TEST,
}


@dataclass(frozen=True)
class Edition:
    """The outcome of reading one edition of FER2013.

    Attributes:
        kind: which edition it is, in words.
        data: every face that could be read.
        broken: ``"NAME: reason"`` of each image that could not.
        other_files: names of the files that are not images of the data set.
    """

    kind: str
    data: FaceDataset
    broken: tuple[str, ...] = ()
    other_files: tuple[str, ...] = ()

    def refuse_broken(self) -> FaceDataset:
        """Return the data, if all of it could be read.

        Raises:
            DataError: lists the images that could not.
        """
        if self.broken:
            shown = "".join(f"\n  {line}" for line in self.broken[:20])
            more = f"\n  and {len(self.broken) - 20:,} more" if len(self.broken) > 20 else ""
            raise DataError(
                f"{self.data.source}: {len(self.broken):,} images cannot be read:{shown}{more}\n"
                "Get the data again, or keep the readable ones with `mien data convert --skip-broken`; "
                "`--resize` there scales faces of another size."
            )
        return self.data


def split_named(text: str) -> str | None:
    """Return the split that a folder or file name states (``"train"``, ``"PublicTest"``); None if it states none."""
    return _SPLIT_NAMES.get(text.lower())


def with_test_settled(data: FaceDataset) -> FaceDataset:
    """Return the data set with Test renamed PrivateTest where FER2013's PublicTest, the other half, is there too.

    One of the two must have FER2013's size; the other may lack a broken image. Test of other data stays Test.
    """
    public, test = ((data.splits == split).sum() for split in (PUBLIC, TEST))
    if not public or (public != FULL_SIZES[PUBLIC] and test != FULL_SIZES[PRIVATE]):
        return data
    return dataclasses.replace(data, splits=np.where(data.splits == TEST, PRIVATE, data.splits))


def joined(parts: Sequence[FaceDataset], source: str) -> FaceDataset:
    """Concatenate data sets of one label set, read from files below `source`.

    Where they share row ids, these get the path of their file as a prefix.
    """
    rows = [part.rows for part in parts]
    if len(set(np.concatenate(rows).tolist())) < sum(map(len, rows)):
        files = [Path(part.source).relative_to(source).as_posix() for part in parts]
        rows = [np.array([f"{file}/{row}" for row in part.rows]) for file, part in zip(files, parts)]
    return FaceDataset(
        faces=np.concatenate([part.faces for part in parts]),
        labels=np.concatenate([part.labels for part in parts]),
        splits=np.concatenate([part.splits for part in parts]),
        rows=np.concatenate(rows),
        label_set=parts[0].label_set,
        source=source,
    )
