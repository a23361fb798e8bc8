"""The page that `mien data stats` writes: the contents of a data set, with sample faces."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from mien.errors import DataError
from mien.lab.data import Audit, Edition, FaceDataset
from mien.lab.data.auditing import IN_WORDS
from mien.lab.data.stats import PixelStats, class_counts, mean_face, pixel_stats, summary
from mien.lab.pages.charts import Picture, face
from mien.lab.pages.html import write_page

SAMPLES = 8
"""Sample faces per class."""

_BINS = 64  # of the histogram of grey levels


def write_stats_page(edition: Edition | FaceDataset, audit: Audit | None, path: str | os.PathLike[str]) -> None:
    """Write a self-contained HTML page: class bars, sample faces, mean faces, grey levels, audit.

    Args:
        edition: a data set; or an edition as read, which adds broken files and the edition's kind.
        audit: twins, conflicting labels and blanks of these faces; None leaves them out.
        path: of the page; an existing file is replaced.

    Raises:
        DataError: there is no face, or the file cannot be written.
    """
    if isinstance(edition, FaceDataset):
        edition = Edition("data set", edition)
    data = edition.data
    if not len(data):
        raise DataError(f"{data.source}: no faces to describe.")
    counts, names = class_counts(data), list(enumerate(data.label_set))
    write_page(
        Path(path),
        "data.html",
        title=f"FER2013: {Path(data.source).name}",
        facts=summary(edition, audit),
        largest=max(max(each.values()) for each in counts.values()),
        pixels={name: pixel_stats(data.split(name)) for name in data.split_names()},
        histogram=_histogram(pixel_stats(data)),
        samples=sample_faces(data),
        audit_words=IN_WORDS,
        means={name: face(mean_face(data, i), f"mean of the faces labelled {name}") for i, name in names},
    )


def sample_faces(data: FaceDataset) -> dict[str, list[Picture]]:
    """Return up to `SAMPLES` faces of each class that has some, spread evenly over the data set."""
    samples = {}
    for label, name in enumerate(data.label_set):
        of_class = np.flatnonzero(data.labels == label)
        chosen = np.linspace(0, max(len(of_class) - 1, 0), min(SAMPLES, len(of_class))).astype(np.int64)
        samples[name] = [face(each, f"a face labelled {name}") for each in data.faces[of_class[chosen]]]
    return {name: faces for name, faces in samples.items() if faces}


def _histogram(pixels: PixelStats) -> list[float]:
    """Heights of the bars of the grey-level histogram, the highest 1."""
    bins = pixels.counts.reshape(_BINS, -1).sum(axis=1)
    heights: list[float] = (bins / bins.max()).tolist()
    return heights
