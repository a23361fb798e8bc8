"""From photos to the crops of their faces, several photos at a time."""

from __future__ import annotations

import math
import os
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np
import numpy.typing as npt

from mien.errors import InputError
from mien.faces.align import crop_face
from mien.faces.boxes import detected_faces
from mien.faces.detect import SURE_FACE_PX, Detector, Face, YuNet
from mien.media.images import in_memory, read_reduced
from mien.media.photo_lists import first_photo, is_pattern, list_photos
from mien.media.video import VIDEO_SUFFIXES

if TYPE_CHECKING:
    from mien.faces.detect import Landmarks
    from mien.media.images import Photo
    from mien.preprocess import Preprocess

_Image = npt.NDArray[np.uint8]
Find = Callable[[int, str, _Image, int], list[Face]]
"""Index of a photo, its name, its pixels and by what factor they were reduced -> its faces, in these pixels."""

# What threads can read in parallel. Not open files; nor Pillow images, which read their file when first used.
_INDEPENDENT = (str, os.PathLike, bytes, bytearray, memoryview, np.ndarray)


@dataclass
class Cropped:
    """A photo and the crops of its faces, ready for the recogniser.

    Attributes:
        photo: the photo; of an open file, its bytes.
        name: what records call it.
        size: width and height, px; None if it could not be read.
        faces: the faces in it.
        stack: ``(len(faces), planes, crop_px, crop_px)`` uint8, as `Preprocess.stack` makes it; None if it failed.
        failed: why it could not be read or used; None if it could.
    """

    photo: Photo
    name: str
    size: tuple[int, int] | None = None
    faces: list[Face] = field(default_factory=list)
    stack: _Image | None = None
    failed: str | None = None


def crop_photos(
    photos: Iterable[tuple[Photo, str]],
    find: Find,
    preprocess: Preprocess,
    margin_fraction: float,
    workers: int,
    least_px: float,
) -> Generator[Cropped]:
    """Read photos and cut out their faces, in order.

    Args:
        photos: as `read_image` takes them, and their names in messages; asked for as they are needed.
        find: finds the faces; called by several threads at a time where `workers` is above 1.
        preprocess: of the recogniser.
        margin_fraction: context around a face, as `crop_face` takes it.
        workers: threads; each holds a photo in memory.
        least_px: as `read_reduced` takes it.
    """
    one_at_a_time = threading.Lock()

    def crop(index: int, photo: Photo, name: str) -> Cropped:
        try:
            _check_kind(photo, name)
            with nullcontext() if isinstance(photo, _INDEPENDENT) else one_at_a_time:
                photo = in_memory(photo, name)
                seen = read_reduced(photo, name, least_px=least_px)
            faces = find(index, name, seen.pixels, seen.factor)
        except InputError as error:
            return Cropped(photo, name, failed=str(error))
        stack = preprocess.stack([crop_face(seen.pixels, face, margin_fraction=margin_fraction) for face in faces])
        return Cropped(photo, name, seen.size, [_enlarged(face, seen.factor) for face in faces], stack)

    return _in_order((partial(crop, index, *photo) for index, photo in enumerate(photos)), workers)


def _enlarged(face: Face, factor: int) -> Face:
    """A face of a reduced photo in px of the photo."""
    if factor == 1:
        return face
    x0, y0, x1, y1 = (value * factor for value in face.box)
    marks = face.landmarks and tuple((x * factor, y * factor) for x, y in face.landmarks)
    return replace(face, box=(x0, y0, x1, y1), landmarks=cast("Landmarks | None", marks))


def _check_kind(photo: Photo, name: str) -> None:
    """Refuse the path of a video, and patterns and folders, with photos or without."""
    if not isinstance(photo, str | os.PathLike):
        return
    if Path(photo).suffix.lower() in VIDEO_SUFFIXES:
        raise InputError(f"{name}: is a video, by its ending; mien.analyze_video reads it.")
    if is_pattern(os.fspath(photo)) and list_photos([photo]):
        raise InputError(f"{name}: is a pattern; give a list, [{name!r}], to read the photos that match it.")
    if os.path.isdir(photo) and first_photo(Path(photo)) != Path(photo):  # noqa: PTH112  # Path's raises on long names
        raise InputError(f"{name}: is a folder; give a list, [{name!r}], to read the photos in it.")


def _in_order(jobs: Iterable[Callable[[], Cropped]], workers: int) -> Generator[Cropped]:
    """Yield what jobs return, in their order; each thread works up to two jobs ahead.

    Threads suffice: they release Python's lock for 70 % of their time (`benchmarks/photo_workers.py`).
    """
    if workers <= 1:
        yield from (job() for job in jobs)
        return
    ahead: deque[Future[Cropped]] = deque()
    pool = ThreadPoolExecutor(workers, thread_name_prefix="mien-crop")
    try:
        for job in _raising_in_turn(jobs):
            ahead.append(pool.submit(job))
            if len(ahead) > 2 * workers:
                yield ahead.popleft().result()
        while ahead:
            yield ahead.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


def _raising_in_turn(jobs: Iterable[Callable[[], Cropped]]) -> Generator[Callable[[], Cropped]]:
    """Yield the jobs; an error in making one becomes a job that raises it, so that those before it finish first."""
    try:
        yield from jobs
    except Exception as error:  # of a user's generator of photos

        def fail(error: Exception = error) -> Cropped:
            raise error

        yield fail


def least_px_of(detector: Detector, preprocess: Preprocess) -> float:
    """Return how many px the longer side of a photo must keep when it is read reduced.

    So many that the smallest face that YuNet can find still fills a crop. Other detectors get whole photos.
    """
    return detector.longest_px * preprocess.crop_px / SURE_FACE_PX if isinstance(detector, YuNet) else math.inf


def detect_in(detector: Detector, image: npt.NDArray[np.uint8], factor: int, name: str) -> list[Face]:
    """Find faces in a photo that was read at ``1 / factor`` of its size; boxes are px of `image`.

    Raises:
        InputError: a custom detector returned anything but faces in the photo; begins with `name`.
    """
    if isinstance(detector, YuNet):
        return (detector if factor == 1 else detector.for_reduced(factor)).detect(image)
    return detected_faces(detector.detect(image), image, name)
