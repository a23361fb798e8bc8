"""Whatever bytes come in, `read_image` gives a picture or an InputError."""

from __future__ import annotations

import io
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from mien.errors import InputError
from mien.media.images import read_image

FORMATS = ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "PPM", "TGA", "JPEG2000"]


def photo(format: str) -> bytes:
    stream = io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = 6
    options = {"exif": exif} if format in ("JPEG", "PNG", "WEBP") else {}
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (24, 17, 3), np.uint8)).save(stream, format, **options)
    return stream.getvalue()


PHOTOS = [photo(format) for format in FORMATS]


@pytest.mark.filterwarnings("ignore")  # Pillow's, about odd metadata
@settings(max_examples=400, deadline=None)
@given(
    st.sampled_from(PHOTOS),
    st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 255)), max_size=8),
    st.integers(0, 4000),
)
def test_damaged_photos(data: bytes, changes: list[tuple[int, int]], kept: int) -> None:
    damaged = bytearray(data)
    for place, value in changes:
        damaged[place % len(damaged)] = value
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            picture = read_image(bytes(damaged[: kept or None]))
        except InputError as error:
            assert str(error).startswith("<bytes>: ")
        else:
            assert picture.dtype == np.uint8
            assert picture.ndim == 3
            assert picture.shape[2] == 3
            assert picture.size > 0


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes(data: bytes) -> None:
    try:
        assert read_image(data).shape[2] == 3
    except InputError as error:
        assert str(error).startswith("<bytes>: ")
