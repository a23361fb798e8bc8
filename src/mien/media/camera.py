"""Cameras and network streams, a frame at a time."""

from __future__ import annotations

import math
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from fractions import Fraction
from typing import Any

import cv2
import numpy as np

from mien.errors import InputError
from mien.media.address import without_secrets
from mien.media.frames import Frame, check_part
from mien.media.shown import shown_width

_LAST_CAMERA = 2**31 - 1  # of those that OpenCV can number
_OPENING_S = 20.0  # a stream begins with the next key frame, which some cameras send every ten seconds
_STALLED_S = 10.0
_MISSING_S = 1.0  # a finished video that ends earlier than stated by more than this is reported as cut off


class CameraReader:
    """Frames of a camera or a network stream, until it ends. Needs no PyAV.

    Pictures that come faster than they are read are skipped, so that the next one is always the newest. Of a finished
    video at an address, which says how long it is, every picture is read.

    Attributes:
        name: for messages and records: ``camera 0``, or the address without user and password.
        start_s: 0; a camera begins now.
        seen_s: None; a picture is over when the next one comes.
        cut_off: after iterating, that the camera gives no more pictures; None if it was read to the wanted end, or a
            finished video to its own.
    """

    start_s = 0.0
    seen_s: float | None = None

    def __init__(self, camera: int | str, *, every: int = 1, end_s: float | None = None) -> None:
        """Choose a camera; it is opened when its frames are asked for.

        Args:
            camera: its number, 0 for the first, or the address of a stream, ``rtsp://...`` or ``http://...``.
            every: 1 gives each frame, n each n-th.
            end_s: how long to read, seconds; None = until it ends.

        Raises:
            InputError: `every` is below 1, `end_s` not above 0, or no camera can have that number.
        """
        self.name = f"camera {camera}" if isinstance(camera, int) else without_secrets(camera)
        if isinstance(camera, bool) or (isinstance(camera, int) and not 0 <= camera <= _LAST_CAMERA):
            raise InputError(f"{self.name}: expected the number of a camera, 0 for the first, or an address.")
        check_part(self.name, self.start_s, end_s, every)
        self._camera, self._every, self._end_s = camera, every, end_s
        self.cut_off: str | None = None

    def __iter__(self) -> Iterator[Frame]:
        """Yield frames as they come; `time_s` counts from the camera's first, in a finished video from its beginning.

        Raises:
            InputError: the camera cannot be opened, or gives no picture.
        """
        self.cut_off, frame = None, None
        with closing(_Feed(self._camera, self._every)) as feed:
            try:
                while (taken := feed.take(_STALLED_S if frame else _OPENING_S)) is not None:
                    if self._end_s is not None and taken.time_s >= self._end_s:
                        return
                    yield (frame := taken)
                ending = f"gives no more pictures after frame {feed.n - 1}"
            except TimeoutError:
                ending = f"has given no picture for {_STALLED_S:g} s, after frame {feed.n - 1}"
        if frame is None:
            raise InputError(f"{self.name}: {self._why_nothing(feed)}")
        if not feed.finished:
            self.cut_off = f"{ending}; is it still connected?"

    def _why_nothing(self, feed: _Feed) -> str:
        if feed.is_open and not isinstance(self._camera, int):
            return (
                "is open but gives no picture; is it an unfinished video, or one that its server cannot send in parts?"
            )
        if feed.is_open:
            return "is open but gives no picture; is it in use by another program?"
        if isinstance(self._camera, int):
            return "cannot be opened; is it connected, and not in use by another program?"
        return "cannot be opened; is the address right, and does it answer there?"


class _Feed:
    """A camera, read in a thread that keeps the newest wanted picture.

    Attributes:
        is_open: whether it could be opened.
        n: pictures so far, including those skipped.
        finished: whether it was a finished video, and was read to its end.
    """

    def __init__(self, camera: int | str, every: int) -> None:
        self.is_open, self.n, self.finished = False, 0, False
        self._camera, self._every = camera, every
        self._newest: Frame | None = None
        self._heard_s = -math.inf  # when a picture last came, wanted or not
        self._ended = self._left = False
        # macOS asks for permission only if the main thread opens the camera
        on_mac = sys.platform == "darwin" and isinstance(camera, int)
        self._capture = cv2.VideoCapture(camera) if on_mac else None
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="mien-camera", daemon=True)
        self._thread.start()

    def take(self, seconds: float) -> Frame | None:
        """Wait for the next wanted picture; None at the end.

        Raises:
            TimeoutError: no picture, wanted or not, has come within so many seconds.
        """
        asked_s = time.monotonic()
        with self._changed:
            while self._newest is None and not self._ended:
                left_s = max(asked_s, self._heard_s) + seconds - time.monotonic()
                if left_s <= 0:
                    raise TimeoutError
                self._changed.wait(left_s)
            frame, self._newest = self._newest, None
            self._changed.notify_all()
            return frame

    def close(self) -> None:
        """Release the camera; one that hangs is left to the thread, which ends with the program."""
        with self._changed:
            self._left = True
            self._changed.notify_all()
        self._thread.join(timeout=2)

    def _run(self) -> None:
        capture = self._capture or cv2.VideoCapture(self._camera)
        try:
            self.is_open = capture.isOpened()
            self._read(capture)
        finally:
            capture.release()
            with self._changed:
                self._ended = True
                self._changed.notify_all()

    def _read(self, capture: Any) -> None:
        capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)
        ends_s = capture.get(cv2.CAP_PROP_FRAME_COUNT) / (capture.get(cv2.CAP_PROP_FPS) or 25.0)  # live: 0 or below
        began_s, time_s = 0.0, 0.0
        while capture.grab():
            self._heard_s = time.monotonic()
            now_s = capture.get(cv2.CAP_PROP_POS_MSEC) / 1000 if ends_s > 0 else time.monotonic()
            began_s = began_s if self.n else now_s
            time_s = now_s - began_s
            if self.n % self._every == 0:
                found, image = capture.retrieve()
                if not found:
                    break
                rgb = np.asarray(cv2.cvtColor(_square(image, capture), cv2.COLOR_BGR2RGB), np.uint8)
                self._offer(Frame(index=self.n, time_s=time_s, image=rgb), waits=ends_s > 0)
            self.n += 1
            if self._left:
                return
        self.finished = 0 < ends_s < time_s + _MISSING_S

    def _offer(self, frame: Frame, *, waits: bool) -> None:
        """Replace the picture before; with `waits`, only once that has been taken."""
        with self._changed:
            if waits:
                self._changed.wait_for(lambda: self._newest is None or self._left)
            self._newest = frame
            self._changed.notify_all()


def _square(image: Any, capture: Any) -> Any:
    """A picture stretched in width so that its pixels are square."""
    numerator, denominator = int(capture.get(cv2.CAP_PROP_SAR_NUM)), int(capture.get(cv2.CAP_PROP_SAR_DEN))
    if numerator <= 0 or denominator <= 0 or numerator == denominator:  # 0 where it is not known
        return image
    height, width = image.shape[:2]
    return cv2.resize(image, (shown_width(width, Fraction(numerator, denominator)), height))
