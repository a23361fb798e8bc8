"""Statistics of a data set."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from mien.lab.data.auditing import Audit
from mien.lab.data.dataset import TEST, TRAINING, FaceDataset
from mien.lab.data.edition import FULL_SIZES, TEST_SIZE, Edition


@dataclass(frozen=True)
class PixelStats:
    """Grey levels of some faces.

    Attributes:
        counts: ``(256,)`` int64, pixels of each level.
    """

    counts: npt.NDArray[np.int64]

    @property
    def mean(self) -> float:
        """Mean, of values in [0, 1]."""
        return float(np.average(np.arange(256), weights=self.counts) / 255)

    @property
    def std(self) -> float:
        """Standard deviation, of values in [0, 1]."""
        levels = np.arange(256) / 255
        return float(np.sqrt(np.average((levels - self.mean) ** 2, weights=self.counts)))


def pixel_stats(dataset: FaceDataset) -> PixelStats:
    """Count the grey levels of all faces."""
    counts = np.zeros(256, np.int64)
    for face in dataset.faces:
        counts += np.bincount(face.ravel(), minlength=256)
    return PixelStats(counts)


def class_counts(dataset: FaceDataset) -> dict[str, dict[str, int]]:
    """Return for each split the number of faces of each class, and of those without a label where there are any."""
    table = {}
    for split in dataset.split_names():
        labels = dataset.labels[dataset.splits == split]
        table[split] = {name: int((labels == label).sum()) for label, name in enumerate(dataset.label_set)}
        if (labels < 0).any():
            table[split]["unlabelled"] = int((labels < 0).sum())
    return table


def mean_face(dataset: FaceDataset, label: int) -> npt.NDArray[np.uint8]:
    """Return the mean of the faces of a class, ``(H, W)`` uint8; black where the class has none."""
    faces = dataset.faces[dataset.labels == label]
    if not len(faces):
        return np.zeros(dataset.faces.shape[1:], np.uint8)
    mean: npt.NDArray[np.float64] = faces.mean(axis=0)
    return mean.round().astype(np.uint8)


def summary(edition: Edition, audit: Audit | None) -> dict[str, Any]:
    """Return what `mien data check` reports, ready for JSON."""
    data = edition.data
    height, width = data.faces.shape[1:]
    pixels = pixel_stats(data)
    return {
        "source": data.source,
        "edition": edition.kind,
        "faces": len(data),
        "width_px": width,
        "height_px": height,
        "classes": list(data.label_set),
        "splits": class_counts(data),
        "pixel_mean": pixels.mean,
        "pixel_std": pixels.std,
        "fingerprint": data.fingerprint,
        "broken": list(edition.broken),
        "other_files": list(edition.other_files),
        "differs_from_published": size_remarks(data),
        "audit": None if audit is None else audit.summary(),
    }


def size_remarks(dataset: FaceDataset) -> list[str]:
    """Return sentences on the splits whose number of faces differs from FER2013 as published."""
    found = {name: int((dataset.splits == name).sum()) for name in dataset.split_names()}
    expected = {TRAINING: FULL_SIZES[TRAINING]}
    if TEST in found:
        expected[TEST] = TEST_SIZE
    else:
        expected |= FULL_SIZES
    return [
        f"{split} has {found[split]:,} faces, FER2013 has {size:,}." if split in found else f"{split} is not here."
        for split, size in expected.items()
        if found.get(split) != size
    ]
