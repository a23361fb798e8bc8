"""Animated pictures as videos."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from drawn_video import pan
from PIL import Image, features
from tiny_model import write_tiny_model

import mien
from mien.errors import InputError
from mien.media.animation import AnimationReader, frame_reader, is_animation
from mien.media.video import VideoReader
from mien.media.video_writer import VideoWriter

DURATIONS_MS = [100, 40, 300, 0, 500]
TIMES_S = [0, 0.1, 0.14, 0.44, 0.54]  # 0 ms is shown as 100 ms
NAMES = ("a.gif", "a.webp", "a.apng", "a.PNG", "a.avif")


def animate(file: Path, images: list[Any], durations_ms: list[int], **options: Any) -> Path:
    pictures = [Image.fromarray(image) for image in images]
    format = "PNG" if "png" in file.suffix.lower() else None
    more = pictures[1:]
    pictures[0].save(file, format, save_all=True, append_images=more, duration=durations_ms, quality=95, **options)
    return file


@pytest.mark.parametrize("name", NAMES)
def test_frames_come_with_the_times_of_the_file(tmp_path: Path, name: str) -> None:
    images = [image[:64, :64] for image in pan(5, px_per_frame=9)]
    durations_ms = DURATIONS_MS if name != "a.avif" else [100, 40, 300, 100, 500]  # Pillow cannot write 0
    reader = frame_reader(animate(tmp_path / name, images, durations_ms))
    assert isinstance(reader, AnimationReader)
    frames = list(reader)
    assert [frame.index for frame in frames] == list(range(5))
    assert [frame.time_s for frame in frames] == pytest.approx(TIMES_S)
    assert all(np.abs(frame.image.astype(int) - image).mean() < 8 for frame, image in zip(frames, images, strict=True))
    assert reader.cut_off is None
    assert reader.seen_s == pytest.approx(1.04)
    part = frame_reader(tmp_path / name, start_s=0.1, end_s=0.54, every=2)
    assert [frame.index for frame in part] == [2]
    assert part.seen_s == 0.54


def test_a_range_without_a_frame_is_refused(tmp_path: Path) -> None:
    file = animate(tmp_path / "a.gif", [image[:64, :64] for image in pan(3)], [100] * 3)
    with pytest.raises(InputError, match=r"a\.gif: starts at 0\.5 s, the video ends at 0\.3 s"):
        list(AnimationReader(file, start_s=0.5))
    with pytest.raises(InputError, match=r"a\.gif: no frame lies between 0\.11 s and 0\.15 s"):
        list(AnimationReader(file, start_s=0.11, end_s=0.15))


def test_a_picture_that_stands_apart_is_no_frame(tmp_path: Path) -> None:
    images = [np.full((8, 8, 3), grey, np.uint8) for grey in (0, 100, 200)]
    file = animate(tmp_path / "a.png", images, [100, 100], default_image=True)
    assert [frame.image[0, 0, 0] for frame in AnimationReader(file)] == [100, 200]


def test_what_is_an_animation(tmp_path: Path) -> None:
    images = [np.full((8, 8, 3), grey, np.uint8) for grey in (0, 100)]
    assert all(is_animation(animate(tmp_path / name, images, [100, 100])) for name in NAMES)
    assert not any(is_animation(animate(tmp_path / name, images[:1], [100])) for name in NAMES)
    Image.fromarray(images[0]).save(tmp_path / "pages.tif", save_all=True, append_images=[Image.fromarray(images[1])])
    (tmp_path / "text.gif").write_text("GIF89a")
    assert not any(is_animation(tmp_path / name) for name in ("pages.tif", "text.gif", "missing.gif"))
    assert [frame.time_s for frame in AnimationReader(animate(tmp_path / "still.webp", images[:1], [100]))] == [0]


def test_a_damaged_animation_gives_what_it_has(tmp_path: Path) -> None:
    images = [np.random.default_rng(grey).integers(0, 256, (32, 32, 3), np.uint8) for grey in range(4)]
    whole = animate(tmp_path / "whole.png", images, [100] * 4).read_bytes()
    for kept, indexes in ((0.6, [0, 1]), (0.1, None)):
        (tmp_path / "part.png").write_bytes(whole[: int(len(whole) * kept)])
        reader = AnimationReader(tmp_path / "part.png")
        if indexes is None:
            with pytest.raises(InputError, match=r"part\.png: damaged: "):
                list(reader)
        else:
            assert [frame.index for frame in reader] == indexes
            assert str(reader.cut_off).startswith("frame 2 cannot be read: ")


def test_thirty_frames_a_second_do_not_drift(tmp_path: Path) -> None:
    av = pytest.importorskip("av", reason="needs PyAV, extra `video`")
    if "libsvtav1" not in av.codecs_available or not features.check("avif"):
        pytest.skip("needs an encoder and a decoder of AVIF")
    with av.open(tmp_path / "a.avif", "w") as out:
        stream = out.add_stream("libsvtav1", rate=30)
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
        for index in range(60):
            frame = av.VideoFrame.from_ndarray(np.full((64, 64, 3), index, np.uint8), format="rgb24")
            frame.pts, frame.time_base = index, Fraction(1, 30)
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    reader = AnimationReader(tmp_path / "a.avif")
    assert [frame.time_s for frame in reader] == pytest.approx([index / 30 for index in range(60)], abs=0.001)
    assert reader.seen_s == pytest.approx(2, abs=0.001)


def test_what_cannot_be_read_is_refused_at_once(tmp_path: Path) -> None:
    Image.new("L", (10_001, 5000)).save(tmp_path / "large.gif")
    with pytest.raises(InputError, match=r"large\.gif: frames of 10001 x 5000 px; at most 50 megapixels are read"):
        AnimationReader(tmp_path / "large.gif")
    (tmp_path / "text.gif").write_text("no picture")
    with pytest.raises(InputError, match=r"text\.gif: not a photo in a known format"):
        AnimationReader(tmp_path / "text.gif")
    with pytest.raises(InputError, match=r"none\.gif: no such file"):
        AnimationReader(tmp_path / "none.gif")
    with pytest.raises(InputError, match=r"text\.gif: every 0; expected a whole number, 1 or more"):
        AnimationReader(tmp_path / "text.gif", every=0)
    with pytest.raises(InputError, match=r"text\.gif: start_s nan; expected a number, 0 or more"):
        AnimationReader(tmp_path / "text.gif", start_s=float("nan"))


def test_animations_are_tracked_like_videos(tmp_path: Path) -> None:
    file = animate(tmp_path / "a.webp", pan(4, px_per_frame=4), [100] * 4)
    video = mien.analyze_video(file, model=write_tiny_model(tmp_path / "tiny"))
    assert [(face.time_s, face.track_id) for face in video] == [(0, 0), (0.1, 0), (0.2, 0), (0.3, 0)]
    mien.save_video(video, tmp_path / "out.mp4")
    assert len(list(frame_reader(tmp_path / "out.mp4"))) == 4


@pytest.mark.parametrize(("part", "length_s"), [({}, 3.5), ({"every": 2}, 3.5), ({"end_s": 2.0, "start_s": 0.3}, 1.7)])
def test_a_last_picture_is_written_as_long_as_it_is_shown(
    tmp_path: Path, part: dict[str, Any], length_s: float
) -> None:
    file = animate(tmp_path / "a.gif", [image[:64, :64] for image in pan(6)], [100] * 5 + [3000])
    reader = frame_reader(file, **part)
    with VideoWriter(tmp_path / "out.mp4", reader) as writer:
        for frame in reader:
            writer.write(frame)
    assert VideoReader(tmp_path / "out.mp4").duration_s == pytest.approx(length_s, abs=0.002)
