"""A chart of a model's robustness: the accuracy under every change, with an example face."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mien.errors import DataError
from mien.lab.changes import CHANGES, GreyImage
from mien.lab.pages.charts import BLUE, GREY, STYLE, whiskers
from mien.lab.robust import Effect, Robustness
from mien.writing import check_ending, replacing

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SUFFIXES = (".png", ".svg")

_ROW_IN, _FACE_IN = 0.44, 0.4
_DPI = 120  # shows faces of 48 px pixel by pixel


def save_picture(robustness: Robustness, face: GreyImage, out: str | Path) -> Path:
    """Draw the accuracy under each change on all faces, with the 95 % interval of its difference from unchanged faces.

    Args:
        robustness: the measured accuracies.
        face: ``(H, W)`` uint8, grey; the example.
        out: the file; its ending, ``.png`` or ``.svg``, sets the format.

    Returns:
        The file.

    Raises:
        DataError: the ending is another one, or the file cannot be written.
    """
    import matplotlib
    from matplotlib.figure import Figure

    path = Path(out)
    check_ending(path, SUFFIXES, DataError)
    shown = {(change.name, change.strength): change.apply(face[None], robustness.seed)[0] for change in CHANGES}
    effects = robustness.effects
    half = -(-len(effects) // 2)
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(10, 0.9 + half * _ROW_IN), layout="constrained")
        for axes, part in zip(figure.subplots(1, 2), (effects[:half], effects[half:]), strict=True):
            _draw(axes, part, [shown[each.change, each.strength] for each in part], effects[0].full.accuracy, half)
        figure.suptitle(f"{robustness.model} on {robustness.split}: accuracy on changed faces", x=0.01, ha="left")
        kind = path.suffix.lower().removeprefix(".")
        with replacing(path, DataError) as file:
            figure.savefig(file, format=kind, dpi=_DPI, metadata={"Date": None} if kind == "svg" else None)
    return path


def _draw(axes: Axes, effects: Sequence[Effect], faces: Sequence[GreyImage], unchanged: float, rows: int) -> None:
    """One column of bars with their faces on the left; the dotted line is the accuracy on unchanged faces."""
    from matplotlib.offsetbox import AnnotationBbox, OffsetImage

    at = np.arange(len(effects))
    accuracy = np.array([effect.full.accuracy for effect in effects])
    low, high = unchanged + np.array([[each.full.difference_low, each.full.difference_high] for each in effects]).T
    axes.barh(at, accuracy, color=BLUE, height=0.55)
    axes.errorbar(accuracy, at, xerr=whiskers(accuracy, low, high), fmt="none", ecolor="black", capsize=2, lw=1)
    axes.axvline(unchanged, ls=":", color=GREY)
    for row, (effect, face) in enumerate(zip(effects, faces, strict=True)):
        axes.text(0.02, row, f"{100 * effect.full.accuracy:.1f} %", va="center", color="white", fontsize=8)
        colours = np.stack([face] * 3, axis=-1)  # grey alone would be stretched from black to white
        small = OffsetImage(colours, zoom=72 * _FACE_IN / face.shape[0])
        axes.add_artist(AnnotationBbox(small, (0, row), (-16, 0), boxcoords="offset points", frameon=False, pad=0))
    axes.set_yticks(at, [effect.words for effect in effects])
    axes.tick_params(axis="y", length=0, pad=34)
    axes.grid(axis="y", visible=False)
    axes.set(xlim=(0, 1), ylim=(rows - 0.5, -0.5))
    axes.xaxis.set_major_formatter(lambda value, _: f"{100 * value:.0f} %")
