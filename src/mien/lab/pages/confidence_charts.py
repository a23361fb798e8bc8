"""Charts of calibration and coverage, for the HTML report."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from mien.lab.pages.charts import BLUE, GREY, VERMILION, Picture, as_picture, drawing, whiskers
from mien.lab.reliability import CalibrationBin
from mien.lab.selective import CoveragePoint
from mien.lab.tables import percent


def calibration(bins: Sequence[CalibrationBin]) -> Picture:
    """Draw accuracy against confidence; the area of each bin's dot shows how many faces it holds."""
    confidence, accuracy, counts = np.array(
        [(each.confidence, each.accuracy, each.n) for each in bins if each.n], np.float64
    ).T
    with drawing(4.3) as (figure, axes):
        axes.plot([0, 1], [0, 1], ":", color=GREY, label="confidence = accuracy")
        axes.plot(confidence, accuracy, "-", color=BLUE, lw=1.2)
        label = "overconfident below, underconfident above"
        axes.vlines(confidence, confidence, accuracy, color=VERMILION, lw=1.5, label=label)
        sizes = 20 + 280 * counts / counts.max()
        axes.scatter(confidence, accuracy, s=sizes, color=BLUE, alpha=0.75, lw=0, zorder=3, clip_on=False)
        axes.set(xlim=(0, 1), ylim=(0, 1), xlabel="confidence", ylabel="accuracy", title="calibration")
        axes.set_aspect("equal")
        figure.legend(loc="outside lower center", fontsize=8)
        pairs = zip(confidence, accuracy, strict=True)
        said = ", ".join(f"at confidence {sure:.2f} accuracy {right:.2f}" for sure, right in pairs)
        caption = "Accuracy against confidence. Each dot is a bin of confidence, its area the number of faces in it."
        return as_picture(figure, "calibration", f"calibration: {said}", caption)


def coverage(points: Sequence[CoveragePoint]) -> Picture:
    """Draw accuracy against coverage, the share of faces that are kept, most confident first."""
    covered, accuracy, low, high = np.array(
        [(each.coverage, each.accuracy, each.accuracy_low, each.accuracy_high) for each in points]
    ).T
    with drawing(4.3) as (figure, axes):
        axes.axhline(accuracy[-1], color=GREY, lw=1, ls=":", label="all faces")
        bars = whiskers(accuracy, low, high)
        style: dict[str, Any] = {"fmt": "o-", "color": BLUE, "capsize": 3, "lw": 1.2, "ms": 5}
        axes.errorbar(covered, accuracy, yerr=bars, label="most confident", **style)
        axes.set(xlim=(0, 1.04), xlabel="share of the faces", ylabel="accuracy", title="most confident predictions")
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_formatter(lambda value, _: f"{100 * value:.0f} %")
        axes.legend(loc="upper right", fontsize=8)
        pairs = zip(covered, accuracy, strict=True)
        said = ", ".join(f"{percent(right, 0)} of the most confident {percent(share, 0)}" for share, right in pairs)
        caption = "Accuracy of the most confident predictions against their share of all faces, with 95 % intervals."
        return as_picture(figure, "coverage", f"correct are {said}", caption)
