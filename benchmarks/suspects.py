"""Quality of rankings of doubtful labels: `python benchmarks/suspects.py --data DATA --votes VOTES PREDICTIONS...`.

PREDICTIONS are predictions-PublicTest*.csv, as written by `mien evaluate MODEL --data DATA --out FOLDER`. A label
counts as wrong if the majority of FER+'s raters (VOTES, fer2013new.csv) chose another expression; faces without a
majority are left out. Measures the ranking of `mien data suspects`, those of cleanlab, and that of a report's worst
mistakes. Needs `pip install cleanlab`. Writes benchmarks/results/suspects.json.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from cleanlab.filter import find_label_issues
from cleanlab.rank import get_label_quality_scores
from layout import RESULTS, commit, keep
from sklearn.metrics import average_precision_score, roc_auc_score

from mien import lab
from mien.lab.data import PUBLIC, FaceDataset, with_majority
from mien.lab.ensembles import mean_of
from mien.lab.predictions import Predictions
from mien.lab.statistics import wilson_interval

TOGETHER = ("mien-large", "mien-small", "mien-nano")
"""The models of seven classes, which are also measured as an ensemble."""

FIRST = (50, 100, 200, 400)
FILTERS = ("prune_by_noise_rate", "prune_by_class", "both", "confident_learning")
RESAMPLES = 2000
Ranks, Mask = npt.NDArray[np.int64], npt.NDArray[np.bool_]


def ranks_of(quality: npt.NDArray[np.float64]) -> Ranks:
    """The rank of each face ``(N,)``, the lowest quality first."""
    ranks = np.empty(len(quality), np.int64)
    ranks[np.argsort(quality, kind="stable")] = np.arange(len(quality))
    return ranks


def of_mien(files: Sequence[Path], data: FaceDataset, found: Predictions) -> Ranks:
    """Ranks of the faces that `find_suspects` lists, followed by the others, by the same score."""
    listed = {each.row: place for place, each in enumerate(lab.find_suspects(files, data, most=len(found)).ranked)}
    of_label = found.probabilities[np.arange(len(found)), found.labels]
    return ranks_of(np.array([listed.get(row, len(found) + p) for row, p in zip(found.rows.tolist(), of_label)]))


def rankings(files: Sequence[Path], data: FaceDataset, found: Predictions) -> dict[str, Ranks]:
    """Rank the faces by every method, mien's first."""
    labels, probabilities = found.labels, found.probabilities

    def quality(method: str, adjusted: bool = False) -> npt.NDArray[np.float64]:
        return get_label_quality_scores(labels, probabilities, method=method, adjust_pred_probs=adjusted)

    ways = {
        "mien data suspects": of_mien(files, data, found),
        "self_confidence": ranks_of(quality("self_confidence")),
        "normalized_margin": ranks_of(quality("normalized_margin")),
        "confidence_weighted_entropy": ranks_of(quality("confidence_weighted_entropy")),
        "self_confidence, adjusted": ranks_of(quality("self_confidence", adjusted=True)),
        "normalized_margin, adjusted": ranks_of(quality("normalized_margin", adjusted=True)),
    }
    for name in FILTERS:
        issues = find_label_issues(labels, probabilities, filter_by=name, n_jobs=1)
        ways[f"find_label_issues, {name}"] = ranks_of(quality("self_confidence") + ~issues)  # the issues first
    ways["worst mistakes of a report"] = ranks_of(np.where(found.correct, 1, -1) * found.confidence)
    return ways


def average_precisions(ranks: Ranks, wrong: Mask, draws: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """Average precision of each resample, ``(R,)``; `draws` says how often each face is in each, ``(R, N)``."""
    order = np.argsort(ranks)
    drawn = draws[:, order]
    hits = drawn * wrong[order]
    precision = hits.cumsum(axis=1) / np.maximum(drawn.cumsum(axis=1), 1)
    return (hits * precision).sum(axis=1) / hits.sum(axis=1)


def interval(values: npt.NDArray[np.float64]) -> dict[str, float]:
    """95 % of the resamples."""
    low, high = np.quantile(values, (0.025, 0.975))
    return {"low": float(low), "high": float(high)}


def share(wrong: Mask) -> dict[str, float]:
    """Share of the faces whose label is wrong, with its interval."""
    low, high = wilson_interval(int(wrong.sum()), len(wrong))
    return {"n": len(wrong), "share": float(wrong.mean()), "low": low, "high": high}


def measured(ways: dict[str, Ranks], wrong: Mask) -> dict[str, Any]:
    """Figures of each ranking, differences to the first one on the same faces."""
    draws = np.random.default_rng(0).multinomial(len(wrong), np.full(len(wrong), 1 / len(wrong)), RESAMPLES)
    precisions = {name: average_precisions(ranks, wrong, draws) for name, ranks in ways.items()}
    first = next(iter(ways))
    figures = {}
    for name, ranks in ways.items():
        precision, order = float(average_precision_score(wrong, -ranks)), np.argsort(ranks)
        figures[name] = {
            "first": {str(n): share(wrong[order[:n]]) for n in FIRST},
            "average_precision": {"value": precision} | interval(precisions[name]),
            "roc_auc": float(roc_auc_score(wrong, -ranks)),
        }
        if name != first:
            difference = precision - figures[first]["average_precision"]["value"]
            figures[name]["difference"] = {"value": difference} | interval(precisions[name] - precisions[first])
    return figures


def wrong_by_majority(data: FaceDataset, found: Predictions) -> tuple[Mask, Mask]:
    """Which faces have a majority ``(N,)``, and of these, whose label is another ``(M,)``."""
    voted = with_majority(data.split(found.split))
    majority = dict(zip(voted.rows.tolist(), map(voted.label_set.name, voted.labels.tolist())))
    answers = [majority.get(row) for row in found.rows.tolist()]
    names = [found.label_set.name(label) for label in found.labels.tolist()]
    known = np.array([answer is not None for answer in answers])
    return known, np.array([answer != name for answer, name in zip(answers, names)])[known]


def main() -> None:
    """Measure and write the record."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("predictions", type=Path, nargs="+")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--votes", type=Path, required=True)
    options = parser.parse_args()
    data = lab.join_votes(lab.read_fer2013(options.data), options.votes)
    together, models = [], {}
    for files in [*([file] for file in options.predictions), together]:  # the last one is filled on the way
        if files is together and len(together) < 2:
            continue
        found, reports = mean_of(files)
        assert found.split == PUBLIC and all(report is not None for report in reports)
        names = [report.model for report in reports if report is not None]
        if files is not together and names[0] in TOGETHER:
            together += files
        known, wrong = wrong_by_majority(data, found)
        ways = {name: ranks[known] for name, ranks in rankings(files, data, found).items()}
        models[", ".join(names)] = {
            "sha256": [report.model_sha256 for report in reports if report is not None],
            "accuracy": float(found.correct.mean()),
            "predicted_otherwise": int((~found.correct).sum()),
            "all": share(wrong),
            "rankings": measured(ways, wrong),
        }
    record = {"commit": commit(), "cleanlab": version("cleanlab"), "split": PUBLIC, "faces": len(known)}
    keep(record | {"models": models}, RESULTS / "suspects.json")


if __name__ == "__main__":
    main()
