"""Charts for the HTML report, as SVG in data URLs: they need no other file and print sharply.

Every chart has the width of a phone screen, so that its text stays readable there; the page puts charts side by side
where there is room. Colours are those of Okabe & Ito (2008), which colour-blind readers can distinguish; lines also
differ in dash or marker, for black and white print.
"""

from __future__ import annotations

import base64
import io
import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from mien.lab.metrics import rates_of
from mien.lab.tables import UNKNOWN, percent

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Floats = npt.NDArray[np.float64]

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
MARKERS = "osD^vPX"
BLUE, VERMILION = COLOURS[:2]
GREY = "#666666"
_TWO_COLUMNS = 26  # length of the longest name that leaves room for a second column, letters

FONTS = (
    "DejaVu Sans",  # comes with matplotlib: Latin, Greek, Cyrillic, Arabic and more
    *("Noto Sans CJK SC", "Noto Sans CJK JP", "Noto Sans CJK KR", "Noto Sans Devanagari", "Noto Sans Thai"),
    *("Microsoft YaHei", "Malgun Gothic", "Nirmala UI", "Leelawadee UI", "PingFang SC", "Arial Unicode MS"),
    *("WenQuanYi Zen Hei", "Droid Sans Fallback", "Unifont"),
)
"""Fonts in order of preference for each letter; those that the machine lacks are skipped."""

STYLE: Any = {
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "axes.titlesize": 10,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#e4e4e4",
    "legend.frameon": False,
    "text.parse_math": False,  # names of classes and runs may hold dollar signs
    "svg.hashsalt": "mien",  # the same figures give the same file
    "pdf.fonttype": 42,  # letters as journals want them, TrueType
}
"""Settings of matplotlib."""


@dataclass(frozen=True)
class Picture:
    """A picture in a page.

    Attributes:
        src: data URL.
        alt: what it shows, for readers who cannot see it.
        caption: the text under it.
        name: of a chart's file, without extension; empty for a face.
        figure: of a chart.
    """

    src: str
    alt: str
    caption: str = ""
    name: str = ""
    figure: Figure | None = field(default=None, repr=False, compare=False)


@contextmanager
def drawing(height_in: float) -> Iterator[tuple[Figure, Axes]]:
    """Yield a figure of this height and its axes, in our style, without pyplot's global figures."""
    import matplotlib
    from matplotlib.figure import Figure

    with matplotlib.rc_context(STYLE | {"font.family": _fonts()}):
        figure = Figure(figsize=(4.6, height_in), layout="constrained")
        yield figure, figure.add_subplot()


@cache
def _fonts() -> list[str]:
    """Those of `FONTS` that the machine has; matplotlib would warn about the others."""
    from matplotlib.font_manager import get_font_names

    known = get_font_names()
    return [name for name in FONTS if name in known]


