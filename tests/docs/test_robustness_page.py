"""docs/robustness.md is what its benchmark has measured, of the model that ships."""

from __future__ import annotations

import json
import runpy
from pathlib import Path

from mien.recognizer import Recognizer

ROOT = Path(__file__).resolve().parents[2]
BENCHMARK = runpy.run_path(str(ROOT / "benchmarks" / "robustness.py"))
RECORD = BENCHMARK["RESULT"].read_text("utf-8")


def test_the_page_is_up_to_date() -> None:
    page = BENCHMARK["PAGE"].read_text("utf-8")
    assert page == BENCHMARK["page"](json.loads(RECORD)), "stale: python benchmarks/robustness.py"


def test_the_model_that_ships_was_measured() -> None:
    measured = json.loads(RECORD)["robustness"]["model_sha256"]
    assert measured == Recognizer.load().card.sha256, "another model ships: python benchmarks/robustness.py FER2013"


def test_a_miss_is_said_to_be_one() -> None:
    for difference, verdict in ((-0.0099, "met"), (-0.0101, "**missed**")):
        record = json.loads(RECORD)
        for effect in record["robustness"]["effects"]:
            effect["full"] |= {"difference": difference, "difference_low": -0.015, "difference_high": -0.005}
        assert BENCHMARK["page"](record).count(f"points (-1.50 to -0.50): {verdict}\n") == 3
