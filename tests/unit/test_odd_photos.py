"""Photos as they come, through the whole pipeline with the real detector: each is read, or named with the reason."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from skimage import data
from tiny_model import write_tiny_model

import mien


@pytest.fixture(scope="module")
def analyzer(tmp_path_factory: pytest.TempPathFactory) -> mien.Analyzer:
    return mien.Analyzer(model=write_tiny_model(tmp_path_factory.mktemp("models") / "tiny"))


@pytest.fixture(scope="module")
def astronaut() -> Image.Image:
    return Image.fromarray(np.asarray(data.astronaut()))


def test_fifty_faces(analyzer: mien.Analyzer, astronaut: Image.Image) -> None:
    face = astronaut.crop((140, 40, 300, 200)).resize((150, 150))
    crowd = Image.new("RGB", (1600, 800), (90, 90, 90))
    corners = [(column * 160 + 5, row * 160 + 5) for row in range(5) for column in range(10)]
    for corner in corners:
        crowd.paste(face, corner)
    (analysis,) = analyzer.run([crowd])
    found = {tuple(int(value // 160) for value in face.center) for face in analysis.faces}
    assert len(analysis.faces) == len(found) == 50


@pytest.mark.parametrize(
    ("cut", "side"),
    [((215, 0, 500, 400), 0), ((60, 95, 460, 500), 1), ((0, 0, 230, 400), 2), ((60, 0, 460, 140), 3)],
)
def test_faces_that_the_border_cuts(
    analyzer: mien.Analyzer, astronaut: Image.Image, cut: tuple[int, int, int, int], side: int
) -> None:
    (analysis,) = analyzer.run([astronaut.crop(cut)])
    (face,) = analysis.faces
    ends = (0, 0, cut[2] - cut[0], cut[3] - cut[1])
    beyond = ends[side] - face.box[side] if side < 2 else face.box[side] - ends[side]
    assert beyond > -20  # the box reaches the border or passes it
    assert sum(face.expression.probabilities.values()) == pytest.approx(1)


def test_one_odd_photo_does_not_stop_the_others(
    analyzer: mien.Analyzer, astronaut: Image.Image, tmp_path: Path
) -> None:
    astronaut.save(tmp_path / "照片 صورة é 🙂.jpg")
    astronaut.convert("CMYK").save(tmp_path / "cmyk.jpg")
    Image.new("RGB", (1, 1)).save(tmp_path / "dot.png")
    Image.new("RGB", (2, 3000)).save(tmp_path / "line.png")
    whole = (tmp_path / "cmyk.jpg").read_bytes()
    (tmp_path / "half.jpg").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "empty.jpg").touch()
    (tmp_path / "text.jpg").write_text("hello")
    (tmp_path / "folder.jpg").mkdir()
    (tmp_path / "loop.jpg").symlink_to("loop.jpg")
    found = {Path(analysis.source).name: analysis for analysis in analyzer.run(sorted(tmp_path.iterdir()))}
    assert {name: len(analysis.faces) for name, analysis in found.items() if analysis.failed is None} == {
        "照片 صورة é 🙂.jpg": 1,
        "cmyk.jpg": 1,
        "dot.png": 0,
        "line.png": 0,
    }
    failed = {name: analysis.failed for name, analysis in found.items() if analysis.failed is not None}
    assert failed.keys() == {"half.jpg", "empty.jpg", "text.jpg", "folder.jpg", "loop.jpg"}
    assert all(str(reason).startswith(f"{tmp_path / name}: ") for name, reason in failed.items())
