"""Tracks of faces over frames, on boxes written by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mien.errors import InputError
from mien.faces.detect import Face, Landmarks
from mien.faces.track import Tracker, iou

ROUND = ((0.3, 0.4), (0.7, 0.4), (0.5, 0.6), (0.35, 0.8), (0.65, 0.8))
NARROW = ((0.4, 0.3), (0.6, 0.3), (0.55, 0.55), (0.42, 0.7), (0.58, 0.7))


def face(x: float, y: float = 100, side: float = 50, shape: tuple[tuple[float, float], ...] | None = None) -> Face:
    marks: Landmarks | None = None
    if shape is not None:
        a, b, c, d, e = ((x + side * u, y + side * v) for u, v in shape)
        marks = (a, b, c, d, e)
    return Face(box=(x, y, x + side, y + side), score=0.9, landmarks=marks)


def ids(tracker: Tracker, faces: list[Face], time_s: float) -> list[int | None]:
    return [found.track_id for found in tracker.update(faces, time_s)]


def test_iou_of_boxes() -> None:
    assert iou((0, 0, 2, 2), (1, 0, 3, 2)) == pytest.approx(2 / 6)
    assert iou((0, 0, 2, 2), (2, 0, 4, 2)) == 0
    assert iou((0, 0, 2, 2), (0, 3, 2, 5)) == 0
    assert iou((0, 0, 2, 2), (3, 3, 5, 5)) == 0


def test_faces_keep_their_numbers_in_any_order() -> None:
    tracker = Tracker()
    assert ids(tracker, [face(0), face(200)], 0.0) == [0, 1]
    assert ids(tracker, [face(203), face(2)], 0.1) == [1, 0]


def test_nothing_but_the_number_is_changed() -> None:
    given = face(10, shape=ROUND)
    assert Tracker().update([given], 0.0) == [replace(given, track_id=0)]


@pytest.mark.parametrize(("jump_px", "is_the_same"), [(45, True), (50, True), (51, False)])
def test_a_face_jumps_by_its_side_at_most(jump_px: float, is_the_same: bool) -> None:
    # without an overlap it costs 1 + jump / side, and may cost 2
    for moved in (face(100 + jump_px), face(100, y=100 + jump_px)):
        tracker = Tracker()
        ids(tracker, [face(100)], 0.0)
        assert ids(tracker, [moved], 0.1) == [0 if is_the_same else 1]


@pytest.mark.parametrize(("jump_px", "is_the_same"), [(72, True), (77, False)])
def test_of_two_sizes_of_a_face_the_mean_counts(jump_px: float, is_the_same: bool) -> None:
    tracker = Tracker()
    ids(tracker, [face(100)], 0.0)
    larger = face(75 + jump_px, y=75, side=100)
    assert ids(tracker, [larger], 0.1) == [0 if is_the_same else 1]


@pytest.mark.parametrize(("moved", "is_the_same"), [(0.25, True), (0.5, False)])
def test_landmarks_count_twice_their_mean_distance(moved: float, is_the_same: bool) -> None:
    # a jump by 0.9 sides costs 0.9 + 1 - 0.1 / 1.9; one landmark of five moves in the box, by a share of its side
    tracker = Tracker()
    ids(tracker, [face(100, shape=ROUND)], 0.0)
    other = (*ROUND[:4], (ROUND[4][0] - moved, ROUND[4][1]))
    assert ids(tracker, [face(145, shape=other)], 0.1) == [0 if is_the_same else 1]


def test_landmarks_that_one_frame_lacks_do_not_count() -> None:
    tracker = Tracker()
    assert [ids(tracker, [face(100, shape=shape)], n / 10) for n, shape in enumerate((ROUND, None, ROUND))] == [[0]] * 3


def test_two_frames_may_be_of_one_time() -> None:
    tracker = Tracker()
    assert [ids(tracker, [face(x)], time_s) for x, time_s in ((100, 0.0), (102, 0.0), (104, 0.1))] == [[0]] * 3


def test_a_missed_detection_does_not_end_a_track() -> None:
    tracker = Tracker(unseen_s=0.5)
    assert ids(tracker, [face(0)], 0.0) == [0]
    assert ids(tracker, [], 0.2) == []
    assert tracker.alive == {0}
    assert ids(tracker, [face(4)], 0.4) == [0]


def test_motion_goes_on_while_a_face_is_unseen() -> None:
    tracker = Tracker()
    for frame in range(10):  # 200 px/s
        ids(tracker, [face(20.0 * frame)], frame / 10)
    ids(tracker, [], 1.0)
    ids(tracker, [], 1.1)
    assert ids(tracker, [face(240)], 1.2) == [0]  # 60 px from where it was last seen, more than its side


@pytest.mark.parametrize("apart_s", [0.001, 1e-6])
def test_a_face_that_jitters_between_frames_close_together_keeps_its_number(apart_s: float) -> None:
    tracker = Tracker()
    for time_s, x in ((0.0, 100), (0.033, 100), (0.033 + apart_s, 104), (0.134, 100), (0.167, 100)):
        assert ids(tracker, [face(x)], time_s) == [0]


def test_velocity_is_the_same_at_any_frame_rate() -> None:
    velocities = []
    for rate in (25, 250):
        tracker = Tracker()
        for frame in range(rate // 5 + 1):  # 0.2 s at 200 px/s
            ids(tracker, [face(200 * frame / rate)], frame / rate)
        (track,) = tracker._tracks
        velocities.append(track.velocity[0])
    assert velocities == pytest.approx([200 * (1 - np.exp(-2))] * 2)


def test_a_track_ends_when_its_face_stays_away() -> None:
    tracker = Tracker(unseen_s=0.5)
    ids(tracker, [face(0)], 0.0)
    ids(tracker, [], 0.5)
    assert tracker.alive == {0}
    ids(tracker, [], 0.6)
    assert tracker.alive == set()
    assert ids(tracker, [face(0)], 0.7) == [1]


def test_frames_may_be_further_apart_than_a_face_may_go_unseen() -> None:
    tracker = Tracker(unseen_s=0.5)
    assert [ids(tracker, [face(0)], second) for second in (0.0, 2.0, 4.0)] == [[0], [0], [0]]


def test_one_leaves_and_another_enters() -> None:
    tracker = Tracker()
    assert ids(tracker, [face(600)], 0.0) == [0]
    assert ids(tracker, [face(620)], 0.1) == [0]
    assert ids(tracker, [face(0)], 0.2) == [1]
    assert ids(tracker, [face(5)], 0.3) == [1]


@pytest.mark.parametrize("hidden", [(), (9, 10, 11)])
def test_faces_that_cross_keep_their_numbers(hidden: tuple[int, ...]) -> None:
    tracker = Tracker()
    for frame in range(21):
        right, left = face(10.0 * frame, shape=ROUND), face(200 - 10.0 * frame, y=104, shape=NARROW)
        faces = [right] if frame in hidden else [left, right] if frame % 2 else [right, left]
        expected = [0] if frame in hidden else [1, 0] if frame % 2 else [0, 1]
        assert ids(tracker, faces, frame / 25) == expected, frame


def test_landmarks_tell_apart_faces_at_one_place() -> None:
    tracker = Tracker()
    ids(tracker, [face(0, shape=ROUND), face(10, shape=NARROW)], 0.0)
    assert ids(tracker, [face(5, shape=NARROW), face(5, shape=ROUND)], 0.1) == [1, 0]


def test_a_cut_ends_all_tracks() -> None:
    tracker = Tracker()
    ids(tracker, [face(0)], 0.0)
    tracker.cut()
    assert ids(tracker, [face(0)], 0.1) == [1]


def test_a_scene_with_other_places_begins_new_tracks() -> None:
    tracker = Tracker()
    ids(tracker, [face(0), face(200)], 0.0)
    assert ids(tracker, [face(400, side=120)], 0.1) == [2]


def test_a_negative_time_unseen_is_refused() -> None:
    with pytest.raises(InputError, match="unseen_s -1; expected a number, 0 or more"):
        Tracker(unseen_s=-1)
