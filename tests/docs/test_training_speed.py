"""The section of docs/benchmarks.md on training beside other trainers, and the programs behind it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from mien.lab.data import draw_faces, read_fer2013

RIVALS = Path(__file__).resolve().parents[2] / "benchmarks" / "rivals"


@pytest.fixture
def speed_section(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(RIVALS.parent)
    import speed_section

    return speed_section


@pytest.fixture
def training_speed(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(RIVALS)
    import training_speed

    return training_speed


def record(mien: float, rival: float, parameters: int = 999_999) -> dict[str, Any]:
    of_both = {"mien": mien, "mien, float32": 9999.0, "rival": rival}
    figures = {"computes": "cpu, float32", "per_cpu_second": 7.0, "start_s": 1.5, "memory_mb": 432.1}
    speed = {name: figures | {"per_second": one} for name, one in of_both.items()}
    reached = {"seconds": 20.0, "epochs": [[10.0, 0.41], [20.0, 0.52]]}
    return {
        "faces": {"speed": {"training": 90, "held_out": 10}, "accuracy": {"training": 9000, "held_out": 1000}},
        "networks": {"net": {"parameters": parameters, "speed": {"one core": speed}}},
        "to_accuracy": {"mien": reached, "rival": {"seconds": None, "epochs": [[70.0, 0.3]]}},
        "packages": {"torch": "1.2.3"},
        "machine": "m",
        "rounds": 3,
        "load_average": [0.1, 0.2],
        "accuracy": 0.5,
    }


def test_the_section_says_how_many_times_as_fast_and_whether_that_is_the_aim(speed_section: ModuleType) -> None:
    text = speed_section.section(record(mien=299.0, rival=100.0))
    assert "| rival | cpu, float32 | 100 | 3.0 times | 7.00 | 1.50 | 432 |" in text
    assert "one core: 3.0 times rival, the fastest rival; the aim of 3 times is **missed**." in text
    assert "the aim of 3 times is met." in speed_section.section(record(mien=300.0, rival=100.0))
    assert "the aim" not in speed_section.section(record(mien=300.0, rival=100.0, parameters=1_000_000))


def test_who_does_not_reach_the_accuracy_has_no_time(speed_section: ModuleType) -> None:
    text = speed_section.section(record(mien=300.0, rival=100.0))
    reached = "first reaches 50% at the end of an epoch, on\n1,000 held-out faces, trained on 9,000 faces"
    assert reached in text
    assert "| mien | 20 | 1.0 times | 2 | 52.0% |" in text
    assert "| rival | more than 70 |  | 1 | 30.0% |" in text


def test_the_first_epoch_counts_for_the_start_alone(training_speed: ModuleType) -> None:
    ends = {"first": 9.0, "second": 11.0, "third": 14.0}
    epochs = [
        {"images": 100, "seconds": 1.0, "cpu_seconds": 0.5, "accuracy": 0.4, "end_s": end} for end in ends.values()
    ]
    epochs[0]["seconds"] = 8.0
    figures = training_speed.speed_figures([{"computes": "cpu", "memory_mb": 12.34, "epochs": epochs}])
    assert figures["per_second"] == 100.0
    assert figures["per_cpu_second"] == 200.0
    assert figures["start_s"] == 9.0 - 2.5


def test_an_accuracy_is_reached_or_not(training_speed: ModuleType) -> None:
    epochs = [{"accuracy": 0.1, "end_s": 3.04}, {"accuracy": 0.49999, "end_s": 5.0}]
    way = [[3.0, 0.1], [5.0, 0.5]]
    assert training_speed.accuracy_figures({"epochs": epochs}, 0.5) == {"seconds": None, "epochs": way}
    assert training_speed.accuracy_figures({"epochs": epochs}, 0.49)["seconds"] == 5.0


def test_networks_of_two_sizes_are_refused(training_speed: ModuleType) -> None:
    with pytest.raises(SystemExit, match=r"did not build the same network; .* {'mien': 5, 'other': 6}"):
        training_speed.parameters_of({"mien": [{"parameters": 5}], "other": [{"parameters": 6}]})


@pytest.mark.parametrize(("program", "variant"), [("mien_trainer.py", "32"), ("torchvision_trainer.py", "0")])
def test_a_trainer_answers(training_speed: ModuleType, tmp_path: Path, program: str, variant: str) -> None:
    faces = draw_faces(per_class=50).training
    assert training_speed.write_faces(faces, tmp_path / "faces") == {"training": 256, "held_out": 35}
    assert set(read_fer2013(tmp_path / "faces").split_names()) == {"Training", "Test"}
    plan = {"folder": str(tmp_path / "faces"), "network": "residual-nano", "accuracy": 2.0, "seconds": 0.0}
    command = [sys.executable, str(RIVALS / "trainers" / program), variant, json.dumps(plan)]
    answer = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()[-1])
    assert answer["parameters"] == 204_351
    assert len(answer["epochs"]) == 2
    assert training_speed.speed_figures([answer])["per_second"] > 1
