"""Edition: what a reader found at a path."""

from __future__ import annotations

from dataclasses import dataclass

from mien.lab.data.dataset import FaceDataset


@dataclass(frozen=True)
class Edition:
    """The outcome of reading one edition of FER2013.

    Attributes:
        kind: which edition it is, in words.
        data: every face that could be read.
        broken: ``"NAME: reason"`` of each image that could not.
        other_files: names of the files that are no images of the data set.
    """

    kind: str
    data: FaceDataset
    broken: tuple[str, ...] = ()
    other_files: tuple[str, ...] = ()
