"""The folder edition: split / class / image, unpacked or in a zip file."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from pathlib import PurePosixPath

import numpy as np

from mien.errors import DataError
from mien.lab.data.dataset import SPLITS, TRAINING, FaceDataset
from mien.lab.data.edition import Edition, split_named, with_test_settled
from mien.lab.data.images import decode_faces
from mien.lab.data.tree import DAMAGED, Tree
from mien.labels import FERPLUS, FOLDER, LabelSet, canonical_name, same_case

IMAGE_SUFFIXES = (".bmp", ".gif", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp")
_PACKED = (".7z", ".gz", ".parquet", ".rar", ".tar", ".tgz", ".zip")  # parquet files of a folder are read elsewhere
_LARGEST_IMAGE = 1 << 20  # bytes; a face of 48 x 48 takes 2 kB
_LARGEST_PHOTO = 1 << 26

_WITH_CONTEMPT = LabelSet(tuple(sorted(FERPLUS.names)))
_OTHER_CLASSES = (
    "For classes of your own: `mien data convert FOLDER OUT.parquet --classes awake,sleepy,...`, then use OUT.parquet."
)
_NUMBERED = (
    "Rename numbered folders to the expressions that they hold, such as angry: the numbering differs between editions. "
)


def read_folder(tree: Tree, resize: bool = False, classes: LabelSet | None = None) -> Edition:
    """Read the images ``train|test/CLASS/NAME`` of a tree, in the order in which Keras and torchvision list them.

    Names of splits and classes may be in any case and deeper in the tree. Without any split, images ``CLASS/NAME``
    are Training. The classes are FER2013's seven, and contempt if it has a folder.

    Args:
        tree: of files.
        resize: scale the middle square of images of another size to 48 x 48 px.
        classes: to use instead of these, in the order of their labels.

    Raises:
        DataError: there are no such images, the name of a folder is not a class, the name of an image is not UTF-8, or
            the data set is there twice.
    """
    known = classes or _WITH_CONTEMPT
    images = {name: tree.place / name for name in tree.sizes if is_image(name)}
    splits = _stated_splits(images) or _without_split(images, tree.source, known)
    if not splits:
        examples = ", ".join(sorted(tree.sizes)[:3]) or "nothing"
        raise DataError(
            f"{tree.source}: no face found among {len(tree.sizes):,} files ({examples}). Expected fer2013.csv, "
            "icml_face_data.csv, train.csv, parquet files, or images as train/CLASS/NAME.jpg and test/CLASS/NAME.jpg, "
            f"CLASS one of {', '.join(known)}. {_unpacking(tree.sizes)}{_renaming(images)}"
            f"{_OTHER_CLASSES}"
        )
    found = sorted(
        (SPLITS.index(split), _class_of(images[name], tree, name, known), name) for name, split in splits.items()
    )
    if known is _WITH_CONTEMPT and all(word in FOLDER.names for _, word, _ in found):
        known = FOLDER
    names = [name for _, _, name in found]
    _refuse_undecoded(tree, names)
    largest = _LARGEST_PHOTO if resize else _LARGEST_IMAGE
    decoded = decode_faces(names, lambda name: _content(tree, name, largest), resize)
    kept = decoded.kept
    data = FaceDataset(
        faces=decoded.faces,
        labels=np.array([known.index(word) for _, word, _ in found], np.int64)[kept],
        splits=np.array([SPLITS[split] for split, _, _ in found])[kept],
        rows=np.array(names)[kept],
        label_set=known,
        source=tree.source,
    )
    _refuse_doubles(tree, data)
    others = tuple(sorted(tree.sizes.keys() - splits.keys()))
    return Edition("folders of images", with_test_settled(data), decoded.broken, others)


def _refuse_undecoded(tree: Tree, names: Sequence[str]) -> None:
    """Refuse file names that are not UTF-8, as in old archives: Python reads them, but cannot write them as text."""
    undecoded = [name for name in names if re.search(r"[\udc80-\udcff]", name)]
    if undecoded:
        raise DataError(
            f"{tree.source}: {len(undecoded):,} images have names that are not UTF-8, such as {undecoded[0]!a}. "
            "Rename these files or folders."
        )


def _refuse_doubles(tree: Tree, data: FaceDataset) -> None:
    """Refuse a tree that holds the data set twice, as one on Kaggle does: held-out faces would be trained on too.

    Raises:
        DataError: names two paths of one face with the same split, class and file name.
    """
    places: dict[tuple[str, str, str, int], str] = {}
    for name, face in zip(data.rows.tolist(), data.faces):
        split, word, file = (tree.place / name).parts[-3:]
        other = places.setdefault((split.lower(), word.lower(), file, hash(face.tobytes())), name)
        if other != name:
            raise DataError(
                f"{tree.source}: holds the data set twice, as {other} and {name}. Name the folder of one of them."
            )


def _stated_splits(images: Mapping[str, PurePosixPath]) -> dict[str, str]:
    """The splits of those images that are ``SPLIT/CLASS/NAME``."""
    found = {name: split_named(path.parts[-3]) for name, path in images.items() if len(path.parts) > 2}
    return {name: split for name, split in found.items() if split is not None}


def _without_split(images: Mapping[str, PurePosixPath], source: str, known: LabelSet) -> dict[str, str]:
    """Training, for those images that are ``CLASS/NAME`` in one folder.

    Raises:
        DataError: there are class folders in several places.
    """
    folders = {path.parent for path in images.values()}
    places = {folder.parent: folder for folder in folders if _class_named(folder.name, known)}
    if len(places) > 1:
        one, other, *_ = sorted(map(str, places.values()))
        raise DataError(
            f"{source}: {one} and {other} are class folders outside any split. Expected "
            "train/CLASS/NAME.jpg and test/CLASS/NAME.jpg, or class folders in one place only."
        )
    return {name: TRAINING for name, path in images.items() if path.parent.parent in places}


def is_image(name: str) -> bool:
    """Return whether a file is an image by its name; names that begin with a dot belong to other programs."""
    path = PurePosixPath(name)
    return path.suffix.lower() in IMAGE_SUFFIXES and not any(part.startswith(".") for part in path.parts)


@cache
def _class_named(text: str, known: LabelSet) -> str | None:
    """The class that a folder is named after, in any usual spelling; None if it is not a class."""
    words = {same_case(name): name for name in known}
    return words.get(same_case(text)) or words.get(canonical_name(text))


def _class_of(path: PurePosixPath, tree: Tree, name: str, known: LabelSet) -> str:
    word = _class_named(path.parent.name, known)
    if word is None:
        remedy = _renaming([str(path)]) or "Move that folder elsewhere to leave it out. "
        raise DataError(
            f"{tree.source}: {name} is in a folder named {path.parent.name!r}; expected one of "
            f"{', '.join(known)}. {remedy}{_OTHER_CLASSES}"
        )
    return word


def _renaming(images: Iterable[str]) -> str:
    """The remedy for images in folders such as ``3`` and ``5_surprise``; empty if there are none."""
    folders = {PurePosixPath(name).parent.name for name in images}
    return _NUMBERED if any(re.fullmatch(r"\d{1,2}([ _.-].*)?", folder) for folder in folders) else ""


def _unpacking(names: Iterable[str]) -> str:
    """The remedy for archives among the files; empty if there are none."""
    packed = sorted(name for name in names if name.lower().endswith(_PACKED))
    return (
        f"Unpack the archives in it, such as {packed[0]}, and name the folder that then holds the data. "
        if packed
        else ""
    )


def _content(tree: Tree, name: str, largest: int) -> bytes:
    """The bytes of an image; the message of a `DataError` is the reason alone."""
    if tree.sizes[name] > largest:
        raise DataError(f"{tree.sizes[name]:,} bytes, expected at most {largest:,}")
    try:
        with tree.open(name) as stream:
            return stream.read()
    except DAMAGED as error:
        raise DataError(f"cannot be read ({error})") from error
