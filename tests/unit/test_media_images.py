"""Photos of every kind against the picture they were made from."""

from __future__ import annotations

import io
import os
import re
import struct
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from mien.errors import InputError
from mien.media.images import read_image, read_reduced, source_name
from mien.media.photo_lists import list_photos

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


@pytest.mark.parametrize("format", ["PNG", "JPEG", "WEBP", "TIFF", "AVIF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_photos_are_turned_as_exif_says(picture: Pixels, format: str, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    lies = {
        1: picture,
        2: picture[:, ::-1],
        3: picture[::-1, ::-1],
        4: picture[::-1],
        5: picture.transpose(1, 0, 2),
        6: np.rot90(picture),
        7: np.rot90(picture, 2).transpose(1, 0, 2),
        8: np.rot90(picture, -1),
    }
    upright = read_image(encoded(np.ascontiguousarray(lies[orientation]), format, exif=exif))
    assert close(upright, picture, mean=0 if format in ("PNG", "TIFF") else 8)


@pytest.mark.parametrize("orientation", [0, 9, 65535])
def test_other_orientations_are_none(picture: Pixels, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    assert (read_image(encoded(picture, "PNG", exif=exif)) == picture).all()


def test_unreadable_exif_is_no_orientation(picture: Pixels) -> None:
    data = encoded(picture, "JPEG", quality=95, exif=b"Exif\0\0MM\0*\0\0\xff\xff\xff\xff")
    assert close(read_image(data), picture, mean=3)


def test_cmyk_and_lab(picture: Pixels) -> None:
    photo = encoded(picture, "JPEG", "CMYK", quality=95)
    assert b"Adobe" in photo  # so its values are inverted
    assert close(read_image(photo), picture, mean=4)
    assert (read_image(encoded(picture, "TIFF", "CMYK")) == picture).all()
    assert close(read_image(encoded(picture, "TIFF", "LAB")), picture, mean=8)


def test_one_bit(picture: Pixels) -> None:
    black = picture[..., 0] > 100
    for format in ("PNG", "TIFF", "BMP"):
        assert (read_image(encoded(Image.fromarray(black), format)) == black[..., None] * 255).all()


def test_heic(picture: Pixels) -> None:
    heif = pytest.importorskip("pillow_heif")
    exif = Image.Exif()
    exif[0x0112] = 6
    stream = io.BytesIO()
    heif.from_pillow(Image.fromarray(np.rot90(picture).copy())).save(stream, quality=95, exif=exif.tobytes())
    assert close(read_image(stream.getvalue()), picture, mean=6)


def test_without_pillow_heif_the_message_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    with pytest.raises(
        InputError, match=r"<bytes>: is a HEIC photo; .* not installed: pip install '\.\[heic\]' in a clone"
    ):
        read_image(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic")


def test_grey_becomes_three_equal_planes(picture: Pixels) -> None:
    grey = picture[..., 0]
    assert (read_image(encoded(grey, "PNG")) == grey[..., None]).all()
    assert (read_image(grey) == grey[..., None]).all()
    assert (read_image(grey[..., None]) == grey[..., None]).all()


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_16_bits_become_8(picture: Pixels, suffix: str) -> None:
    import cv2  # Pillow cannot write colour in 16 bits

    wide = picture[..., ::-1].astype(np.uint16) * 257
    for pixels, expected in ((wide, picture), (wide[..., 0], picture[..., 2:])):
        assert (read_image(cv2.imencode(suffix, pixels)[1].tobytes()) == expected).all()
    opaque = np.dstack([wide, np.full(wide.shape[:2], 65535, np.uint16)])
    assert (read_image(cv2.imencode(suffix, opaque)[1].tobytes()) == picture).all()
    assert (read_image(Image.fromarray(picture[..., 0].astype(np.int32) * 257)) == picture[..., :1]).all()


def test_a_kind_that_pillow_does_not_read_is_named(picture: Pixels) -> None:
    import cv2

    with pytest.raises(InputError, match="damaged or unusual TIFF: unknown pixel mode"):
        read_image(cv2.imencode(".tif", (picture / 255).astype(np.float32))[1].tobytes())


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


def test_one_pixel() -> None:
    assert read_image(encoded(np.array([[[1, 2, 3]]], np.uint8), "PNG")).tolist() == [[[1, 2, 3]]]


def test_a_hundred_megapixels_are_read_without_a_warning() -> None:
    photo = encoded(Image.new("L", (10_000, 10_000), 99), "JPEG")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        seen = read_reduced(photo, least_px=1250)
    assert (seen.factor, seen.size) == (8, (10_000, 10_000))
    assert (seen.pixels == 99).all()


def test_decompression_bombs_are_refused(tmp_path: Path) -> None:
    Image.new("1", (20_001, 10_000)).save(tmp_path / "bomb.png")
    with pytest.raises(InputError, match=r"bomb\.png: 20001 x 10000 px; at most 200 megapixels are read"):
        read_image(tmp_path / "bomb.png")


def test_tiles_far_larger_than_their_picture_are_refused() -> None:
    # sides of the picture and of its one tile, 8 bits of grey, not compressed
    sides = {256: 64, 257: 64, 322: 16_384, 323: 16_384}
    tags = sorted((sides | {258: 8, 259: 1, 262: 1, 277: 1, 324: 200, 325: 16_384**2}).items())
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags)
    bomb = b"II*\0" + struct.pack("<IH", 8, len(tags)) + entries + bytes(100)
    assert Image.open(io.BytesIO(bomb)).size == (64, 64)
    with pytest.raises(InputError, match=r"<bytes>: tiles of 16384 x 16384 px; at most 200 megapixels are read"):
        read_image(bomb)


@pytest.mark.parametrize(
    ("least_px", "factor", "shape"), [(31, 1, (40, 60)), (30, 2, (20, 30)), (8, 4, (10, 15)), (1, 8, (5, 8))]
)
def test_large_jpegs_are_read_smaller(picture: Pixels, least_px: int, factor: int, shape: tuple[int, int]) -> None:
    seen = read_reduced(encoded(picture, "JPEG", quality=95), least_px=least_px)
    assert (seen.factor, seen.size, seen.pixels.shape) == (factor, (60, 40), (*shape, 3))
    averaged = Image.fromarray(picture).reduce(factor)
    assert close(seen.pixels, np.asarray(averaged), mean=3)


def test_reduced_photos_are_turned_and_other_sources_stay_whole(picture: Pixels) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    seen = read_reduced(encoded(picture, "JPEG", exif=exif), least_px=20)
    assert (seen.factor, seen.size, seen.pixels.shape) == (2, (40, 60), (30, 20, 3))
    image = Image.open(io.BytesIO(encoded(picture, "JPEG")))
    for source in (encoded(picture, "PNG"), picture, image):
        seen = read_reduced(source, least_px=8)
        assert (seen.factor, seen.size, seen.pixels.shape) == (1, (60, 40), (40, 60, 3))
    assert image.size == (60, 40)
    assert read_reduced(encoded(np.zeros((2, 100, 3), np.uint8), "JPEG"), least_px=10).pixels.shape == (1, 50, 3)


def test_a_frame_larger_than_its_animation_is_refused() -> None:
    data = bytearray(encoded(Image.new("L", (9, 9)), "GIF"))
    frame = data.index(b",\0\0\0\0") + 5
    data[frame : frame + 4] = b"\xff\xff\xff\xff"
    with pytest.raises(InputError, match=r"damaged or unusual GIF: Image size \(4294836225 pixels\) exceeds limit"):
        read_image(bytes(data))


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
        ("head.png", b"\x89PNG\r\n\x1a\n", "damaged or unusual PNG: unpack_from"),
        ("cut.avif", encoded(np.zeros((64, 64, 3), np.uint8), "AVIF")[:200], "damaged or unusual AVIF: "),
        ("cut.heic", b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "damaged or unusual HEIC: "),
        ("clip.jpg", b"\0\0\0\x18ftypisom\0\0\0\0isom", "is a video, by its content"),
        ("clip.png", b"\x1a\x45\xdf\xa3 matroska", "is a video, by its content"),
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


def test_names_that_lead_nowhere(tmp_path: Path) -> None:
    (tmp_path / "loop.jpg").symlink_to("loop.jpg")
    with pytest.raises(InputError, match=r"loop\.jpg: cannot be opened: (Too many levels|Symlink loop)"):
        read_image(tmp_path / "loop.jpg")
    for source in ("n" * 300 + ".jpg", "d/" * 3000 + "e.jpg"):
        with pytest.raises(InputError, match="cannot be opened: File name too long"):
            read_image(source)
        assert list_photos([source]) == [source]
    with pytest.raises(InputError, match="b: no such file"):
        read_image("a\0b")
    assert list_photos(["a\0/*.jpg"]) == ["a\0/*.jpg"]


def test_files_that_may_not_be_opened_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mine.jpg").write_bytes(b"x")

    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(InputError, match=r"mine\.jpg: cannot be opened: Permission denied"):
        read_image(tmp_path / "mine.jpg")


def test_text_files_and_other_objects_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"\xff\xd8")
    with (tmp_path / "a.jpg").open(encoding="utf-8") as text, pytest.raises(InputError, match=r"is open as text; open"):
        read_image(text)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="<StringIO>: reading gave str; open the file in binary mode, 'rb'"):
        read_image(io.StringIO("x"))  # type: ignore[arg-type]
    with pytest.raises(InputError, match="<int>: cannot be read as a photo; expected a path, bytes, a binary file"):
        read_image(3)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="has no pixels, it is 0 x 3"):
        read_image(Image.new("RGB", (0, 3)))


