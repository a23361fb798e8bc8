"""Robustness of the models that ship to changed faces: `python benchmarks/robustness.py DATA`.

Measures the models for seven classes on PublicTest as `mien robust` does and writes benchmarks/results/robustness.json.
From this record it writes docs/robustness.md, whose picture and long table show the default model, and the figures in
docs/protocol.md that candidates must reach; without DATA only pages and picture. Run it whenever one of these models
changes, after `python benchmarks/detector_crops.py DATA`, which measures another section of the same page.

With `--record NAME --models FOLDER...` it measures candidates or earlier models, adds them to
benchmarks/results/NAME.json, and writes no page; docs/log.md has the conclusions.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import detector_crops
import numpy as np
import numpy.typing as npt
from detector_crops import MODELS
from layout import AIM, RESULTS, ROOT, change_in_words, commit, with_part
from PIL import Image
from skimage.data import astronaut  # NASA's portrait of Eileen Collins, public domain

from mien import lab
from mien.faces.align import crop_face
from mien.faces.detect import YuNet
from mien.lab.data import PUBLIC, FaceDataset
from mien.lab.pages.robust_picture import save_picture
from mien.lab.robust import Robustness
from mien.lab.tables import Table
from mien.preprocess import Preprocess
from mien.recognizer import Recognizer

RESULT = RESULTS / "robustness.json"
PAGE = ROOT / "docs" / "robustness.md"
PROTOCOL = ROOT / "docs" / "protocol.md"
PICTURE = ROOT / "docs" / "images" / "robustness.png"

KINDS = {
    "turned": ("turned",),
    "soft": ("blurred", "fewer pixels"),
    "JPEG": ("JPEG",),
    "noise": ("noise",),
    "light": ("darker", "brighter", "less light", "more light", "less contrast", "levels moved"),
    "covered": ("covered",),
}
"""Other kinds of degradation, and the changes that represent them."""
OFF_BY_TEN = ("box shifted 10 % of its side", "box larger 10 %", "box smaller 10 %")


def page(record: dict[str, Any], crops: dict[str, Any]) -> str:
    """Return the page, from its own record and that of the detector's crops."""
    models = measurements(record)
    measured = models[0]
    words = _commit(record["models"][0]["commit"])
    table = measured.table()
    return f"""# Changed faces

<!-- Written by `python benchmarks/robustness.py` from benchmarks/results/robustness.json. -->

FER2013's faces are cropped alike and evenly sharp; a detector's crops from photos and video are not.
[`mien robust`](guide.md#test-on-changed-faces) changes the faces as cameras, files and detectors do, and measures how
much accuracy a model loses.

The aim: a box that is off by 10 % of its side costs at most {100 * AIM:g} point. **Bold** marks where it costs more.

{side_by_side(models).markdown()}

**{table.title}**

{table.markdown()}

![One face under every change, and the accuracy on all faces of {measured.split}](images/{PICTURE.name})

The bars show the accuracy on all faces, with the 95 % intervals of the differences; the dotted line is the accuracy
on unchanged faces.

Measured with seed {measured.seed} at commit {words}, model `{measured.model_sha256[:12]}`, faces
`{measured.data_fingerprint[:12]}`; all figures are in [robustness.json](../benchmarks/results/robustness.json). Blur
is in px of a face 48 px wide; noise and moved levels are in grey levels from 0 to 255. Light is that of the scene,
which cameras convert into grey levels by a power of 1/2.2.

{detector_crops.section(crops)}"""


def _commit(digits: str) -> str:
    """Such as ``0e1725c``, or ``0e1725c with changes`` if the code had uncommitted changes."""
    return digits[:7] + (" with changes" if digits.endswith("+dirty") else "")


def measurements(record: dict[str, Any]) -> list[Robustness]:
    """Return the models of a record, the default first."""
    return [Robustness.from_json(json.dumps({k: each[k] for k in each if k != "commit"})) for each in record["models"]]


