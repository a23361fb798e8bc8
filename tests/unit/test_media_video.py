"""Reading and writing video files."""

from __future__ import annotations

import gc
import resource
import sys
from contextlib import closing
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.sidedata.sidedata import SideDataContainer
from drawn_video import astronaut, pan, write_video
from PIL import Image

from mien.errors import InputError
from mien.media import video, video_writer
from mien.media.animation import AnimationReader
from mien.media.frames import Frame
from mien.media.length import end_of_picture
from mien.media.scene import SceneCuts
from mien.media.video import VideoReader
from mien.media.video_writer import VideoWriter


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two seconds, 20 frames, with sound."""
    file = tmp_path_factory.mktemp("clips") / "clip.mp4"
    return write_video(file, pan(20), sound_codec="aac", seconds_of_sound=2)


def difference(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.abs(a.astype(int) - b).mean())


def test_frames_come_in_order_with_their_times(clip: Path) -> None:
    reader = VideoReader(clip)
    frames = list(reader)
    assert [frame.index for frame in frames] == list(range(20))
    assert [frame.time_s for frame in frames] == pytest.approx([index / 10 for index in range(20)])
    assert (reader.frame_rate, reader.duration_s, reader.has_sound, reader.cut_off) == (10, 2, True, None)
    assert all(difference(frame.image, image) < 6 for frame, image in zip(frames, pan(20), strict=True))
    assert reader.seen_s == pytest.approx(2)


def test_stride_and_range(clip: Path) -> None:
    assert [frame.index for frame in VideoReader(clip, every=7)] == [0, 7, 14]
    assert [frame.index for frame in VideoReader(clip, start_s=0.5, end_s=0.9)] == [5, 6, 7, 8]
    assert [frame.index for frame in VideoReader(clip, start_s=0.5, end_s=0.9, every=2)] == [6, 8]


def test_a_range_begins_and_ends_at_a_frame_however_its_time_is_rounded(tmp_path: Path) -> None:
    file = write_video(tmp_path / "clip.ts", pan(6))
    assert [frame.index for frame in VideoReader(file, start_s=0.4)] == [4, 5]
    assert [frame.index for frame in VideoReader(file, end_s=0.4)] == [0, 1, 2, 3]
    times_s = [frame.time_s for frame in VideoReader(file)]
    assert times_s[4] < 0.4
    assert [next(iter(VideoReader(file, start_s=time_s))).index for time_s in times_s] == list(range(6))


def test_a_variable_frame_rate_keeps_its_times(tmp_path: Path) -> None:
    times_s = [0.0, 0.04, 0.5, 0.54, 2.0]
    file = write_video(tmp_path / "variable.mp4", [astronaut()] * 5, times_s=times_s)
    frames = list(VideoReader(file))
    assert [frame.time_s for frame in frames] == pytest.approx(times_s, abs=0.002)
    assert [frame.index for frame in VideoReader(file, start_s=0.3, end_s=1)] == [2, 3]
    with VideoWriter(tmp_path / "copy.mp4") as writer:
        for frame in frames:
            writer.write(frame)
    assert [frame.time_s for frame in VideoReader(tmp_path / "copy.mp4")] == pytest.approx(times_s, abs=0.002)


def test_time_begins_with_the_video(tmp_path: Path) -> None:
    file = write_video(tmp_path / "late.ts", pan(3), times_s=[5.0, 5.1, 5.2])
    assert [frame.time_s for frame in VideoReader(file)] == pytest.approx([0, 0.1, 0.2], abs=0.002)


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("degrees", [0, 90, 180, -90])
def test_frames_are_turned_upright(tmp_path: Path, degrees: int, mirrored: bool) -> None:
    expected = astronaut()[:192]
    lying = np.ascontiguousarray(np.rot90(expected[:, ::-1] if mirrored else expected, -degrees // 90))
    file = write_video(tmp_path / "turned.mp4", [lying], rotation_deg=degrees, mirrored=mirrored)
    (frame,) = VideoReader(file)
    assert frame.image.shape == (192, 256, 3)
    assert difference(frame.image, expected) < 6


@pytest.mark.parametrize(("aspect", "degrees"), [(2, 0), (2, 90), (Fraction(1, 2), 0)])
def test_pixels_become_square(tmp_path: Path, aspect: Fraction, degrees: int) -> None:
    expected = np.repeat(np.repeat(astronaut()[::4, ::4], 4, axis=0), 4, axis=1)
    lying = np.rot90(expected, -degrees // 90)
    stored = lying[:, ::2] if aspect == 2 else np.repeat(lying, 2, axis=1)
    file = write_video(
        tmp_path / "in.mp4", [np.ascontiguousarray(stored)], rotation_deg=degrees, pixel_aspect=Fraction(aspect)
    )
    (frame,) = VideoReader(file)
    assert frame.image.shape == (256, 256, 3)
    assert difference(frame.image, expected) < 12
    with VideoWriter(tmp_path / "out.mp4") as writer:
        writer.write(frame)
    (again,) = VideoReader(tmp_path / "out.mp4")
    assert again.image.shape == (256, 256, 3)


def test_frames_that_were_read_do_not_wait_in_cycles(clip: Path) -> None:
    list(VideoReader(clip))  # imports PyAV
    gc.collect()
    gc.disable()
    try:
        frames = list(VideoReader(clip))
        left = [each for each in gc.get_objects() if type(each) is SideDataContainer]
    finally:
        gc.enable()
    assert len(left) <= 1 < len(frames)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the system does not list files and threads")
@pytest.mark.parametrize("options", [{}, {"start_s": 1.0}])
def test_a_reader_that_is_closed_holds_no_file_and_no_thread(tmp_path: Path, options: dict[str, float]) -> None:
    def held() -> tuple[bool, int]:
        files = [each.readlink() for each in Path("/proc/self/fd").iterdir() if each.is_symlink()]
        return file in files, len(list(Path("/proc/self/task").iterdir()))

    file = write_video(tmp_path / "clip.mp4", pan(20))
    list(VideoReader(file, **options))
    gc.collect()
    gc.disable()
    try:
        before = held()
        with closing(iter(VideoReader(file, **options))) as frames:
            next(frames)
            assert held()[0]
        assert held() == before == (False, before[1])
    finally:
        gc.enable()


def test_a_frame_whose_colours_cannot_be_converted_ends_a_video(clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    convert, left = video.as_shown, iter(range(3))

    def as_shown(frame: av.VideoFrame, aspect: Fraction, mirrored: dict[int, bool]) -> np.ndarray:
        if next(left, None) is None:
            raise ValueError("unknown colours")
        return convert(frame, aspect, mirrored)

    monkeypatch.setattr(video, "as_shown", as_shown)
    reader = VideoReader(clip)
    assert [frame.index for frame in reader] == [0, 1, 2]
    assert reader.cut_off == "the colours of frame 3 cannot be converted (unknown colours)"
    with pytest.raises(InputError, match=r"clip\.mp4: no frame can be read; the colours of frame 0 cannot be"):
        list(VideoReader(clip))


def test_a_video_that_is_cut_off_gives_what_it_has(tmp_path: Path) -> None:
    whole = write_video(tmp_path / "whole.mkv", pan(40))
    part = tmp_path / "part.mkv"
    part.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    reader = VideoReader(part)
    assert 5 <= len(list(reader)) < 35
    assert reader.cut_off is not None
    assert reader.cut_off.startswith("ends at ")
    assert reader.cut_off.endswith(" s of 4.0 s")


@pytest.mark.parametrize(("name", "codec"), [("a.mkv", "libx264"), ("a.webm", "libvpx"), ("a.flv", "flv")])
def test_a_short_video_that_is_cut_off_says_so(tmp_path: Path, name: str, codec: str) -> None:
    whole = write_video(tmp_path / name, pan(30), rate=25, codec=codec)
    reader = VideoReader(whole)
    assert (len(list(reader)), reader.cut_off) == (30, None)
    data = whole.read_bytes()
    whole.write_bytes(data[: len(data) * 3 // 4])
    reader = VideoReader(whole)
    assert 5 <= len(list(reader)) < 25
    assert str(reader.cut_off).endswith(" s of 1.2 s")


@pytest.mark.parametrize("name", ["a.mkv", "a.webm"])
def test_a_video_that_is_cut_off_under_longer_sound_says_so(tmp_path: Path, name: str) -> None:
    sound = {"sound_codec": "libopus", "seconds_of_sound": 6.0}
    whole = write_video(tmp_path / name, pan(60), rate=20, codec="libvpx" if name == "a.webm" else "libx264", **sound)
    reader = VideoReader(whole)
    assert (len(list(reader)), reader.cut_off, reader.has_sound) == (60, None, True)
    data = whole.read_bytes()
    whole.write_bytes(data[: len(data) // 3])
    reader = VideoReader(whole)
    assert 5 <= len(list(reader)) < 50
    assert str(reader.cut_off).endswith(" s of 3.0 s")


@pytest.mark.parametrize("codec", ["libx264", "flv"])
def test_whole_videos_that_state_no_last_length_are_not_cut_off(tmp_path: Path, codec: str) -> None:
    for frames, rate in ((1, 10), (3, 10), (12, 25), (30, 10)):
        reader = VideoReader(write_video(tmp_path / "a.flv", pan(frames), rate=rate, codec=codec))
        assert (len(list(reader)), reader.cut_off) == (frames, None)


def with_head_first(file: Path, whole: Path) -> Path:
    """Copy a video into an mp4 that can be read where its end is missing."""
    with av.open(whole) as source, av.open(file, "w", options={"movflags": "+faststart"}) as out:
        stream = out.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.size:
                packet.stream = stream
                out.mux(packet)
    return file


@pytest.mark.parametrize(
    ("name", "codec", "tells_a_cut"),
    [
        ("a.mkv", "libx264", True),
        ("a.webm", "libvpx", True),
        ("a.flv", "flv", True),
        ("a.mp4", "libx264", True),
        ("a.mov", "libx264", False),  # its head is its end
        ("a.ts", "libx264", False),
        ("a.wmv", "wmv2", False),
    ],
)
def test_time_stamps_that_begin_late_are_no_length(tmp_path: Path, name: str, codec: str, tells_a_cut: bool) -> None:
    times_s = [10 + index / 10 for index in range(30)]
    whole = write_video(tmp_path / name, pan(30), times_s=times_s, codec=codec)
    whole = with_head_first(tmp_path / "head-first.mp4", whole) if name == "a.mp4" else whole
    reader = VideoReader(whole)
    frames = list(reader)
    assert (len(frames), reader.cut_off, reader.duration_s) == (30, None, pytest.approx(3, abs=0.2))
    assert (frames[0].time_s, frames[-1].time_s) == (0, pytest.approx(2.9, abs=0.002))
    if tells_a_cut:
        data = whole.read_bytes()
        whole.write_bytes(data[: len(data) // 2])
        reader = VideoReader(whole)
        assert 3 <= len(list(reader)) < 25
        assert str(reader.cut_off).startswith("ends at ") and " s of 3.0 s" in str(reader.cut_off)


def test_damaged_frames_are_left_out_and_counted(tmp_path: Path) -> None:
    data = bytearray(write_video(tmp_path / "whole.mkv", pan(40)).read_bytes())
    middle = len(data) // 2
    data[middle : middle + 6000] = bytes(6000)
    damaged = tmp_path / "damaged.mkv"
    damaged.write_bytes(data)
    reader = VideoReader(damaged)
    indexes = [frame.index for frame in reader]
    assert len(indexes) >= 15
    assert reader.cut_off is not None


def test_a_video_without_a_frame(tmp_path: Path) -> None:
    data = bytearray(write_video(tmp_path / "whole.mp4", pan(4)).read_bytes())
    begin, end = data.index(b"mdat") + 4, data.index(b"moov") - 4
    data[begin:end] = bytes(end - begin)  # the head says where frames are, but nothing is there
    (tmp_path / "blank.mp4").write_bytes(data)
    with pytest.raises(
        InputError, match=r"blank\.mp4: no frame can be decoded; frames that are damaged and left out: 4"
    ):
        list(VideoReader(tmp_path / "blank.mp4"))


def encode(path: Path, images: list[np.ndarray], codec: str, pix_fmt: str = "yuv420p", **options: str) -> Path:
    """Ten frames a second, as `write_video`, in any codec."""
    with av.open(path, "w") as out:
        video = out.add_stream(codec, rate=10, options={"threads": "1"} | options)
        video.height, video.width, video.pix_fmt = *images[0].shape[:2], pix_fmt
        for index, image in enumerate(images):
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            frame.pts, frame.time_base = index, Fraction(1, 10)
            out.mux(video.encode(frame))
        out.mux(video.encode(None))
    return path


@pytest.fixture(scope="module")
def seekable(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Clips of 30 frames in which decoding can begin at several frames, or, the last two, only seems to."""
    folder, images = tmp_path_factory.mktemp("seekable"), [image[:128, :128].copy() for image in pan(30)]
    times_s = list(np.cumsum([0.04, 0.3, 0.1] * 10) - 0.04)
    open_gop = {"x264-params": "open-gop=1:keyint=6:bframes=2:scenecut=0:b-adapt=0"}
    return {
        "keyframes": write_video(folder / "keyframes.mkv", images),
        "variable rate": write_video(folder / "variable.mp4", images, times_s=times_s),
        "turned": write_video(folder / "turned.mp4", [np.rot90(image).copy() for image in images], rotation_deg=-90),
        "late": write_video(folder / "late.ts", images, times_s=[7 + index / 10 for index in range(30)]),
        "open groups": encode(folder / "open.mp4", images, "libx264", **open_gop),
        "hevc": encode(folder / "hevc.mp4", images, "libx265", **{"x265-params": "keyint=6:log-level=none"}),
        "keyframes only": encode(folder / "only.avi", images, "mjpeg", "yuvj420p"),
        "renewed bit by bit": encode(folder / "renewed.mp4", images, "libx264", **{"intra-refresh": "1", "g": "10"}),
        "not countable": encode(folder / "mpeg4.avi", images, "mpeg4", g="5"),
    }