@pytest.mark.parametrize("several", [{"a.jpg"}, {"a": "a.jpg"}.values(), np.array(["a.jpg"]), np.ones((2, 8, 8, 3))])
def test_several_photos_that_are_no_list_are_told_to_be_one(several: Any) -> None:
    with pytest.raises(InputError, match=r"Several photos are given as a list; list\(\.\.\.\) makes one"):
        read_image(several)


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
    found = [path.relative_to(tmp_path).as_posix() for path in list_photos([tmp_path])]
    assert found == ["a.png", "b.JPG", "also/d.jpeg", "sub/z.webp", "sub/deep/c.tif"]
    before, after = Path("before.jpg"), b"after"
    assert list_photos([before, str(tmp_path / "also"), after]) == [before, tmp_path / "also" / "d.jpeg", after]


def test_code_in_folders_is_no_video(tmp_path: Path) -> None:
    suffixes = (".jpg", ".ts", ".mts")
    (tmp_path / "a.ts").write_bytes(b"G@\0\x10" + bytes(184))
    (tmp_path / "b.MTS").write_bytes(bytes(4) + b"G@\0\x10" + bytes(184))
    (tmp_path / "app.ts").write_text("let Game = {};\n" * 100)
    (tmp_path / "app.mts").write_text("export {};\n")
    (tmp_path / "gone.ts").symlink_to("nowhere.ts")  # reading it says why
    found = [tmp_path / name for name in ("a.ts", "b.MTS", "gone.ts")]
    assert list_photos([tmp_path], suffixes) == found
    assert sorted(list_photos([f"{tmp_path}/*"], suffixes)) == sorted(found)
    assert list_photos([tmp_path / "app.ts"], suffixes) == [tmp_path / "app.ts"]


