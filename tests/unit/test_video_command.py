"""`mien analyze` on videos, cameras, and photos among them."""

from __future__ import annotations

import csv
import io
import json
import os
import pty
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from drawn_video import astronaut, pan, write_video
from PIL import Image
from streaming import Send, network_camera
from tiny_model import write_tiny_model
from typer.testing import CliRunner, Result

from mien.analysis import Analyzer
from mien.cli import build_app
from mien.cropping import Cropped
from mien.errors import InputError
from mien.media.camera import CameraReader
from mien.media.frames import Frame
from mien.media.video import VideoReader
from mien.records import Analysis


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("files")
    write_tiny_model(folder / "tiny")
    (folder / "mixed" / "sub").mkdir(parents=True)
    write_video(folder / "clip.mp4", pan(10), sound_codec="aac", seconds_of_sound=1)
    write_video(folder / "mixed" / "a.mov", pan(3))
    (folder / "mixed" / "broken.mp4").write_bytes(b"no video")
    Image.fromarray(astronaut()).save(folder / "mixed" / "sub" / "photo.png")
    return folder


@pytest.fixture(autouse=True)
def in_folder(files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(files)


def run(*words: object) -> Result:
    return CliRunner().invoke(build_app(), ["analyze", *map(str, words), "--model", "tiny"])


def rows(result: Result) -> list[dict[str, Any]]:
    return list(csv.DictReader(io.StringIO(result.stdout)))


def test_text_is_a_line_for_each_segment() -> None:
    done = run("clip.mp4")
    assert done.exit_code == 0, done.output
    assert done.stdout.splitlines()[0] == "clip.mp4  10 frames to 0:00.9, 1 face"
    assert done.stdout.splitlines()[1].split()[:6] == ["face", "0", "0:00.0", "-", "0:00.9", "happy"]
    assert done.stderr == ""


def test_one_frame_is_one_frame() -> None:
    assert run("clip.mp4", "--end", 0.1).stdout.startswith("clip.mp4  1 frame to 0:00.0, 1 face\n")


def test_csv_is_a_row_for_each_face_and_frame() -> None:
    found = rows(run("clip.mp4", "--csv", "--every", 3, "--start", 0.1, "--end", 0.8))
    assert [(row["source"], row["frame"], row["time_s"], row["track"]) for row in found] == [
        ("clip.mp4", "3", "0.3", "0"),
        ("clip.mp4", "6", "0.6", "0"),
    ]
    assert float(found[0]["p_happy"]) == float(found[0]["raw_happy"])


def test_json_is_an_object_for_each_frame() -> None:
    frames = json.loads(run("clip.mp4", "--json").stdout)
    assert [frame["frame"] for frame in frames] == list(range(10))
    (face,) = frames[4]["faces"]
    assert face["track"] == 0
    assert face["expression"]["label"] == "happy"
    assert face["raw_probabilities"]["happy"] > 0.2


@pytest.mark.parametrize("suffix", [".mp4", ".html", ".png", ".srt", ".csv", ".json"])
def test_results_are_saved_by_ending(tmp_path: Path, suffix: str) -> None:
    file = tmp_path / "new" / f"out{suffix}"
    done = run("clip.mp4", "--every", 3, "--save", file)
    assert done.exit_code == 0, done.output
    assert file.stat().st_size > 40
    if suffix == ".mp4":
        assert VideoReader(file).has_sound


def test_subtitles_alone_fit_the_video_that_is_read(tmp_path: Path) -> None:
    assert run("clip.mp4", "--start", 0.3, "--save", tmp_path / "out.srt").exit_code == 0
    assert (tmp_path / "out.srt").read_text().startswith("1\n00:00:00,300 --> 00:00:00,900\nhappy")


def test_photos_and_videos_mix_and_what_fails_is_said(tmp_path: Path) -> None:
    done = run("mixed", "clip.mp4", "--csv", "--every", 2, "--save", tmp_path)
    found = rows(done)
    assert [row["source"] for row in found] == [*["mixed/a.mov"] * 2, "mixed/sub/photo.png", *["clip.mp4"] * 5]
    assert [row["frame"] for row in found][:4] == ["0", "2", "", "0"]
    assert done.stderr.startswith("failed: mixed/broken.mp4: cannot be read as a video: Invalid data found")
    assert len(done.stderr.splitlines()) == 1
    assert done.exit_code == 1
    written = sorted(str(file.relative_to(tmp_path)) for file in tmp_path.rglob("*.*"))
    assert written == ["clip.mp4", "mixed/a.mov.mp4", "mixed/sub/photo.png"]


def test_animations_are_photos_or_videos(tmp_path: Path) -> None:
    pictures = [Image.fromarray(image) for image in pan(3)]
    pictures[0].save(tmp_path / "moves.webp", save_all=True, append_images=pictures[1:], duration=200)
    pictures[0].save(tmp_path / "still.webp")
    assert [line.split()[-2:] for line in run(tmp_path).stdout.splitlines()[::2]] == [["1", "face"]] * 2
    found = rows(run(tmp_path, "--animated", "--csv", "--save", tmp_path / "out"))
    assert [(Path(row["source"]).name, row["time_s"]) for row in found] == [
        *(("moves.webp", time_s) for time_s in ("0.0", "0.2", "0.4")),
        ("still.webp", ""),
    ]
    assert sorted(file.name for file in (tmp_path / "out").iterdir()) == ["moves.webp.mp4", "still.webp"]


def test_a_timeline_does_not_overwrite_an_animation(tmp_path: Path) -> None:
    pictures = [Image.fromarray(image) for image in pan(3)]
    file = tmp_path / "moves.png"
    pictures[0].save(file, save_all=True, append_images=pictures[1:], duration=200)
    before = file.read_bytes()
    done = run(file, "--animated", "--save", file)
    assert "moves.png: is the video that is read and would be overwritten" in done.stderr
    assert file.read_bytes() == before


def test_a_cut_off_video_is_reported_after_what_it_has(tmp_path: Path) -> None:
    whole = write_video(tmp_path / "whole.mkv", pan(30)).read_bytes()
    (tmp_path / "part.mkv").write_bytes(whole[: len(whole) // 2])
    done = run(tmp_path / "part.mkv", "--csv", "--every", 5)
    assert len(rows(done)) >= 2
    assert "part.mkv: ends at " in done.stderr
    assert done.exit_code == 1


@pytest.mark.parametrize("suffix", [".mp4", ".html", ".png", ".srt", ".csv", ".json"])
def test_a_start_beyond_the_end_fails_and_writes_nothing(tmp_path: Path, suffix: str) -> None:
    done = run("clip.mp4", "--start", 100, "--save", tmp_path / f"out{suffix}")
    assert done.exit_code == 1
    assert done.stderr == "failed: clip.mp4: starts at 100 s, the video ends at 1.0 s.\n"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["clip.mp4", "--boxes", "faces.csv"], "--boxes, --crops and --out are for photos only"),
        (["mixed/sub/photo.png", "--every", "2"], "--every, --start and --end are for videos"),
        ([], "name photos, folders or videos, or give --camera alone"),
        (["clip.mp4", "--camera", "0"], "name photos, folders or videos, or give --camera alone"),
    ],
)
def test_options_that_contradict_each_other(words: list[str], message: str) -> None:
    done = run(*words)
    assert done.exit_code == 2
    assert message in " ".join(done.stderr.replace("│", " ").split())