SEEKABLE = ("keyframes", "variable rate", "turned", "late", "open groups", "hevc", "keyframes only")


@pytest.mark.parametrize("kind", [*SEEKABLE, "renewed bit by bit", "not countable"])
def test_frames_from_a_start_are_those_of_the_whole(seekable: dict[str, Path], kind: str) -> None:
    frames = list(VideoReader(seekable[kind]))
    assert len(frames) == 30
    for start_s in (frames[1].time_s, frames[14].time_s - 0.001, frames[21].time_s):
        reader = VideoReader(seekable[kind], start_s=start_s)
        found, expected = list(reader), [frame for frame in frames if frame.time_s >= start_s]
        assert [(frame.index, frame.time_s) for frame in found] == [(frame.index, frame.time_s) for frame in expected]
        assert all((one.image == other.image).all() for one, other in zip(found, expected, strict=True))
        assert reader.cut_off is None
    with pytest.raises(InputError, match="starts at 60 s, the video ends at "):
        list(VideoReader(seekable[kind], start_s=60))


@pytest.mark.parametrize("kind", SEEKABLE)
def test_what_comes_before_the_start_is_not_decoded(seekable: dict[str, Path], kind: str) -> None:
    reader = VideoReader(seekable[kind], start_s=list(VideoReader(seekable[kind]))[21].time_s)
    first = next(frame for _, frame in reader._indexed())
    whole = [frame.pts for _, frame in VideoReader(seekable[kind])._indexed()]
    assert whole.index(first.pts) in range(15, 22)
    assert first.key_frame


