"""Cameras: real streams over HTTP, and a video file, since OpenCV opens all of them alike."""

from __future__ import annotations

import threading
import time
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from drawn_video import astronaut, write_video
from streaming import Send, network_camera

from mien.errors import InputError
from mien.media import camera
from mien.media.camera import CameraReader
from mien.media.video import VideoReader


def shade(level: int) -> np.ndarray:
    return np.full((64, 64, 3), level, np.uint8)


def test_frames_until_the_camera_vanishes() -> None:
    def film(show: Send) -> None:
        for _ in range(12):
            show(astronaut())
            time.sleep(0.05)

    with network_camera(film) as address:
        reader = CameraReader(address, every=2)
        frames = list(reader)
    indices, times = [frame.index for frame in frames], [frame.time_s for frame in frames]
    assert indices == sorted({*indices}) and {*indices} <= {0, 2, 4, 6, 8, 10}
    assert indices[-1] == 10
    assert times == sorted({*times}) and 0 <= times[0] < 0.5
    assert np.abs(frames[0].image.astype(int) - astronaut()).mean() < 6  # RGB, not BGR
    assert reader.cut_off == "gives no more pictures after frame 11; is it still connected?"


def test_who_is_slower_than_the_camera_gets_its_newest_picture() -> None:
    all_sent, left = threading.Event(), threading.Event()

    def film(show: Send) -> None:
        for level in range(0, 250, 5):
            show(shade(level))
            time.sleep(0.01)
        all_sent.set()
        left.wait(10)

    with network_camera(film) as address:
        frames = iter(CameraReader(address))
        next(frames)
        assert all_sent.wait(10)
        time.sleep(0.3)  # for the reader to decode them
        newest = next(frames)
        left.set()
    assert newest.index >= 45  # FFmpeg may hold the last ones back until the next begins
    assert abs(newest.image.mean() - 5 * newest.index) < 3


def test_a_camera_that_stalls_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(camera, "_STALLED_S", 0.4)
    left = threading.Event()

    def film(show: Send) -> None:
        for _ in range(10):
            show(astronaut())
            time.sleep(0.01)
        left.wait(10)

    with network_camera(film) as address:
        reader = CameraReader(address)
        assert list(reader)
        left.set()
        found = reader.cut_off or ""
    assert found.startswith("has given no picture for 0.4 s, after frame ")
    assert found.endswith("; is it still connected?")


def test_a_camera_whose_pictures_are_skipped_is_not_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(camera, "_STALLED_S", 0.5)

    def film(show: Send) -> None:
        for _ in range(42):
            show(astronaut())
            time.sleep(0.05)

    with network_camera(film) as address:
        reader = CameraReader(address, every=20)
        assert [frame.index for frame in reader] == [0, 20, 40]
    assert reader.cut_off == "gives no more pictures after frame 41; is it still connected?"


def test_a_finished_video_is_read_whole_and_ends_well(tmp_path: Path) -> None:
    file = write_video(tmp_path / "film.mp4", [astronaut()] * 6)
    reader, times = CameraReader(str(file)), []
    for frame in reader:
        time.sleep(0.02)  # slower than it could be read
        times.append(round(frame.time_s, 3))
    assert times == [0, 0.1, 0.2, 0.3, 0.4, 0.5]
    assert reader.cut_off is None


def test_a_finished_video_that_is_cut_off_says_so(tmp_path: Path) -> None:
    whole = write_video(tmp_path / "whole.mkv", [np.roll(astronaut(), 3 * i, 1) for i in range(12)], rate=2)
    part = tmp_path / "part.mkv"
    part.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    reader = CameraReader(str(part))
    n = len(list(reader))
    assert 0 < n < 10
    assert reader.cut_off == f"gives no more pictures after frame {n - 1}; is it still connected?"


def test_a_camera_that_is_not_there() -> None:
    with pytest.raises(InputError, match="camera 99: cannot be opened; is it connected, and not in use"):
        next(iter(CameraReader(99)))


def test_an_address_where_nothing_answers_is_named_without_its_password() -> None:
    message = "^http://127.0.0.1:9/live: cannot be opened; is the address right, and does it answer there[?]$"
    with pytest.raises(InputError, match=message):
        next(iter(CameraReader("http://me:s3cr@t@127.0.0.1:9/live")))


def test_a_camera_without_a_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    class Dark:
        def isOpened(self) -> bool:
            return True

        def set(self, name: int, value: float) -> None: ...

        def get(self, name: int) -> float:
            return 0.0

        def grab(self) -> bool:
            return False

        def release(self) -> None: ...

    monkeypatch.setattr("cv2.VideoCapture", lambda number: Dark())
    with pytest.raises(InputError, match="camera 0: is open but gives no picture; is it in use by another program"):
        list(CameraReader(0))


@pytest.mark.parametrize("camera", [-1, 2**31, True])
def test_what_is_no_camera_is_refused(camera: int) -> None:
    with pytest.raises(InputError, match="expected the number of a camera, 0 for the first, or an address"):
        CameraReader(camera)


def test_pixels_that_are_not_square_become_so(tmp_path: Path) -> None:
    file = write_video(tmp_path / "wide.mp4", [astronaut()] * 2, pixel_aspect=Fraction(3, 2))
    found, expected = (
        [frame.image.shape for frame in reader] for reader in (CameraReader(str(file)), VideoReader(file))
    )
    assert found == expected == [(256, 384, 3)] * 2


def test_impossible_parts() -> None:
    with pytest.raises(InputError, match="camera 0: every 0; expected a whole number, 1 or more"):
        CameraReader(0, every=0)
    with pytest.raises(InputError, match=r"camera 0: the range 0\.0 s to 0 s is empty"):
        CameraReader(0, end_s=0)
