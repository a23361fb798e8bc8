"""Photos of every kind against the picture they were made from."""

from __future__ import annotations

import io
import os
import re
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from mien.errors import InputError
from mien.media import images
from mien.media.images import expand_folders, read_image, source_name

Pixels = npt.NDArray[np.uint8]


@pytest.fixture
def picture() -> Pixels:
    """A smooth picture, wider than high and different in each corner, so that JPEG and turns can be told."""
    y, x = np.mgrid[0:40, 0:60]
    return np.stack([x * 4, y * 6, 255 - x * 2 - y * 3], axis=2).astype(np.uint8)


def encoded(pixels: Any, format: str, mode: str | None = None, **options: Any) -> bytes:
    image = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
    stream = io.BytesIO()
    (image.convert(mode) if mode else image).save(stream, format, **options)
    return stream.getvalue()


def close(a: Pixels, b: Pixels, mean: float) -> bool:
    return a.shape == b.shape and float(np.abs(a.astype(int) - b.astype(int)).mean()) <= mean


@pytest.mark.parametrize("format", ["PNG", "BMP", "TIFF", "PPM", "TGA"])
def test_lossless_formats_give_the_same_pixels(picture: Pixels, format: str) -> None:
    assert (read_image(encoded(picture, format)) == picture).all()


@pytest.mark.parametrize("format", ["JPEG", "WEBP", "JPEG2000", "GIF"])
def test_lossy_formats_give_nearly_the_same(picture: Pixels, format: str) -> None:
    assert close(read_image(encoded(picture, format)), picture, mean=8)


def test_every_kind_of_source_gives_the_same(picture: Pixels, tmp_path: Path) -> None:
    data = encoded(picture, "PNG")
    file = tmp_path / "صورة 照片 é.png"  # names are not Latin everywhere
    file.write_bytes(data)
    with file.open("rb") as stream:
        assert (read_image(stream) == picture).all()
    image = Image.open(io.BytesIO(data))
    for source in (file, str(file), data, bytearray(data), memoryview(data), io.BytesIO(data), image, picture):
        assert (read_image(source) == picture).all()


@pytest.mark.parametrize("orientation", range(1, 9))
def test_photos_are_turned_as_exif_says(picture: Pixels, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    upright = read_image(encoded(picture, "PNG", exif=exif))
    turned = {
        1: picture,
        2: picture[:, ::-1],
        3: picture[::-1, ::-1],
        4: picture[::-1],
        5: picture.transpose(1, 0, 2),
        6: np.rot90(picture, -1),
        7: np.rot90(picture, 2).transpose(1, 0, 2),
        8: np.rot90(picture),
    }
    assert (upright == turned[orientation]).all()


def test_unreadable_exif_is_no_orientation(picture: Pixels) -> None:
    data = encoded(picture, "JPEG", quality=95, exif=b"Exif\0\0MM\0*\0\0\xff\xff\xff\xff")
    assert close(read_image(data), picture, mean=3)


def test_cmyk(picture: Pixels) -> None:
    assert close(read_image(encoded(picture, "JPEG", "CMYK", quality=95)), picture, mean=4)
    assert (read_image(encoded(picture, "TIFF", "CMYK")) == picture).all()


def test_grey_becomes_three_equal_planes(picture: Pixels) -> None:
    grey = picture[..., 0]
    assert (read_image(encoded(grey, "PNG")) == grey[..., None]).all()
    assert (read_image(grey) == grey[..., None]).all()
    assert (read_image(grey[..., None]) == grey[..., None]).all()


@pytest.mark.parametrize("format", ["PNG", "TIFF"])
def test_16_bits_become_8(picture: Pixels, format: str) -> None:
    grey = picture[..., 0]
    assert (read_image(encoded(grey.astype(np.uint16) * 257, format)) == grey[..., None]).all()
    assert (read_image(Image.fromarray(grey.astype(np.int32) * 257)) == grey[..., None]).all()


def test_32_bits_have_no_known_range() -> None:
    with pytest.raises(InputError, match="damaged: grey values from 0 to 70000, expected 16 bits, 0 to 65535"):
        read_image(Image.fromarray(np.array([[0, 70_000]], np.int32)))


def test_floats_are_in_0_to_1(picture: Pixels) -> None:
    assert (read_image(picture / 255) == picture).all()
    assert (read_image((picture / 255).astype(np.float32)) == picture).all()
    assert read_image(np.full((2, 2), 100.6 / 255)).max() == 101
    assert (read_image(Image.fromarray((picture[..., 0] / 255).astype(np.float32))) == picture[..., :1]).all()


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.full((2, 2), 1.5), r"values from 1.5 to 1.5; expected floats in \[0, 1\]"),
        (np.full((2, 2, 3), -0.5), r"values from -0.5 to -0.5; expected floats in \[0, 1\]"),
        (np.full((2, 2), np.nan), r"values from nan to nan; expected floats in \[0, 1\]"),
        (np.zeros((2, 2), np.int64), r"values of type int64; expected uint8, or floats in \[0, 1\]"),
        (np.zeros((3, 20, 20), np.uint8), r"shape \(3, 20, 20\); expected \(H, W\) or \(H, W, 1\) grey"),
        (np.zeros((2, 9, 9, 3), np.uint8), r"shape \(2, 9, 9, 3\); expected"),
        (np.zeros((0, 9, 3), np.uint8), r"shape \(0, 9, 3\); expected"),
    ],
)
def test_other_arrays_are_refused(array: Any, message: str) -> None:
    with pytest.raises(InputError, match=f"^<array>: {message}"):
        read_image(array)