def test_frames_that_avi_times_in_another_order_are_not_stretched(tmp_path: Path) -> None:
    times = [frame.time_s for frame in VideoReader(write_video(tmp_path / "reordered.avi", pan(20)))]
    assert times == sorted(times) and times[-1] < 2


def test_time_that_begins_anew_goes_on(tmp_path: Path) -> None:
    part = write_video(tmp_path / "part.ts", pan(20), sound_codec="aac", seconds_of_sound=2).read_bytes()
    (tmp_path / "twice.ts").write_bytes(part + part)
    reader = VideoReader(tmp_path / "twice.ts")
    frames = list(reader)
    assert [frame.time_s for frame in frames] == pytest.approx([index / 10 for index in range(40)], abs=0.03)
    late = VideoReader(tmp_path / "twice.ts", start_s=1.25)
    assert [(frame.index, frame.time_s) for frame in late] == [(frame.index, frame.time_s) for frame in frames[13:]]
    with VideoWriter(tmp_path / "out.mp4", reader) as writer:
        for frame in frames:
            writer.write(frame)
    written = VideoReader(tmp_path / "out.mp4")
    assert [frame.time_s for frame in written] == pytest.approx([frame.time_s for frame in frames], abs=0.03)
    assert len(sound_of(tmp_path / "out.mp4")[2]) / 48000 == pytest.approx(4, abs=0.15)