def test_a_folder_that_links_to_itself_ends(tmp_path: Path) -> None:
    (tmp_path / "up").symlink_to(".")
    (tmp_path / "loop.jpg").symlink_to("loop.jpg")
    (tmp_path / "a.jpg").touch()
    assert list_photos([tmp_path]) == [tmp_path / "a.jpg", tmp_path / "loop.jpg"]  # reading the latter says why


def test_a_pattern_takes_a_photo_once_that_links_lead_to_again(tmp_path: Path) -> None:
    (tmp_path / "photos" / "sub").mkdir(parents=True)
    (tmp_path / "photos" / "loop").symlink_to(".")
    (tmp_path / "photos" / "more").symlink_to("../elsewhere")
    (tmp_path / "elsewhere").mkdir()
    photos = [tmp_path / "photos" / name for name in ("a.jpg", "more/c.jpg", "same.jpg", "sub/b.jpg")]
    for photo in photos:
        photo.symlink_to("a.jpg") if photo.name == "same.jpg" else photo.touch()  # links to photos are taken as photos
    assert list_photos([f"{tmp_path}/photos/**/*.jpg"]) == photos
    loop = tmp_path / "photos" / "loop"
    assert list_photos([f"{loop}/*.jpg"]) == [loop / "a.jpg", loop / "same.jpg"]


def test_a_folder_that_may_not_be_opened_is_not_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.jpg").touch()
    (tmp_path / "closed").mkdir()
    opened = os.scandir

    def scandir(path: str | Path) -> Any:
        if Path(path).name == "closed":
            raise PermissionError(13, "Permission denied", os.fspath(path))
        return opened(path)

    monkeypatch.setattr(os, "scandir", scandir)
    assert list_photos([tmp_path]) == [tmp_path / "a.jpg", tmp_path / "closed"]
    with pytest.raises(InputError, match=r"closed: cannot be opened: Permission denied"):
        read_image(tmp_path / "closed")


def test_a_folder_without_photos_is_named(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("x")
    with pytest.raises(InputError, match=r"no photo in it; expected files that end in \.jpg, \.png, \.webp or one of"):
        list_photos([tmp_path])


def test_floats_may_be_rounded() -> None:
    assert read_image(np.full((2, 2), 1 + 1e-7, np.float32)).max() == 255
    assert read_image(np.full((2, 2), -1e-7, np.float32)).max() == 0


def test_a_file_that_was_read_before_says_so() -> None:
    stream = io.BytesIO()
    Image.new("L", (4, 4)).save(stream, "PNG")
    with pytest.raises(InputError, match=r"<BytesIO>: has been read to its end; go back to its start, seek\(0\)"):
        read_image(stream)
    stream.seek(0)
    assert read_image(stream).shape == (4, 4, 3)


@pytest.mark.parametrize("address", ["https://example.org/a.jpg", Path("https://example.org/a.jpg"), "s3://a/b.png"])
def test_addresses_are_no_files(address: str | Path) -> None:
    with pytest.raises(InputError, match=r"no such file; it is an address, and mien reads files: download it first"):
        read_image(address)


def test_a_head_that_asks_for_all_memory_is_damage(tmp_path: Path) -> None:
    boxes = b"\0\0\0\x0cjP  \r\n\x87\n" + b"\0\0\0\x14ftypjp2 \0\0\0\0jp2 " + b"\0\0\0\x01jp2h" + bytes([16, *7 * [0]])
    (tmp_path / "a.jp2").write_bytes(boxes)
    with pytest.raises(InputError, match=r"a\.jp2: damaged or unusual JPEG2000: it asks for more memory than there is"):
        read_image(tmp_path / "a.jp2")