def test_what_is_transparent_stands_on_white(picture: Pixels) -> None:
    rgba = np.dstack([picture, np.full(picture.shape[:2], 255, np.uint8)])
    rgba[:5, :, 3] = 0
    rgba[5, :, 3] = 127
    expected = picture.copy()
    expected[:5] = 255
    for source in (rgba, encoded(rgba, "PNG"), Image.fromarray(rgba)):
        seen = read_image(source)
        assert (np.delete(seen, 5, axis=0) == np.delete(expected, 5, axis=0)).all()
        assert close(seen[5:6], ((picture[5:6].astype(int) + 255) / 2).astype(np.uint8), mean=1)


def test_palettes_with_and_without_a_transparent_colour() -> None:
    image = Image.fromarray(np.array([[0, 1], [1, 0]], np.uint8), "P")
    image.putpalette([200, 10, 20, 30, 40, 50])
    assert read_image(encoded(image, "PNG"))[0].tolist() == [[200, 10, 20], [30, 40, 50]]
    assert read_image(encoded(image, "PNG", transparency=1))[0].tolist() == [[200, 10, 20], [255, 255, 255]]
    grey_alpha = Image.merge("LA", [Image.new("L", (2, 2), 9), Image.new("L", (2, 2), 0)])
    assert read_image(encoded(grey_alpha, "PNG")).min() == 255


@pytest.mark.parametrize("format", ["GIF", "WEBP", "PNG"])
def test_the_first_frame_of_an_animation(format: str) -> None:
    frames = [Image.new("RGB", (8, 8), color) for color in ("red", "lime", "blue")]
    data = encoded(frames[0], format, save_all=True, append_images=frames[1:])
    assert read_image(data)[4, 4].tolist() == pytest.approx([255, 0, 0], abs=4)


def test_a_pillow_image_is_read_at_the_frame_where_it_stands() -> None:
    frames = [Image.new("RGB", (8, 8), color) for color in ("red", "lime")]
    image = Image.open(io.BytesIO(encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])))
    image.seek(1)
    assert read_image(image)[4, 4].tolist() == [0, 255, 0]


def test_one_pixel(tmp_path: Path) -> None:
    assert read_image(encoded(np.array([[[1, 2, 3]]], np.uint8), "PNG")).tolist() == [[[1, 2, 3]]]


def test_a_hundred_megapixels(tmp_path: Path) -> None:
    Image.new("1", (10_000, 10_000)).save(tmp_path / "large.png")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        assert read_image(tmp_path / "large.png").shape == (10_000, 10_000, 3)


