"""The material for all contenders: the photos, grids of the faces in them, and a video that pans over them."""

from __future__ import annotations

import csv
import math
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

WIDTH, HEIGHT, RATE, SECONDS = 640, 480, 30, 30
TILE_PX = 160
Image = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Mark:
    """A face marked by a person, px: its middle, and its approximate height from brow to chin."""

    x: float
    y: float
    size: float


def read_marks(file: Path) -> dict[str, list[Mark]]:
    """Read a file like faces.csv."""
    marks: dict[str, list[Mark]] = {}
    with file.open(newline="", encoding="utf-8") as stream:
        for row in csv.DictReader(stream):
            faces = marks.setdefault(row["photo"], [])
            if row["x"]:
                faces.append(Mark(float(row["x"]), float(row["y"]), float(row["size"])))
    return marks


def found_and_false(boxes: Sequence[Sequence[float]], marks: Sequence[Mark]) -> tuple[int, int]:
    """Count the marked faces that have a box, and all other boxes, including second boxes of a face.

    A box matches a face if it contains the face's middle, and the face's size is a third to three times the box's,
    because libraries frame different parts of the head. Of several boxes the one nearest to the middle counts.
    """
    pairs = []
    for place, (x0, y0, x1, y1) in enumerate(boxes):
        for number, mark in enumerate(marks):
            if x0 <= mark.x <= x1 and y0 <= mark.y <= y1 and 1 / 3 < (y1 - y0) / mark.size < 3:
                pairs.append((math.dist(((x0 + x1) / 2, (y0 + y1) / 2), (mark.x, mark.y)), place, number))
    taken: set[int] = set()
    found: set[int] = set()
    for _, place, number in sorted(pairs):
        if place not in taken and number not in found:
            taken.add(place)
            found.add(number)
    return len(found), len(boxes) - len(found)


def prepare(photos: Path, marks: dict[str, list[Mark]], folder: Path) -> dict[str, list[Mark]]:
    """Copy the marked photos to `folder`, add grids of the faces from photos with one face, and return all marks."""
    for name in marks:
        shutil.copy(photos / name, folder / name)
    tiles = [_tile(_read(photos / name), mark) for name, mark in _alone(marks).items()]
    tiles += [np.ascontiguousarray(tile[:, ::-1]) for tile in tiles]
    per_grid = (WIDTH // TILE_PX) * (HEIGHT // TILE_PX)
    all_marks = dict(marks)
    for start in range(0, len(tiles) - per_grid + 1, per_grid):
        grid, placed = _grid(tiles[start : start + per_grid])
        name = f"grid-{start // per_grid}.jpg"
        cv2.imwrite(str(folder / name), grid, [cv2.IMWRITE_JPEG_QUALITY, 92])
        all_marks[name] = placed
    return all_marks


def write_video(photos: Path, marks: dict[str, list[Mark]], file: Path) -> None:
    """Write a video that pans over each photo with one face, all for the same time, with cuts between them.

    Each frame has one face, as with most cameras, so contenders that do not reach the end do comparable work.
    """
    out = cv2.VideoWriter(str(file), cv2.VideoWriter.fourcc(*"mp4v"), RATE, (WIDTH, HEIGHT))
    views = [_view(_read(photos / name), mark) for name, mark in _alone(marks).items()]
    for index in range(SECONDS * RATE):
        view = views[index * len(views) // (SECONDS * RATE)]
        shift = 16 + round(14 * math.sin(index / 12))
        out.write(np.ascontiguousarray(view[16 : 16 + HEIGHT, shift : shift + WIDTH]))
    out.release()


def _alone(marks: dict[str, list[Mark]]) -> dict[str, Mark]:
    """The photos with exactly one face."""
    return {name: faces[0] for name, faces in marks.items() if len(faces) == 1}


def _read(file: Path) -> Image:
    """A photo in OpenCV's channel order, BGR."""
    image = cv2.imread(str(file))
    if image is None:
        raise SystemExit(f"{file}: listed in the CSV file, but cannot be read.")
    return np.asarray(image, np.uint8)


def _tile(image: Image, mark: Mark) -> Image:
    """A square of twice the face's size around it, scaled to `TILE_PX`."""
    move = np.array([[1, 0, mark.size - mark.x], [0, 1, mark.size - mark.y]])
    scale = TILE_PX / (2 * mark.size)
    side = (TILE_PX, TILE_PX)
    cut = cv2.warpAffine(image, move, (round(2 * mark.size),) * 2, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(cv2.resize(cut, side, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR), np.uint8)


def _grid(tiles: Sequence[Image]) -> tuple[Image, list[Mark]]:
    columns = WIDTH // TILE_PX
    grid = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    marks = []
    for place, tile in enumerate(tiles):
        top, left = (place // columns) * TILE_PX, (place % columns) * TILE_PX
        grid[top : top + TILE_PX, left : left + TILE_PX] = tile
        marks.append(Mark(left + TILE_PX / 2, top + TILE_PX / 2, TILE_PX / 2))
    return grid, marks


def _view(image: Image, face: Mark) -> Image:
    """The largest crop of the video's aspect ratio with the face near its middle, 32 px larger than a frame."""
    width, height = WIDTH + 32, HEIGHT + 32
    scale = max(width / image.shape[1], height / image.shape[0])
    image = np.asarray(cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8)
    left = round(min(max(scale * face.x - width / 2, 0), image.shape[1] - width))
    top = round(min(max(scale * face.y - height / 2, 0), image.shape[0] - height))
    return image[top : top + height, left : left + width]
