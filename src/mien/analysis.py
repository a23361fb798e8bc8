"""The pipeline: photos in, faces with their expressions out."""

from __future__ import annotations

import math
import os
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast, overload

import numpy as np
import numpy.typing as npt

from mien.checking import check_number
from mien.cropping import Cropped, crop_photos, detect_in, least_px_of
from mien.errors import InputError
from mien.faces.align import whole
from mien.faces.boxes import boxes_of_each, given_faces
from mien.faces.detect import MIN_FACE_PX, Detector, Face, YuNet
from mien.media.images import source_name
from mien.media.photo_lists import is_one_photo, list_photos
from mien.recognizer import Expression, Recognizer
from mien.records import Analyses, Analysis, AnalyzedFace

if TYPE_CHECKING:
    from mien.media.images import Photo

DEFAULT_WORKERS = 2
"""Threads by default. Each one takes 30 to 100 MB with photos of 12 megapixels."""

MOST_WAITING = 8
"""Most photos whose results wait for a full batch. A face takes hardly longer in a batch of 8 than of 32."""


@overload
def analyze(  # type: ignore[overload-overlap]  # a str is a sequence of str, too; here it is a path
    source: Photo,
    *,
    model: str | Path | Recognizer | None = None,
    detector: Detector | None = None,
    min_face_px: float | None = None,
    boxes: Sequence[Sequence[float] | Face] | npt.NDArray[Any] | None = None,
    crops: bool = False,
    batch_size: int = 32,
    workers: int | None = None,
) -> Analysis: ...
@overload
def analyze(
    source: Sequence[Photo] | Iterator[Photo],
    *,
    model: str | Path | Recognizer | None = None,
    detector: Detector | None = None,
    min_face_px: float | None = None,
    boxes: Mapping[Any, Any] | Sequence[Any] | None = None,
    crops: bool = False,
    batch_size: int = 32,
    workers: int | None = None,
) -> Analyses: ...
def analyze(
    source: Photo | Sequence[Photo] | Iterator[Photo],
    *,
    model: str | Path | Recognizer | None = None,
    detector: Detector | None = None,
    min_face_px: float | None = None,
    boxes: Mapping[Any, Any] | Sequence[Any] | npt.NDArray[Any] | None = None,
    crops: bool = False,
    batch_size: int = 32,
    workers: int | None = None,
) -> Analysis | Analyses:
    """Read the expressions of the faces in a photo, or in several.

    The default model is loaded once and kept; a named one is loaded by each call: give many photos at once, or keep an
    `Analyzer`.

    Args:
        source: a photo: a path, bytes, an open binary file, a Pillow image, or an array ``(H, W)`` or ``(H, W, 3)``
            RGB, uint8 or floats in [0, 1]; or a list or generator of photos, of folders, which are searched with their
            subfolders, and of patterns like ``"photos/**/*.jpg"``.
        model: a model folder, the name of a shipped model, or a `Recognizer`; None is the shipped default.
        detector: finds the faces; None is `YuNet`.
        min_face_px: for `YuNet`: height of the smallest face to search for; None is 24 px. Smaller values find more
            and take longer.
        boxes: the faces, instead of a detector: ``(N, 4)`` x0, y0, x1, y1 in px; for a list of photos a mapping from
            path to boxes, or boxes for each photo. A `Face` instead of a box is turned upright by its landmarks.
        crops: every photo is one face already.
        batch_size: faces that go through the model together, across photos.
        workers: threads that read photos and find faces. None is 2, or 1 on a single core or with a detector other
            than `YuNet`, which may not be thread-safe.

    Returns:
        An `Analysis` of a photo; `Analyses` of a list, in its order.

    Raises:
        InputError: the photo cannot be read, a folder or pattern holds none, or arguments contradict each other. In a
            list, a photo that cannot be read becomes an `Analysis` whose `failed` says why.
        ModelError: there is no such model.
    """
    check_searched(min_face_px, boxes, crops)
    analyzer = Analyzer(model=model, detector=detector, min_face_px=min_face_px, batch_size=batch_size, workers=workers)
    if isinstance(source, Sequence | Iterator) and not is_one_photo(source):
        photos: list[Photo] = list_photos(cast("Iterable[Photo]", source))
        return Analyses(analyzer.run(photos, boxes=boxes, crops=crops), analyzer.recognizer.card.labels)
    given = boxes if boxes is None or isinstance(boxes, Mapping) else [boxes]
    (analysis,) = analyzer.run([cast("Photo", source)], boxes=given, crops=crops)
    if analysis.failed is not None:
        raise InputError(analysis.failed)
    return analysis