def test_files_that_cannot_be_meant() -> None:
    done = run("clip.mp4", "--save", "clip.mp4")
    assert "clip.mp4: is the video that is read and would be overwritten" in done.stderr
    assert done.exit_code == 1
    assert "unknown ending '.gif'; for a video" in run("clip.mp4", "--save", "out.gif").stderr
    done = run("clip.mp4", "mixed/a.mov", "--save", "out.mp4")
    assert isinstance(done.exception, InputError)
    assert str(done.exception) == "out.mp4: is one file, but there are 2 photos and videos; name a folder."


def test_a_camera_that_vanishes_leaves_its_records(tmp_path: Path) -> None:
    def film(show: Send) -> None:
        for image in pan(10):
            show(image)
            time.sleep(0.02)

    with network_camera(film) as address:
        done = run("--camera", address, "--json", "--save", tmp_path / "out.mp4")
    found = json.loads(done.stdout)
    assert found[-1]["frame"] == 9
    assert {frame["source"] for frame in found} == {address}
    assert done.stderr == f"failed: {address}: gives no more pictures after frame 9; is it still connected?\n"
    assert done.exit_code == 1
    assert len(list(VideoReader(tmp_path / "out.mp4"))) == len(found)


def test_a_finished_video_at_an_address_is_read_whole(files: Path) -> None:
    done = run("--camera", files / "clip.mp4", "--csv")  # OpenCV opens files as it opens addresses
    assert [row["frame"] for row in rows(done)] == [str(index) for index in range(10)]
    assert (done.exit_code, done.stderr) == (0, "")


