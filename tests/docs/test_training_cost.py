"""The section of docs/benchmarks.md on what training costs, and the script behind it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from mien import lab
from mien.lab.data import draw_faces, write_edition

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"


@pytest.fixture
def cost_section(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(BENCHMARKS)
    import cost_section

    return cost_section


@pytest.fixture
def training_cost(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(BENCHMARKS)
    import training_cost

    return training_cost


def device(recipes: dict[str, Any]) -> dict[str, Any]:
    sizes = {"1": 1000.0, "2": 2000.0, "4": 4000.0}
    data = {
        size: {"faces": [faces] * 2, "epoch_seconds": [faces / 500] * 2, "peak_mb": [300 + faces / 100] * 2}
        for size, faces in sizes.items()
    }
    return {"machine": "m", "precision": "32-true", "load_average": [0.1, 2.0], "recipes": recipes, "data": data}


def speeds(*train: float) -> dict[str, list[float]]:
    twice = [1.0] * len(train)
    return {"train_per_second": list(train), "forward_per_second": [9.0] * 2, "peak_mb": twice, "minutes": twice}


def test_the_section_has_columns_of_each_device_and_gaps_where_one_did_not_run(cost_section: ModuleType) -> None:
    sizes = {name: {"parameters": 1_500_000, "multiply_adds": 20_000_000} for name in ("one", "two")}
    cpu = device({"one": speeds(90.0, 110.0), "two": {"did_not_run": "exit 1: too slow"}})
    cuda = device({"one": speeds(5000.0, 5000.0), "two": speeds(40.0, 40.0)})
    text = cost_section.section({"sizes": sizes, "devices": {"cpu": cpu, "cuda": cuda}})
    assert "| `one` | 1.50 | 20.0 | 9.00 | 100 | 1.00 | 1.00 | 9.00 | 5,000 | 1.00 | 1.00 |" in text
    assert "| `two` | 1.50 | 20.0 | – | – | – | – | 9.00 | 40.0 | 1.00 | 1.00 |" in text
    assert "* cpu, two: exit 1: too slow" in text
    assert "load average from 0.1 to 2.0 at" in text
    assert "Medians of 2 rounds; 1 of 1 recipes have several, and their training speeds differ by 20.0%" in text
    assert "| 2 | 2,000 | 4.00 | 320 | 4.00 | 320 |" in text
    assert text.count("2 s for 1,000 faces plus 0.00 s; measurements differ from this line by at most 0.0%") == 2
    assert text.count("A face takes 10.00 kB of memory, everything else 300 MB; measurements differ") == 2


def test_rounds_may_differ_from_recipe_to_recipe(cost_section: ModuleType) -> None:
    assert cost_section._rounds([[5.0], [90.0, 110.0], [9.0, 10.0, 11.0]]) == (
        "Medians of 1 or 2 or 3 rounds; 2 of 3 recipes have several, and their training speeds differ by 20.0% in the "
        "median and 20.0% at most."
    )
    assert cost_section._rounds([[5.0], [7.0]]) == "One round."


def test_a_bend_is_said_in_parts_of_what_was_measured(cost_section: ModuleType) -> None:
    assert cost_section.straight_line([1, 2, 4], [5, 8, 14]) == pytest.approx((3, 2, 0), abs=1e-9)
    # of 1, 1, 2 at 0, 1, 2: the squares of (y' - y) / y are least for y' = 8/9 + x/3, which misses by -1, 2, -2 / 9
    assert cost_section.straight_line([0, 1, 2], [1, 1, 2]) == pytest.approx((1 / 3, 8 / 9, 2 / 9))


def test_a_recipe_that_fails_in_one_round_did_not_run(
    training_cost: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = iter([{"peak_mb": 1.0}, {"peak_mb": 5.0}, {"peak_mb": 3.0}, {"did_not_run": "exit 1: no memory"}])
    asked = []
    monkeypatch.setattr(training_cost, "in_a_process", lambda *task: asked.append(task) or next(found))
    monkeypatch.setattr(training_cost, "commit", lambda: "abc")
    figures = training_cost.in_turn({"small": ("s", 1), "large": ("l", 2)}, rounds=2)
    assert figures == {
        "small": {"peak_mb": [1.0, 3.0], "commit": "abc"},
        "large": {"did_not_run": "exit 1: no memory", "commit": "abc"},
    }
    assert asked == [("s", 1), ("l", 2)] * 2


@pytest.fixture
def measure(
    training_cost: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Callable[..., dict[str, Any]]:
    """Call the script on drawn faces, with some recipes in the book; nothing trains."""
    write_edition(draw_faces(30), tmp_path / "drawn.csv")
    monkeypatch.setattr(training_cost, "SIZES", (1, 2))
    rows = lab.recipes

    def call(book: str, *words: str, speed: float, commit: str, machine: str = "m") -> dict[str, Any]:
        record = tmp_path / "cost.json"
        monkeypatch.setattr(lab, "recipes", {name: rows[name] for name in book.split()})
        monkeypatch.setattr(training_cost, "in_a_process", lambda *task: {"train_per_second": speed})
        monkeypatch.setattr(training_cost, "commit", lambda: commit)
        monkeypatch.setattr(training_cost, "machine", lambda: machine)
        monkeypatch.setattr("sys.argv", ["training_cost.py", str(tmp_path / "drawn.csv"), *words, f"--record={record}"])
        training_cost.main()
        return json.loads(record.read_text())

    return call


def test_only_what_the_record_lacks_is_measured(training_cost: ModuleType, measure: Callable[..., Any]) -> None:
    def device(record: dict[str, Any]) -> dict[str, Any]:
        return record["devices"][training_cost.DEVICE]

    first = measure("cnn8 mien-nano-first", speed=1.0, commit="a")
    assert set(device(first)["data"]) == {"1", "2"}
    second = measure("cnn8 mien-nano-first mien-small-first", "--rounds=1", speed=2.0, commit="b")
    added = {"mien-small-first": {"train_per_second": [2.0], "commit": "b"}}
    assert device(second)["recipes"] == device(first)["recipes"] | added
    assert device(second)["data"] == device(first)["data"]
    assert len(device(second)["load_average"]) == 4
    assert list(second["sizes"]) == ["cnn8", "mien-nano-first", "mien-small-first"]
    with pytest.raises(SystemExit, match=r"cost.json: lacks nothing; name recipes"):
        measure("cnn8 mien-nano-first mien-small-first", speed=9.0, commit="d")
    third = measure("cnn8 mien-nano-first mien-small-first", "cnn8", speed=3.0, commit="c")
    again = {"cnn8": {"train_per_second": [3.0, 3.0], "commit": "c"}}
    assert device(third)["recipes"] == device(second)["recipes"] | again


def test_a_record_of_another_machine_is_not_mixed(measure: Callable[..., Any]) -> None:
    first = measure("cnn8", speed=1.0, commit="a")
    with pytest.raises(SystemExit, match=r"cost.json: measured on m, .*; this is other, .*Name another --record"):
        measure("cnn8 mien-nano-first", speed=2.0, commit="b", machine="other")
    assert measure("cnn8", "cnn8", speed=1.0, commit="a")["devices"].keys() == first["devices"].keys()
