"""Cameras; a video file stands in for one, since OpenCV opens both alike, and its end is a camera's that vanishes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from drawn_video import astronaut, write_video

from mien.errors import InputError
from mien.media.camera import CameraReader


def test_frames_until_the_camera_vanishes(tmp_path: Path) -> None:
    file = write_video(tmp_path / "camera.mp4", [astronaut()] * 6)
    reader = CameraReader(str(file), every=2)
    frames = list(reader)
    assert [frame.index for frame in frames] == [0, 2, 4]
    assert frames[0].time_s == 0
    assert frames[0].time_s < frames[1].time_s < frames[2].time_s
    assert np.abs(frames[0].image.astype(int) - astronaut()).mean() < 6  # RGB, not BGR
    assert reader.cut_off == "gives no more pictures after frame 5; is it still connected?"


def test_a_camera_that_is_not_there() -> None:
    with pytest.raises(InputError, match="camera 99: cannot be opened; is it connected"):
        next(iter(CameraReader(99)))


def test_a_camera_without_a_picture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = write_video(tmp_path / "camera.mp4", [astronaut()])
    monkeypatch.setattr("mien.media.camera._Capture.read", lambda self: None)
    with pytest.raises(InputError, match="is open but gives no picture"):
        list(CameraReader(str(file)))


def test_an_impossible_stride() -> None:
    with pytest.raises(InputError, match="camera 0: every 0 frames; expected 1 or more"):
        CameraReader(0, every=0)
