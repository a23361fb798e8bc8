"""Accuracy against size in docs/reproduction.md: the reports' systems, their future work, and the models that ship."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from mien.lab.pages.reproduction.tables import COLUMNS, MISSING, cells_of
from mien.lab.pages.results_tables import accuracy_cell, shipped_figures
from mien.lab.recipe_book import FUTURE_WORK, PUBLISHED
from mien.lab.results import Record
from mien.lab.tables import UNKNOWN, Table
from mien.lab.trained_rows import trained_rows
from mien.labels import FER2013

HOW_MADE = "[see the protocol](protocol.md#how-the-models-that-ship-were-made)"
"""Replaces epochs and starting weights for the models that ship."""


@dataclass(frozen=True)
class Network:
    """A measured network.

    Attributes:
        name: of its recipe, or of the model that ships.
        kind: ``"report"``, ``"future work"`` or ``"mien"``.
        parameters: how many weights it has.
        split: the faces that it was measured on.
        accuracy: with the ends of its 95 % interval.
        whole: whether it was trained exactly as its recipe says.
        cells: of `COLUMNS`.
    """

    name: str
    kind: str
    parameters: int
    split: str
    accuracy: tuple[float, float, float]
    whole: bool
    cells: tuple[str, ...]


def networks(records: Sequence[Record]) -> list[Network]:
    """Return the best training of each row of the reports and their future work, and what ships, smallest first."""
    return sorted([*_trained(records), *_shipped()], key=lambda network: (network.parameters, network.name))


def _trained(records: Sequence[Record]) -> Iterator[Network]:
    for kind, rows in (("report", PUBLISHED), ("future work", FUTURE_WORK)):
        for row in rows:
            for trained in trained_rows(row, records)[:1]:
                full, parameters, split = trained.accuracy("full"), trained.parameters, trained.split
                if full and parameters and split:
                    accuracy = full.mean, *full.interval
                    yield Network(row.name, kind, parameters, split, accuracy, trained.whole, cells_of(trained))


def _shipped() -> Iterator[Network]:
    """The models of seven classes that ship, from their cards."""
    for name, card, split, figures in shipped_figures():
        if card.labels == FER2013:
            full = figures["full"]
            accuracy = full["accuracy"], full["accuracy_low"], full["accuracy_high"]
            where, fresh = f"{split}, {full['n']:,} faces", accuracy_cell(figures["twin_free"])
            cells = (HOW_MADE, UNKNOWN, where, accuracy_cell(full), "1 seed", fresh)
            yield Network(name, "mien", card.parameters, split, accuracy, True, cells)


def by_size(records: list[Record], page: Path) -> str:
    """Return the table of all measured networks, smallest first, and the rows that are missing."""
    found = networks(records)
    lines = tuple((each.name, each.kind, *each.cells, f"{each.parameters:,}") for each in found)
    names = {each.name for each in found}
    missing = [f"`{row.name}`" for row in (*PUBLISHED, *FUTURE_WORK) if row.name not in names]
    notes = (f"{MISSING.capitalize()}: {', '.join(missing)}.",) if missing else ()
    return Table("size", ("row", "of", *COLUMNS, "parameters"), lines, notes, text_columns=5).markdown() + "\n"