@pytest.mark.parametrize(
    ("name", "codec", "pix_fmt"),
    [
        ("odd.mkv", "ffv1", "yuv420p"),
        ("grey.mkv", "ffv1", "gray"),
        ("grey-16.mkv", "ffv1", "gray16le"),
        ("ten-bit.mp4", "libx264", "yuv420p10le"),
        ("prores.mov", "prores_ks", "yuv422p10le"),
        ("odd.webm", "libvpx-vp9", "yuv420p"),
        ("odd.avi", "mjpeg", "yuvj420p"),
    ],
)
def test_odd_sizes_and_deep_colours(tmp_path: Path, name: str, codec: str, pix_fmt: str) -> None:
    odd = not codec.startswith(("libx264", "prores"))
    image = np.ascontiguousarray(astronaut()[:241, :201] if odd else astronaut())
    expected = np.repeat(image.mean(axis=2, keepdims=True), 3, axis=2) if "grey" in name else image
    (frame,) = VideoReader(encode(tmp_path / name, [image], codec, pix_fmt))
    assert frame.image.shape == image.shape
    assert difference(frame.image, expected) < 12


def test_a_picture_named_like_a_video_has_one_frame(tmp_path: Path) -> None:
    Image.fromarray(astronaut()).save(tmp_path / "photo.mp4", "JPEG", quality=95)
    (frame,) = VideoReader(tmp_path / "photo.mp4")
    assert difference(frame.image, astronaut()) < 6


def test_a_last_frame_that_is_shown_for_long_is_no_early_end(tmp_path: Path) -> None:
    pictures = [Image.new("L", (16, 16), grey) for grey in (0, 100, 200)]
    pictures[0].save(tmp_path / "a.gif", save_all=True, append_images=pictures[1:], duration=[100, 100, 5000])
    reader = VideoReader(tmp_path / "a.gif")
    assert [frame.time_s for frame in reader] == pytest.approx([0, 0.1, 0.2])
    assert (reader.duration_s, reader.cut_off) == (pytest.approx(5.2), None)


