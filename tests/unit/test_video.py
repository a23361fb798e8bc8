"""The pipeline for video: tracks, smoothing over time, files of results."""

from __future__ import annotations

import json
import math
import os
import re
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from drawn_video import astronaut, pan, write_video
from PIL import Image
from streaming import Send, network_camera
from tiny_model import write_tiny_model

import mien
from mien.analysis import Analyzer
from mien.errors import InputError
from mien.faces.detect import Face
from mien.labels import FER2013
from mien.media.frames import Frame
from mien.media.video import VideoReader
from mien.overview import Overview
from mien.records import Analyses
from mien.timeline_page import timeline_page
from mien.timeline_picture import timeline_picture
from mien.video import AnalyzedFrame, VideoAnalysis, video_columns
from mien.video_saving import VIDEO_SAVE_SUFFIXES, saving


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_model(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two copies of a face, which move: the right one grows dark in the middle."""
    images = [
        np.hstack([image, image if index < 3 else image // 4]).astype(np.uint8) for index, image in enumerate(pan(12))
    ]
    file = tmp_path_factory.mktemp("clips") / "two.mp4"
    return write_video(file, images, sound_codec="aac", seconds_of_sound=1.2)


class Still:
    """Frames of one grey, by time; the face is all of it."""

    name = "still"
    start_s = 0.0
    seen_s = None
    cut_off = None

    def __init__(self, greys: list[int], times_s: list[float], cut_at: int | None = None) -> None:
        self._frames, self._cut_at = list(zip(greys, times_s, strict=True)), cut_at

    def __iter__(self) -> Iterator[Frame]:
        for index, (grey, time_s) in enumerate(self._frames):
            image = np.full((64, 64, 3), grey, np.uint8)
            image[:8] = 0 if self._cut_at is None or index < self._cut_at else 255  # so that it is not blank
            yield Frame(index=index, time_s=time_s, image=image)


class Everywhere:
    """Finds one face that fills the image below its upper edge."""

    def detect(self, image: np.ndarray) -> list[Face]:
        height, width = image.shape[:2]
        return [Face(box=(8.0, 8.0, float(width), float(height)), score=0.9)]


def still(
    model: Path, greys: list[int], times_s: list[float], smooth_s: float = 0.5, cut_at: int | None = None
) -> VideoAnalysis:
    analyzer = Analyzer(model=model, detector=Everywhere())
    return VideoAnalysis(Still(greys, times_s, cut_at), analyzer, smooth_s=smooth_s)


def happy(grey: float) -> float:
    """What the tiny model says of a grey."""
    logits = np.zeros(7)
    logits[FER2013.index("happy")], logits[FER2013.index("sad")] = 0.05 * (grey - 128), -0.05 * (grey - 128)
    return float(np.exp(logits[FER2013.index("happy")]) / np.exp(logits).sum())


def test_two_faces_keep_their_tracks(clip: Path, model: Path) -> None:
    faces = list(mien.analyze_video(clip, model=model))
    assert len(faces) == 24
    assert [face.frame for face in faces] == [index // 2 for index in range(24)]
    right = {face.track_id for face in faces if face.box[0] > 256}
    left = {face.track_id for face in faces if face.box[0] < 256}
    assert len(right) == len(left) == 1
    assert right != left
    assert all(face.source == str(clip) and face.landmarks and face.score for face in faces)
    assert {face.expression.label for face in faces if face.box[0] > 256 and face.frame > 9} == {"sad"}


def test_a_frame_is_read_as_a_photo_is(clip: Path, tmp_path: Path) -> None:
    wide = write_tiny_model(tmp_path / "wide", margin_fraction=0.5)
    frame = next(mien.analyze_video(clip, model=wide).frames())
    photo = mien.analyze(frame.photo, model=wide)
    assert frame.size == photo.size == (512, 256)
    assert [face.box for face in frame.faces] == [face.box for face in photo.faces]
    for face, same in zip(frame.faces, photo.faces, strict=True):
        assert face.expression.probabilities == pytest.approx(same.expression.probabilities, abs=1e-6)


@pytest.mark.parametrize(("unseen_s", "tracks"), [(0.5, [0, 1]), (1.5, [0, 0])])
def test_a_face_may_go_unseen_for_as_long_as_is_asked(model: Path, unseen_s: float, tracks: list[int]) -> None:
    class InTheLight(Everywhere):
        def detect(self, image: np.ndarray) -> list[Face]:
            return super().detect(image) if image.mean() > 50 else []

    source = Still([150, 10, 150], [0.0, 1.0, 1.1])
    video = VideoAnalysis(source, Analyzer(model=model, detector=InTheLight()), unseen_s=unseen_s)
    assert [face.track_id for face in video] == tracks


def test_stride_and_range_are_those_of_the_video(clip: Path, model: Path) -> None:
    video = mien.analyze_video(clip, model=model, every=3, start_s=0.2, end_s=0.8)
    assert [(frame.frame, round(frame.time_s, 3)) for frame in video.frames()] == [(3, 0.3), (6, 0.6)]


def test_probabilities_are_smoothed_by_time(model: Path) -> None:
    faces = list(still(model, [150, 120, 120], [0.0, 0.2, 1.0]))
    first, second = happy(150), happy(120)
    after = first + (1 - math.exp(-0.2 / 0.5)) * (second - first)
    last = after + (1 - math.exp(-0.8 / 0.5)) * (second - after)
    assert [face.expression.probabilities["happy"] for face in faces] == pytest.approx([first, after, last], abs=1e-6)
    assert [face.raw_probabilities["happy"] for face in faces] == pytest.approx([first, second, second], abs=1e-6)
    assert all(sum(face.expression.probabilities.values()) == pytest.approx(1) for face in faces)
    assert faces[1].expression.confidence == max(faces[1].expression.probabilities.values())


def test_smoothing_does_not_depend_on_the_frame_rate(model: Path) -> None:
    slow = list(still(model, [150, *[120] * 2], [0.0, 0.5, 1.0]))[-1]
    fast = list(still(model, [150, *[120] * 10], [index / 10 for index in range(11)]))[-1]
    assert fast.expression.probabilities["happy"] == pytest.approx(slow.expression.probabilities["happy"], abs=1e-6)


def test_without_smoothing_each_frame_stands_alone(model: Path) -> None:
    faces = list(still(model, [150, 120], [0, 1], 0))
    assert [face.expression.probabilities for face in faces] == [face.raw_probabilities for face in faces]
    assert len(faces) == 2


def test_a_cut_begins_new_tracks_with_nothing_smoothed(model: Path) -> None:
    faces = list(still(model, [150, 100], [0.0, 0.1], cut_at=1))
    assert [face.track_id for face in faces] == [0, 1]
    assert faces[1].expression.probabilities == faces[1].raw_probabilities


def test_each_iteration_reads_the_video_anew(clip: Path, model: Path) -> None:
    video = mien.analyze_video(clip, model=model, every=6)
    assert list(video) == list(video)


@pytest.mark.parametrize("of_faces", [True, False])
def test_an_analysis_that_is_closed_closes_its_source(model: Path, of_faces: bool) -> None:
    class Kept(Still):
        def __iter__(self) -> Iterator[Frame]:
            self.given = super().__iter__()
            return self.given

    source = Kept([150] * 3, [0.0, 0.1, 0.2])
    video = VideoAnalysis(source, Analyzer(model=model, detector=Everywhere()))
    with closing(iter(video) if of_faces else video.frames()) as found:
        next(found)
    assert list(source.given) == []


def test_frames_that_cannot_be_closed_are_read_too(model: Path) -> None:
    class Listed(Still):
        def __iter__(self) -> Iterator[Frame]:
            return iter(list(super().__iter__()))

    video = VideoAnalysis(Listed([150, 120], [0.0, 0.1]), Analyzer(model=model, detector=Everywhere()))
    assert [face.frame for face in video] == [0, 1]


def test_records_have_the_columns(clip: Path, model: Path) -> None:
    video = mien.analyze_video(clip, model=model, end_s=0.15)
    records = [record for frame in video.frames() for record in frame.records()]
    assert [list(record) for record in records] == [video_columns(FER2013)] * 4
    assert [record["frame"] for record in records] == [0, 0, 1, 1]


def test_a_table_of_frames_has_all_columns(model: Path) -> None:
    (frame,) = still(model, [120], [0.0]).frames()
    assert frame.labels == FER2013
    empty = replace(frame, faces=())
    photo = mien.analyze(np.zeros((64, 64, 3), np.uint8), model=model)
    for table in (frame.to_pandas(), empty.to_pandas(), Analyses([photo, empty]).to_pandas()):
        assert list(table.columns) == video_columns(FER2013)


def test_cameras_and_streams_are_read_too(model: Path) -> None:
    def film(show: Send) -> None:
        for _ in range(6):
            show(astronaut())
            time.sleep(0.05)

    with network_camera(film) as address:
        found = mien.analyze_video(address, model=model)
        assert {face.track_id for face in found} == {0}
        assert found.cut_off is not None and "gives no more pictures" in found.cut_off
    with network_camera(film) as address:
        short = mien.analyze_video(address, model=model, end_s=0.1)
        assert all(face.time_s < 0.1 for face in short) and short.cut_off is None
    assert mien.analyze_video(0, model=model).source.name == "camera 0"
    with pytest.raises(InputError, match="camera 0: a camera or stream begins now; leave out start_s"):
        mien.analyze_video(0, model=model, start_s=3)
    with pytest.raises(InputError, match=r"^rtsp://10\.0\.0\.9/x: a camera or stream begins now"):
        mien.analyze_video("rtsp://user:secret@10.0.0.9/x", model=model, start_s=1)


def test_wrong_times_are_refused(clip: Path, model: Path) -> None:
    with pytest.raises(InputError, match="smooth_s -1; expected a number, 0 or more"):
        mien.analyze_video(clip, model=model, smooth_s=-1)
    with pytest.raises(InputError, match="unseen_s -1; expected a number, 0 or more"):
        mien.analyze_video(clip, model=model, unseen_s=-1)
    with pytest.raises(InputError, match=r"mp4: every '2'; expected a whole number, 1 or more"):
        mien.analyze_video(clip, model=model, every="2")  # type: ignore[arg-type]
    with pytest.raises(InputError, match=r"mp4: end_s '9'; expected a number, 0 or more"):
        mien.analyze_video(clip, model=model, end_s="9")  # type: ignore[arg-type]


def test_a_file_is_saved_with_the_defaults(clip: Path, tmp_path: Path) -> None:
    mien.save_video(clip, tmp_path / "out.csv")
    assert (tmp_path / "out.csv").read_text().count("\n") >= 2


def test_results_are_saved_in_one_pass(clip: Path, model: Path, tmp_path: Path) -> None:
    video = mien.analyze_video(clip, model=model)
    mien.save_video(video, *(tmp_path / f"out{suffix}" for suffix in VIDEO_SAVE_SUFFIXES))
    written = VideoReader(tmp_path / "out.mp4")
    frames = list(written)
    assert written.has_sound
    assert len(frames) == 12
    assert frames[0].image.shape == (512, 1024, 3)  # enlarged, so that text can be read
    plain = np.asarray(Image.fromarray(next(iter(VideoReader(clip))).image).resize((1024, 512)))
    assert np.abs(frames[0].image.astype(int) - plain).mean() > 5  # boxes and bars
    with Image.open(tmp_path / "out.png") as picture:
        assert picture.width == 1600
    assert {segment["label"] for segment in json.loads((tmp_path / "out.json").read_text())} == {"happy", "sad"}
    assert (tmp_path / "out.srt").read_text().count("-->") == 2


def test_subtitles_fit_the_video_that_is_saved_with_them(clip: Path, model: Path, tmp_path: Path) -> None:
    video = mien.analyze_video(clip, model=model, start_s=0.3, end_s=1.1)
    mien.save_video(video, tmp_path / "alone.srt", tmp_path / "alone.csv")
    mien.save_video(video, tmp_path / "with.srt", tmp_path / "with.MP4", tmp_path / "with.csv")
    assert re.findall(r"(\S+) --> (\S+)", (tmp_path / "alone.srt").read_text())[0] == ("00:00:00,300", "00:00:01,000")
    assert re.findall(r"(\S+) --> (\S+)", (tmp_path / "with.srt").read_text())[0] == ("00:00:00,000", "00:00:00,700")
    assert [frame.time_s for frame in VideoReader(tmp_path / "with.MP4")][-1] == pytest.approx(0.7, abs=0.002)
    assert (tmp_path / "with.csv").read_text() == (tmp_path / "alone.csv").read_text()


class Interrupting(Everywhere):
    """Is interrupted at the fourth frame, as often as is said."""

    def __init__(self, times: int) -> None:
        self._left, self._times = 3, times

    def detect(self, image: np.ndarray) -> list[Face]:
        for _ in range(0 if self._left else self._times):
            os.kill(os.getpid(), signal.SIGINT)
        self._left -= 1
        return super().detect(image)


@pytest.fixture
def hears_ctrl_c() -> Iterator[None]:
    """Ctrl-C raises an error, also in a shell's background jobs, which ignore it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("hears_ctrl_c")
def test_ctrl_c_completes_what_is_saved_and_then_rises(model: Path, tmp_path: Path) -> None:
    greys, times_s = [150] * 10, [index / 10 for index in range(10)]
    video = VideoAnalysis(Still(greys, times_s), Analyzer(model=model, detector=Interrupting(1)))
    files = [tmp_path / f"out{suffix}" for suffix in VIDEO_SAVE_SUFFIXES]
    with pytest.raises(KeyboardInterrupt):
        mien.save_video(video, *files)
    assert set(tmp_path.iterdir()) == set(files)
    assert [frame.time_s for frame in VideoReader(tmp_path / "out.mp4")] == pytest.approx([0, 0.1, 0.2], abs=0.002)
    assert [each["frames"] for each in json.loads((tmp_path / "out.json").read_text())] == [3]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


@pytest.mark.usefixtures("hears_ctrl_c")
def test_a_second_ctrl_c_leaves_no_file(model: Path, tmp_path: Path) -> None:
    video = VideoAnalysis(Still([150] * 10, list(range(10))), Analyzer(model=model, detector=Interrupting(2)))
    with pytest.raises(KeyboardInterrupt):
        mien.save_video(video, *(tmp_path / f"out{suffix}" for suffix in VIDEO_SAVE_SUFFIXES))
    assert list(tmp_path.iterdir()) == []
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_program_that_hears_ctrl_c_by_itself_goes_on_to_do_so(model: Path, tmp_path: Path) -> None:
    heard: list[int] = []
    analyzer = Analyzer(model=model, detector=Interrupting(1))
    before = signal.signal(signal.SIGINT, lambda number, frame: heard.append(number))
    try:
        mien.save_video(VideoAnalysis(Still([150] * 5, list(range(5))), analyzer), tmp_path / "out.json")
    finally:
        signal.signal(signal.SIGINT, before)
    assert heard == [signal.SIGINT]
    assert [each["frames"] for each in json.loads((tmp_path / "out.json").read_text())] == [5]


def test_a_video_is_saved_in_another_thread_too(model: Path, tmp_path: Path) -> None:
    with ThreadPoolExecutor(1) as thread:
        thread.submit(mien.save_video, still(model, [150], [0.0]), tmp_path / "out.json").result()
    assert (tmp_path / "out.json").exists()


def test_an_unknown_ending_is_refused_before_reading(clip: Path, model: Path) -> None:
    with pytest.raises(InputError, match=r"save_video: name a file to write, such as timeline\.html\."):
        mien.save_video("no such video.mp4")
    with pytest.raises(InputError, match=r"out\.gif: unknown ending '\.gif'; for a video, \.mp4, \.png, \.html"):
        mien.save_video(mien.analyze_video(clip, model=model), "out.gif")


@pytest.mark.parametrize("suffix", [each for each in VIDEO_SAVE_SUFFIXES if each != ".mp4"])
def test_a_place_that_cannot_be_written_is_refused_before_reading(
    clip: Path, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str
) -> None:
    (tmp_path / "file").touch()
    video = mien.analyze_video(clip, model=model)
    monkeypatch.setattr(VideoReader, "__iter__", lambda _: pytest.fail("was read"))
    with pytest.raises(InputError, match=rf"out\{suffix}: cannot be written \((Not a directory|File exists)\)"):
        mien.save_video(video, tmp_path / "file" / f"out{suffix}")
    (tmp_path / f"out{suffix}").mkdir()
    with pytest.raises(InputError, match=rf"out\{suffix}: cannot be written \(Is a directory\)"):
        mien.save_video(video, tmp_path / f"out{suffix}")
    (tmp_path / f"out{suffix}").rmdir()
    (tmp_path / f"out{suffix}.part").mkdir()
    with pytest.raises(InputError, match=rf"out\{suffix}: cannot be written"):
        mien.save_video(video, tmp_path / f"out{suffix}")


def test_a_link_to_itself_is_replaced(model: Path, tmp_path: Path) -> None:
    (tmp_path / "out.json").symlink_to("out.json")
    mien.save_video(still(model, [150], [0.0]), tmp_path / "out.json")
    assert (tmp_path / "out.json").read_text().startswith("[")


@pytest.mark.parametrize("image", [np.zeros((9, 9), np.uint8), np.zeros((9, 9, 3)), np.zeros((0, 9, 3), np.uint8), [1]])
def test_a_frame_that_is_no_picture_is_refused(image: Any) -> None:
    with pytest.raises(InputError, match=r"frame 5: shape .* of (uint8|float64|list); expected \(H, W, 3\) RGB uint8"):
        Frame(index=5, time_s=0.2, image=image)


@pytest.mark.parametrize("time_s", [math.nan, math.inf])
def test_a_frame_at_no_time_is_refused(time_s: float) -> None:
    with pytest.raises(InputError, match=r"frame 5: shown at (nan|inf) s; expected a finite number\.$"):
        Frame(index=5, time_s=time_s, image=np.zeros((9, 9, 3), np.uint8))


def test_frames_take_numpys_numbers(model: Path) -> None:
    (found,) = still(model, np.array([150]), np.array([0.5], np.float32)).frames()  # type: ignore[arg-type]
    assert json.loads(found.to_json())["time_s"] == 0.5


def test_what_is_no_video_is_refused_by_its_kind(model: Path) -> None:
    with pytest.raises(InputError, match="<bytes>: expected the path of a video"):
        mien.analyze_video(b"http://", model=model)  # type: ignore[arg-type]


def test_an_empty_path_is_told_as_of_a_photo(model: Path) -> None:
    message = r"^an empty path; is the variable that it came from set\?$"
    with pytest.raises(InputError, match=message):
        mien.analyze_video("", model=model)
    with pytest.raises(InputError, match=message):
        mien.save_video("", "out.csv")


def overview(clip: Path, model: Path, *, thumbnails: bool = False) -> Overview:
    found = Overview("a<b.mp4", FER2013.names, thumbnails=thumbnails)
    for frame in mien.analyze_video(clip, model=model).frames():
        found.add(frame)
    return found


def test_the_picture_shows_each_track_in_its_colours(clip: Path, model: Path) -> None:
    picture = timeline_picture(overview(clip, model))
    assert picture.shape == (96 + 2 * 112 + 56, 1600, 3)
    orange, blue = (230, 159, 0), (86, 180, 233)  # happy, sad
    bands = [picture[96 + row * 112 : 96 + row * 112 + 64, 150:1570] for row in (0, 1)]
    most = [max((orange, blue), key=lambda color: int((band[:, -100:] == color).all(-1).sum())) for band in bands]
    assert sorted(most) == sorted([orange, blue])


def test_the_page_stands_alone(clip: Path, model: Path) -> None:
    page = timeline_page(overview(clip, model, thumbnails=True))
    assert not re.findall(r"(?:src|href)=\"(?!data:)", page)
    assert "a&lt;b.mp4" in page
    match = re.search(r'<script type="application/json" id="data">(.*?)</script>', page)
    assert match is not None
    data = json.loads(match[1])
    assert len(data["thumbnails"]) == 12
    assert [track["track"] for track in data["tracks"]] == [0, 1]
    assert all(sum(bin_[2]) == pytest.approx(1, abs=0.01) for track in data["tracks"] for bin_ in track["course"])


def test_ten_hours_have_their_last_time_whole() -> None:
    long = Overview("x.mp4", FER2013.names)
    long.end_s = 36_000.0
    times = timeline_picture(long)[-50:, 1500:].min(axis=(0, 2)) < 128  # the columns with ink
    assert times.any() and not times[-1]


def test_other_classes_are_seen_on_white_paper() -> None:
    own = Overview("x.mp4", ["awake", "sleepy"])
    fills = re.findall(r'<i style="background:(#\w+)">', timeline_page(own))
    assert len(set(fills)) == 2 and "#ffffff" not in fills
    legend = timeline_picture(own)[54:73]
    assert all((legend == color).all(-1).sum() > 300 for color in own.colors.values())


def test_a_label_cannot_end_the_script() -> None:
    assert timeline_page(Overview("x.mp4", ["</script>"])).count("</script>") == 2


def test_a_video_without_faces_has_a_timeline(model: Path, tmp_path: Path) -> None:
    file = write_video(tmp_path / "empty.mp4", [np.full((64, 64, 3), 90, np.uint8)] * 3)
    empty = overview(file, model, thumbnails=True)
    assert timeline_picture(empty).shape == (96 + 112 + 56, 1600, 3)
    assert "0 tracks" in timeline_page(empty)


def test_an_overview_does_not_grow_with_the_video(model: Path) -> None:
    n = 1500
    video = still(model, [150] * n, [index / 2.5 for index in range(n)])  # ten minutes
    found = Overview("long", FER2013.names, thumbnails=True)
    for frame in video.frames():
        found.add(frame)
    (track,) = found.tracks(5)
    course = found.course(track)
    assert track.frames == n
    assert len(course) <= 1024
    assert 100 <= len(found.thumbnails) <= 240
    assert course[-1][1] == pytest.approx(600, abs=1)
    assert course[0][2][FER2013.index("happy")] == pytest.approx(happy(150), abs=1e-6)


def test_astronaut_is_one_face(model: Path, tmp_path: Path) -> None:
    """Her photo, as a photo and as a video, gives one answer."""
    file = write_video(tmp_path / "still.mp4", [astronaut()] * 2)
    in_video = list(mien.analyze_video(file, model=model))[-1]
    (in_photo,) = mien.analyze(astronaut(), model=model).faces
    assert in_video.box == pytest.approx(in_photo.box, abs=3)
    assert in_video.expression.confidence == pytest.approx(in_photo.expression.confidence, abs=0.05)


def test_times_in_records_are_milliseconds(clip: Path, model: Path) -> None:
    frame = replace(next(iter(mien.analyze_video(clip, model=model).frames())), time_s=2 / 30)
    assert frame.to_dict()["time_s"] == 0.067
    assert frame.faces and {record["time_s"] for record in frame.records()} == {0.067}


def test_tracks_that_a_frame_misses_are_counted_once(clip: Path, model: Path) -> None:
    first = next(iter(mien.analyze_video(clip, model=model).frames()))
    everybody = tuple(replace(first.faces[0], track_id=track) for track in range(101))
    found = Overview("crowd", FER2013.names)
    for index, faces in enumerate([everybody[:100], everybody[100:], everybody]):
        found.add(replace(first, frame=index, time_s=index / 10, faces=faces))
    assert (found.n_tracks, len(found.tracks(200))) == (101, 101)
    late = tuple(replace(face, track_id=200, time_s=60.0) for face in everybody[:1])
    found.add(replace(first, frame=600, time_s=60.0, faces=late))
    assert (found.n_tracks, len(found.tracks(200))) == (102, 52)


@pytest.mark.parametrize(("unseen_s", "is_shown"), [(1.0, False), (10.0, True)])
def test_a_track_that_may_go_on_is_not_dropped(
    clip: Path, model: Path, tmp_path: Path, unseen_s: float, is_shown: bool
) -> None:
    video = mien.analyze_video(clip, model=model, unseen_s=unseen_s)
    first = next(iter(video.frames()))

    def frame(index: int, tracks: range) -> AnalyzedFrame:
        faces = tuple(replace(first.faces[0], track_id=track, time_s=index / 10) for track in tracks)
        return replace(first, frame=index, time_s=index / 10, faces=faces)

    alone = [frame(index, range(1)) for index in range(6)]
    list(saving([*alone, frame(45, range(1, 102))], video, tmp_path / "a.html"))
    assert (">Face 0<" in (tmp_path / "a.html").read_text("utf-8")) == is_shown
