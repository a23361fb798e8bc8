"""The pipeline: photos in, faces with their expressions out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast, overload

import numpy as np
import numpy.typing as npt

from mien.errors import InputError
from mien.faces.align import crop_face
from mien.faces.boxes import boxes_of_each, given_faces
from mien.faces.detect import Detector, Face, YuNet
from mien.media.images import expand_folders, in_memory, read_image, source_name
from mien.recognizer import Expression, Recognizer
from mien.records import Analyses as Analyses
from mien.records import Analysis as Analysis
from mien.records import AnalyzedFace as AnalyzedFace

if TYPE_CHECKING:
    from mien.media.images import Photo

MIN_FACE_PX = 24
"""Lower faces show too little for recognisers of 48 px."""

_Image = npt.NDArray[np.uint8]
_Find = Callable[[int, _Image], list[Face]]


@dataclass
class _Cropped:
    """A photo whose faces wait for the recogniser."""

    photo: Photo
    name: str
    size: tuple[int, int] | None = None
    faces: list[Face] = field(default_factory=list)
    crops: list[_Image] = field(default_factory=list)
    failed: str | None = None


@overload
def analyze(  # type: ignore[overload-overlap]  # a str is a sequence of str, too; here it is a path
    source: Photo,
    *,
    model: str | Path | Recognizer | None = None,
    detector: Detector | None = None,
    min_face_px: float | None = None,
    boxes: Sequence[Sequence[float]] | npt.NDArray[Any] | None = None,
    crops: bool = False,
    batch_size: int = 32,
) -> Analysis: ...
@overload
def analyze(
    source: Sequence[Photo],
    *,
    model: str | Path | Recognizer | None = None,
    detector: Detector | None = None,
    min_face_px: float | None = None,
    boxes: Mapping[str, Any] | Sequence[Any] | None = None,
    crops: bool = False,
    batch_size: int = 32,
) -> Analyses: ...
def analyze(
    source: Photo | Sequence[Photo],
    *,
    model: str | Path | Recognizer | None = None,
    detector: Detector | None = None,
    min_face_px: float | None = None,
    boxes: Mapping[str, Any] | Sequence[Any] | npt.NDArray[Any] | None = None,
    crops: bool = False,
    batch_size: int = 32,
) -> Analysis | Analyses:
    """Read the expressions of the faces in a photo, or in several.

    Each call loads the model anew: give many photos at once, or keep an `Analyzer`.

    Args:
        source: a photo: a path, bytes, an open binary file, a Pillow image, or an array ``(H, W)`` or ``(H, W, 3)``
            RGB, uint8 or floats in [0, 1]; or a list of photos and of folders, which are searched with their
            subfolders.
        model: a model folder, the name of a shipped model, or a `Recognizer`; None is the shipped default.
        detector: finds the faces; None is `YuNet`.
        min_face_px: for `YuNet`: the height of the smallest face that is searched, 24 px where None. Smaller values
            find more and take longer.
        boxes: the faces, instead of a detector: ``(N, 4)`` x0, y0, x1, y1 in px; for a list of photos a mapping from
            path to boxes, or boxes for each photo.
        crops: every photo is one face already.
        batch_size: faces that go through the model together, across photos.

    Returns:
        An `Analysis` of a photo; `Analyses` of a list, in its order.

    Raises:
        InputError: the photo cannot be read, a folder holds none, or arguments contradict each other. In a list, a
            photo that cannot be read becomes an `Analysis` whose `failed` says why.
        ModelError: there is no such model.
    """
    analyzer = Analyzer(model=model, detector=detector, min_face_px=min_face_px, batch_size=batch_size)
    if isinstance(source, Sequence) and not isinstance(source, str | bytes | bytearray | memoryview):
        return Analyses(analyzer.run(expand_folders(source), boxes=boxes, crops=crops))
    (analysis,) = analyzer.run([cast("Photo", source)], boxes=None if boxes is None else [boxes], crops=crops)
    if analysis.failed is not None:
        raise InputError(analysis.failed)
    return analysis


class Analyzer:
    """A detector and a recogniser, ready for photo after photo.

    The arguments are those of `analyze`.

    Raises:
        InputError: both `detector` and `min_face_px` are given, or `batch_size` is below 1.
        ModelError: there is no such model.
    """

    def __init__(
        self,
        *,
        model: str | Path | Recognizer | None = None,
        detector: Detector | None = None,
        min_face_px: float | None = None,
        batch_size: int = 32,
    ) -> None:
        if detector is not None and min_face_px is not None:
            raise InputError(
                "min_face_px is an argument of the default detector; give it to your own where you make it."
            )
        if batch_size < 1:
            raise InputError(f"batch_size {batch_size}; expected at least 1.")
        self.recognizer = model if isinstance(model, Recognizer) else Recognizer.load(model)
        self.detector = detector or YuNet(min_face_px=MIN_FACE_PX if min_face_px is None else min_face_px)
        self.batch_size = batch_size

    def run(
        self,
        photos: Sequence[Photo],
        *,
        boxes: Mapping[str, Any] | Sequence[Any] | npt.NDArray[Any] | None = None,
        crops: bool = False,
    ) -> Iterator[Analysis]:
        """Yield an `Analysis` for each photo, in order; memory does not grow with their number.

        Args:
            photos: as `analyze` takes them, without folders.
            boxes: a mapping from path to boxes, or boxes for each photo.
            crops: every photo is one face already.

        Raises:
            InputError: `boxes` and `crops` are both given, or a box is malformed.
        """
        if crops and boxes is not None:
            raise InputError("boxes and crops exclude each other: a crop is one face, its box is the whole picture.")
        names = [source_name(photo, index if len(photos) > 1 else None) for index, photo in enumerate(photos)]
        margin = self.recognizer.card.preprocess.margin_fraction
        if boxes is not None:
            given = boxes_of_each(names, boxes)
            return self._run(photos, names, lambda index, image: given_faces(given[index], image, names[index]), margin)
        if crops:
            return self._run(photos, names, lambda _, image: [_whole(image)], margin_fraction=0.0)
        return self._run(photos, names, lambda _, image: self.detector.detect(image), margin)

    def _run(
        self, photos: Sequence[Photo], names: Sequence[str], find: _Find, margin_fraction: float
    ) -> Iterator[Analysis]:
        waiting: list[_Cropped] = []
        for index, (photo, name) in enumerate(zip(photos, names, strict=True)):
            waiting.append(_cropped(photo, name, partial(find, index), margin_fraction))
            if max(len(waiting), sum(len(cropped.crops) for cropped in waiting)) >= self.batch_size:
                yield from self._recognize(waiting)
                waiting = []
        yield from self._recognize(waiting)

    def _recognize(self, photos: Sequence[_Cropped]) -> Iterator[Analysis]:
        """Read the expressions of all waiting crops together."""
        crops = [crop for photo in photos for crop in photo.crops]
        expressions = iter(self.recognizer.predict(crops, self.batch_size))
        for photo in photos:
            yield Analysis(
                source=photo.name,
                photo=photo.photo,
                size=photo.size,
                faces=tuple(_analyzed(face, next(expressions)) for face in photo.faces),
                failed=photo.failed,
                model=self.recognizer.card.name,
            )


def _analyzed(face: Face, expression: Expression) -> AnalyzedFace:
    return AnalyzedFace(
        box=face.box, score=face.score, landmarks=face.landmarks, track_id=face.track_id, expression=expression
    )


def _whole(image: _Image) -> Face:
    """The face that fills an image."""
    return Face(box=(0.0, 0.0, float(image.shape[1]), float(image.shape[0])))


def _cropped(photo: Photo, name: str, find: Callable[[_Image], list[Face]], margin_fraction: float) -> _Cropped:
    """Read a photo, find its faces, and keep no more of its pixels than their crops."""
    try:
        photo = in_memory(photo, name)
        image = read_image(photo, name)
        faces = find(image)
    except InputError as error:
        return _Cropped(photo, name, failed=str(error))
    crops = [crop_face(image, face, margin_fraction=margin_fraction) for face in faces]
    return _Cropped(photo, name, (image.shape[1], image.shape[0]), faces, crops)
