"""Cameras and network streams, a frame at a time."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import cv2
import numpy as np

from mien.errors import InputError
from mien.media.video import Frame


class _Capture:
    """OpenCV's capture, closed with `close`."""

    def __init__(self, camera: int | str) -> None:
        self._capture: Any = cv2.VideoCapture(camera)
        self._capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)  # the newest picture, not the oldest that waits

    def is_open(self) -> bool:
        return bool(self._capture.isOpened())

    def skip(self) -> bool:
        return bool(self._capture.grab())

    def read(self) -> Any:
        """The next frame, BGR; None when there is no more."""
        found, image = self._capture.read()
        return image if found else None

    def close(self) -> None:
        self._capture.release()


class CameraReader:
    """Frames of a camera or a network stream, until it ends. Needs no PyAV.

    Attributes:
        name: for messages and records: ``camera 0``, or the address.
        start_s: 0.
        cut_off: after iterating, that the camera gives no more pictures.
    """

    start_s = 0.0

    def __init__(self, camera: int | str, *, every: int = 1) -> None:
        """Choose a camera; it is opened when its frames are asked for.

        Args:
            camera: its number, 0 for the first, or the address of a stream, ``rtsp://...`` or ``http://...``.
            every: 1 gives each frame, n each n-th.

        Raises:
            InputError: `every` is below 1.
        """
        self.name = f"camera {camera}" if isinstance(camera, int) else camera
        if every < 1:
            raise InputError(f"{self.name}: every {every} frames; expected 1 or more.")
        self._camera, self._every = camera, every
        self.cut_off: str | None = None

    def __iter__(self) -> Iterator[Frame]:
        """Yield frames as they come; `time_s` is the time since the first of them.

        Raises:
            InputError: the camera cannot be opened, or gives no picture.
        """
        self.cut_off, index, began_s = None, -1, 0.0
        with closing(_Capture(self._camera)) as capture:
            if not capture.is_open():
                raise InputError(f"{self.name}: cannot be opened; is it connected, and not in use by another program?")
            while (image := capture.read()) is not None:
                index += 1
                now_s = time.monotonic()
                began_s = began_s or now_s
                rgb = np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB), np.uint8)
                yield Frame(index=index, time_s=now_s - began_s, image=rgb)
                for _ in range(self._every - 1):
                    index += capture.skip()
        if index < 0:
            raise InputError(f"{self.name}: is open but gives no picture; is it in use by another program?")
        self.cut_off = f"gives no more pictures after frame {index}; is it still connected?"
