"""How the records in benchmarks/results are read, and laid out on docs/benchmarks.md."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "results"


def record(name: str) -> Any:
    """Read a record."""
    return json.loads((RESULTS / f"{name}.json").read_text("utf-8"))


def name_of_model(name: str, sha256: str, commit: str) -> str:
    """Return the name of a model that ships; of one that shipped when a record was made, also the commit."""
    card = json.loads((ROOT / "src" / "mien" / "models" / name / "card.json").read_text("utf-8"))
    return name if card["sha256"] == sha256 else f"{name} as of {commit[:7]}"


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Lay out a table whose first column holds words and whose others hold numbers."""
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)


def number(value: float) -> str:
    """Round to what can be told apart."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"
