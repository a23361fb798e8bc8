"""Charts: what their alternative texts say, which follows from the numbers that are drawn."""

from __future__ import annotations

import base64
from xml.etree import ElementTree

import matplotlib
import numpy as np
import pytest

from mien.lab.metrics import rates_of
from mien.lab.pages import charts, confidence_charts
from mien.lab.reliability import CalibrationBin
from mien.lab.selective import coverage_curve

COUNTS = np.array([[3, 1], [0, 4]])


def test_rates_are_shares_of_the_true_class():
    assert rates_of(COUNTS).tolist() == [[0.75, 0.25], [0, 1]]
    assert rates_of(np.array([[0, 0], [1, 3]])).tolist() == [[0, 0], [0.25, 0.75]]  # a class without faces
    none = charts.confusion(np.array([[0, 0], [0, 8]]), ("a", "b"), rates=True)
    assert none.alt == "confusion matrix; recall: a –, b 100%"
    rates = np.array([np.nan, 1.0])
    assert charts.vector(rates, 0 * rates, rates, ("a", "b")).alt == "recall of each expression: a –, b 100%"
    assert charts.confusion(COUNTS, ("a", "b"), rates=True).alt == "confusion matrix; recall: a 75%, b 100%"


def test_a_quantity_without_values_has_no_curve():
    history = [{"epoch": 1, "lr": 0.1, "train_loss": 1.5, "validation_loss": None}]
    assert charts.curves(history, "accuracy", 1) is None
    drawn = charts.curves(history, "loss", None)
    assert drawn is not None and drawn.alt == "loss over 1 epochs: training ends at 1.5"


@pytest.mark.parametrize("name", ["cnn8 seed {}", "mien-small-further-variant seed {}", "_run{}"])
def test_the_legend_of_curves_hides_none_and_tells_the_lines_apart(monkeypatch, name):
    drawn = []
    monkeypatch.setattr(charts, "as_picture", lambda figure, name, alt, caption: drawn.append(figure))
    rows = [{"epoch": epoch, "train_loss": 2 / epoch, "validation_loss": 3 / epoch} for epoch in (1, 2, 3)]
    charts.overlaid_curves({name.format(seed): rows for seed in range(6)}, "loss")
    (figure,) = drawn
    figure.draw_without_rendering()
    (axes,), (legend,) = figure.axes, figure.legends
    assert axes.get_legend() is None
    names = [name.format(seed) for seed in range(6)]
    assert [text.get_text() for text in legend.get_texts()] == [*names, "solid: validation", "dashed: training"]
    whole, around, plot = figure.bbox, legend.get_window_extent(), axes.get_tightbbox()
    assert around.y1 <= plot.y0 and around.y0 >= 0 and around.x0 >= 0 and around.x1 <= whole.x1
    assert plot.height > whole.height / 2


def test_dollar_signs_in_names_are_no_mathematics():
    picture = charts.confusion(COUNTS, ("$x_{$", "a$b$"), rates=True, title="$run$")
    svg = base64.b64decode(picture.src.partition("base64,")[2]).decode()
    assert all(f"<!-- {name} -->" in svg for name in ("$x_{$", "a$b$", "$run$"))


def test_letters_that_one_font_lacks_are_drawn_with_another(monkeypatch, recwarn):
    monkeypatch.setattr(charts, "FONTS", ("DejaVu Sans", "No Such Font", "STIXNonUnicode"))
    charts._fonts.cache_clear()
    assert charts._fonts() == ["DejaVu Sans", "STIXNonUnicode"]
    charts.confusion(COUNTS, ("\ue00a", "b"), rates=True)  # which only the last one has
    charts._fonts.cache_clear()
    assert not [str(each.message) for each in recwarn]


def test_charts_are_whole_svg_files_and_leave_the_settings_alone():
    before = dict(matplotlib.rcParams)
    pictures = [
        charts.class_bars({"Training": np.array([5, 2])}, ("a", "b")),
        charts.dots(("x",), np.array([0.6]), np.array([0.5]), np.array([0.7]), [0.65], "accuracy"),
        charts.overlaid_curves({"x": []}, "loss"),
        confidence_charts.calibration([CalibrationBin(low=0.4, high=0.5, n=10, confidence=0.5, accuracy=0.4)]),
        confidence_charts.coverage(coverage_curve(np.array([0.5]), np.array([True]))),
        charts.vector(np.array([0.5]), np.array([0.4]), np.array([0.6]), ("a",)),
    ]
    for picture in pictures:
        root = ElementTree.fromstring(base64.b64decode(picture.src.partition("base64,")[2]))
        assert root.tag.endswith("svg") and picture.caption.endswith(".")
    assert dict(matplotlib.rcParams) == before


def test_the_coverage_chart_says_how_many_are_correct():
    confidence, correct = np.arange(10) / 10, np.arange(10) >= 4
    said = confidence_charts.coverage(coverage_curve(confidence, correct)).alt
    most = "of the most confident"
    assert said.startswith(f"correct are 100 % {most} 10 %, 100 % {most} 20 %")
    assert said.endswith(f"75 % {most} 80 %, 67 % {most} 90 %, 60 % {most} 100 %")