def test_names_are_files_and_no_addresses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_video(tmp_path / "clip.mp4", pan(3)).rename("12:30.mp4")
    assert len(list(VideoReader("12:30.mp4"))) == 3
    Path("list.m3u8").write_text("#EXTM3U\n#EXTINF:1,\nhttp://127.0.0.1:9/a.ts\n#EXT-X-ENDLIST\n")
    with pytest.raises(InputError, match=r"list\.m3u8: cannot be read as a video"):
        VideoReader("list.m3u8")
    with pytest.raises(InputError, match="cannot be opened: File name too long"):
        VideoReader("n" * 300 + ".mp4")


def test_large_frames_are_refused(clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mien.media.video.MAX_FRAME_PIXELS", 60_000)
    with pytest.raises(InputError, match=r"clip\.mp4: frames of 256 x 256 px; at most 0\.06 megapixels are read"):
        VideoReader(clip)
    monkeypatch.setattr("mien.media.video.MAX_FRAME_PIXELS", 70_000)
    assert len(list(VideoReader(clip))) == 20
    wide = write_video(clip.with_name("wide.mp4"), pan(1), pixel_aspect=Fraction(2))
    with pytest.raises(InputError, match=r"wide\.mp4: frames of 512 x 256 px; at most 0\.07 megapixels are read"):
        VideoReader(wide)


def test_a_range_without_a_frame_is_refused(clip: Path) -> None:
    with pytest.raises(InputError, match=r"clip\.mp4: starts at 100 s, the video ends at 2\.0 s\.$"):
        list(VideoReader(clip, start_s=100))
    with pytest.raises(InputError, match=r"clip\.mp4: starts at 2 s, the video ends at 2\.0 s\.$"):
        list(VideoReader(clip, start_s=2, end_s=3))
    message = r"clip\.mp4: no frame lies between 0\.51 s and 0\.59 s; choose a longer range"
    with pytest.raises(InputError, match=message):
        list(VideoReader(clip, start_s=0.51, end_s=0.59))
    message = r"clip\.mp4: no frame of those taken every 30 frames lies between 0\.5 s and the end"
    with pytest.raises(InputError, match=message):
        list(VideoReader(clip, start_s=0.5, every=30))


def test_what_is_no_video_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty.mp4").touch()
    with pytest.raises(InputError, match=r"empty\.mp4: is empty, 0 bytes"):
        VideoReader(tmp_path / "empty.mp4")
    (tmp_path / "text.mp4").write_text("no video" * 100)
    with pytest.raises(
        InputError,
        match=r"text\.mp4: cannot be read as a video: Invalid data .*; is it another kind of file, or cut off",
    ):
        VideoReader(tmp_path / "text.mp4")
    with pytest.raises(InputError, match=r"missing\.mp4: no such file"):
        VideoReader(tmp_path / "missing.mp4")
    with pytest.raises(InputError, match="is a folder, not a file"):
        VideoReader(tmp_path)


@pytest.mark.parametrize("cover", [False, True])
def test_sound_alone_is_no_video(tmp_path: Path, cover: bool) -> None:
    with av.open(tmp_path / "sound.mp4", "w") as out:
        sound = out.add_stream("aac", rate=48000)
        if cover:
            picture = out.add_stream("mjpeg", rate=1)
            picture.width, picture.height, picture.pix_fmt = 256, 256, "yuvj420p"
            picture.disposition = av.stream.Disposition.attached_pic
            out.mux(picture.encode(av.VideoFrame.from_ndarray(astronaut(), format="rgb24")))
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 4800), np.float32), format="fltp", layout="mono")
        frame.sample_rate, frame.pts = 48000, 0
        out.mux(sound.encode(frame))
        out.mux(sound.encode(None))
    with pytest.raises(InputError, match=r"sound\.mp4: holds no video, only: audio"):
        VideoReader(tmp_path / "sound.mp4")


@pytest.mark.parametrize("suffix", [".avi", ".mkv"])
def test_a_title_in_another_encoding_is_no_obstacle(tmp_path: Path, suffix: str) -> None:
    file = tmp_path / f"title{suffix}"
    with av.open(file, "w") as out:
        out.metadata["title"] = "Le caf~"
        stream = out.add_stream("mpeg4", rate=10)
        stream.metadata["title"] = "Le caf~"
        stream.width, stream.height, stream.pix_fmt = 256, 256, "yuv420p"
        for image in pan(3):
            out.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        out.mux(stream.encode(None))
    written = file.read_bytes()
    assert b"caf~" in written
    file.write_bytes(written.replace(b"caf~", b"caf\xe9"))
    assert len(list(VideoReader(file))) == 3


def test_an_unknown_codec_is_named(tmp_path: Path) -> None:
    data = encode(tmp_path / "clip.avi", [astronaut()], "mjpeg", "yuvj420p").read_bytes()
    (tmp_path / "odd.avi").write_bytes(data.replace(b"MJPG", b"\0JPG"))
    with pytest.raises(InputError, match=r"odd\.avi: its codec is unknown"):
        VideoReader(tmp_path / "odd.avi")


