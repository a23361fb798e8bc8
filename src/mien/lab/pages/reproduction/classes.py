"""The class bars of docs/reproduction.md: the number of faces of each expression in FER2013, from its audit.

The SVG is written without a plotting library, for the reason given in `mien.lab.pages.reproduction.picture`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

from mien.lab.data import PUBLIC, TRAINING
from mien.lab.pages.reproduction.tables import MISSING
from mien.lab.results import Record

AUDIT = Path("benchmarks", "results", "fer2013_audit.json")
"""The report of `mien data check` on FER2013, in the folder of the repository."""
STYLES = {TRAINING: "training", PUBLIC: "test"}
"""The splits that have labels in every edition, and the styles of their bars."""
LEFT, TOP, WIDTH, STEP, BAR = 80, 44, 560, 38, 14
"""Start of the bars, length of the longest, distance between classes, and height of a bar."""


def class_bars(records: list[Record], page: Path) -> str:
    """Return bars for the classes of each split that has labels in every edition."""
    found = next((parent / AUDIT for parent in page.parents if (parent / AUDIT).is_file()), None)
    if found is None:
        return f'<text x="{LEFT}" y="{TOP + BAR}">{MISSING}</text>\n'
    audit = json.loads(found.read_text(encoding="utf-8"))
    return "\n".join(_bars(audit["classes"], audit["splits"])) + "\n"


def _bars(names: list[str], splits: Mapping[str, Mapping[str, int]]) -> Iterator[str]:
    largest = max(splits[split][name] for split in STYLES for name in names)
    for place, name in enumerate(names):
        top = TOP + STEP * place
        yield f'<text x="{LEFT - 8}" y="{top + BAR + 4}" text-anchor="end">{name}</text>'
        for split, style in STYLES.items():
            count, share = splits[split][name], splits[split][name] / sum(splits[split][each] for each in names)
            length = WIDTH * count / largest
            yield f'<rect class="{style}" x="{LEFT}" y="{top}" width="{length:.1f}" height="{BAR}"/>'
            yield f'<text x="{LEFT + length + 6:.1f}" y="{top + 11}">{count:,}, {100 * share:.1f} %</text>'
            top += BAR
