"""Tables of text, printed on a terminal, as plain text or as Markdown."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.table import Table as RichTable

UNKNOWN = "–"
"""Shown in place of a missing figure."""


@dataclass(frozen=True)
class Table:
    """Cells that are ready to print.

    Attributes:
        title: what the table shows.
        columns: headings.
        rows: cells, one for each column.
        notes: sentences below the table.
        text_columns: number of columns, from the left, that hold text; the others hold figures, right-aligned.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...] = ()
    text_columns: int = 1

    def __str__(self) -> str:
        return self.plain()

    def plain(self) -> str:
        """Return the table as text with spaces between the columns; no colours, no frames."""
        lines = [self.columns, *self.rows]
        widths = [max(len(line[column]) for line in lines) for column in range(len(self.columns))]
        text = [self.title, "=" * len(self.title)]
        text += ["  ".join(self._pad(line, widths)).rstrip() for line in lines]
        return "\n".join([*text, *self.notes])

    def markdown(self) -> str:
        """Return the table in GitHub's Markdown, without its title; bars in cells are escaped."""
        rules = ["---" if column < self.text_columns else "---:" for column in range(len(self.columns))]
        lines = [self.columns, rules, *self.rows]
        text = ["| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines]
        if self.notes:
            text += ["", *(f"* {note}" for note in self.notes)]
        return "\n".join(text)

    def rich(self) -> RichTable:
        """Return the table for `rich.console.Console.print`; the notes are its caption."""
        from rich import box
        from rich.markup import escape
        from rich.table import Table as RichTable

        caption = escape("\n".join(self.notes)) or None
        table = RichTable(title=escape(self.title), caption=caption, box=box.SIMPLE_HEAD, pad_edge=False)
        table.title_justify = table.caption_justify = "left"
        for position, column in enumerate(self.columns):
            text = position < self.text_columns
            table.add_column(escape(column), justify="left" if text else "right", overflow="fold")
        for row in self.rows:
            table.add_row(*(escape(cell) for cell in row))
        return table

    def _pad(self, line: Sequence[str], widths: Sequence[int]) -> list[str]:
        pairs = enumerate(zip(line, widths, strict=True))
        return [cell.ljust(width) if at < self.text_columns else cell.rjust(width) for at, (cell, width) in pairs]


def percent(rate: float | None, digits: int = 2) -> str:
    """Return a rate in 0..1 as percent: ``0.6095`` gives ``"60.95 %"``."""
    return UNKNOWN if rate is None or math.isnan(rate) else f"{100 * rate:.{digits}f} %"


def number(value: float | None, digits: int = 3) -> str:
    """Return a figure with a fixed number of digits."""
    return UNKNOWN if value is None or math.isnan(value) else f"{value:.{digits}f}"


def interval(low: float, high: float) -> str:
    """Return an interval of rates in percent: ``"59.3 to 62.5"``."""
    return f"{100 * low:.1f} to {100 * high:.1f}"


def with_interval(rate: float, low: float, high: float) -> str:
    """Return a rate with its interval: ``"64.86 % (63.3 to 66.4)"``."""
    return f"{percent(rate)} ({interval(low, high)})"


def points_interval(low: float, high: float) -> str:
    """Return an interval of a difference of rates in percentage points: ``"-0.4 to +2.8"``."""
    return f"{points(low)} to {points(high)}"


def points(difference: float | None) -> str:
    """Return a difference of rates in percentage points, with its sign: ``"+1.2"``."""
    return UNKNOWN if difference is None or math.isnan(difference) else f"{100 * difference:+.1f}"


def p_value(p: float | None) -> str:
    """Return a p-value with three decimals, or ``"below 0.001"``."""
    return UNKNOWN if p is None else "below 0.001" if p < 0.001 else f"{p:.3f}"
