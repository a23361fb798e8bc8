"""The picture of docs/reproduction.md: accuracy against parameters, as the generated part of an SVG page.

The SVG is written by hand, so that the same records give the same file with every version of every library, and
`mien results tables --check` can tell whether it is up to date. Its fixed part holds title and styles.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path

from mien.lab.data import PUBLIC
from mien.lab.pages.reproduction.tables import MISSING, measured
from mien.lab.recipe_book import FUTURE_WORK, PUBLISHED
from mien.lab.results import Record
from mien.lab.trained_rows import TrainedRow

LEFT, RIGHT, TOP, BOTTOM = 60, 560, 50, 410
"""Edges of the plot in the picture's units; the names stand on its right."""
LINE = 15
"""Height of a name."""
ABOUT = 100_000
"""Parameters; networks within such a step are of about the same size."""


def _picture(records: list[Record], page: Path) -> str:
    found = [trained for trained in measured(records) if trained.split == PUBLIC]
    if not found:
        return f'<text x="60" y="90">{MISSING}</text>\n'
    return "\n".join([*_axes(*_range(found)), *_points(found)]) + "\n"


def _range(found: Sequence[TrainedRow]) -> tuple[tuple[int, int], tuple[int, int]]:
    """Return the axes' ends: powers of ten of parameters, and accuracies in percent, in fives."""
    counts = [math.log10(trained.parameters or 1) for trained in found]
    ends = [100 * end for trained in found if (full := trained.accuracy("full")) for end in full.interval]
    return (math.floor(min(counts)), math.ceil(max(counts))), (5 * int(min(ends) // 5), 5 * math.ceil(max(ends) / 5))


def _axes(powers: tuple[int, int], percents: tuple[int, int]) -> Iterator[str]:
    for power in range(powers[0], powers[1] + 1):
        x = _place(power, powers, LEFT, RIGHT)
        yield f'<path class="grid" d="M{x:.1f} {TOP}V{BOTTOM}"/>'
        yield f'<text x="{x:.1f}" y="{BOTTOM + 18}" text-anchor="middle">{10**power:,}</text>'
    for percent in range(percents[0], percents[1] + 1, 5):
        y = _place(percent, percents, BOTTOM, TOP)
        yield f'<path class="grid" d="M{LEFT} {y:.1f}H{RIGHT}"/>'
        yield f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{percent} %</text>'


def _place(value: float, ends: tuple[int, int], low: float, high: float) -> float:
    """Where a value stands between `low` and `high`, in the picture's units."""
    span = ends[1] - ends[0] or 1
    return low + (high - low) * (value - ends[0]) / span


def _points(found: Sequence[TrainedRow]) -> Iterator[str]:
    """A dot with its interval for each, and names on the right, joined by thin lines."""
    powers, percents = _range(found)
    dots = []
    for trained in found:
        full = trained.accuracy("full")
        assert full is not None  # `measured` has none without
        x = _place(math.log10(trained.parameters or 1), powers, LEFT, RIGHT)
        y, low, high = (_place(100 * rate, percents, BOTTOM, TOP) for rate in (full.mean, *full.interval))
        dots.append((y, x, low, high, trained, full))
    dots.sort(key=lambda dot: dot[:2])
    with_name = _named(found)
    named = [dot for dot in dots if dot[4] in with_name]
    for (y, x, *_, trained, full), name_y in zip(named, _spread([dot[0] for dot in named]), strict=True):
        words = f"{trained.row.name} {100 * full.mean:.1f}{'' if trained.whole else ' *'}"
        yield f'<path class="leader" d="M{x:.1f} {y:.1f}L{RIGHT + 12} {name_y:.1f}"/>'
        yield f'<text x="{RIGHT + 16}" y="{name_y + 4:.1f}">{words}</text>'
    for y, x, low, high, trained, _ in dots:
        kind = f"{_kind(trained)}{'' if trained.whole else ' lesser'}"
        yield f'<path class="{kind}" d="M{x:.1f} {low:.1f}V{high:.1f}"/>'
        yield f'<circle class="{kind}" cx="{x:.1f}" cy="{y:.1f}" r="4.5"/>'


def _named(found: Sequence[TrainedRow]) -> list[TrainedRow]:
    """The rows that have their name beside them: all of others, the best of ours of about the same size."""
    best: dict[int, TrainedRow] = {}
    for trained in sorted(found, key=_rate):
        if _kind(trained) == "mien":
            best[(trained.parameters or 0) // ABOUT] = trained
    return [trained for trained in found if _kind(trained) != "mien" or trained in best.values()]


def _rate(trained: TrainedRow) -> float:
    full = trained.accuracy("full")
    assert full is not None  # `measured` has none without
    return full.mean


def _kind(trained: TrainedRow) -> str:
    """The style of a row's dot."""
    if trained.row in PUBLISHED:
        return "report"
    return "future" if trained.row in FUTURE_WORK else "mien"


def _spread(heights: Sequence[float]) -> list[float]:
    """Return heights for the names, in the same order and at least `LINE` apart, not below the plot."""
    places = list(heights)
    for upper, lower in pairwise(range(len(places))):
        places[lower] = max(places[lower], places[upper] + LINE)
    over = max(0.0, places[-1] - BOTTOM)
    places[-1] -= over
    for lower, upper in pairwise(reversed(range(len(places)))):
        places[upper] = min(places[upper], places[lower] - LINE)
    return places


BLOCKS: dict[str, Callable[[list[Record], Path], str]] = {"accuracy-against-parameters": _picture}