def test_impossible_parts_are_refused(clip: Path) -> None:
    with pytest.raises(InputError, match="every 0; expected a whole number, 1 or more"):
        VideoReader(clip, every=0)
    with pytest.raises(InputError, match=r"the range 2\.0 s to 1\.0 s is empty"):
        VideoReader(clip, start_s=2.0, end_s=1.0)


def test_without_pyav_the_message_says_what_to_install(clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(InputError, match=r"needs PyAV, which is not installed: pip install '\.\[video\]' in a clone"):
        VideoReader(clip)


def sound_of(file: Path) -> tuple[str, float, np.ndarray]:
    """Codec, time of the first sample, and samples."""
    with av.open(file) as container:
        frames = list(container.decode(audio=0))
        samples = np.concatenate([frame.to_ndarray()[0] for frame in frames])
        return container.streams.audio[0].codec_context.name, frames[0].time, samples


@pytest.mark.parametrize(("suffix", "codec"), [(".mp4", "aac"), (".mkv", "pcm_s16le")])
def test_sound_is_kept(tmp_path: Path, suffix: str, codec: str) -> None:
    reader = VideoReader(
        write_video(tmp_path / f"in{suffix}", pan(20), sound_codec=codec, seconds_of_sound=2), start_s=0.5, end_s=1.5
    )
    with VideoWriter(tmp_path / "new" / "out.mp4", reader) as writer:
        for frame in reader:
            writer.write(frame)
    copy = VideoReader(tmp_path / "new" / "out.mp4")
    assert [frame.time_s for frame in copy] == pytest.approx([index / 10 for index in range(10)], abs=0.002)
    found, begin_s, samples = sound_of(tmp_path / "new" / "out.mp4")
    assert found == "aac"
    assert begin_s == pytest.approx(0, abs=0.03)
    assert len(samples) / 48000 == pytest.approx(1.0, abs=0.06)
    spectrum = np.abs(np.fft.rfft(samples[4800:43200]))
    assert np.argmax(spectrum) * 48000 / 38400 == pytest.approx(440, abs=2)


@pytest.mark.parametrize(
    ("suffix", "codec", "rate", "written"),
    [
        (".avi", "pcm_s16le", 11_024, ("aac", 11_025)),
        (".mkv", "pcm_s16le", 192_000, ("aac", 96_000)),
        (".avi", "libmp3lame", 11_025, ("aac", 11_025)),
        (".avi", "libmp3lame", 44_100, ("mp3float", 44_100)),
    ],
)
def test_sound_that_mp4_does_not_take_becomes_aac(
    tmp_path: Path, suffix: str, codec: str, rate: int, written: tuple[str, int]
) -> None:
    file = tmp_path / f"in{suffix}"
    write_video(file, pan(20), codec="mpeg4", sound_codec=codec, seconds_of_sound=2, sound_rate=rate)
    reader = VideoReader(file)
    with VideoWriter(tmp_path / "out.mp4", reader) as writer:
        for frame in reader:
            writer.write(frame)
    with av.open(tmp_path / "out.mp4") as container:
        sound = container.streams.audio[0]
        assert (sound.codec_context.name, sound.rate) == written
    samples = sound_of(tmp_path / "out.mp4")[2][: 2 * written[1]]
    assert len(samples) / written[1] == pytest.approx(2, abs=0.2)
    spectrum = np.abs(np.fft.rfft(samples[written[1] // 2 : 3 * written[1] // 2]))
    assert np.argmax(spectrum) == pytest.approx(440, abs=2)


@pytest.mark.parametrize("rate", [8_000, 48_000])
def test_sound_that_becomes_aac_ends_with_a_part(tmp_path: Path, rate: int) -> None:
    file = tmp_path / "in.avi"
    write_video(file, pan(30), codec="mpeg4", sound_codec="pcm_s16le", seconds_of_sound=3, sound_rate=rate)
    reader = VideoReader(file, start_s=1, end_s=2, every=10)
    with VideoWriter(tmp_path / "out.mp4", reader) as writer:
        for frame in reader:
            writer.write(frame)
    packet_s = 1024 / rate  # the last one may go on behind the picture
    assert 1 <= len(sound_of(tmp_path / "out.mp4")[2]) / rate <= 1 + packet_s


def test_sound_of_an_unknown_codec_is_left_out(clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(video_writer, "_is_known", lambda _: False)
    reader = VideoReader(clip)
    with VideoWriter(tmp_path / "out.mp4", reader) as writer:
        for frame in reader:
            writer.write(frame)
    copy = VideoReader(tmp_path / "out.mp4")
    assert not copy.has_sound and len(list(copy)) == 20


RED_AND_GREEN = ((255, 0, 0), (0, 255, 0))


def red_and_green(width: int, height: int) -> np.ndarray:
    return np.repeat(np.array([RED_AND_GREEN], np.uint8), [width // 2] * 2, axis=1).repeat(height, axis=0)


@pytest.mark.parametrize(("width", "height"), [(320, 180), (1280, 720)])
def test_colours_are_written_as_the_file_states_them(tmp_path: Path, width: int, height: int) -> None:
    with VideoWriter(tmp_path / "out.mp4") as writer:
        writer.write(Frame(index=0, time_s=0.0, image=red_and_green(width, height)))
    with av.open(tmp_path / "out.mp4") as written:
        (frame,) = written.decode(video=0)
        stated = written.streams.video[0].codec_context
        assert (stated.colorspace, stated.color_primaries, stated.color_trc, stated.color_range) == (1, 1, 1, 1)
    y, u, v = np.split(frame.to_ndarray().ravel(), np.cumsum([width * height, width * height // 4]))
    # BT.709: Y = 16 + 219 * (0.2126 R + 0.7152 G + 0.0722 B), and so on
    found = [(y[0], u[0], v[0]), (y[-1], u[-1], v[-1])]
    assert np.abs(np.array(found, int) - [(63, 102, 240), (173, 42, 26)]).max() <= 1
    (again,) = VideoReader(tmp_path / "out.mp4")
    assert np.abs(again.image[0, [0, -1]].astype(int) - RED_AND_GREEN).max() <= 3


@pytest.mark.parametrize(("size", "matrix"), [((1280, 720), "ITU709"), ((720, 576), "ITU601")])
def test_colours_that_no_file_states_are_those_that_players_take(
    tmp_path: Path, size: tuple[int, int], matrix: str
) -> None:
    with av.open(tmp_path / "in.mp4", "w") as out:
        stream = out.add_stream("libx264", rate=10)
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        picture = av.VideoFrame.from_ndarray(red_and_green(*size), format="rgb24")
        out.mux(stream.encode(picture.reformat(format="yuv420p", dst_colorspace=matrix)))
        out.mux(stream.encode(None))
    with av.open(tmp_path / "in.mp4") as container:
        assert container.streams.video[0].codec_context.colorspace == 2  # unknown
    (frame,) = VideoReader(tmp_path / "in.mp4")
    assert np.abs(frame.image[0, [0, -1]].astype(int) - RED_AND_GREEN).max() <= 3


def test_odd_sides_are_written(tmp_path: Path) -> None:
    with VideoWriter(tmp_path / "odd.mp4") as writer:
        writer.write(Frame(index=0, time_s=0.0, image=np.ascontiguousarray(astronaut()[:101, :99])))
    (frame,) = VideoReader(tmp_path / "odd.mp4")
    assert frame.image.shape == (100, 98, 3)


@pytest.mark.parametrize("shape", [(1, 100, 3), (2, 16_386, 3)])
def test_frames_that_h264_does_not_take(tmp_path: Path, shape: tuple[int, int, int]) -> None:
    with (
        pytest.raises(InputError, match=r"thin\.mp4: frames of \d+ x \d px; H\.264 takes 2 to 16,384 px a side"),
        VideoWriter(tmp_path / "thin.mp4") as writer,
    ):
        writer.write(Frame(index=0, time_s=0.0, image=np.zeros(shape, np.uint8)))


def test_nothing_is_left_of_a_video_that_fails(tmp_path: Path) -> None:
    with pytest.raises(KeyError), VideoWriter(tmp_path / "out.mp4") as writer:
        writer.write(Frame(index=0, time_s=0.0, image=astronaut()))
        raise KeyError
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("frames", [1, 100])
def test_a_full_disk_is_said_and_nothing_is_left(tmp_path: Path, frames: int) -> None:
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    written = 0
    resource.setrlimit(resource.RLIMIT_FSIZE, (3000, limits[1]))
    try:
        with (
            pytest.raises(InputError, match=r"out\.mp4: cannot be written \(File too large\)\."),
            VideoWriter(tmp_path / "out.mp4") as writer,
        ):
            for written in range(1, frames + 1):
                noise = np.random.default_rng(written).integers(0, 256, (256, 256, 3), np.uint8)
                writer.write(Frame(index=written, time_s=written / 10, image=noise))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert (written == frames) == (frames == 1)  # a short one fails when it is completed, a long one on the way
    assert list(tmp_path.iterdir()) == []


def test_no_other_file_is_lost(tmp_path: Path) -> None:
    other = tmp_path / "out.part.mp4"
    other.write_text("mine")
    with VideoWriter(tmp_path / "out.mp4") as writer:
        writer.write(Frame(index=0, time_s=0.0, image=np.zeros((64, 64, 3), np.uint8)))
    assert {file.name for file in tmp_path.iterdir()} == {"out.mp4", "out.part.mp4"}
    assert other.read_text() == "mine"


def test_a_name_with_a_colon_is_no_address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with VideoWriter("12:30.mp4") as writer:
        writer.write(Frame(index=0, time_s=0.0, image=np.zeros((64, 64, 3), np.uint8)))
    assert len(list(VideoReader("12:30.mp4"))) == 1


def test_a_link_to_a_video_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "link.mp4").symlink_to(tmp_path / "disk" / "real.mp4")
    with VideoWriter(tmp_path / "link.mp4") as writer:
        writer.write(Frame(index=0, time_s=0.0, image=np.zeros((64, 64, 3), np.uint8)))
    assert (tmp_path / "link.mp4").is_symlink()
    assert len(list(VideoReader(tmp_path / "disk" / "real.mp4"))) == 1


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for place in (tmp_path / "file" / "out.mp4", tmp_path):
        with pytest.raises(InputError, match="cannot be written"):
            VideoWriter(place).__enter__()


def test_cuts_are_seen_and_pans_are_not() -> None:
    from skimage import data

    cuts = SceneCuts()
    assert not any(cuts.is_cut(image) for image in pan(5, px_per_frame=10))
    assert not cuts.is_cut((pan(5, px_per_frame=10)[4] // 2 + 20).astype(np.uint8))  # the light goes down
    assert cuts.is_cut(np.asarray(data.coffee()))
    assert cuts.is_cut(np.zeros((64, 64, 3), np.uint8))
    assert not cuts.is_cut(np.zeros((64, 64, 3), np.uint8))


def test_a_video_that_is_stopped_ends_where_it_is(clip: Path) -> None:
    seen = list[int]()
    reader = VideoReader(clip, every=1000, stopped=lambda: len(seen) > 0)
    for frame in reader:
        seen.append(frame.index)
    assert seen == [0]
    assert reader.cut_off is not None and reader.cut_off.endswith("stopped")


def test_other_formats_than_those_named_are_refused(clip: Path) -> None:
    assert len(list(VideoReader(clip, formats="mov,mp4"))) == 20
    with pytest.raises(InputError, match="cannot be read as a video"):
        VideoReader(clip, formats="avi")


def test_an_mp4_begins_where_its_part_does(tmp_path: Path) -> None:
    pictures = [Image.fromarray(image) for image in pan(8)]
    pictures[0].save(tmp_path / "moves.gif", save_all=True, append_images=pictures[1:], duration=100)
    reader = AnimationReader(tmp_path / "moves.gif", start_s=0.5)
    with VideoWriter(tmp_path / "part.mp4", reader) as writer:
        for frame in reader:
            writer.write(frame)
    assert [frame.time_s for frame in VideoReader(tmp_path / "part.mp4")] == pytest.approx([0.0, 0.1, 0.2])
    with av.open(tmp_path / "part.mp4") as written:
        assert written.streams.video[0].start_time == 0


@pytest.mark.parametrize("times_s", [[0, 2, 4], [0, 0.1, 0.2, 0.3, 2.3], [index / 4 for index in range(30)], [0]])
def test_the_last_frame_is_shown_as_long_as_the_one_before(tmp_path: Path, times_s: list[float]) -> None:
    with VideoWriter(tmp_path / "out.mp4") as writer:
        for index, (time_s, image) in enumerate(zip(times_s, pan(len(times_s)), strict=True)):
            writer.write(Frame(index=index, time_s=time_s, image=image))
    last_s = times_s[-1] - times_s[-2] if len(times_s) > 1 else 1 / 25
    assert VideoReader(tmp_path / "out.mp4").duration_s == pytest.approx(times_s[-1] + last_s, abs=0.002)
    assert [frame.time_s for frame in VideoReader(tmp_path / "out.mp4")] == pytest.approx(times_s, abs=0.002)


@pytest.mark.parametrize(("part", "length_s"), [({"every": 15}, 2), ({"every": 4, "end_s": 1.35}, 1.35), ({}, 2)])
def test_an_mp4_ends_where_its_source_does(clip: Path, tmp_path: Path, part: dict[str, float], length_s: float) -> None:
    reader = VideoReader(clip, **part)
    with VideoWriter(tmp_path / "out.mp4", reader) as writer:
        for frame in reader:
            writer.write(frame)
    with av.open(tmp_path / "out.mp4") as written:
        video = written.streams.video[0]
        assert float(video.duration * video.time_base) == pytest.approx(length_s, abs=0.002)


def test_the_end_of_a_picture_of_more_than_an_hour_with_sound(tmp_path: Path) -> None:
    sound = {"sound_codec": "libopus", "seconds_of_sound": 0.5}
    file = write_video(tmp_path / "a.webm", pan(2), times_s=[0, 3723], codec="libvpx", **sound)
    with av.open(file) as container:
        assert end_of_picture(container, container.streams.video[0]) == pytest.approx(3723, abs=0.2)
