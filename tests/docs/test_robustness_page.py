"""docs/robustness.md is what its benchmark has measured, of the models that ship."""

from __future__ import annotations

import json
import runpy
from pathlib import Path

import pytest

from mien.labels import FER2013
from mien.recognizer import Recognizer, shipped_models

ROOT = Path(__file__).resolve().parents[2]
with pytest.MonkeyPatch.context() as patch:
    patch.syspath_prepend(ROOT / "benchmarks")
    BENCHMARK = runpy.run_path(str(ROOT / "benchmarks" / "robustness.py"))
RECORD = BENCHMARK["RESULT"].read_text("utf-8")
CROPS = BENCHMARK["detector_crops"].RESULT.read_text("utf-8")


def test_the_page_is_up_to_date() -> None:
    page = BENCHMARK["PAGE"].read_text("utf-8")
    assert page == BENCHMARK["page"](json.loads(RECORD), json.loads(CROPS)), "stale: python benchmarks/robustness.py"


def test_candidates_are_held_to_what_ships() -> None:
    page = BENCHMARK["PROTOCOL"].read_text("utf-8")
    assert page == BENCHMARK["protocol"](json.loads(RECORD)), "stale: python benchmarks/robustness.py"
    small = Recognizer.load("mien-small").card.metrics["PublicTest-flip"]["full"]["accuracy"]
    assert f"| mien-small | {small:.2%}".replace("%", " %") in page


def test_the_models_that_ship_were_measured() -> None:
    cards = [Recognizer.load(name).card for name in shipped_models()]
    ships = {card.name: card.sha256 for card in cards if card.labels == FER2013}
    for name, record in (("detector_crops", CROPS), ("robustness", RECORD)):
        measured = {each["model"]: each["model_sha256"] for each in json.loads(record)["models"]}
        assert measured == ships, f"another model ships: python benchmarks/{name}.py FER2013"


def test_a_miss_is_bold() -> None:
    for difference, cell in ((-0.0099, "-1.0 (-1.5 to -0.5)"), (-0.0101, "**-1.0** (-1.5 to -0.5)")):
        record = json.loads(RECORD)
        for model in record["models"]:
            for effect in model["effects"][1:]:
                effect["full"] |= {"difference": difference, "difference_low": -0.015, "difference_high": -0.005}
        page = BENCHMARK["page"](record, json.loads(CROPS))
        assert page.count(f"| {cell} | {cell} | {cell} | -1.0 | ") == len(BENCHMARK["MODELS"])


def test_what_is_measured_is_kept_though_the_next_model_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def measure(model: str, faces: object) -> dict[str, str]:
        if model == "mien-small":
            raise KeyboardInterrupt
        return {"model": model, "model_sha256": Recognizer.load(model).card.sha256}

    update, record = BENCHMARK["update"], tmp_path / "robustness.json"
    monkeypatch.setitem(update.__globals__, "measure", measure)
    monkeypatch.setattr(update.__globals__["lab"], "read_fer2013", lambda data: None)
    with pytest.raises(KeyboardInterrupt):
        update(record, ["mien-nano", "mien-small"], tmp_path)
    assert [each["model"] for each in json.loads(record.read_text("utf-8"))["models"]] == ["mien-nano"]
