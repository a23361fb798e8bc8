"""Tracking: which face in a frame is which in the frame before."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from mien.checking import check_number
from mien.faces.detect import Box, Face

_LARGEST_COST = 2.0  # of a jump by one side of the box
_SHAPE_WEIGHT = 2.0  # landmarks of one face jitter by 0.02 sides, those of two people differ by 0.05 to 0.2
_VELOCITY_S = 0.1  # time constant: boxes jitter, so one step counts little, at 25 frames/s a third


@dataclass
class _Track:
    """A face as it was last seen."""

    track_id: int
    face: Face
    time_s: float
    velocity: npt.NDArray[np.float64]  # of the centre, px per second

    def expected_at(self, time_s: float) -> Box:
        """The box, moved at constant velocity."""
        x, y = self.velocity * (time_s - self.time_s)
        x0, y0, x1, y1 = self.face.box
        return x0 + x, y0 + y, x1 + x, y1 + y

    def update(self, face: Face, time_s: float) -> None:
        """Add the next detection."""
        if time_s > self.time_s:
            passed_s = time_s - self.time_s
            step_px = np.array(face.center) - np.array(self.face.center)
            weight = -math.expm1(-passed_s / _VELOCITY_S)
            self.velocity = (1 - weight) * self.velocity + weight / passed_s * step_px
        self.face, self.time_s = face, time_s


class Tracker:
    """Gives the same number to the same face, frame after frame.

    The cost of assigning a face to a track is the sum of

    * 1 - IoU of its box and the track's box, moved at constant velocity;
    * the distance of their centres, in sides of the box, which ranks boxes that do not overlap;
    * twice the mean distance of the five landmarks, each relative to its box's centre and in its sides: pose and
      build of the face, which tell apart faces that cross. 0 where a face has no landmarks.

    Faces are assigned greedily, the cheapest pair first, up to a cost of 2; the others begin new tracks. Appearance is
    not compared: a person who leaves and comes back later is a new track.

    Args:
        unseen_s: a track ends when its face is missing in a frame and was last seen longer ago than this, seconds.

    Raises:
        InputError: `unseen_s` is negative.
    """

    def __init__(self, *, unseen_s: float = 1.0) -> None:
        check_number("unseen_s", unseen_s, 0)
        self.unseen_s = unseen_s
        self._tracks: list[_Track] = []
        self._next_id = 0

    @property
    def alive(self) -> set[int]:
        """Numbers of the tracks that have not ended."""
        return {track.track_id for track in self._tracks}

    def cut(self) -> None:
        """End all tracks: what follows is another scene."""
        self._tracks = []

    def update(self, faces: Sequence[Face], time_s: float) -> list[Face]:
        """Take the faces of the next frame.

        Args:
            faces: as the detector found them.
            time_s: of the frame, seconds; not before that of the frame before.

        Returns:
            The same faces in the same order, with their `track_id`.
        """
        joined: dict[int, _Track] = {}
        seen: set[int] = set()
        for index, track in self._pairs(faces, time_s):
            if index not in joined and track.track_id not in seen:
                joined[index] = track
                seen.add(track.track_id)
        for index, track in joined.items():
            track.update(faces[index], time_s)
        self._tracks = [t for t in self._tracks if t.track_id in seen or time_s - t.time_s <= self.unseen_s]
        for index, face in enumerate(faces):
            if index not in joined:
                joined[index] = _Track(self._next_id, face, time_s, np.zeros(2))
                self._tracks.append(joined[index])
                self._next_id += 1
        return [replace(face, track_id=joined[index].track_id) for index, face in enumerate(faces)]

    def _pairs(self, faces: Sequence[Face], time_s: float) -> list[tuple[int, _Track]]:
        """Possible pairs of a face's index and a track, the cheapest first."""
        costs = [
            (_cost(track, face, time_s), index, place)
            for index, face in enumerate(faces)
            for place, track in enumerate(self._tracks)
        ]
        return [(index, self._tracks[place]) for cost, index, place in sorted(costs) if cost <= _LARGEST_COST]


def _cost(track: _Track, face: Face, time_s: float) -> float:
    expected = track.expected_at(time_s)
    side = (track.face.side_px + face.side_px) / 2
    x, y = (expected[0] + expected[2]) / 2, (expected[1] + expected[3]) / 2
    distance = math.hypot(face.center[0] - x, face.center[1] - y) / side
    if distance > _LARGEST_COST:  # the other terms are not negative, and slow in a crowd
        return distance
    return 1 - iou(expected, face.box) + distance + _SHAPE_WEIGHT * _shape_difference(track.face, face)


def iou(a: Box, b: Box) -> float:
    """Return the intersection over union of two boxes."""
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return 0.0
    shared = width * height
    return shared / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - shared)


def _shape_difference(a: Face, b: Face) -> float:
    """Mean distance of the landmarks, relative to the boxes."""
    if a.landmarks is None or b.landmarks is None:
        return 0.0
    shapes = [(np.array(face.landmarks) - face.center) / face.side_px for face in (a, b)]
    return float(np.linalg.norm(shapes[0] - shapes[1], axis=1).mean())
