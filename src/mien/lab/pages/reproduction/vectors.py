"""The confusion vectors of docs/reproduction.md: the recall of each class, one panel per row.

The SVG is written without a plotting library, for the reason given in `mien.lab.pages.reproduction.picture`.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from mien.lab.pages.reproduction.curves import HEIGHT, WIDTH, panels
from mien.lab.recipe import Recipe
from mien.lab.results import Record
from mien.lab.trained_rows import TrainedRow

SCALE = 0.8
"""Share of a panel's width that a bar of 100 % takes; the figure is to its right."""


def vectors(records: list[Record], page: Path) -> str:
    """Return a panel for each row of the reports."""
    return panels(records, _panel)


def _panel(row: Recipe, trained: TrainedRow | None) -> Iterator[str]:
    """A bar for each class that has faces, with its 95 % interval."""
    if trained is None or not trained.recalls:
        return
    step = HEIGHT / len(trained.recalls)
    for place, (name, recall) in enumerate(trained.recalls.items()):
        y = step * (place + 0.5)
        low, high = (SCALE * WIDTH * end for end in recall.interval)
        yield f'<path class="bar" d="M0 {y:.1f}H{SCALE * WIDTH * recall.mean:.1f}"/>'
        yield f'<path class="interval" d="M{low:.1f} {y:.1f}H{high:.1f}"/>'
        yield f'<text x="-4" y="{y + 4:.1f}" text-anchor="end">{name}</text>'
        yield f'<text x="{high + 4:.1f}" y="{y + 4:.1f}">{100 * recall.mean:.0f} %</text>'
