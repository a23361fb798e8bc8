"""A video's timeline as a picture: a band for each face, coloured by the probabilities of the expressions."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from mien.overview import Overview, TrackOverview
from mien.timeline import Segment, clock

if TYPE_CHECKING:
    from PIL import ImageDraw, ImageFont

    _Font = ImageFont.ImageFont | ImageFont.FreeTypeFont

_WIDTH, _LEFT, _RIGHT, _TOP = 1600, 150, 30, 96
_BAND, _ROW, _BOTTOM = 64, 112, 56
_MOST_ROWS = 20
_INK, _FAINT, _PAPER = (30, 30, 30), (200, 200, 200), (255, 255, 255)
_STEPS_S = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 28800)


def timeline_picture(overview: Overview) -> npt.NDArray[np.uint8]:
    """Draw a video's timeline, a row for each of the twenty faces seen in the most frames.

    Returns:
        ``(H, 1600, 3)`` uint8 RGB.
    """
    from PIL import Image, ImageDraw, ImageFont

    tracks = overview.tracks(_MOST_ROWS)
    height = _TOP + _ROW * max(1, len(tracks)) + _BOTTOM
    picture = Image.new("RGB", (_WIDTH, height), _PAPER)
    draw = ImageDraw.Draw(picture)
    font = ImageFont.load_default(18)
    hidden = overview.n_tracks - len(tracks)
    title = f"{overview.source}   {clock(overview.begin_s)} to {clock(overview.end_s)}"
    if hidden:
        title += f"   and {hidden} shorter tracks"
    draw.text((30, 16), title, font=font, fill=_INK)
    _draw_legend(draw, overview, font)
    _draw_axis(draw, overview, height - _BOTTOM, font)
    if not tracks:
        draw.text((_LEFT, _TOP + 20), "no face", font=font, fill=_INK)
    found = overview.segments()
    for row, track in enumerate(tracks):
        top = _TOP + row * _ROW
        picture.paste(Image.fromarray(track.portrait).resize((_BAND, _BAND)), (70, top))
        draw.text((30, top + _BAND / 2), str(track.track), font=font, fill=_INK, anchor="lm")
        _draw_band(draw, overview, track, top)
        _draw_labels(draw, overview, [s for s in found if s.track == track.track], top + _BAND, font)
    return np.asarray(picture)


def _x(overview: Overview, time_s: float) -> float:
    return _LEFT + (_WIDTH - _LEFT - _RIGHT) * min(1.0, (time_s - overview.begin_s) / overview.seconds)


def _draw_legend(draw: ImageDraw.ImageDraw, overview: Overview, font: _Font) -> None:
    x = float(_LEFT)
    for name in overview.labels:
        draw.rectangle((x, 54, x + 18, 72), fill=overview.colors[name])
        draw.text((x + 26, 63), name, font=font, fill=_INK, anchor="lm")
        x += 60 + draw.textlength(name, font=font)


def _draw_axis(draw: ImageDraw.ImageDraw, overview: Overview, bottom: float, font: _Font) -> None:
    step = next((step for step in _STEPS_S if overview.seconds / step <= 15), _STEPS_S[-1])
    for tick in range(math.ceil(overview.begin_s / step), int(overview.end_s / step) + 1):
        x = _x(overview, tick * step)
        draw.line((x, _TOP - 8, x, bottom), fill=_FAINT)
        whole_s = clock(tick * step).removesuffix(".0")
        last_x = _WIDTH - 4 - draw.textlength(whole_s, font=font) / 2  # where 10:00:00 still fits
        draw.text((min(x, last_x), bottom + 8), whole_s, font=font, fill=_INK, anchor="ma")


def _draw_band(draw: ImageDraw.ImageDraw, overview: Overview, track: TrackOverview, top: float) -> None:
    """The probabilities, stacked, from the first class at the bottom."""
    for start_s, end_s, probabilities in overview.course(track):
        left, right, bottom = _x(overview, start_s), _x(overview, end_s), top + _BAND
        for name, probability in zip(overview.labels, probabilities, strict=True):
            upper = bottom - probability * _BAND
            draw.rectangle((left, upper, max(left + 1, right - 0.01), bottom), fill=overview.colors[name])
            bottom = upper


def _draw_labels(draw: ImageDraw.ImageDraw, overview: Overview, found: list[Segment], top: float, font: _Font) -> None:
    """The segments below the band: a line each, and its label where there is room."""
    for segment in found:
        left, right = _x(overview, segment.start_s), _x(overview, segment.end_s)
        draw.line((left, top + 5, max(left, right - 2), top + 5), fill=overview.colors[segment.label], width=4)
        if draw.textlength(segment.marked_label, font=font) <= right - left:
            draw.text((left, top + 12), segment.marked_label, font=font, fill=_INK)
