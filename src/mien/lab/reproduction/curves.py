"""The training curves of docs/reproduction.md: a panel a row of the reports, as the generated part of an SVG page.

Written by hand for the reason that `mien.lab.reproduction.picture` gives.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from mien.lab.recipe import Recipe
from mien.lab.recipe_book import PUBLISHED
from mien.lab.reproduction.rows import TrainedRow, trained_rows
from mien.lab.reproduction.tables import MISSING
from mien.lab.results import Record

COLUMNS = 3
WIDTH, HEIGHT = 190, 110
"""Of a panel's plot, in the picture's units."""
STEP_X, STEP_Y, LEFT, TOP = 240, 165, 50, 62
"""From one panel to the next, and the corner of the first."""
CURVES = {"train_accuracy": "train", "validation_accuracy": "watched"}
"""Columns of a history, and the styles of their lines."""
SPLITS = {"train": "train", "validation": "watched", "test": "watched"}
"""What a source measured on, and the styles of its published accuracies."""


def _curves(records: list[Record], page: Path) -> str:
    """A panel for each row: curves of every seed of the best training, dashes at the published accuracies."""
    lines: list[str] = []
    for place, row in enumerate(PUBLISHED):
        left, top = LEFT + STEP_X * (place % COLUMNS), TOP + STEP_Y * (place // COLUMNS)
        found = trained_rows(row, records)
        lines += [f'<g transform="translate({left} {top})">', *_axes(), *_published(row)]
        lines += _panel(found[0]) if found else [f'<text x="6" y="{HEIGHT - 8}">{MISSING}</text>']
        lines += [f'<text y="-10" font-weight="bold">{row.name}{_short(found)}</text>', "</g>"]
    return "\n".join(lines) + "\n"


def _axes() -> Iterator[str]:
    for percent in (0, 50, 100):
        yield f'<path class="grid" d="M0 {_y(percent / 100):.1f}H{WIDTH}"/>'
        yield f'<text x="-6" y="{_y(percent / 100) + 4:.1f}" text-anchor="end">{percent} %</text>'


def _published(row: Recipe) -> Iterator[str]:
    for figure in row.published:
        if figure.metric == "accuracy" and figure.epoch is None:
            yield f'<path class="{SPLITS[figure.split]} published" d="M0 {_y(figure.value):.1f}H{WIDTH}"/>'


def _panel(trained: TrainedRow) -> Iterator[str]:
    histories = [record.history() for record in trained.records]
    last = max(epoch["epoch"] for history in histories for epoch in history)
    for history in histories:
        for column, style in CURVES.items():
            points = [(epoch["epoch"], epoch[column]) for epoch in history if column in epoch]
            path = " ".join(f"{WIDTH * epoch / last:.1f},{_y(accuracy):.1f}" for epoch, accuracy in points)
            if path:
                yield f'<polyline class="{style}" points="{path}"/>'
    yield f'<text x="{WIDTH}" y="{HEIGHT + 16}" text-anchor="end">{last:.0f} epochs</text>'


def _short(found: list[TrainedRow]) -> str:
    """A star where the best training is less than the row."""
    return " *" if found and not found[0].whole else ""


def _y(accuracy: float) -> float:
    return HEIGHT * (1 - accuracy)


BLOCKS: dict[str, Callable[[list[Record], Path], str]] = {"training-curves": _curves}
