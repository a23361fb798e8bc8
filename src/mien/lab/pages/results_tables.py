"""Tables of all records: runs, means over seeds, comparisons with published figures, and the models that ship."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mien.card import MODEL_FILE, Card
from mien.lab.evaluated import PREFERRED_SPLITS
from mien.lab.predictions import RECORD
from mien.lab.published import Beside, in_words, measured_at, stand_in
from mien.lab.recipe.io import bare, to_json
from mien.lab.results import Record
from mien.lab.seeds import by_seed
from mien.lab.tables import UNKNOWN, Table, interval, number, percent, points, with_interval
from mien.labels import FER2013, FERPLUS
from mien.recognizer import find_model, shipped_models

NOTHING = "None yet.\n"


def results(records: list[Record], page: Path) -> str:
    """One table per split: results on PublicTest and PrivateTest must not be compared."""
    parts = []
    for split in PREFERRED_SPLITS:
        lines = [
            _result(record, report, page)
            for record in records
            for report in record.scored_reports
            if report["split"] == split
        ]
        if lines:
            columns = (
                "recipe", "seed", "record", "weights", "averaged over", "faces", "accuracy (95 %)",
                "twin-free (95 %)", "macro F1", "log loss", "ECE", "gap", "parameters",
            )  # fmt: skip
            parts.append(f"**{split}**\n\n{Table(split, columns, tuple(lines), text_columns=5).markdown()}\n")
    return "\n".join(parts) or NOTHING


def _result(record: Record, report: dict[str, Any], page: Path) -> tuple[str, ...]:
    full, environment, parameters = report["full"], record.environment, record.row["parameters"]
    other = stand_in(record.recipe, environment["weights"], environment["weights_sha256"])
    return (
        record.recipe.name + (", stand-in weights" if other else ""),
        str(environment["seed"]),
        f"[{record.folder.name}]({link_to(record, page)})",
        record.row.get("weights", UNKNOWN),
        _views(report),
        f"{full['n']:,}",
        accuracy_cell(full),
        accuracy_cell(report["twin_free"]),
        number(full["macro_f1"]),
        number(full["log_loss"]),
        number(full["ece"]),
        points(report["gap"]),
        UNKNOWN if parameters is None else f"{parameters:,}",
    )


def link_to(record: Record, page: Path) -> str:
    """Return the address of a record's file in a page."""
    return Path(os.path.relpath(record.folder / RECORD, page.parent)).as_posix()


def _views(report: dict[str, Any]) -> str:
    return "one view" if report["tta"] == "none" else str(report["tta"])


def accuracy_cell(metrics: dict[str, Any] | None) -> str:
    """Return the accuracy of a recorded part of a report, such as ``64.86 % (63.3 to 66.4)``."""
    if metrics is None:
        return UNKNOWN
    return with_interval(metrics["accuracy"], metrics["accuracy_low"], metrics["accuracy_high"])


def seeds(records: list[Record], page: Path) -> str:
    """Mean and range of runs that differ only in the seed."""
    groups = by_seed(
        [(record, report) for record in records for report in record.scored_reports],
        kind=lambda each: (each[0].recipe.name, to_json(bare(each[0].recipe)), each[1]["split"], each[1]["tta"]),
        environment=lambda each: each[0].environment,
        labelled_splits=lambda each: len(each[0].scored_reports),
    )
    lines = []
    for group in groups:
        members, reports = zip(*group.values(), strict=True)
        if len(reports) < 2:
            continue
        full = [report["full"]["accuracy"] for report in reports]
        fresh = [report["twin_free"]["accuracy"] for report in reports if report["twin_free"] is not None]
        twin_free = percent(sum(fresh) / len(fresh)) if len(fresh) == len(full) else UNKNOWN
        what = (members[0].recipe.name, reports[0]["split"], _views(reports[0]))
        mean = percent(sum(full) / len(full))
        lines.append((*what, str(len(full)), mean, interval(min(full), max(full)), twin_free))
    columns = ("recipe", "split", "averaged over", "seeds", "mean accuracy", "range", "twin-free mean")
    return Table("seeds", columns, tuple(lines), text_columns=3).markdown() + "\n" if lines else NOTHING


