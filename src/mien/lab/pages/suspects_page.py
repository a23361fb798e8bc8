"""The output files of `mien data suspects`: a page with the faces, or a table."""

from __future__ import annotations

import csv
from pathlib import Path

from mien.errors import DataError
from mien.lab.pages.charts import face
from mien.lab.pages.html import write_page
from mien.lab.suspects import Suspects
from mien.writing import check_ending, replacing

SUFFIXES = (".html", ".csv")

_COLUMNS = ("row", "split", "label", "label_probability", "predicted", "confidence", "ferplus_majority", "twin_free")


def write_suspects(suspects: Suspects, out: str | Path) -> Path:
    """Write suspects in their order, and return the file.

    Args:
        suspects: the result of `find_suspects`.
        out: a self-contained HTML page with the faces, or a CSV. In the CSV, `ferplus_majority` is empty if there are
            no votes or none has more than half of them; `twin_free` (1 or 0) is empty if unknown.

    Raises:
        DataError: the ending is neither, or the file cannot be written.
    """
    path = Path(out)
    check_ending(path, SUFFIXES, DataError)
    if path.suffix.lower() == ".csv":
        _write_csv(suspects, path)
        return path
    pictures = [face(each.face, f"face labelled {each.label}, predicted {each.predicted}") for each in suspects.ranked]
    title = f"Doubtful labels: {suspects.split} of {suspects.source}"
    return write_page(
        path, "suspects.html", title=title, suspects=suspects, ranked=list(zip(suspects.ranked, pictures, strict=True))
    )


def _write_csv(suspects: Suspects, path: Path) -> None:
    with replacing(path, DataError) as part, part.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(_COLUMNS)
        for each in suspects.ranked:
            new = "" if each.twin_free is None else int(each.twin_free)
            said = (each.label, each.label_probability, each.predicted, each.confidence)
            table.writerow((each.row, suspects.split, *said, each.majority, new))