def test_decompression_bombs_are_refused(tmp_path: Path) -> None:
    Image.new("1", (20_000, 20_000)).save(tmp_path / "bomb.png")
    with pytest.raises(InputError, match=r"bomb\.png: too large: Image size \(400000000 pixels\) exceeds limit"):
        read_image(tmp_path / "bomb.png")


def noisy_jpeg() -> bytes:
    return encoded(np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8), "JPEG")


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("empty.jpg", b"", "is empty, 0 bytes"),
        ("text.jpg", b"hello, world", "not a photo in a known format; known are AVIF, BMP"),
        ("cut.jpg", noisy_jpeg()[:2000], "damaged: image file is truncated"),
        (
            "cut.png",
            encoded(np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8), "PNG")[:900],
            "damaged: ",
        ),
        ("head.png", b"\x89PNG\r\n\x1a\n", "not a photo in a known format|damaged: "),
        ("eps.jpg", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "not a photo in a known format"),
    ],
)
def test_what_cannot_be_read_is_named(tmp_path: Path, name: str, data: bytes, message: str) -> None:
    (tmp_path / name).write_bytes(data)
    with pytest.raises(InputError, match=f"{re.escape(str(tmp_path / name))}: ({message})"):
        read_image(tmp_path / name)
    with pytest.raises(InputError, match=f"^<bytes>: ({message})"):
        read_image(data)


def test_what_is_no_file_is_named(tmp_path: Path) -> None:
    folder = tmp_path / "folder.jpg"
    folder.mkdir()
    with pytest.raises(InputError, match=r"folder\.jpg: is a folder, not a photo; give a list, \['.*folder\.jpg'\]"):
        read_image(folder)
    with pytest.raises(InputError, match=r"none\.jpg: no such file"):
        read_image(tmp_path / "none.jpg")
    os.mkfifo(tmp_path / "pipe.jpg")
    with pytest.raises(InputError, match=r"pipe\.jpg: is not a regular file"):
        read_image(tmp_path / "pipe.jpg")


def test_files_that_may_not_be_opened_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mine.jpg").write_bytes(b"x")

    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(InputError, match=r"mine\.jpg: cannot be opened: Permission denied"):
        read_image(tmp_path / "mine.jpg")


def test_text_files_and_other_objects_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="<StringIO>: reading gave str; open the file in binary mode, 'rb'"):
        read_image(io.StringIO("x"))  # type: ignore[arg-type]
    with pytest.raises(InputError, match="<int>: cannot be read as a photo; expected a path, bytes, a binary file"):
        read_image(3)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="has no pixels, it is 0 x 3"):
        read_image(Image.new("RGB", (0, 3)))


def test_sources_have_names(tmp_path: Path, picture: Pixels) -> None:
    file = tmp_path / "a.png"
    file.write_bytes(encoded(picture, "PNG"))
    with file.open("rb") as stream, Image.open(file) as image:
        assert [source_name(source) for source in (file, str(file), stream, image)] == [str(file)] * 4
    assert [source_name(source) for source in (picture, b"", bytearray())] == ["<array>", "<bytes>", "<bytes>"]
    assert source_name(Image.new("L", (1, 1)), 4) == "<Image 4>"
    assert source_name(file, 4) == str(file)


def test_folders_are_searched_in_an_order_that_stays(tmp_path: Path) -> None:
    names = ["b.JPG", "a.png", "sub/z.webp", "sub/deep/c.tif", "also/d.jpeg"]
    for name in [*names, "notes.txt", ".hidden.jpg", ".git/e.jpg", "sub/._z.webp"]:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    (tmp_path / "folder.jpg").mkdir()
    found = [path.relative_to(tmp_path).as_posix() for path in images._photos_in(tmp_path)]
    assert found == ["a.png", "b.JPG", "also/d.jpeg", "sub/z.webp", "sub/deep/c.tif"]
    before, after = Path("before.jpg"), b"after"
    assert expand_folders([before, str(tmp_path / "also"), after]) == [before, tmp_path / "also" / "d.jpeg", after]


def test_a_folder_without_photos_is_named(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("x")
    with pytest.raises(InputError, match=r"no photo in it; expected files that end in \.avif \.bmp"):
        expand_folders([tmp_path])
