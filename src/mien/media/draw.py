"""Pictures of results: boxes, labels and bars of probabilities on a photo."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence, Set
from itertools import cycle
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from mien.errors import InputError
from mien.faces.detect import Box, Face
from mien.recognizer import Expression
from mien.writing import check_ending, replacing

if TYPE_CHECKING:
    from PIL import ImageDraw, ImageFont

    _Font = ImageFont.ImageFont | ImageFont.FreeTypeFont

_FORMATS = {".jpg": "jpeg", ".jpeg": "jpeg", ".png": "png", ".webp": "webp"}
PICTURE_SUFFIXES = tuple(_FORMATS)

_LONGEST_PX = {".jpg": 65_500, ".jpeg": 65_500, ".webp": 16_383}  # libjpeg's and the format's limits
_SMALLEST_PX = 640  # smaller photos are enlarged, or no text would fit
_SMALLEST_FONT_PX = 13

_Color = tuple[int, int, int]

# Okabe and Ito's colours, which colour-blind people can tell apart.
_COLORS: dict[str, _Color] = {
    "angry": (213, 94, 0),
    "contempt": (240, 228, 66),
    "disgust": (0, 158, 115),
    "fear": (204, 121, 167),
    "happy": (230, 159, 0),
    "neutral": (187, 187, 187),
    "sad": (86, 180, 233),
    "surprise": (0, 114, 178),
}
_PANEL = (20, 20, 20, 190)


def annotate(
    image: npt.NDArray[np.uint8], faces: Sequence[Face], expressions: Sequence[Expression]
) -> npt.NDArray[np.uint8]:
    """Draw results on a photo.

    Each face gets its box and its label, and a bar for each probability where there is room that hides no other face.
    Uncertain labels have a question mark.

    Args:
        image: ``(H, W, 3)`` uint8 RGB; it is not changed.
        faces: in px of `image`.
        expressions: one for each face.

    Returns:
        ``(H', W', 3)`` uint8 RGB. A photo whose longer side is below 640 px is enlarged, by a whole number.
    """
    from PIL import Image, ImageDraw

    picture = Image.fromarray(image)
    zoom = -(-_SMALLEST_PX // max(picture.size))
    if zoom > 1:
        picture = picture.resize((picture.width * zoom, picture.height * zoom), Image.Resampling.BICUBIC)
    draw = ImageDraw.Draw(picture, "RGBA")
    boxes = [_near(_scaled(face.box, zoom), picture.size) for face in faces]
    fonts = [_font(box, picture.size) for box in boxes]
    labels = []
    for box, font, expression in zip(boxes, fonts, expressions, strict=True):
        _draw_box(draw, box, expression, max(picture.size))
        labels.append(_draw_label(draw, box, expression, font, picture.size))
    taken = [*boxes, *labels]
    for box, label, font, expression in zip(boxes, labels, fonts, expressions, strict=True):
        bars = _Bars(expression, font)
        place = _free_place(bars.size, box, label, taken, picture.size)
        if place is not None:
            bars.draw(draw, place)
            taken.append(place)
    return np.array(picture)  # a copy, which is writable


def save_picture(image: npt.NDArray[np.uint8], file: str | Path) -> None:
    """Write ``(H, W, 3)`` uint8 RGB to a file, in the format of its ending; missing folders are made.

    Raises:
        InputError: the ending is unknown, the picture too large for it, or the file cannot be written.
    """
    from PIL import Image

    file = Path(file)
    suffix = file.suffix.lower()
    check_ending(file, PICTURE_SUFFIXES)
    height, width = image.shape[:2]
    longest_px = _LONGEST_PX.get(suffix)
    if longest_px is not None and max(height, width) > longest_px:
        takes = f"{suffix} takes at most {longest_px:,} px a side"
        raise InputError(f"{file}: a picture of {width} x {height} px; {takes}; save it as .png.")
    with replacing(file, InputError) as part:
        Image.fromarray(image).save(part, _FORMATS[suffix], quality=92)


def picture_files(photos: Sequence[Path], out: Path, videos: Set[Path] = frozenset()) -> list[Path]:
    """Return where the annotated pictures of photos go, and the annotated videos among them.

    Args:
        photos: the photos.
        out: a file, by its ending, if there is one photo; else a folder, in which the pictures keep the photos' paths
            below their common folder. A picture has its photo's name, with ``.png`` added where the photo's own ending
            cannot be written.
        videos: which of the photos are videos; these get ``.mp4``.

    Raises:
        InputError: `out` is one file for several photos, its ending is unknown for one, a photo would be overwritten,
            or two would be drawn to one file.
    """
    is_folder = os.path.isdir(out)  # noqa: PTH112  # Path's raises on long names
    if out.suffix.lower() in PICTURE_SUFFIXES and not is_folder:
        if len(photos) != 1:
            raise InputError(f"{out}: is one file, but there are {len(photos)} photos; name a folder.")
        files = [out]
    elif len(photos) == 1 and out.suffix and not is_folder:
        known = ", ".join(PICTURE_SUFFIXES)
        raise InputError(
            f"{out}: unknown ending {out.suffix!r}; for one photo, expected {known}, or a folder that exists."
        )
    else:
        absolute = [_plain(photo) for photo in photos]
        try:
            common = Path(os.path.commonpath([photo.parent for photo in absolute]))
        except ValueError as error:  # on Windows
            raise InputError(
                f"{out}: the photos lie on several drives; save those of each drive in a run of their own."
            ) from error
        files = [_named(out / path.relative_to(common), photo in videos) for path, photo in zip(absolute, photos)]
    _check_losses(photos, files, videos)
    return files


def _plain(path: Path) -> Path:
    """The absolute path without ``..``, which would lead out of its folder."""
    return Path(os.path.abspath(path))  # noqa: PTH100 - Path.absolute keeps ..


def _named(file: Path, is_video: bool) -> Path:
    ending, fitting = (".mp4", (".mp4",)) if is_video else (".png", PICTURE_SUFFIXES)
    return file if file.suffix.lower() in fitting else Path(f"{file}{ending}")


def _check_losses(photos: Sequence[Path], files: Sequence[Path], videos: Set[Path]) -> None:
    """Make sure that no photo is overwritten by a picture, nor a picture by that of another photo."""
    known = {os.path.realpath(photo): photo for photo in photos}  # Path.resolve raises on a link to itself
    drawn: dict[Path, Path] = {}
    for photo, file in zip(photos, files, strict=True):
        lost = known.get(os.path.realpath(file))
        if lost is not None:
            kind = "video" if lost in videos else "photo"
            raise InputError(f"{lost}: is a {kind} and would be overwritten; save the pictures elsewhere.")
        other = drawn.setdefault(file, photo)
        if _plain(other) != _plain(photo):
            raise InputError(f"{other} and {photo}: would both be drawn to {file}; save them to two folders.")


def _scaled(box: Box, zoom: int) -> Box:
    x0, y0, x1, y1 = box
    return x0 * zoom, y0 * zoom, x1 * zoom, y1 * zoom


def _near(box: Box, size: tuple[int, int]) -> Box:
    """A box clipped to the surroundings of the picture, for drawing a huge one would take minutes."""
    x0, y0, x1, y1 = (max(-side, min(value, 2 * side)) for value, side in zip(box, size * 2, strict=True))
    return x0, y0, x1, y1


def label_colors(labels: Iterable[str]) -> dict[str, _Color]:
    """Return the RGB colours in which the classes of a model are drawn.

    Each expression of FER2013 and FER+ has its own. Other classes get, in their order, the colours that are left, again
    from the first if there are too few.
    """
    labels = tuple(labels)
    left = cycle([color for name, color in _COLORS.items() if name not in labels] or _COLORS.values())
    return {name: _COLORS[name] if name in _COLORS else next(left) for name in labels}


def color_of(expression: Expression) -> _Color:
    """Return the RGB colour in which a face with this expression is drawn."""
    return label_colors(expression.probabilities)[expression.label]


def _font(box: Box, size: tuple[int, int]) -> _Font:
    """A font that suits the size of the face, within limits that suit the picture."""
    from PIL import ImageFont

    largest = max(_SMALLEST_FONT_PX, max(size) / 30)
    return ImageFont.load_default(min(max((box[2] - box[0]) * 0.14, _SMALLEST_FONT_PX), largest))


def _draw_box(draw: ImageDraw.ImageDraw, box: Box, expression: Expression, longest: int) -> None:
    width = max(2, round(min(longest / 300, (box[2] - box[0]) / 20)))
    draw.rectangle(_grown(box, width // 2 + 1), outline=(0, 0, 0, 160), width=width + 2)  # seen on any background
    draw.rectangle(box, outline=color_of(expression), width=width)


def _draw_label(
    draw: ImageDraw.ImageDraw,
    box: Box,
    expression: Expression,
    font: _Font,
    size: tuple[int, int],
) -> Box:
    """Write the label above the box, or below or inside it where there is no room; return its place."""
    text = f"{expression.marked_label} {expression.confidence:.0%}"
    left, top, right, bottom = draw.textbbox((0, 0), text, font=font)
    margin = (bottom - top) * 0.3
    width, height = right - left + 2 * margin, bottom - top + 2 * margin
    x = max(0.0, min(box[0], size[0] - width))
    above, below, inside = box[1] - height, box[3], max(0.0, box[1])
    y = above if above >= 0 else below if below + height <= size[1] else inside
    color = color_of(expression)
    draw.rectangle((x, y, x + width, y + height), fill=color)
    bright = 0.299 * color[0] + 0.587 * color[1] + 0.114 * color[2] > 120
    draw.text((x + margin - left, y + margin - top), text, font=font, fill=(0, 0, 0) if bright else (255, 255, 255))
    return x, y, x + width, y + height


def _free_place(
    panel: tuple[float, float], box: Box, label: Box, taken: Sequence[Box], size: tuple[int, int]
) -> Box | None:
    """Where a panel fits into the picture beside a box and its label without touching anything `taken`."""
    width, height = panel
    gap = (box[2] - box[0]) * 0.04
    top = max(0.0, min(box[1], size[1] - height))
    above, below = min(box[1], label[1]) - gap - height, max(box[3], label[3]) + gap
    for x, y in ((box[2] + gap, top), (box[0] - gap - width, top), (box[0], below), (box[0], above)):
        place = (x, y, x + width, y + height)
        inside = x >= 0 and y >= 0 and place[2] <= size[0] and place[3] <= size[1]
        if inside and not any(_touch(place, other) for other in taken):
            return place
    return None


def _touch(a: Box, b: Box) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


class _Bars:
    """A panel with the name and the bar of each probability."""

    def __init__(self, expression: Expression, font: _Font) -> None:
        self._expression, self._font = expression, font
        self._em = font.getbbox("M")[3]
        self._bar_x = self._em * 1.1 + max(font.getbbox(name)[2] for name in expression.probabilities)
        self._bar_length = self._em * 4.4

    @property
    def size(self) -> tuple[float, float]:
        """Width and height."""
        rows = len(self._expression.probabilities)
        return self._bar_x + self._bar_length + self._em * 0.6, self._em * (1.25 * rows + 0.5)

    def draw(self, draw: ImageDraw.ImageDraw, place: Box) -> None:
        """Draw the panel at `place`."""
        em, x = self._em, place[0] + self._bar_x
        colors = label_colors(self._expression.probabilities)
        draw.rectangle(place, fill=_PANEL)
        for row, (name, probability) in enumerate(self._expression.probabilities.items()):
            y = place[1] + em * (0.4 + 1.25 * row)
            draw.text((place[0] + em * 0.6, y), name, font=self._font, fill=(255, 255, 255))
            bar = (x, y + em * 0.2, x + self._bar_length, y + em * 0.95)
            draw.rectangle(bar, fill=(255, 255, 255, 50))
            draw.rectangle((*bar[:2], x + self._bar_length * probability, bar[3]), fill=colors[name])


def _grown(box: Box, by: float) -> Box:
    return box[0] - by, box[1] - by, box[2] + by, box[3] + by