def published(records: list[Record], page: Path) -> str:
    """Runs of unchanged recipes, compared with the figures of their sources."""
    lines, remarks = [], {}
    for record in records:
        recipe = record.recipe
        for beside in record.published:
            remarks[recipe.name] = recipe.remark
            lines.append((recipe.name, str(record.environment["seed"]), *beside_cells(beside)))
    if not lines:
        return NOTHING
    columns = ("recipe", "seed", *COLUMNS_BESIDE)
    notes = tuple(f"{name}: {remark}" for name, remark in remarks.items() if remark)
    return Table("published", columns, tuple(lines), notes, text_columns=4).markdown() + "\n"


COLUMNS_BESIDE = ("figure", "ours from", "published", "here", "difference (95 %)", "like for like")


def beside_cells(row: Beside) -> tuple[str, ...]:
    """Return the cells of `COLUMNS_BESIDE`."""
    published, here, difference, spread = in_words(row.figure, row.value, row.difference_interval)
    return (
        f"{row.figure.split} {row.figure.metric}, {row.figure.place}",
        row.split + measured_at(row.figure, row.while_training),
        published,
        here,
        difference if spread == UNKNOWN else f"{difference} ({spread})",
        f"no: {row.unlike}" if row.unlike else "yes",
    )


def shipped(records: list[Record], page: Path) -> str:
    """The models that ship, from their cards."""
    lines = []
    for name, card, split, figures in shipped_figures():
        size = f"{(find_model(name) / MODEL_FILE).stat().st_size / 1e6:.1f}"
        labels = "FER+ majority" if card.labels == FERPLUS else "FER2013"
        full, twin_free = figures["full"], figures["twin_free"]
        what = (name, f"{split}, {labels}", f"{full['n']:,}", accuracy_cell(full), accuracy_cell(twin_free))
        fitted = card.provenance["calibration"]
        sure = UNKNOWN if fitted is None else percent(fitted["coverage"], 0)
        which = (f"{card.parameters:,}", size, str(card.provenance["seed"]), card.provenance["commit"][:7])
        lines.append((*what, number(full["ece"]), sure, *which))
    columns = (
        *("model", "measured on", "faces", "accuracy (95 %)", "twin-free (95 %)", "ECE", "accepted"),
        *("parameters", "MB", "seed", "commit"),
    )
    return Table("shipped", columns, tuple(lines), text_columns=2).markdown() + "\n" if lines else NOTHING


def shipped_figures() -> Iterator[tuple[str, Card, str, dict[str, Any]]]:
    """Yield name, card, split and figures of each model that ships; those with flip only if there are no others."""
    for name in shipped_models():
        card = Card.read(find_model(name))
        for split, figures in card.metrics.items():
            plain = split.removesuffix("-flip")
            if split == plain or plain not in card.metrics:
                yield name, card, plain, figures


def classes(records: list[Record], page: Path) -> str:
    """Recall and precision of the models that ship, for each class."""
    names = dict.fromkeys(name for labels in (FER2013, FERPLUS) for name in labels)
    lines = []
    for name, _, split, figures in shipped_figures():
        known = figures["full"].get("per_class", {})
        cells = (_recall_and_precision(known[each]) if each in known else UNKNOWN for each in names)
        lines.append((name, split, *cells))
    columns = ("model", "split", *names)
    return Table("classes", columns, tuple(lines), text_columns=2).markdown() + "\n" if lines else NOTHING


def _recall_and_precision(figures: dict[str, float]) -> str:
    return f"{100 * figures['recall']:.0f} / {100 * figures['precision']:.0f}" if figures["n"] else UNKNOWN
