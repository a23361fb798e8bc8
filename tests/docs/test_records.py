"""The records under results/ hold together: figures follow from counts, runs from commits."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mien.lab.data import PRIVATE
from mien.lab.predictions import Predictions
from mien.lab.published import WHILE_LEARNING
from mien.lab.results import Record, records, right_faces
from mien.lab.statistics import wilson_interval

ROOT = Path(__file__).resolve().parents[2]
RECORDS = records(ROOT / "results")


def of_each_run() -> Any:
    return pytest.mark.parametrize("record", RECORDS, ids=lambda record: record.folder.name)


def test_there_are_records() -> None:
    assert len(RECORDS) > 30


@of_each_run()
def test_figures_follow_from_counts(record: Record) -> None:
    assert record.row["run"] == record.folder.name
    for split, report in record.row["reports"].items():
        for part in ("full", "twin_free"):
            figures = report[part]
            if figures is None:
                continue
            counts = np.array(figures["confusion"])
            right, n = int(counts.trace()), int(counts.sum())
            assert figures["n"] == n
            assert figures["accuracy"] == pytest.approx(right / n)
            low, high = wilson_interval(right, n)
            assert (figures["accuracy_low"], figures["accuracy_high"]) == pytest.approx((low, high))
        if report["full"] is None:
            continue
        assert not split.startswith(PRIVATE), "its labels were not at hand"
        faces = right_faces(report)
        assert faces is None or faces.mean() == pytest.approx(report["full"]["accuracy"])
        if report["train_accuracy"] is not None:
            assert report["gap"] == pytest.approx(report["train_accuracy"] - report["full"]["accuracy"])


@of_each_run()
def test_figures_of_training_faces_are_not_like_for_like(record: Record) -> None:
    for beside in record.published:
        if beside.figure.metric == "gap" or beside.figure.split == "train":
            assert beside.unlike.startswith(WHILE_LEARNING)


@of_each_run()
def test_its_history_is_that_of_its_epochs(record: Record) -> None:
    environment, history = record.row["environment"], record.history()
    assert len(history) == (0 if "averaged" in environment else environment["epochs_run"])
    known = {round(epoch["train_accuracy"], 9) for epoch in history}
    trained = {report["train_accuracy"] for report in record.row["reports"].values()} - {None}
    assert {round(accuracy, 9) for accuracy in trained} <= known


@of_each_run()
def test_its_predictions_are_those_of_privatetest(record: Record) -> None:
    for file in record.folder.glob("predictions*.csv"):
        predictions = Predictions.read(file)
        assert len(predictions) == 3589 and (predictions.labels == -1).all()
        assert np.abs(predictions.probabilities.sum(axis=1) - 1).max() < 2e-3


@of_each_run()
def test_its_code_can_be_checked_out(record: Record) -> None:
    if not (ROOT / ".git").exists():
        pytest.skip("needs the repository's history")
    sessions = [record.row["environment"], *record.row["environment"].get("resumed", [])]
    for commit in {session["commit"] for session in sessions}:
        asked = ["git", "merge-base", "--is-ancestor", commit, "HEAD"]
        assert subprocess.run(asked, cwd=ROOT, check=False).returncode == 0, commit


def test_records_are_json_that_everybody_reads() -> None:
    for record in RECORDS:
        json.loads((record.folder / "run.json").read_text("utf-8"), parse_constant=pytest.fail)
