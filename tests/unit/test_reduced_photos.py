"""Large JPEGs are read reduced; what is found must be that of the whole photo."""

from __future__ import annotations

import io
import math
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from skimage import data
from tiny_model import write_tiny_model

import mien
from mien.analysis import Analyzer
from mien.cropping import least_px_of


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_model(tmp_path_factory.mktemp("models") / "tiny")


def test_faces_of_a_reduced_photo_are_in_px_of_the_photo(model: Path) -> None:
    photo = Image.fromarray(np.asarray(data.astronaut())[:300, 60:500]).resize((5280, 3600))
    stream = io.BytesIO()
    photo.save(stream, "JPEG", quality=92)
    reduced = mien.analyze(stream.getvalue(), model=model)
    whole = mien.analyze(photo, model=model)
    assert reduced.size == whole.size == (5280, 3600)
    (face,), (expected,) = reduced.faces, whole.faces
    assert face.box == pytest.approx(expected.box, abs=0.01 * expected.side_px)
    assert np.array(face.landmarks) == pytest.approx(np.array(expected.landmarks), abs=0.01 * expected.side_px)
    assert face.expression.confidence == pytest.approx(expected.expression.confidence, abs=0.02)


def test_a_smallest_face_is_in_px_of_the_photo(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[int, ...]] = []
    detect = mien.YuNet.detect
    monkeypatch.setattr(mien.YuNet, "detect", lambda self, image: seen.append(image.shape) or detect(self, image))
    photo = Image.new("RGB", (5280, 3600), "grey")
    photo.paste(Image.fromarray(data.astronaut()), (3000, 2000))  # a face with a box of 91 x 113 px
    stream = io.BytesIO()
    photo.save(stream, "JPEG", quality=92)
    (face,) = mien.analyze(stream.getvalue(), model=model, min_face_px=100).faces
    assert seen == [(1800, 2640, 3)]
    assert face.box == pytest.approx((3179, 2062, 3269, 2175), abs=8)
    assert not mien.analyze(stream.getvalue(), model=model, min_face_px=200).faces


def test_photos_are_reduced_only_where_the_detector_looks_at_less(model: Path) -> None:
    class Other:
        def detect(self, image: np.ndarray) -> list[mien.Face]:
            return []

    preprocess = Analyzer(model=model).recognizer.card.preprocess
    assert least_px_of(mien.YuNet(), preprocess) == 1280 * 48 / 24
    assert least_px_of(mien.YuNet(min_face_px=12), preprocess) == 1280 * 48 / 24
    assert least_px_of(mien.YuNet(longest_px=2000), preprocess) == 2000 * 48 / 24
    assert least_px_of(mien.YuNet(min_face_px=50), preprocess) == 1280 * 48 / 24
    assert least_px_of(Other(), preprocess) == math.inf
