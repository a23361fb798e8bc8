"""The guide's table of int8 is the one that its benchmark has measured."""

from __future__ import annotations

import json
import runpy
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_the_guide_shows_what_was_measured() -> None:
    benchmark = runpy.run_path(str(ROOT / "benchmarks" / "model_cost.py"))
    measured = json.loads(benchmark["RESULT"].read_text("utf-8"))
    assert benchmark["table"](measured).markdown() in (ROOT / "docs" / "guide.md").read_text("utf-8")
