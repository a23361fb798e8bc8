"""`mien train` as a command: its exit status, and what it refuses before it reads data."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from click.testing import Result
from small_run import RECIPE, tiny_network
from typer.testing import CliRunner

from mien.cli import build_app
from mien.cli.train import UNFINISHED
from mien.lab.data import draw_faces, write_edition
from mien.lab.recipe_book import recipes
from mien.lab.run import Run


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A few drawn faces; the recipe mien-small-first is a tiny one."""
    torch.set_num_threads(1)
    monkeypatch.setitem(recipes._rows, "mien-small-first", replace(RECIPE, name="mien-small-first", epochs=2))
    write_edition(draw_faces(8), tmp_path / "drawn.parquet")
    with tiny_network():
        yield tmp_path / "drawn.parquet"


def train(data: Path, out: Path, *options: str) -> Result:
    return CliRunner().invoke(
        build_app(), ["train", "mien-small-first", "--data", str(data), "--out", str(out), *options]
    )


def test_an_unfinished_training_has_an_exit_status_of_its_own(data: Path, tmp_path: Path) -> None:
    stopped = train(data, tmp_path / "runs", "--time-limit", "0s")
    assert stopped.exit_code == UNFINISHED == 75
    assert "time is up after 0 epochs; the same command resumes" in stopped.stderr
    (folder,) = (tmp_path / "runs").iterdir()
    assert stopped.stdout == f"{folder}\n"
    done = train(data, tmp_path / "runs")
    assert (done.exit_code, done.stdout) == (0, f"{folder}\n")
    assert Run.open(folder).finished


def test_a_folder_that_cannot_be_is_refused_before_data_are_read(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for out in (tmp_path / "file", tmp_path / "file" / "runs"):
        refused = train(tmp_path / "no such data", out)
        assert refused.exit_code == 2
        said = "".join(refused.stderr.replace("│", "").split())  # as the terminal's width breaks it
        assert "Invalidvaluefor--out:" in said and "fileisafile;nameafolder." in said


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_may_not_be_written_is_refused_before_data_are_read(tmp_path: Path) -> None:
    (tmp_path / "closed").mkdir(0o500)
    refused = train(tmp_path / "no such data", tmp_path / "closed" / "runs")
    assert refused.exit_code == 2
    assert "maynotbewrittento;nameanotherfolder." in "".join(refused.stderr.replace("│", "").split())


def test_the_training_says_nothing_that_is_not_its_own(
    data: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    done = train(data, tmp_path / "runs", "--precision", "bf16", "--epochs", "1")
    assert done.exit_code == 0 and "finished: 1 epoch in " in done.stderr
    assert " faces held out of Training)\nnext: mien evaluate " in done.stderr
    assert caplog.messages == []
