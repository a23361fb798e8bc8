"""Ensembles: the mean of what several models say about the same faces."""

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
    """Average predictions of the same faces, each model counting alike, and measure the mean.

    All members are averaged: to choose among them by what they reach on a test split would be to train on it.

    Args:
        files: ``predictions-SPLIT.csv`` of each member, as `evaluate` writes them; the mean has the first one's order
            of classes.
        out: folder for the mean's own ``predictions-SPLIT.csv`` and ``report-SPLIT.json``.

    Raises:
        DataError: there are fewer than two files, one is named twice or cannot be read, or they are of other faces,
            classes or views.
        ModelError: the results cannot be written.
    """
    paths = [Path(file) for file in files]
    if len(paths) < 2:
        raise DataError(f"{len(paths)} files of predictions; an ensemble has at least two members.")
    views = {views_of(path)[1] for path in paths}
    if len(views) > 1:
        raise DataError(
            f"predictions averaged over {' and '.join(sorted(views))}; evaluate all members with one --tta."
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
    """Return the mean of predictions of the same faces, each file counting alike, and what is known of each file.

    Args:
        paths: one ``predictions-SPLIT.csv`` or more; the mean has the first one's order of classes.

    Raises:
        DataError: one is named twice or cannot be read, or is of other faces, classes or labels.
    """
    if len({path.resolve() for path in paths}) < len(paths):
        raise DataError("a file of predictions is named twice; its model would count twice in the mean.")
    members = _read_alike(paths)
    reports = [known_report(path, member) for path, member in zip(paths, members, strict=True)]
    for (one, its), (another, theirs) in combinations(zip(paths, reports, strict=True), 2):
        if other := other_faces(its, theirs):
            raise DataError(f"{one} and {another} {other} Evaluate all members with the same --data.")
    return replace(members[0], probabilities=np.mean([member.probabilities for member in members], axis=0)), reports


def _read_alike(paths: Sequence[Path]) -> list[Predictions]:
    """Read the members' predictions of the same faces and labels, with classes in the order of the first one's.

    Raises:
        DataError: one cannot be read, or is of other faces, classes or labels.
    """
    members = [read_predictions(path) for path in paths]
    first = members[0]
    for at, (path, member) in enumerate(zip(paths, members, strict=True)):
        alike = sorted(member.label_set) == sorted(first.label_set)
        if not alike or not np.array_equal(member.rows, first.rows):
            raise DataError(
                f"{path}: other faces, or classes, than {paths[0]}: {len(member):,} of {', '.join(member.label_set)} "
                f"against {len(first):,} of {', '.join(first.label_set)}. Evaluate all members on the same split."
            )
        members[at] = member = member.in_order_of(first.label_set)
        if not np.array_equal(member.labels, first.labels):
            raise DataError(f"{path}: other labels than {paths[0]}; evaluate or score all members alike.")
    return members


def _remarks(paths: Sequence[Path], reports: Sequence[Report | None]) -> list[str]:
    """The remarks in the members' reports: each once, with the names of the members that have it."""
    names_of: dict[str, list[str]] = {}
    for path, known in zip(paths, reports, strict=True):
        for remark in () if known is None else known.remarks:
            names_of.setdefault(remark, []).append(path.parent.name)
    return [f"{', '.join(names)}: {remark}" for remark, names in names_of.items()]
