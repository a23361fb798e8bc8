"""The folder edition: split / class / image, unpacked or in a zip file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePosixPath

import numpy as np

from mien.errors import DataError
from mien.lab.data.dataset import SPLITS, FaceDataset
from mien.lab.data.edition import Edition, split_named, with_test_settled
from mien.lab.data.images import decode_faces
from mien.lab.data.tree import DAMAGED, Tree
from mien.labels import FOLDER, canonical_name

IMAGES = "folders of images"
"""What this edition is called."""
IMAGE_SUFFIXES = (".bmp", ".gif", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp")
_LARGEST_IMAGE = 1 << 20  # bytes; a face of 48 x 48 takes 2 kB
_LARGEST_PHOTO = 1 << 26


def read_folder(tree: Tree, resize: bool = False) -> Edition:
    """Read the images ``train|test/CLASS/NAME`` of a tree, in the order in which Keras and torchvision list them.

    Names of splits and classes may be in any case and may stand deeper in the tree.

    Args:
        tree: of files.
        resize: scale the middle square of images of another size to 48 x 48 px.

    Raises:
        DataError: no image stands in such a folder, one stands in a folder whose name is no class, or the data set
            stands there twice.
    """
    found: list[tuple[int, int, str]] = []
    others: list[str] = []
    for name in tree.sizes:
        place = _place(tree.source, name)
        if place is None:
            others.append(name)
        else:
            found.append((SPLITS.index(place[0]), FOLDER.index(place[1]), name))
    if not found:
        for name in others:
            if canonical_name(PurePosixPath(tree.source, name).parent.name) in FOLDER.names:
                raise DataError(
                    f"{tree.source}: {name} stands in a folder of a class, but not of a split. Expected "
                    "train/CLASS/NAME.jpg and test/CLASS/NAME.jpg."
                )
        examples = ", ".join(sorted(tree.sizes)[:3]) or "nothing"
        raise DataError(
            f"{tree.source}: no face found among {len(tree.sizes):,} files ({examples}). Expected fer2013.csv, "
            "icml_face_data.csv, train.csv, parquet files, or images as train/CLASS/NAME.jpg and test/CLASS/NAME.jpg."
        )
    found.sort()
    _refuse_doubles(tree.source, [name for _, _, name in found])
    names = [name for _, _, name in found]
    largest = _LARGEST_PHOTO if resize else _LARGEST_IMAGE
    decoded = decode_faces(names, lambda name: _content(tree, name, largest), resize)
    kept = decoded.kept
    data = FaceDataset(
        faces=decoded.faces,
        labels=np.array([label for _, label, _ in found], np.int64)[kept],
        splits=np.array([SPLITS[split] for split, _, _ in found])[kept],
        rows=np.array(names)[kept],
        label_set=FOLDER,
        source=tree.source,
    )
    return Edition(IMAGES, with_test_settled(data), decoded.broken, tuple(sorted(others)))


def _refuse_doubles(source: str, names: Sequence[str]) -> None:
    """Refuse a data set that stands in a tree twice, as one on Kaggle does: its faces would test what they trained.

    Raises:
        DataError: names two places of one image.
    """
    places: dict[tuple[str, ...], str] = {}
    for name in names:
        other = places.setdefault(tuple(part.lower() for part in PurePosixPath(source, name).parts[-3:]), name)
        if other != name:
            raise DataError(
                f"{source}: the data set stands there twice, as {other} and {name}. Name the folder of one."
            )


def _place(source: str, name: str) -> tuple[str, str] | None:
    """Split and class of an image by its path; None for what is no image of the data set."""
    path = PurePosixPath(source, name)
    if path.suffix.lower() not in IMAGE_SUFFIXES or path.name.startswith(".") or len(path.parts) < 3:
        return None
    split = split_named(path.parts[-3])
    if split is None:
        return None
    try:
        return split, FOLDER.name(FOLDER.index(path.parts[-2]))
    except DataError:
        raise DataError(
            f"{source}: {name} stands in a folder named {path.parts[-2]!r}; expected one of {', '.join(FOLDER)}."
        ) from None


def _content(tree: Tree, name: str, largest: int) -> bytes:
    """The bytes of an image; the message of a `DataError` is the reason alone."""
    if tree.sizes[name] > largest:
        raise DataError(f"{tree.sizes[name]:,} bytes, expected at most {largest:,}")
    try:
        with tree.open(name) as stream:
            return stream.read()
    except DAMAGED as error:
        raise DataError(f"cannot be read ({error})") from error
