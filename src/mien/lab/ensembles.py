"""Ensembles: the mean of several models' predictions for the same faces."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import numpy as np

from mien.errors import DataError
from mien.lab.evaluation import other_faces, write_results
from mien.lab.metrics import Report, report_of
from mien.lab.predictions import Predictions, views_of
from mien.lab.scoring import known_report, read_predictions


def ensemble(files: Sequence[str | Path], *, out: str | Path | None = None) -> Report:
    """Average several models' predictions for the same faces, with equal weights, and measure the mean.

    All members are averaged: choosing among them by their results on a test split would be training on it.

    Args:
        files: ``predictions-SPLIT.csv`` of each member, written by `evaluate`; classes are in the order of the first.
        out: folder for the ensemble's own ``predictions-SPLIT.csv`` and ``report-SPLIT.json``.

    Raises:
        DataError: there are fewer than two files, one is given twice or cannot be read, or they differ in faces,
            classes or views.
        ModelError: the results cannot be written.
    """
    paths = [Path(file) for file in files]
    if len(paths) < 2:
        raise DataError(f"an ensemble needs at least two files of predictions; {len(paths)} given.")
    views = {views_of(path)[1] for path in paths}
    if len(views) > 1:
        raise DataError(
            f"predictions averaged over different views, {' and '.join(sorted(views))}; evaluate all members with the "
            "same --tta."
        )
    mean, reports = mean_of(paths)
    names = [path.parent.name for path in paths]
    measured = replace(
        report_of(mean),
        model=f"ensemble of {len(paths)}",
        tta=views.pop(),
        provenance={"members": names},
        remarks=(f"Mean of the probabilities of {len(paths)} models: {', '.join(names)}.", *_remarks(paths, reports)),
    )
    if out is not None:
        write_results(Path(out), mean, measured)
    return measured


def mean_of(paths: Sequence[Path]) -> tuple[Predictions, list[Report | None]]:
    """Return the mean, with equal weights, of predictions for the same faces, and the report of each file if known.

    Args:
        paths: one or more ``predictions-SPLIT.csv``; classes are in the order of the first.

    Raises:
        DataError: one is given twice or cannot be read, or they differ in faces, classes or labels.
    """
    if len({path.resolve() for path in paths}) < len(paths):
        raise DataError("a file of predictions is given twice; its model would count twice in the mean.")
    members = _read_members(paths)
    reports = [known_report(path, member) for path, member in zip(paths, members, strict=True)]
    for (one, its), (another, theirs) in combinations(zip(paths, reports, strict=True), 2):
        if other := other_faces(its, theirs):
            raise DataError(f"{one} and {another} {other} Evaluate all members with the same --data.")
    return replace(members[0], probabilities=np.mean([member.probabilities for member in members], axis=0)), reports


def _read_members(paths: Sequence[Path]) -> list[Predictions]:
    """Read the members' predictions, with classes in the order of the first.

    Raises:
        DataError: one cannot be read, or they differ in faces, classes or labels.
    """
    members = [read_predictions(path) for path in paths]
    first = members[0]
    for at, (path, member) in enumerate(zip(paths, members, strict=True)):
        same_classes = sorted(member.label_set) == sorted(first.label_set)
        if not same_classes or not np.array_equal(member.rows, first.rows):
            raise DataError(
                f"{path}: its faces or classes differ from those of {paths[0]}: {len(member):,} faces with "
                f"{', '.join(member.label_set)}, there {len(first):,} with {', '.join(first.label_set)}. Evaluate all "
                "members on the same split."
            )
        members[at] = member = member.in_order_of(first.label_set)
        if not np.array_equal(member.labels, first.labels):
            raise DataError(
                f"{path}: its labels differ from those of {paths[0]}; evaluate or score all members in the same way."
            )
    return members


def _remarks(paths: Sequence[Path], reports: Sequence[Report | None]) -> list[str]:
    """The remarks of the members' reports: each once, with the names of the members it applies to."""
    names_of: dict[str, list[str]] = {}
    for path, known in zip(paths, reports, strict=True):
        for remark in () if known is None else known.remarks:
            names_of.setdefault(remark, []).append(path.parent.name)
    return [f"{', '.join(names)}: {remark}" for remark, names in names_of.items()]
