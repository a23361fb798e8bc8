"""Segments, by hand."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path

import pytest

from mien.errors import InputError
from mien.recognizer import Expression
from mien.timeline import clock, segments, write_segments
from mien.video import VideoFace


def faces(labels: str, *, track: int = 0, begin_s: float = 0.0, uncertain: str = "") -> list[VideoFace]:
    """A face ten times a second: h happy, s sad, a angry; `uncertain` has a ? at each frame that is."""
    names = {"h": "happy", "s": "sad", "a": "angry"}
    return [
        VideoFace(
            box=(0, 0, 50, 50),
            track_id=track,
            source="clip.mp4",
            frame=index,
            time_s=begin_s + index / 10,
            expression=Expression(names[letter], 0.5, {}, uncertain[index : index + 1] == "?"),
            raw_probabilities={},
        )
        for index, letter in enumerate(labels)
    ]


def found(labels: str, min_s: float = 0.5, begin_s: float = 0.0) -> list[tuple[str, float, float]]:
    return [(s.label, s.start_s, s.end_s) for s in segments(faces(labels, begin_s=begin_s), min_s=min_s)]


def test_a_lasting_change_begins_a_segment_where_it_began() -> None:
    assert found("hhhhhhhhhhssssssssss") == [("happy", 0.0, 1.0), ("sad", 1.0, 1.9)]


def test_a_short_change_does_not() -> None:
    assert found("hhhhhhhhhhsssshhhhhhhhhh") == [("happy", 0.0, 2.3)]
    assert found("hhhhhhhhhhsasasasasasasasa") == [("happy", 0.0, 2.5)]
    assert found("hhhhhhhhhhsssshssssh") == [("happy", 0.0, 1.9)]
    assert found("hhhhhhhhhhsssss") == [("happy", 0.0, 1.4)]
    assert found("hhhhhhhhhhssssss") == [("happy", 0.0, 1.0), ("sad", 1.0, 1.5)]


def test_min_s_is_what_counts_as_short() -> None:
    assert found("hhhhhhhhhhsssshhhhhhhhhh", min_s=0.3) == [
        ("happy", 0.0, 1.0),
        ("sad", 1.0, 1.4),
        ("happy", 1.4, 2.3),
    ]


def test_a_short_beginning_belongs_to_what_follows() -> None:
    assert found("sshhhhhhhhhh") == [("happy", 0.0, 1.1)]
    assert found("ssssshhhhhh") == [("sad", 0.0, 0.5), ("happy", 0.5, 1.0)]
    assert found("sshhhhhhhhhh", begin_s=5.0) == [("happy", 5.0, 6.1)]


def test_what_lasts_min_s_is_not_short_by_how_floats_are_subtracted() -> None:
    assert found("hhhhhhhhhssss", min_s=0.3) == [("happy", 0.0, 0.9), ("sad", 0.9, 1.2)]  # 1.2 - 0.9 < 0.3


def test_a_track_of_one_frame_has_a_segment() -> None:
    assert found("h") == [("happy", 0.0, 0.0)]
    assert found("") == []


def test_tracks_are_apart_and_in_order_of_time() -> None:
    mixed = [*faces("hhhhhh", track=3, begin_s=5.0), *faces("ssssss", track=4, begin_s=1.0)]
    assert [(s.track, s.label, s.start_s, s.frames) for s in segments(mixed)] == [
        (4, "sad", 1.0, 6),
        (3, "happy", 5.0, 6),
    ]


def test_faces_without_a_number_are_one_track() -> None:
    alone = [replace(face, track_id=None) for face in faces("hhhhhh")]
    assert [(s.track, s.frames) for s in segments(alone)] == [(0, 6)]


def test_videos_are_apart_too() -> None:
    other = [replace(face, source="again.mp4") for face in faces("ssssss")]
    assert [(s.source, s.track, s.label, s.frames) for s in segments([*faces("hhhhhh"), *other])] == [
        ("again.mp4", 0, "sad", 6),
        ("clip.mp4", 0, "happy", 6),
    ]


def test_uncertain_is_what_most_frames_are() -> None:
    assert [s.uncertain for s in segments(faces("hhhh", uncertain="??? "))] == [True]
    assert [s.uncertain for s in segments(faces("hhhh", uncertain="??  "))] == [False]


def test_segments_as_csv_and_json(tmp_path: Path) -> None:
    result = segments(faces("hhhhhhhhhhssssssssss"))
    write_segments(result, tmp_path / "new" / "out.csv")
    write_segments(result, tmp_path / "out.json")
    rows = list(csv.DictReader((tmp_path / "new" / "out.csv").open()))
    assert rows[1] == {
        "source": "clip.mp4",
        "track": "0",
        "start_s": "1.0",
        "end_s": "1.9",
        "label": "sad",
        "confidence": "0.5",
        "uncertain": "False",
        "frames": "10",
    }
    assert [row["label"] for row in json.loads((tmp_path / "out.json").read_text())] == ["happy", "sad"]


@pytest.mark.parametrize("name", ["a\rb.mp4", "a\nb.mp4", 'a,"b".mp4'])
def test_segments_of_a_video_with_an_odd_name(tmp_path: Path, name: str) -> None:
    result = [replace(each, source=name) for each in segments(faces("hh"))]
    write_segments(result, tmp_path / "out.csv")
    with (tmp_path / "out.csv").open(newline="") as file:
        assert [row["source"] for row in csv.DictReader(file)] == [name]


@pytest.mark.parametrize("suffix", [".csv", ".json", ".srt"])
def test_segments_that_are_chosen_on_the_way(tmp_path: Path, suffix: str) -> None:
    result = segments(faces("hhhhhhhhhhssssssssss"))
    write_segments((each for each in result if each.label == "sad"), tmp_path / f"some{suffix}")
    write_segments(result[1:], tmp_path / f"listed{suffix}")
    assert (tmp_path / f"some{suffix}").read_text() == (tmp_path / f"listed{suffix}").read_text()


def test_segments_as_subtitles(tmp_path: Path) -> None:
    write_segments(segments(faces("hhhhhhhhhh", begin_s=3661.0)), tmp_path / "one.srt")
    assert (tmp_path / "one.srt").read_text() == "1\n01:01:01,000 --> 01:01:01,900\nhappy 50%\n"
    write_segments(segments(faces("hh", begin_s=1.001)), tmp_path / "ms.srt")  # times 1000, a little less than 1001
    assert (tmp_path / "ms.srt").read_text() == "1\n00:00:01,001 --> 00:00:01,101\nhappy 50%\n"
    two = [*faces("h", uncertain="?"), *faces("s", track=1)]
    write_segments(segments(two), tmp_path / "two.srt")
    assert (tmp_path / "two.srt").read_text() == (
        "1\n00:00:00,000 --> 00:00:00,100\nface 0: happy? 50%\n\n2\n00:00:00,000 --> 00:00:00,100\nface 1: sad 50%\n"
    )


def test_other_endings_and_places_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"unknown ending '\.txt'; expected \.csv, \.json, \.srt"):
        write_segments([], tmp_path / "out.txt")
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match=r"out\.csv: cannot be written"):
        write_segments([], tmp_path / "file" / "out.csv")


def test_faces_are_no_segments(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"^segments: found VideoFace; expected what mien\.segments returns\.$"):
        write_segments(faces("hh"), tmp_path / "out.srt")  # type: ignore[arg-type]
    assert not list(tmp_path.iterdir())


def test_clock() -> None:
    times_s = (0, 0.46, 5, 59.94, 59.96, 61.3, 3599.99, 3723)
    expected = ["0:00.0", "0:00.5", "0:05.0", "0:59.9", "1:00.0", "1:01.3", "1:00:00.0", "1:02:03.0"]
    assert [clock(time_s) for time_s in times_s] == expected


def test_other_things_than_faces_are_refused() -> None:
    with pytest.raises(InputError, match="min_s -1; expected a number, 0 or more"):
        segments(faces("h"), min_s=-1)
    with pytest.raises(InputError, match="faces: found str; expected what iterating over analyze_video yields"):
        segments(["h"])  # type: ignore[list-item]
