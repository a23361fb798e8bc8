"""Whatever bytes come in, readers of photos and videos give pictures or an InputError, and come to an end."""

from __future__ import annotations

import io
import warnings
from itertools import islice
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from PIL import Image

from mien.errors import InputError
from mien.media.animation import frame_reader
from mien.media.images import read_image

FORMATS = ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "PPM", "TGA", "JPEG2000", "AVIF"]
VIDEOS = [
    *(("mp4", "libx264"), ("mkv", "ffv1"), ("webm", "libvpx-vp9"), ("avi", "mjpeg"), ("ts", "mpeg2video")),
    *(("mov", "prores_ks"), ("flv", "flv"), ("wmv", "wmv2")),
]


def photo(format: str) -> bytes:
    stream = io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = 6
    options = {"exif": exif} if format in ("JPEG", "PNG", "WEBP") else {}
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (24, 17, 3), np.uint8)).save(stream, format, **options)
    return stream.getvalue()


def video(format: str, codec: str) -> bytes:
    stream = io.BytesIO()
    pictures = np.random.default_rng(0).integers(0, 256, (6, 4, 4, 3), np.uint8).repeat(8, axis=1).repeat(8, axis=2)
    with av.open(stream, "w", format={"mkv": "matroska", "ts": "mpegts", "wmv": "asf"}.get(format, format)) as out:
        track = out.add_stream(codec, rate=25, options={"threads": "1", "g": "3"})
        track.width = track.height = 32
        track.pix_fmt = {"mjpeg": "yuvj420p", "prores_ks": "yuv422p10le"}.get(codec, "yuv420p")
        for picture in pictures:
            out.mux(track.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        out.mux(track.encode(None))
    return stream.getvalue()


def animation(format: str) -> bytes:
    stream = io.BytesIO()
    pictures = [Image.fromarray(np.full((9, 7, 3), grey, np.uint8)) for grey in (0, 99, 200)]
    pictures[0].save(stream, format, save_all=True, append_images=pictures[1:], duration=40)
    return stream.getvalue()


PHOTOS = [photo(format) for format in FORMATS]
CLIPS = [(format, video(format, codec)) for format, codec in VIDEOS]
CLIPS += [(format.lower(), animation(format)) for format in ("GIF", "WEBP", "PNG")]

changes_of_bytes = st.lists(st.tuples(st.integers(0, 9999), st.integers(0, 255)), max_size=8)


def damage(data: bytes, changes: list[tuple[int, int]], kept: int) -> bytes:
    damaged = bytearray(data)
    for place, value in changes:
        damaged[place % len(damaged)] = value
    return bytes(damaged[: kept or None])


@pytest.mark.filterwarnings("ignore")  # Pillow's, about odd metadata
@settings(max_examples=400, deadline=None)
@given(st.sampled_from(PHOTOS), changes_of_bytes, st.integers(0, 4000))
def test_damaged_photos(data: bytes, changes: list[tuple[int, int]], kept: int) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            picture = read_image(damage(data, changes, kept))
        except InputError as error:
            assert str(error).startswith("<bytes>: ")
        else:
            assert picture.dtype == np.uint8
            assert picture.ndim == 3
            assert picture.shape[2] == 3
            assert picture.size > 0


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(CLIPS), changes_of_bytes, st.integers(0, 9999), st.sampled_from([0.0, 0.1]))
@example(next(clip for clip in CLIPS if clip[0] == "mov"), [(60, 8)], 0, 0.0)  # colours that no converter knows
def test_damaged_videos(
    tmp_path: Path, clip: tuple[str, bytes], changes: list[tuple[int, int]], kept: int, start_s: float
) -> None:
    format, data = clip
    file = tmp_path / f"clip.{format}"
    file.write_bytes(damage(data, changes, kept))
    try:
        frames = list(islice(frame_reader(file, start_s=start_s), 100))
    except InputError as error:
        assert str(error).startswith(f"{file}: ")
    else:
        assert all(frame.image.ndim == 3 and frame.time_s >= start_s for frame in frames)


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes(data: bytes) -> None:
    try:
        assert read_image(data).shape[2] == 3
    except InputError as error:
        assert str(error).startswith("<bytes>: ")