def check_searched(min_face_px: float | None, boxes: object, crops: bool) -> None:
    """Make sure that `min_face_px` is given only where faces are searched for.

    Raises:
        InputError: `boxes` or `crops` say where they are.
    """
    if min_face_px is not None and (crops or boxes is not None):
        raise InputError("min_face_px is for the detector; boxes and crops say where the faces are.")


class Analyzer:
    """A detector and a recogniser, ready for photo after photo.

    The arguments are those of `analyze`.

    Raises:
        InputError: both `detector` and `min_face_px` are given, a number is below 1, or `detector` cannot `detect`.
        ModelError: there is no such model.
    """

    def __init__(
        self,
        *,
        model: str | Path | Recognizer | None = None,
        detector: Detector | None = None,
        min_face_px: float | None = None,
        batch_size: int = 32,
        workers: int | None = None,
    ) -> None:
        if detector is not None and min_face_px is not None:
            raise InputError("min_face_px is for the default detector; set the size in your own detector.")
        check_number("batch_size", batch_size, 1, whole=True)
        if workers is not None:
            check_number("workers", workers, 1, whole=True)
        if min_face_px is not None:
            check_number("min_face_px", min_face_px, 1)
        if isinstance(detector, type) or (detector is not None and not callable(getattr(detector, "detect", None))):
            raise InputError(f"detector {detector!r}; expected an object that finds faces by `detect(image)`.")
        self.recognizer = _recognizer(model)
        self.detector = _detector(min_face_px or MIN_FACE_PX) if detector is None else detector
        self.batch_size = batch_size
        self.workers = workers or (min(cores(), DEFAULT_WORKERS) if isinstance(self.detector, YuNet) else 1)

    def run(
        self,
        photos: Sequence[Photo] | Iterator[Photo],
        *,
        boxes: Mapping[Any, Any] | Sequence[Any] | npt.NDArray[Any] | None = None,
        crops: bool = False,
    ) -> Generator[Analysis]:
        """Yield an `Analysis` for each photo, in order; memory does not grow with their number.

        Threads work a few photos ahead. They end when the generator is exhausted, closed or interrupted.

        Args:
            photos: a list of them, each as `analyze` takes it, but no folders; or a generator, which is asked for a few
                at a time, or with `boxes` for all at once.
            boxes: a mapping from path to boxes, or boxes for each photo.
            crops: every photo is one face already.

        Raises:
            InputError: `boxes` and `crops` are both given, a box is malformed, or `photos` is neither a list nor a
                generator.
        """
        return self._run(self.crop(photos, boxes=boxes, crops=crops))

    def crop(
        self,
        photos: Sequence[Photo] | Iterator[Photo],
        *,
        boxes: Mapping[Any, Any] | Sequence[Any] | npt.NDArray[Any] | None = None,
        crops: bool = False,
    ) -> Generator[Cropped]:
        """Yield the faces of each photo as the model takes them; the first half of `run`, with the same arguments.

        Raises:
            InputError: `boxes` and `crops` are both given, a box is malformed, or `photos` is neither a list nor a
                generator.
        """
        if not isinstance(photos, Sequence | Iterator) or is_one_photo(photos):
            raise InputError(
                f"photos: found {type(photos).__name__}; expected a list or a generator, [photo] for a single one."
            )
        if crops and boxes is not None:
            raise InputError("boxes and crops exclude each other: a crop is one face, its box is the whole picture.")
        listed = photos if boxes is None else list(photos)
        are_many = not isinstance(listed, Sequence) or len(listed) > 1

        def name_of(index: int, photo: Photo) -> str:
            return source_name(photo, index if are_many else None)

        given = None if boxes is None else boxes_of_each([name_of(*each) for each in enumerate(listed)], boxes)
        named = ((photo, name_of(index, photo)) for index, photo in enumerate(listed))
        return self._crop(named, given, crops, self.workers if are_many else 1)

    def _crop(
        self,
        named: Iterable[tuple[Photo, str]],
        given: Sequence[list[Face] | None] | None = None,
        crops: bool = False,
        workers: int = 1,
    ) -> Generator[Cropped]:
        preprocess = self.recognizer.card.preprocess

        def find(index: int, name: str, image: npt.NDArray[np.uint8], factor: int) -> list[Face]:
            if given is not None:
                return given_faces(given[index], image, name)
            return [whole(image)] if crops else detect_in(self.detector, image, factor, name)

        margin = 0.0 if crops else preprocess.margin_fraction
        least_px = math.inf if crops or given is not None else least_px_of(self.detector, preprocess)
        return crop_photos(named, find, preprocess, margin, workers, least_px)

    def _run(self, found: Generator[Cropped]) -> Generator[Analysis]:
        """The generator of `run`, which is none itself, so that it checks its arguments when it is called."""
        batch: list[Cropped] = []
        with closing(found):
            try:
                for cropped in found:
                    batch.append(cropped)
                    n_faces = sum(len(photo.faces) for photo in batch)
                    if n_faces >= self.batch_size or len(batch) >= min(self.batch_size, MOST_WAITING):
                        full, batch = batch, []
                        yield from self.recognize(full)
            except Exception:  # of a generator of photos: those it gave before are read
                yield from self.recognize(batch)
                raise
            yield from self.recognize(batch)

    def recognize(self, photos: Sequence[Cropped]) -> Iterator[Analysis]:
        """Read the expressions of all faces of photos together; the second half of `run`."""
        stacks = [photo.stack for photo in photos if photo.stack is not None]
        expressions: Iterator[Expression] = iter(())
        if stacks:
            found = self.recognizer.probabilities(np.concatenate(stacks), self.batch_size)
            expressions = iter(self.recognizer.expressions(found))
        yield from (self._analysis(photo, expressions) for photo in photos)

    def crop_one(self, photo: Photo, name: str) -> Cropped:
        """Find the faces of one photo, which messages call `name`; threads may, if they may share the detector."""
        (found,) = self._crop([(photo, name)])
        return found

    def _analysis(self, photo: Cropped, expressions: Iterator[Expression]) -> Analysis:
        """Put the faces of a photo together with their expressions, which are taken from the iterator."""
        faces = (
            AnalyzedFace(
                box=face.box,
                score=face.score,
                landmarks=face.landmarks,
                track_id=face.track_id,
                expression=next(expressions),
            )
            for face in photo.faces
        )
        return Analysis(
            source=photo.name,
            photo=photo.photo,
            size=photo.size,
            faces=tuple(faces),
            failed=photo.failed,
            model=self.recognizer.card.name,
            labels=self.recognizer.card.labels,
        )


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _recognizer(model: str | Path | Recognizer | None) -> Recognizer:
    if isinstance(model, Recognizer):
        return model
    return _shipped_recognizer() if model is None else Recognizer.load(model)


@lru_cache
def _shipped_recognizer() -> Recognizer:
    """The default recogniser; threads may share it, as they may share onnxruntime's sessions."""
    return Recognizer.load()


@lru_cache(maxsize=4)
def _detector(min_face_px: float) -> YuNet:
    """A detector, which threads may share."""
    return YuNet(min_face_px=min_face_px)
