"""The generated tables and pictures of README and docs are those of the records in results/."""

from __future__ import annotations

from pathlib import Path

from mien.lab.pages.rewriting import pages_beside, write_tables

RESULTS = Path(__file__).resolve().parents[2] / "results"


def test_the_tables_are_up_to_date() -> None:
    assert write_tables(pages_beside(RESULTS), RESULTS, check=True) == []
