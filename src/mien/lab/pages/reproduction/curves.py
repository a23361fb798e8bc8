"""The training curves of docs/reproduction.md: one panel per row of the reports, as generated part of an SVG page.

The SVG is written without a plotting library, for the reason given in `mien.lab.pages.reproduction.picture`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Literal

from mien.lab.pages.reproduction.tables import MISSING
from mien.lab.recipe import Recipe
from mien.lab.recipe_book import PUBLISHED
from mien.lab.results import Record
from mien.lab.trained_rows import TrainedRow, trained_rows

COLUMNS = 3
WIDTH, HEIGHT = 190, 110
"""Of a panel's plot, in the picture's units."""
STEP_X, STEP_Y, LEFT, TOP = 240, 165, 50, 62
"""From one panel to the next, and the corner of the first."""
CURVES = {"train": "train", "validation": "watched"}
"""Kinds of faces that a history was measured on, and the styles of their lines."""
SPLITS = CURVES | {"test": "watched"}
"""Kinds of faces that a source measured on, and the styles of its published figures."""


def panels(records: list[Record], draw: Callable[[Recipe, TrainedRow | None], Iterable[str]]) -> str:
    """Return a panel for each row of the reports.

    Args:
        records: all.
        draw: returns the elements for a row and its best training, None without one, in a plot of `WIDTH` x `HEIGHT`.
    """
    lines: list[str] = []
    for place, row in enumerate(PUBLISHED):
        left, top = LEFT + STEP_X * (place % COLUMNS), TOP + STEP_Y * (place // COLUMNS)
        best = next(iter(trained_rows(row, records)), None)
        lines += [f'<g transform="translate({left} {top})">', *draw(row, best)]
        lines += [] if best else [f'<text x="6" y="{HEIGHT - 8}">{MISSING}</text>']
        star = " *" if best and not best.whole else ""
        lines += [f'<text y="-10" font-weight="bold">{row.name}{star}</text>', "</g>"]
    return "\n".join(lines) + "\n"


def curves(metric: Literal["accuracy", "loss"], records: list[Record], page: Path) -> str:
    """Curves of every seed of the best training; published figures are dashed lines."""
    return panels(records, partial(_panel, metric))


def _panel(metric: str, row: Recipe, trained: TrainedRow | None) -> Iterator[str]:
    published = [figure for figure in row.published if figure.metric == metric and figure.epoch is None]
    lines = list(_lines(metric, trained)) if trained else []
    top = 1.0
    if metric == "loss":
        values = [value for _, line in lines for _, value in line]
        top = max(2, math.ceil(max(values + [figure.value for figure in published], default=0)))
    for tick in (0, top / 2, top):
        words = f"{100 * tick:.0f} %" if metric == "accuracy" else f"{tick:g}"
        yield f'<path class="grid" d="M0 {_y(tick / top):.1f}H{WIDTH}"/>'
        yield f'<text x="-6" y="{_y(tick / top) + 4:.1f}" text-anchor="end">{words}</text>'
    for figure in published:
        yield f'<path class="{SPLITS[figure.split]} published" d="M0 {_y(figure.value / top):.1f}H{WIDTH}"/>'
    if not lines:
        return
    last = max(epoch for _, line in lines for epoch, _ in line)
    for style, line in lines:
        points = " ".join(f"{WIDTH * epoch / last:.1f},{_y(value / top):.1f}" for epoch, value in line)
        yield f'<polyline class="{style}" points="{points}"/>'
    yield f'<text x="{WIDTH}" y="{HEIGHT + 16}" text-anchor="end">{last:.0f} epochs</text>'


def _lines(metric: str, trained: TrainedRow) -> Iterator[tuple[str, list[tuple[float, float]]]]:
    """Style and points (epoch, value) of each line."""
    for record in trained.records:
        history = record.history()
        for split, style in CURVES.items():
            column = f"{split}_{metric}"
            points = [(epoch["epoch"], epoch[column]) for epoch in history if column in epoch]
            if points:
                yield style, points


def _y(share: float) -> float:
    return HEIGHT * (1 - share)
