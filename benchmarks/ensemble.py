"""Accuracy of an ensemble of runs: `python benchmarks/ensemble.py RUN... [--joined MODEL] [--record NAME]`.

Averages the probabilities of all runs with equal weight, on PublicTest with mirror images. First evaluate each with
`mien evaluate RUN --data FER2013 --tta flip`, or a model folder with `--out RUN`. MODEL is the model that `mien join`
made from their mirrored int8 models, also evaluated, with `--out MODEL`. Writes benchmarks/results/NAME.json;
docs/log.md has the conclusions.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from layout import RESULTS, commit

from mien import lab
from mien.card import MODEL_FILE
from mien.lab.metrics import Metrics, Report

PREDICTIONS, REPORT = "predictions-PublicTest-flip.csv", "report-PublicTest-flip.json"


def figures(report: Report) -> dict[str, Any]:
    """Accuracies with their intervals."""
    return {name: part and accuracy(part) for name, part in (("full", report.full), ("twin_free", report.twin_free))}


def accuracy(metrics: Metrics) -> dict[str, float]:
    """The accuracy, its interval, and the number of faces."""
    names = ("n", "accuracy", "accuracy_low", "accuracy_high", "log_loss", "ece")
    return {name: round(getattr(metrics, name), 4) for name in names}


def main() -> None:
    """Measure and write the record."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", type=Path, nargs="+")
    parser.add_argument("--joined", type=Path)
    parser.add_argument("--record", default="ensemble")
    options = parser.parse_args()
    runs = sorted(options.runs)
    names = [run.resolve().name for run in runs]
    if len(set(names)) < len(names):
        parser.error(f"{', '.join(map(str, runs))}: two folders have the same name, which the record uses as key")
    together = lab.ensemble([run / PREDICTIONS for run in runs])
    record = {
        "commit": commit(),
        "split": together.split,
        "views": "each face and its mirror image",
        "ensemble": figures(together),
        "members": {name: figures(Report.read(run / REPORT)) for name, run in zip(names, runs, strict=True)},
    }
    if options.joined is not None:
        size = {"bytes": (options.joined / MODEL_FILE).stat().st_size}
        record["joined"] = size | figures(Report.read(options.joined / REPORT))
    file = RESULTS / f"{options.record}.json"
    file.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    print(json.dumps({name: record.get(name) for name in ("ensemble", "joined")}, indent=1))


if __name__ == "__main__":
    main()
