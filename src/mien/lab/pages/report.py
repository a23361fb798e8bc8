"""HTML pages of results: the report of one or more runs, and a comparison."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mien.errors import DataError
from mien.lab.comparison import Comparison, compare
from mien.lab.data import FaceDataset
from mien.lab.evaluated import Evaluated
from mien.lab.evaluation import silent
from mien.lab.pages import charts
from mien.lab.pages.chapter import chapter
from mien.lab.pages.charts import Picture
from mien.lab.pages.comparison_tables import tables_of
from mien.lab.pages.data_page import sample_faces
from mien.lab.pages.html import write_page
from mien.lab.pages.reading import LIMITS
from mien.lab.run import Run
from mien.lab.tables import Table
from mien.writing import replacing


@dataclass(frozen=True)
class ComparisonPart:
    """What the template shows of a comparison."""

    tables: Sequence[Table]
    accuracy: Sequence[Picture]
    curves: Sequence[Picture]
    confusion: Sequence[Picture]


def write_report(
    runs: Sequence[Run | str | Path],
    data: FaceDataset | None,
    out: str | Path,
    *,
    split: str | None = None,
    explain: bool = False,
    on_progress: Callable[[str, int, int], None] = silent,
) -> Path:
    """Write the report of one or more evaluated runs; if there are several, their comparison comes first.

    Args:
        runs: evaluated runs.
        data: the data set that they were evaluated on, for class counts, sample faces and the worst mistakes as
            pictures; None leaves these out, and the report says so.
        out: the HTML file.
        split: by default the first of Test, PublicTest, PrivateTest, Training on which all runs have labels.
        explain: whether to add heat maps to the worst mistakes; takes 800 predictions for each, and needs `data`.
        on_progress: called with (task, steps done, steps in all) while heat maps are computed.

    Returns:
        The file.

    Raises:
        ModelError: a folder is not a run, or `explain` is set and its model folder is not the model evaluated.
        DataError: a run has not been evaluated on the split, the runs or `data` hold other faces, `explain` is set
            without `data`, or the file cannot be written.
    """
    if explain and data is None:
        raise DataError("mistakes cannot be explained without their faces; give the data set, too (--data).")
    comparison = compare(runs, split)
    chapters = [chapter(entry, data, explain, on_progress) for entry in comparison.entries]
    title = chapters[0].title if len(chapters) == 1 else f"{len(chapters)} models on {comparison.split}"
    return write_page(
        Path(out),
        "report.html",
        title=title,
        comparison=_comparison_part(comparison) if len(chapters) > 1 else None,
        chapters=chapters,
        data=data,
        class_bars=None if data is None else _class_bars(data),
        samples={} if data is None else sample_faces(data),
        limits=LIMITS,
    )


def write_charts(
    runs: Sequence[Run | str | Path],
    folder: str | Path,
    *,
    data: FaceDataset | None = None,
    split: str | None = None,
) -> list[Path]:
    """Write the charts of a report as SVG and PDF files for other documents, without the face images.

    Args:
        runs: evaluated runs; if there are several, each run's charts go to a subfolder, the shared ones to `folder`.
        folder: where the files are written; it is created if missing.
        data: the data set that they were evaluated on, for the chart of its classes; None leaves that out.
        split: as for `write_report`.

    Returns:
        The files.

    Raises:
        DataError: a run has not been evaluated on the split, `data` holds other faces, two runs' folders have the same
            name, or a file cannot be written.
        ModelError: a folder is not a run.
    """
    comparison, folder = compare(runs, split), Path(folder)
    names = [entry.run.name for entry in comparison.entries]
    for entry in comparison.entries:
        if names.count(entry.run.name) > 1:
            raise DataError(f"{entry.run.folder}: another run has this name, too, so both would write the same charts.")
    if data is not None:
        for entry in comparison.entries:
            entry.faces_in(data)
    shared = _comparison_part(comparison) if len(comparison.entries) > 1 else None
    places = [(picture, folder) for picture in (*shared.accuracy, *shared.curves)] if shared else []
    places += [] if data is None else [(_class_bars(data), folder)]
    for name, entry in zip(names, comparison.entries, strict=True):
        place = folder / name if shared else folder
        places += [(picture, place) for picture in chapter(entry, None).charts]
    return [file for picture, place in places for file in _write_chart(picture, place)]


def _write_chart(picture: Picture, folder: Path) -> list[Path]:
    """Write a chart into a folder as ``NAME.svg`` and ``NAME.pdf`` and return the files.

    Raises:
        DataError: a file cannot be written.
    """
    import matplotlib

    assert picture.figure is not None
    files = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}
    for kind, metadata in files.items():
        with replacing(folder / f"{picture.name}.{kind}", DataError) as part, matplotlib.rc_context(charts.STYLE):
            picture.figure.savefig(part, format=kind, metadata=metadata)
    return [folder / f"{picture.name}.{kind}" for kind in files]


def write_comparison(comparison: Comparison, out: str | Path) -> Path:
    """Write a comparison as an HTML file and return its path.

    Raises:
        DataError: the file cannot be written.
    """
    title = f"{len(comparison.entries)} models on {comparison.split}"
    return write_page(Path(out), "compare.html", title=title, comparison=_comparison_part(comparison), limits=LIMITS)


def _comparison_part(comparison: Comparison) -> ComparisonPart:
    histories = {entry.name: entry.run.history() for entry in comparison.entries if entry.trained is not None}
    return ComparisonPart(
        tables=tables_of(comparison),
        accuracy=_accuracy_pictures(comparison.entries),
        curves=[charts.overlaid_curves(histories, quantity) for quantity in ("loss", "accuracy") if histories],
        confusion=[
            charts.confusion(
                np.array(entry.full.confusion), tuple(entry.report.label_set), rates=True, title=entry.name
            )
            for entry in comparison.entries
        ],
    )


def _accuracy_pictures(entries: Sequence[Evaluated]) -> list[Picture]:
    """Accuracy of each model with its interval, full and, where all have it, twin-free."""
    names, full = [entry.name for entry in entries], [entry.full for entry in entries]
    published = [_published_accuracy(entry) for entry in entries]
    split = entries[0].report.split
    pictures = [charts.dots(names, *_spans(full), published, f"accuracy on {split}")]
    twin_free = [entry.report.twin_free for entry in entries if entry.report.twin_free is not None]
    if len(twin_free) == len(entries):
        pictures.append(charts.dots(names, *_spans(twin_free), [None] * len(names), f"accuracy, twin-free {split}"))
    return pictures


def _spans(metrics: Sequence[Any]) -> tuple[Any, Any, Any]:
    table = np.array([(each.accuracy, each.accuracy_low, each.accuracy_high) for each in metrics])
    return table[:, 0], table[:, 1], table[:, 2]


def _published_accuracy(entry: Evaluated) -> float | None:
    """The source's accuracy on the split that is drawn; None if it has none that is like for like."""
    for row in entry.published:
        if row.figure.metric == "accuracy" and row.split == entry.report.split and not row.unlike:
            return row.figure.value
    return None


def _class_bars(data: FaceDataset) -> Picture:
    counts = {}
    for name in data.split_names():
        labels = data.split(name).labels
        if (labels >= 0).any():
            counts[name] = np.bincount(labels[labels >= 0], minlength=len(data.label_set))
    return charts.class_bars(counts, tuple(data.label_set))
