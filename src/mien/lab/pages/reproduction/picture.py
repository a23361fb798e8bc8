"""The picture of docs/reproduction.md: accuracy against parameters, as the generated part of an SVG page.

The SVG is written without a plotting library, so that the same records always give the same file and
`mien results tables --check` can tell whether it is up to date. Its fixed part holds title and styles.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path

from mien.lab.data import PUBLIC
from mien.lab.pages.reproduction.by_size import Network, networks
from mien.lab.results import Record

LEFT, RIGHT, TOP, BOTTOM = 60, 700, 50, 410
"""Edges of the plot in the picture's units."""
RADIUS, LETTER, LINE = 4.5, 7.0, 14.0
"""Radius of a dot, width of a letter, and height of a name, in these units."""

Box = tuple[float, float, float, float]
"""x0, y0, x1, y1 of an element in the picture."""


def picture(records: list[Record], page: Path) -> str:
    """Return the plot of the networks that were measured on PublicTest."""
    found = [network for network in networks(records) if network.split == PUBLIC]
    return "\n".join([*_axes(*_range(found)), *_points(found)]) + "\n"


def _range(found: Sequence[Network]) -> tuple[tuple[int, int], tuple[int, int]]:
    """Return the axes' ends: powers of ten of parameters, and accuracies in percent, in fives."""
    counts = [math.log10(network.parameters) for network in found]
    ends = [100 * end for network in found for end in network.accuracy[1:]]
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
    """Position of a value between `low` and `high`, in the picture's units."""
    span = ends[1] - ends[0] or 1
    return low + (high - low) * (value - ends[0]) / span


def _points(found: Sequence[Network]) -> Iterator[str]:
    """A dot with interval and name for each network."""
    powers, percents = _range(found)
    bars = []
    for network in found:
        x = _place(math.log10(network.parameters), powers, LEFT, RIGHT)
        y, low, high = (_place(100 * rate, percents, BOTTOM, TOP) for rate in network.accuracy)
        bars.append((x, y, low, high))
    covered = [(x - RADIUS, high, x + RADIUS, low) for x, _, low, high in bars]
    for network, (x, y, low, high) in zip(found, bars, strict=True):
        kind = f"{_STYLES[network.kind]}{'' if network.whole else ' lesser'}"
        yield f'<path class="{kind}" d="M{x:.1f} {low:.1f}V{high:.1f}"/>'
        yield f'<circle class="{kind}" cx="{x:.1f}" cy="{y:.1f}" r="{RADIUS}"/>'
    for network, (x, y, *_) in sorted(zip(found, bars, strict=True), key=lambda each: each[1], reverse=True):
        words = f"{network.name} {100 * network.accuracy[0]:.1f}{'' if network.whole else ' *'}"
        box = _free_place(x, y, len(words) * LETTER, covered)
        covered.append(box)
        start = f'x="{box[0]:.1f}"' if box[0] > x else f'x="{box[2]:.1f}" text-anchor="end"'
        yield f'<text {start} y="{box[3] - 3:.1f}">{words}</text>'


_STYLES = {"report": "report", "future work": "future", "mien": "mien"}


def _free_place(x: float, y: float, width: float, covered: Sequence[Box]) -> Box:
    """Return the place of least overlap for a name: right or left of its dot, level or slightly shifted."""
    gap = RADIUS + 4
    places = [
        (start, y + shift - LINE / 2, start + width, y + shift + LINE / 2)
        for shift in (0, -LINE / 2, LINE / 2, -LINE, LINE)
        for start in (x + gap, x - gap - width)
        if start >= LEFT
    ]
    return min(places, key=lambda place: sum(_shared(place, box) for box in covered))


def _shared(one: Box, other: Box) -> float:
    """Area that two boxes share."""
    across = min(one[2], other[2]) - max(one[0], other[0])
    down = min(one[3], other[3]) - max(one[1], other[1])
    return max(0.0, across) * max(0.0, down)