def as_picture(figure: Figure, name: str, alt: str, caption: str) -> Picture:
    """Return the figure as a picture. To be called inside `drawing`, because matplotlib applies its style on saving."""
    file = io.BytesIO()
    figure.savefig(file, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    src = "data:image/svg+xml;base64," + base64.b64encode(file.getvalue()).decode("ascii")
    return Picture(src, alt, caption, name, figure)


def face(pixels: npt.NDArray[np.uint8], alt: str) -> Picture:
    """Return a face, ``(H, W)`` grey or ``(H, W, 3)`` RGB uint8, as a PNG."""
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(pixels).save(file, format="PNG", optimize=True)
    return Picture("data:image/png;base64," + base64.b64encode(file.getvalue()).decode("ascii"), alt)


def curves(history: Sequence[Mapping[str, Any]], quantity: str, best_epoch: int | None) -> Picture | None:
    """Draw one quantity over the epochs of one run, for training and validation, with the kept epoch marked.

    Args:
        history: rows of `Run.history`.
        quantity: ``"loss"``, ``"accuracy"`` or ``"lr"``.
        best_epoch: the epoch whose weights were kept.

    Returns:
        The picture; None if the history has no values of the quantity.
    """
    title = "learning rate" if quantity == "lr" else quantity
    keys = {title: "lr"} if quantity == "lr" else {"training": f"train_{title}", "validation": f"validation_{title}"}
    lines = {words: line for words, key in keys.items() if len((line := _line(history, key))[0])}
    if not lines:
        return None
    with drawing(3.0) as (figure, axes):
        for (words, (epochs, values)), colour, dash in zip(lines.items(), (BLUE, VERMILION), ("-", "--")):
            axes.plot(epochs, values, dash, color=colour, label=words, lw=1.8, **_dots(epochs))
        if best_epoch is not None:
            axes.axvline(best_epoch, color=GREY, lw=1, ls=":", label=f"kept: epoch {best_epoch}")
        _epoch_axis(axes, title)
        axes.legend(fontsize=8)
        said = "; ".join(f"{words} ends at {values[-1]:.4g}" for words, (_, values) in lines.items())
        name, alt = title.replace(" ", "-"), f"{title} over {len(history)} epochs: {said}"
        return as_picture(figure, name, alt, _CURVE_CAPTIONS[quantity])


_CURVE_CAPTIONS = {
    "loss": "Loss on the training faces, augmented, and on the validation faces.",
    "accuracy": "Accuracy on the same faces. The dotted line marks the epoch whose weights were kept.",
    "lr": "Learning rate at the end of each epoch.",
}


def overlaid_curves(histories: Mapping[str, Sequence[Mapping[str, Any]]], quantity: str) -> Picture:
    """Draw one quantity over the epochs of several runs: validation in solid lines, training in thin dashed ones."""
    columns, lines = 2 if max(map(len, histories)) <= _TWO_COLUMNS else 1, {}
    with drawing(3.6 + 0.17 * math.ceil((len(histories) + 2) / columns)) as (figure, axes):
        for position, (name, history) in enumerate(histories.items()):
            colour = COLOURS[position % len(COLOURS)]
            epochs, values = _line(history, f"validation_{quantity}")
            marker = MARKERS[position % len(MARKERS)]
            every = max(1, len(epochs) // 6)
            (lines[name],) = axes.plot(epochs, values, color=colour, lw=1.8, marker=marker, ms=4, markevery=every)
            axes.plot(*_line(history, f"train_{quantity}"), "--", color=colour, lw=0.9)
        (lines["solid: validation"],) = axes.plot([], [], color=GREY, lw=1.8)
        (lines["dashed: training"],) = axes.plot([], [], "--", color=GREY, lw=0.9)
        _epoch_axis(axes, quantity)
        # with explicit labels, because matplotlib ignores lines whose label begins with an underscore
        figure.legend(list(lines.values()), list(lines), loc="outside lower center", fontsize=8, ncols=columns)
        caption = f"{quantity.capitalize()}. Solid lines: validation faces; dashed lines: training faces, augmented."
        return as_picture(figure, quantity, f"{quantity} over the epochs of {', '.join(histories)}", caption)


def _line(history: Sequence[Mapping[str, Any]], key: str) -> tuple[Floats, Floats]:
    rows = [(row["epoch"], row[key]) for row in history if row.get(key) is not None]
    both = np.array(rows, np.float64).reshape(-1, 2)
    return both[:, 0], both[:, 1]


def _dots(epochs: Floats) -> dict[str, Any]:
    """Markers for short histories, because the line of a single epoch would be invisible."""
    return {"marker": "o", "ms": 4} if len(epochs) <= 12 else {}


def _epoch_axis(axes: Axes, title: str) -> None:
    from matplotlib.ticker import MaxNLocator

    axes.set(title=title, xlabel="epoch")
    axes.xaxis.set_major_locator(MaxNLocator("auto", integer=True))


def confusion(counts: npt.NDArray[np.int64], names: Sequence[str], *, rates: bool, title: str = "") -> Picture:
    """Draw a confusion matrix, always shaded by rate: counts of the many happy faces would outshine all others.

    Args:
        counts: ``(K, K)``, row = true class, column = predicted class.
        names: of the classes.
        rates: print the share of the true class in percent instead of the count.
        title: above it.
    """
    share = rates_of(counts)
    with drawing(4.3) as (figure, axes):
        axes.pcolormesh(share, cmap="Blues", vmin=0, vmax=1, edgecolors="white", linewidth=0.8)
        for true, predicted in np.ndindex(*counts.shape):
            text = f"{100 * share[true, predicted]:.0f}" if rates else f"{counts[true, predicted]:,}"
            colour = "white" if share[true, predicted] > 0.5 else "black"
            axes.text(predicted + 0.5, true + 0.5, text, ha="center", va="center", color=colour, fontsize=9)
        ticks = np.arange(len(names)) + 0.5
        axes.set_xticks(ticks, names, rotation=40, ha="right", rotation_mode="anchor")
        axes.set_yticks(ticks, names)
        axes.tick_params(length=0)
        axes.grid(False)
        axes.invert_yaxis()
        axes.set_aspect("equal")
        axes.spines[:].set_visible(False)
        axes.set(xlabel="predicted", ylabel="raters' label")
        axes.set_title(title or ("rates, % of each row" if rates else "counts"))
        said = _recalls_in_words(np.where(counts.sum(axis=1) > 0, share.diagonal(), np.nan), names)
        what = "Share of each row, in percent" if rates else "Number of faces; the shade shows the share of the row"
        name = "confusion-rates" if rates else "confusion-counts"
        return as_picture(figure, name, f"confusion matrix; recall: {said}", f"Confusion matrix. {what}.")


def vector(recalls: Floats, lows: Floats, highs: Floats, names: Sequence[str]) -> Picture:
    """Draw the confusion vector: the recall of each class with its interval, ``(K,)`` each; NaN for empty classes."""
    with drawing(4.3) as (figure, axes):
        at = np.arange(len(names))
        axes.barh(at, recalls, color=BLUE, height=0.62)
        axes.errorbar(recalls, at, xerr=whiskers(recalls, lows, highs), fmt="none", ecolor="black", capsize=3, lw=1)
        for position, (rate, high) in enumerate(zip(recalls, highs, strict=True)):
            axes.text(high + 0.02, position, percent(rate, 0), va="center")
        axes.set_yticks(at, names)
        axes.invert_yaxis()
        axes.grid(axis="y", visible=False)
        axes.set(xlim=(0, 1.12), xticks=np.linspace(0, 1, 6), title="recall")
        axes.xaxis.set_major_formatter(lambda value, _: f"{100 * value:.0f} %")
        said = _recalls_in_words(recalls, names)
        caption = "Confusion vector: recall of each expression, the share of its faces predicted correctly, with 95 % "
        return as_picture(figure, "recall", f"recall of each expression: {said}", f"{caption}intervals.")


def class_bars(counts: Mapping[str, npt.NDArray[np.int64]], names: Sequence[str]) -> Picture:
    """Draw the number of faces ``(K,)`` of each class for each split."""
    with drawing(4.3) as (figure, axes):
        height = 0.8 / len(counts)
        for position, (split, values) in enumerate(counts.items()):
            at = np.arange(len(names)) + (position - (len(counts) - 1) / 2) * height
            bars = axes.barh(at, values, height=height * 0.92, color=COLOURS[position], label=split)
            axes.bar_label(bars, [f"{value:,}" for value in values], padding=2, fontsize=8)
        axes.set_yticks(np.arange(len(names)), names)
        axes.invert_yaxis()
        axes.grid(axis="y", visible=False)
        axes.margins(x=0.14)
        axes.set_title("faces of each class")
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
        axes.legend(fontsize=8, loc="lower right")
        splits = (f"{split} " + ", ".join(map(str, values)) for split, values in counts.items())
        caption = "Labelled faces of each class and split."
        return as_picture(figure, "classes", f"faces of each class ({', '.join(names)}): {'; '.join(splits)}", caption)


def dots(
    names: Sequence[str], values: Floats, lows: Floats, highs: Floats, published: Sequence[float | None], title: str
) -> Picture:
    """Draw one rate of each model ``(M,)`` with its interval, and the source's figure as a hollow diamond."""
    with drawing(1.2 + 0.38 * len(names)) as (figure, axes):
        at = np.arange(len(names))
        bars = whiskers(values, lows, highs)
        axes.errorbar(values, at, xerr=bars, fmt="o", color=BLUE, capsize=3, lw=1.5, ms=6, label="here, 95 % interval")
        known = [(value, position) for position, value in enumerate(published) if value is not None]
        if known:
            diamonds = np.array(known)
            style: dict[str, Any] = {"mfc": "white", "mec": VERMILION, "mew": 1.5, "ms": 7}
            axes.plot(diamonds[:, 0], diamonds[:, 1], "D", label="published", **style)
        axes.set_yticks(at, names)
        axes.set_ylim(len(names) - 0.5, -0.5)
        axes.margins(x=0.12)
        axes.xaxis.set_major_formatter(lambda value, _: f"{100 * value:.0f} %")
        axes.set_title(title)
        figure.legend(loc="outside lower center", fontsize=8, ncols=2)
        said = ", ".join(f"{name} {value:.1%}" for name, value in zip(names, values, strict=True))
        caption = f"{title[0].upper()}{title[1:]}, with 95 % intervals."
        return as_picture(figure, title.replace(",", "").replace(" ", "-"), f"{title}: {said}", caption)


def _recalls_in_words(recalls: Floats, names: Sequence[str]) -> str:
    """The recall of each class, for readers who cannot see the picture."""
    rates = (UNKNOWN if np.isnan(rate) else f"{rate:.0%}" for rate in recalls)
    return ", ".join(f"{name} {rate}" for name, rate in zip(names, rates, strict=True))


def whiskers(values: Floats, lows: Floats, highs: Floats) -> Floats:
    """Return matplotlib's error bars ``(2, N)``: the distances of the intervals' ends from the values ``(N,)``."""
    return np.stack([values - lows, highs - values]).clip(0)
