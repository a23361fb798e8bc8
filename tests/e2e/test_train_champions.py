"""examples/train_champions.py on a few drawn faces: who learns waits for the teachers, a second call finds all done."""

from __future__ import annotations

import importlib.util
import sys
import zipfile
from argparse import Namespace
from pathlib import Path
from signal import SIGTERM
from subprocess import Popen

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from mien import lab
from mien.lab.data import draw_faces, write_edition
from mien.lab.recipe import Distillation
from mien.lab.run import WEIGHTS, Run

PROGRAM = Path(__file__).resolve().parents[2] / "examples" / "train_champions.py"


@pytest.fixture(scope="module")
def program():
    spec = importlib.util.spec_from_file_location("train_champions", PROGRAM)
    module = importlib.util.module_from_spec(spec)
    sys.modules["train_champions"] = module  # dataclasses look it up
    spec.loader.exec_module(module)
    yield module
    del sys.modules["train_champions"]


@pytest.fixture
def options(tmp_path):
    """Those of a rehearsal on drawn faces, all raters of one mind."""
    faces = draw_faces(16)
    write_edition(faces, tmp_path / "faces.parquet")
    columns = np.eye(10, dtype=int)[[4, 5, 6, 1, 3, 2, 0]][faces.labels] * 10  # from angry to neutral
    rows = zip(faces.splits, columns.tolist(), strict=True)
    lines = [f"{split},fer{row:07}.png,{','.join(map(str, votes))}" for row, (split, votes) in enumerate(rows)]
    names = "Usage,Image name,neutral,happiness,surprise,sadness,anger,disgust,fear,contempt,unknown,NF"
    (tmp_path / "votes.csv").write_text("\n".join([names, *lines]) + "\n")
    return Namespace(
        data=tmp_path / "faces.parquet",
        votes=tmp_path / "votes.csv",
        out=tmp_path / "runs",
        minutes=5.0,
        at_once=2,
        compile=False,
        rehearse=True,
    )


def test_a_student_waits_for_its_teacher_and_a_second_call_finds_all_done(program, options, tmp_path, capsys):
    teacher = program.Job("speed-70")
    jobs = [program.Job("mien-nano-first", 1, (teacher,)), teacher]
    assert program.train_all(jobs, options) == "all is done"
    said = capsys.readouterr().out
    for job in jobs:
        (kept,) = options.out.glob(f"{job.recipe}-variant-seed{job.seed}-*.zip")
        assert f"{job} is done: {kept}" in said
        with zipfile.ZipFile(kept) as archive:
            assert len({member.external_attr for member in archive.infolist()}) == 1  # all may be read by the same
            archive.extractall(tmp_path / "unpacked")
        run = Run.open(tmp_path / "unpacked" / kept.stem)
        assert run.finished
        weights = load_file(run.folder / WEIGHTS)
        assert {value.dtype for value in weights.values() if value.ndim > 1} == {torch.float16}
        network = run.load_classifier()
        assert torch.isfinite(network(torch.rand(2, 1, 48, 48))).all()
    (student,) = options.out.glob("mien-nano-*/")
    assert [name.split("-")[0] for name in Run.open(student).environment["teachers"]] == ["speed"]
    before = {path: path.stat().st_mtime_ns for path in options.out.rglob("*")}
    assert program.train_all(jobs, options) == "all is done"
    assert {path: path.stat().st_mtime_ns for path in options.out.rglob("*")} == before


def test_a_training_that_fails_is_named_and_its_log_says_why(program, options):
    job = program.Job("mien-nano-first")  # has no teacher
    with pytest.raises(SystemExit, match=r"^failed: mien-nano-first-seed0$"):
        program.train_all([job], options)
    assert "it learns from teachers" in (options.out / "mien-nano-first-seed0.log").read_text()


def test_when_time_is_up_the_call_says_how_far_it_came(program, options):
    options.minutes = 0.0
    assert program.train_all([program.Job("speed-70")], options) == "0 of 1 are done; call again"


def test_stopping_the_program_stops_its_trainings(program, options, monkeypatch):
    started = []
    monkeypatch.setattr(program, "_start", lambda *_: started.append(Popen(["sleep", "60"])) or started[-1])
    monkeypatch.setattr(program.time, "sleep", lambda _: sys.exit("stopped"))
    with pytest.raises(SystemExit, match="stopped"):
        program.train_all([program.Job("speed-70")], options)
    assert [process.returncode for process in started] == [-SIGTERM]


def test_the_jobs_learn_from_one_another(program):
    for job in program.JOBS:
        assert set(job.teachers) <= set(program.JOBS)
        assert bool(job.teachers) == isinstance(lab.recipes[job.recipe].distillation, Distillation)
