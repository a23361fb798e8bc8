"""Updates of the generated parts of pages, made from records.

In a page, Markdown or SVG, a part lies between ``<!-- generated: NAME -->`` and ``<!-- end -->``, each on its own line;
NAME is one of `BLOCKS`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from mien.errors import DataError
from mien.lab.pages import results_tables
from mien.lab.pages.reproduction import by_size, claims, classes, curves, picture, tables, vectors
from mien.lab.results import Record, records
from mien.writing import replacing

_BLOCK = re.compile(r"(?P<start>^<!-- generated: (?P<name>.*?) -->\n)(?P<text>.*?)(?P<end>^<!-- end -->$)", re.S | re.M)
_MARKER = re.compile(r"^<!-- (?:generated: .*?|end) -->$", re.M)

BLOCKS: dict[str, Callable[[list[Record], Path], str]] = {
    "results": results_tables.results,
    "seeds": results_tables.seeds,
    "published": results_tables.published,
    "shipped": results_tables.shipped,
    "classes": results_tables.classes,
    "standing": tables.standing,
    "reproduced": tables.overview,
    "rows": tables.rows,
    "twins": tables.twins,
    "by-size": by_size.by_size,
    "claims": claims.claims,
    "class-bars": classes.class_bars,
    "accuracy-against-parameters": picture.picture,
    "training-curves": partial(curves.curves, "accuracy"),
    "loss-curves": partial(curves.curves, "loss"),
    "confusion-vectors": vectors.vectors,
}
"""Name of a part -> the function that makes its text from all records and the page's path."""


def pages_beside(results: Path) -> list[Path]:
    """Return README and docs of the repository that holds a folder of records."""
    root = results.parent
    return [page for name in ("README.md", "docs/*.md", "docs/images/*.svg") for page in sorted(root.glob(name))]


def write_tables(pages: Sequence[Path], results: Path, *, check: bool = False) -> list[Path]:
    """Update the generated parts of pages.

    Args:
        pages: the pages; those without a marker stay as they are.
        results: the folder of records.
        check: change nothing, and raise if a table is out of date.

    Returns:
        The pages that were changed.

    Raises:
        DataError: a page or record cannot be read, a marker has no end or names no table, or, with `check`, a table
            is out of date.
    """
    known, changed = records(results), []
    for page in pages:
        try:
            old = page.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise DataError(f"{page}: cannot be read ({error}).") from error
        new = _filled(old, page, known)
        if new == old:
            continue
        if check:
            raise DataError(f"{page}: a generated table is out of date; run `mien results tables` and commit the page.")
        with replacing(page, DataError) as part:
            part.write_text(new, encoding="utf-8")
        changed.append(page)
    return changed


def _filled(text: str, page: Path, known: list[Record]) -> str:
    blocks = list(_BLOCK.finditer(text))
    if len(_MARKER.findall(text)) != 2 * len(blocks):
        raise DataError(f"{page}: a <!-- generated: NAME --> has no <!-- end --> after it, or the other way round.")
    for block in blocks:
        if block["name"] not in BLOCKS:
            raise DataError(f"{page}: no table is called {block['name']!r}; there are {', '.join(BLOCKS)}.")
    return _BLOCK.sub(lambda block: block["start"] + BLOCKS[block["name"]](known, page) + block["end"], text)