def side_by_side(models: Sequence[Robustness]) -> Table:
    """Return a row for each model: unchanged faces, inexact boxes, and the means over other kinds of change."""
    rows = []
    for measured in models:
        unchanged, *changed = measured.effects
        effects = {effect.words: effect for effect in changed}
        boxes = (change_in_words(vars(effects[name].full)) for name in OFF_BY_TEN)
        means = (
            np.mean([effect.full.difference for effect in changed if effect.change in names])
            for names in KINDS.values()
        )
        falls = (f"{100 * mean:+.1f}" for mean in means)
        rows.append((measured.model, f"{100 * unchanged.full.accuracy:.1f} %", *boxes, *falls))
    columns = ("model", "unchanged", *(f"{name} (95 %)" for name in OFF_BY_TEN), *KINDS)
    notes = (
        "Differences are in points, from the same model on unchanged faces; all faces are counted.",
        "The columns after the boxes are means over all strengths of a change, which the longer table lists.",
    )
    return Table("Models that ship", columns, tuple(rows), notes)


def held_to(models: Sequence[Robustness]) -> Table:
    """Return the figures that candidates must reach: the accuracies of the models that ship, largest first."""
    rows = []
    for measured in sorted(models, key=lambda each: -each.effects[0].full.accuracy):
        unchanged, *changed = measured.effects
        assert unchanged.twin_free is not None
        right = [unchanged.full.accuracy, unchanged.twin_free.accuracy]
        for kind in ("noise", "JPEG", "soft"):
            right.append(float(np.mean([each.full.accuracy for each in changed if each.change in KINDS[kind]])))
        (eight,) = Recognizer.load(f"{measured.model}-ferplus").card.metrics.values()
        right += [eight["full"]["accuracy"], eight["twin_free"]["accuracy"]]
        rows.append((measured.model, *(f"{100 * share:.2f} %" for share in right)))
    columns = ("model", "all faces", "twin-free", "noisy", "JPEG", "soft", "eight classes", "twin-free")
    return Table("What candidates are held to", columns, tuple(rows))


def protocol(record: dict[str, Any]) -> str:
    """Return docs/protocol.md with that table updated."""
    return with_part(PROTOCOL, "robustness.py", held_to(measurements(record)).markdown())


def example() -> npt.NDArray[np.uint8]:
    """Return a face in the public domain, cropped by the detector, ``(48, 48)``."""
    photo = np.asarray(astronaut())
    return Preprocess().stack([crop_face(photo, YuNet().detect(photo)[0])])[0, 0]


def measure(model: str, faces: FaceDataset) -> dict[str, Any]:
    """Measure a model that ships, or one in a folder."""
    return {"commit": commit()} | json.loads(lab.robustness(model, faces, PUBLIC).to_json())


def update(file: Path, models: Sequence[str], data: Path, *, alone: bool = False) -> None:
    """Measure the models that a record lacks; `alone` removes all others from it."""
    faces = lab.read_fer2013(data)
    known = json.loads(file.read_text(encoding="utf-8"))["models"] if file.is_file() else []
    rows = {one["model_sha256"]: one for one in known}
    wanted = {Recognizer.load(model).card.sha256: model for model in models}
    for sha256, model in wanted.items():
        if sha256 not in rows:
            rows[sha256] = measure(model, faces)
            _write(file, list(rows.values()))  # at once: an interrupted call goes on here
    _write(file, [rows[sha256] for sha256 in (wanted if alone else rows)])


def _write(file: Path, models: list[dict[str, Any]]) -> None:
    file.write_text(json.dumps({"models": models}, indent=1) + "\n", encoding="utf-8")


def main() -> None:
    """Measure what the record lacks, if there is data; write record, page and picture."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, nargs="?", help="FER2013 with its Training split")
    parser.add_argument("--models", nargs="+", help="folders of other models")
    parser.add_argument("--record", help="of these models")
    given = parser.parse_args()
    if (given.models is None) != (given.record is None) or (given.models and given.data is None):
        parser.error("other models need DATA, --models and --record")
    if given.models:
        update(RESULTS / f"{given.record}.json", given.models, given.data)
        return
    if given.data is not None:
        update(RESULT, MODELS, given.data, alone=True)
    record = json.loads(RESULT.read_text(encoding="utf-8"))
    crops = json.loads(detector_crops.RESULT.read_text(encoding="utf-8"))
    PAGE.write_text(page(record, crops), encoding="utf-8")
    PROTOCOL.write_text(protocol(record), encoding="utf-8")
    save_picture(measurements(record)[0], example(), PICTURE)
    Image.open(PICTURE).quantize(64).save(PICTURE, optimize=True)  # a third of the bytes
    print(PAGE.read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
