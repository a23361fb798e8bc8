"""docs/benchmarks.md and the comparison behind it."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

PACKAGES = ("mien", "fer (Haar)", "fer (MTCNN)", "human (wasm)")
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def page(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    import page

    return page


@pytest.fixture
def material(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(ROOT / "benchmarks" / "rivals")
    import material

    return material


def test_the_page_is_up_to_date(page: ModuleType) -> None:
    assert page.PAGE.read_text("utf-8") == page.page(), "stale: python benchmarks/page.py"


def test_the_table_in_readme_is_up_to_date(page: ModuleType) -> None:
    table = page.in_short(page.Rivals(page.record("rivals")), page.record("rivals_accuracy"))
    assert table in page.README.read_text("utf-8"), "stale: python benchmarks/page.py"
    assert [line.split(" | ")[0] for line in table.splitlines()[2:]] == [f"| {name}" for name in PACKAGES]


def aims(page: ModuleType, rivals: dict[str, Any]) -> list[str]:
    return [line.split(" | ")[-1].rstrip(" |") for line in page.Rivals(rivals).aims().splitlines()[2:]]


def contender(speed: float, first_s: float, peak_mb: float, installed_mb: float) -> dict[str, Any]:
    rates = {"per_second": speed, "per_cpu_second": speed, "peak_mb": peak_mb, "faces_found": 9, "false_boxes": 0}
    first = {"seconds": first_s, "cpu_seconds": first_s}
    tasks = {"photos": rates, "video": rates, "first": first}
    return {task: {"one core": figures} for task, figures in tasks.items()} | {"installed_mb": installed_mb}


def test_an_aim_that_is_missed_is_said_to_be(page: ModuleType) -> None:
    other = contender(speed=10.0, first_s=1.0, peak_mb=400.0, installed_mb=1.0)
    slow = {"mien": contender(speed=29.9, first_s=1.5, peak_mb=301.0, installed_mb=2.0), "other": other}
    assert aims(page, {"shown": {"faces": 10}, "contenders": slow}) == ["**no**"] * 5
    quick = {"mien": contender(speed=30.0, first_s=0.5, peak_mb=299.0, installed_mb=0.5), "other": other}
    assert aims(page, {"shown": {"faces": 10}, "contenders": quick}) == ["yes"] * 5


def test_speed_is_compared_with_those_that_find_as_many_faces(page: ModuleType) -> None:
    by_name = {
        name: contender(speed, 1.0, 1.0, 1.0) for name, speed in (("mien", 30.0), ("blind", 90.0), ("eyed", 5.0))
    }
    by_name["blind"]["photos"]["one core"]["faces_found"] = 8
    line = page.Rivals({"shown": {"faces": 10}, "contenders": by_name}).aims().splitlines()[2]
    assert "6.0 times eyed (6.0 by the clock), which finds 9 faces" in line
    by_name["mien"]["photos"]["one core"]["faces_found"] = 10
    line = page.Rivals({"shown": {"faces": 10}, "contenders": by_name}).aims().splitlines()[2]
    assert "6.0 times eyed" in line


def test_boxes_are_counted_against_marked_faces(material: ModuleType) -> None:
    face = material.Mark(50, 50, 40)
    inside, aside, huge = (30, 30, 70, 70), (60, 30, 100, 70), (-100, -100, 200, 200)
    assert material.found_and_false([inside], [face]) == (1, 0)
    assert material.found_and_false([], [face]) == (0, 0)
    assert material.found_and_false([aside], [face]) == (0, 1)
    assert material.found_and_false([huge], [face]) == (0, 1)
    assert material.found_and_false([inside, (35, 30, 75, 70)], [face]) == (1, 1)
    two = [face, material.Mark(60, 50, 40)]
    assert material.found_and_false([inside], two) == (1, 0)
    assert material.found_and_false([inside, (40, 30, 80, 70)], two) == (2, 0)


def test_grids_hold_the_marked_faces(material: ModuleType, tmp_path: Path) -> None:
    import cv2

    photo = np.zeros((200, 300, 3), np.uint8)
    cv2.circle(photo, (100, 120), 10, (255, 255, 255), -1)
    names = [f"{number}.png" for number in range(6)]
    for name in names:
        cv2.imwrite(str(tmp_path / name), photo)
    marks_file = tmp_path / "faces.csv"
    marks_file.write_text("\n".join(["photo,x,y,size", *(f"{name},100,120,40" for name in names)]))
    (tmp_path / "out").mkdir()
    shown = material.prepare(tmp_path, material.read_marks(marks_file), tmp_path / "out")
    assert {name: len(faces) for name, faces in shown.items()} == {**dict.fromkeys(names, 1), "grid-0.jpg": 12}
    grid = cv2.imread(str(tmp_path / "out" / "grid-0.jpg"))
    for mark in shown["grid-0.jpg"]:
        assert grid[int(mark.y), int(mark.x)].min() > 200
        assert grid[int(mark.y), int(mark.x - mark.size)].max() < 50
