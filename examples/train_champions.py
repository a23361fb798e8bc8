"""Train the champions side by side on one GPU, in calls of a few minutes: large networks, then their students.

    python examples/train_champions.py --data fer2013.csv --votes fer2013new.csv --minutes 9

Each training is a separate `mien train`; a single small network does not fill a GPU, several do. Call the program until
it says that all is done: each call resumes where the last one stopped. Finished trainings are in `--out` as runs with
half-precision weights, and also as zips of 11 MB at most: another machine can unpack them into its `--out` and continue
with the rest; `mien evaluate` and `mien export` accept the unpacked folder like any run.
"""

from __future__ import annotations

import argparse
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from safetensors.torch import load_file, save

from mien import lab
from mien.cli.train import UNFINISHED
from mien.lab.recipe.io import is_run
from mien.lab.run import WEIGHTS, Run

MARGIN_S = 10  # between the end of the trainings and that of the call
START_S = 30  # least time left to start a training, which takes some seconds to read data and teachers
TELL_EVERY_S = 30


@dataclass(frozen=True)
class Job:
    """One training: a recipe, a seed, and the trainings of its teachers."""

    recipe: str
    seed: int = 0
    teachers: tuple[Job, ...] = ()

    def __str__(self) -> str:
        return f"{self.recipe}-seed{self.seed}"


WIDE = tuple(Job("mien-wide", seed) for seed in range(3))
STUDENTS = ("mien-wide-taught", "mien-small-of-wide", "mien-nano-of-wide")
JOBS = (*WIDE, *(Job(recipe, seed, WIDE) for seed in range(3) for recipe in STUDENTS))
"""In order of value. Seeds hold out different faces, so students have to be calibrated on PublicTest."""


def train_all(jobs: Sequence[Job], options: argparse.Namespace) -> str:
    """Train what is missing until time is up; return the progress in words.

    Raises:
        SystemExit: a training failed; the others were continued.
    """
    end = time.monotonic() + 60 * options.minutes - MARGIN_S
    options.out.mkdir(parents=True, exist_ok=True)
    running: dict[Job, subprocess.Popen[bytes]] = {}
    try:
        return _train_until(end, list(jobs), running, options)
    finally:  # also when the program is stopped: two trainings must not write one run
        for process in running.values():
            process.terminate()
        for process in running.values():
            process.wait()


def _train_until(
    end: float, waiting: list[Job], running: dict[Job, subprocess.Popen[bytes]], options: argparse.Namespace
) -> str:
    jobs, done, failed = tuple(waiting), dict[Job, Path](), list[Job]()
    told = time.monotonic()
    while True:
        for job, process in list(running.items()):
            if process.poll() is not None:
                del running[job]
                if process.returncode not in (0, UNFINISHED):
                    failed.append(job)
                    print(f"{job} failed: {_log(job, options)}", flush=True)
        for job in jobs:
            if job not in running and job not in done and (run := _finished(job, options)):
                done[job] = run.folder
                print(f"{job} is done: {_kept(run)}", flush=True)
        waiting = [job for job in waiting if job not in done]
        for job in [job for job in waiting if all(teacher in done for teacher in job.teachers)]:
            if len(running) < options.at_once and time.monotonic() < end - START_S:
                waiting.remove(job)
                running[job] = _start(job, [done[teacher] for teacher in job.teachers], end, options)
        if not running:
            break
        if time.monotonic() - told > TELL_EVERY_S:
            told = time.monotonic()
            print("  ".join(f"{job}: {_last_line(job, options)}" for job in running), flush=True)
        time.sleep(0.5)
    if failed:
        raise SystemExit(f"failed: {', '.join(map(str, failed))}")
    return "all is done" if len(done) == len(jobs) else f"{len(done)} of {len(jobs)} are done; call again"


def _finished(job: Job, options: argparse.Namespace) -> Run | None:
    name = f"{job.recipe}-variant" if options.rehearse else job.recipe
    for folder in options.out.glob(f"{name}-seed{job.seed}-*/"):
        if is_run(folder) and (folder / WEIGHTS).is_file() and (run := Run.open(folder)).finished:
            return run
    return None


def _start(job: Job, teachers: list[Path], end: float, options: argparse.Namespace) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "mien", "train", job.recipe, "--seed", str(job.seed), "--out", str(options.out)]
    command += ["--data", str(options.data), "--time-limit", f"{end - time.monotonic():.0f}s"]
    if lab.recipes[job.recipe].votes_weight:
        command += ["--votes", str(options.votes)]
    for teacher in teachers:
        command += ["--teacher", str(teacher)]
    if options.compile:
        command.append("--compile")
    if options.rehearse:
        command += ["--set", "epochs=1"]
    with _log(job, options).open("ab") as log:
        return subprocess.Popen(command, stdout=log, stderr=log)


def _log(job: Job, options: argparse.Namespace) -> Path:
    return options.out / f"{job}.log"


def _last_line(job: Job, options: argparse.Namespace) -> str:
    lines = _log(job, options).read_text(errors="replace").splitlines()
    return lines[-1] if lines else "starts"


def _kept(run: Run) -> Path:
    """Store the weights in half precision, as teachers use them, and zip the run without its checkpoint."""
    file = run.folder.with_name(f"{run.folder.name}.zip")
    if file.is_file():
        return file
    weights = {
        name: value.half() if value.is_floating_point() and value.ndim > 1 else value  # not batch normalisation
        for name, value in load_file(run.folder / WEIGHTS).items()
    }
    half = run.folder / "half"
    half.write_bytes(save(weights))  # files of save_file are readable by their owner only
    half.replace(run.folder / WEIGHTS)
    unfinished = file.with_suffix(".part")
    with zipfile.ZipFile(unfinished, "w", zipfile.ZIP_DEFLATED) as archive:
        for part in (*sorted(run.folder.glob("*.json*")), run.folder / WEIGHTS):
            archive.write(part, f"{run.folder.name}/{part.name}")
    return unfinished.replace(file)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="FER2013, an edition with the rows of the 2013 CSV")
    parser.add_argument("--votes", type=Path, required=True, help="fer2013new.csv of FER+")
    parser.add_argument("--out", type=Path, default=Path("runs"), help="folder of runs, logs and zips")
    parser.add_argument("--minutes", type=float, default=9.0, help="stop in time, with checkpoints")
    parser.add_argument("--at-once", type=int, default=5, help="trainings side by side")
    parser.add_argument("--compile", action="store_true", help="use torch.compile")
    parser.add_argument("--rehearse", action="store_true", help="one epoch each, as a test")
    return parser.parse_args()


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))
    print(train_all(JOBS, _options()))