def test_progress_without_an_end(files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")  # rich takes standard error for a terminal
    done = run("--camera", files / "clip.mp4", "--end", "inf")
    assert done.exit_code == 0, done.output
    assert "clip.mp4 0.9 s: happy" in done.stderr


@pytest.mark.parametrize("kind", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_ctrl_c_ends_a_camera_with_all_results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: int) -> None:
    if kind != signal.SIGINT:
        monkeypatch.setattr(signal, "getsignal", lambda _: signal.SIG_DFL)  # tests may run where it is ignored
    before = signal.signal(kind, signal.SIG_IGN)

    def endless(self: CameraReader) -> Iterator[Frame]:
        for index in range(1000):
            if index == 3:
                os.kill(os.getpid(), kind)
            yield Frame(index=index, time_s=index / 10, image=np.asarray(astronaut()))

    monkeypatch.setattr(CameraReader, "__iter__", endless)
    done = run("--camera", 0, "--csv", "--save", tmp_path / "out.srt")
    assert done.exit_code == 0, done.output
    assert [(row["source"], row["frame"]) for row in rows(done)] == [("camera 0", str(index)) for index in range(3)]
    assert "stopping" in done.stderr
    assert (tmp_path / "out.srt").read_text().startswith("1\n00:00:00,000 --> 00:00:00,200\nhappy")
    assert signal.signal(kind, before) is signal.SIG_IGN


def test_a_video_that_is_named_twice_is_told_twice() -> None:
    lines = run("clip.mp4", "clip.mp4").stdout.splitlines()
    assert lines == 2 * run("clip.mp4").stdout.splitlines()


@pytest.mark.parametrize("path", ["live", "cam/realmonitor?channel=1&subtype=0"])  # the second has a pattern's sign
def test_an_address_that_is_no_camera_is_refused_without_its_password(path: str) -> None:
    done = run(f"rtsp://user:secret@127.0.0.1/{path}")
    assert done.exit_code == 2 and "--camera" in done.stderr and "secret" not in done.output


def test_a_camera_needs_a_number_or_an_address(monkeypatch: pytest.MonkeyPatch) -> None:
    done = run("--camera", " ")
    assert done.exit_code == 2 and "--camera is empty" in done.stderr
    monkeypatch.setattr(CameraReader, "__iter__", lambda self: iter([Frame(index=0, time_s=0, image=astronaut())]))
    assert run("--camera", " 0").stdout.startswith("camera 0  1 frame")


def test_a_video_that_fails_is_no_photo_that_failed(tmp_path: Path) -> None:
    for name in ("a.png", "b.png"):
        Image.fromarray(astronaut()).save(tmp_path / name)
    (tmp_path / "broken.mp4").write_bytes(b"not a video")
    done = run(tmp_path)
    assert done.exit_code == 1
    summary, failure = done.stderr.splitlines()
    assert summary.endswith("0 without a face, 0 failed") and failure.startswith(f"failed: {tmp_path}/broken.mp4: ")


def test_frames_are_read_one_after_the_other() -> None:
    done = run("clip.mp4", "--workers", 2)
    assert done.exit_code == 2 and "--workers is for photos" in done.stderr


def test_names_that_are_too_long_are_told() -> None:
    done = run("clip.mp4", "--save", "n" * 300 + ".html")
    assert done.exit_code == 1 and "nnn.html: cannot be written (File name too long)" in done.stderr
    assert run(f"rtsp://{'n' * 300}/live").exit_code == 2


def test_ctrl_c_in_a_video_is_no_success(monkeypatch: pytest.MonkeyPatch) -> None:
    read = VideoReader.__iter__

    def interrupted(self: VideoReader) -> Iterator[Frame]:
        for frame in read(self):
            if frame.index == 3:
                os.kill(os.getpid(), signal.SIGINT)
            yield frame

    monkeypatch.setattr(VideoReader, "__iter__", interrupted)
    done = run("clip.mp4", "mixed/a.mov", "mixed/sub/photo.png", "--csv")
    assert {row["source"] for row in rows(done)} == {"clip.mp4"}
    assert "failed: clip.mp4: stopped; the results so far are complete." in done.stderr
    assert "failed: mixed/a.mov: not read, because reading was stopped.\n" in done.stderr
    assert "failed: mixed/sub/photo.png: not read, because reading was stopped.\n" in done.stderr
    assert done.exit_code == 1


def test_a_reader_that_leaves_stops_as_ctrl_c_does(tmp_path: Path) -> None:
    long = write_video(tmp_path / "long.mp4", pan(10) * 40)  # more rows than a pipe holds
    words = ["analyze", long, "--csv", "--save", tmp_path / "out.mp4", "--model", "tiny"]
    command = [sys.executable, "-c", "from mien.cli import main; main()", *map(str, words)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline().startswith("source,frame,")
        process.stdout.close()
        said = process.stderr.read()
    assert process.returncode == 1
    assert said == f"failed: {long}: stopped; the results so far are complete.\n"
    assert 0 < len(list(VideoReader(tmp_path / "out.mp4"))) < 400


def test_a_terminal_that_is_closed_leaves_a_whole_video(tmp_path: Path, files: Path) -> None:
    write_video(tmp_path / "long.mp4", pan(10) * 40)
    words = ["analyze", "long.mp4", "--save", "out.mp4", "--model", files / "tiny"]
    heard = "import signal; signal.signal(signal.SIGHUP, signal.SIG_DFL)"  # tests may run where it is ignored
    command = [sys.executable, "-c", f"{heard}; from mien.cli import main; main()", *map(str, words)]
    keyboard, screen = pty.openpty()
    with subprocess.Popen(command, cwd=tmp_path, stdin=screen, stdout=screen, stderr=screen) as process:
        os.close(screen)
        seen = b""
        while b"happy" not in seen:  # the progress
            seen += os.read(keyboard, 1000)
        os.close(keyboard)
        process.send_signal(signal.SIGHUP)
        time.sleep(0.05)
        process.send_signal(signal.SIGHUP)  # of the shell, which ends too
    assert process.returncode in (1, -signal.SIGHUP)  # the second one may come when all is written
    assert 0 < len(list(VideoReader(tmp_path / "out.mp4"))) < 400


def test_ctrl_c_among_photos_stops_and_names_what_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recognize, to_come = Analyzer.recognize, [signal.SIGINT]

    def interrupted(self: Analyzer, photos: Sequence[Cropped]) -> Iterator[Analysis]:
        for analysis in recognize(self, photos):
            while to_come:
                os.kill(os.getpid(), to_come.pop())
            yield analysis

    monkeypatch.setattr(Analyzer, "recognize", interrupted)
    for name in "abc":
        Image.fromarray(astronaut()).save(tmp_path / f"{name}.png")
    done = run(tmp_path, "clip.mp4", tmp_path / "a.png", "--json", "--save", tmp_path / "out")
    assert [Path(photo["source"]).name for photo in json.loads(done.stdout)] == ["a.png"]
    assert "4 photos: 1 face, 0 without a face, 3 failed\n" in done.stderr
    left = f"{tmp_path / 'b.png'}, {tmp_path / 'c.png'}, clip.mp4 and 1 more"
    assert done.stderr.endswith(f"failed: 4 photos: not read, because reading was stopped. They are {left}.\n")
    assert done.exit_code == 1
    assert [file.name for file in (tmp_path / "out").rglob("*.*")] == ["a.png"]


def test_ctrl_c_leaves_json_of_the_photos_so_far(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recognize = Analyzer.recognize

    def interrupted(self: Analyzer, photos: Sequence[Cropped]) -> Iterator[Analysis]:
        yield from recognize(self, photos)
        os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(Analyzer, "recognize", interrupted)
    monkeypatch.setattr("mien.analysis.MOST_WAITING", 1)
    for name in "abc":
        Image.fromarray(astronaut()).save(tmp_path / f"{name}.png")
    done = run(tmp_path, "--json")
    assert 1 <= len(json.loads(done.stdout)) < 3
    assert f"{tmp_path / 'c.png'}: not read, because reading was stopped.\n" in done.stderr
    assert done.exit_code == 1


def test_a_camera_ends_at_the_time_wanted() -> None:
    def film(show: Send) -> None:
        for _ in range(60):
            show(astronaut())
            time.sleep(0.05)

    with network_camera(film) as address:
        done = run("--camera", address, "--csv", "--end", 0.4)
    assert done.exit_code == 0 and done.stderr == ""
    assert 0 <= max(float(row["time_s"]) for row in rows(done)) < 0.4
