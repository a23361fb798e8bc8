"""A video's timeline as an HTML file: bands of probabilities, with the frame under the pointer."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable
from html import escape
from pathlib import Path
from string import Template

from mien.overview import Overview, TrackOverview, jpeg
from mien.timeline import Segment, clock

_TEMPLATE = Path(__file__).with_name("timeline.html")
_MOST_ROWS = 50


def timeline_page(overview: Overview) -> str:
    """Return a page that needs no other file, with a row for each of the fifty faces seen in the most frames."""
    tracks = overview.tracks(_MOST_ROWS)
    found = overview.segments()
    hidden = overview.n_tracks - len(tracks)
    counted = "track of a face" if overview.n_tracks == 1 else "tracks of faces"
    summary = f"{clock(overview.begin_s)} to {clock(overview.end_s)}, {overview.n_tracks} {counted}"
    data = {
        "labels": overview.labels,
        "begin": overview.begin_s,
        "end": overview.begin_s + overview.seconds,
        "thumbnails": [(round(time_s, 3), _base64(image)) for time_s, image in overview.thumbnails],
        "tracks": [{"track": track.track, "course": _rounded(overview, track)} for track in tracks],
    }
    return Template(_TEMPLATE.read_text("utf-8")).substitute(
        title=escape(f"{overview.source}: expressions over time"),
        summary=summary + (f", of which the {len(tracks)} longest are shown." if hidden else "."),
        legend="".join(_swatch(overview, name) for name in overview.labels),
        tracks="\n".join(_row(overview, track, found) for track in tracks),
        begin=overview.begin_s,
        end=overview.begin_s + overview.seconds,
        first=clock(overview.begin_s),
        last=clock(overview.end_s),
        segments="\n".join(map(_line, found)),
        data=json.dumps(data, separators=(",", ":")).replace("<", "\\u003c"),  # nothing may end the script element
    )


def _swatch(overview: Overview, label: str) -> str:
    return f'<li><i style="background:{_hex(overview, label)}"></i>{escape(label)}</li>'


def _row(overview: Overview, track: TrackOverview, found: Iterable[Segment]) -> str:
    """Portrait, band and names of one face."""
    names = "".join(_name(overview, segment) for segment in found if segment.track == track.track)
    portrait = _base64(jpeg(track.portrait))
    return (
        f'<div class="track"><figure><img src="data:image/jpeg;base64,{portrait}" alt="">Face {track.track}</figure>'
        f'<div><svg viewBox="0 0 1000 1" preserveAspectRatio="none" role="img" aria-label="Probabilities of face '
        f'{track.track} over time; the table below has its segments">{_band(overview, track)}</svg>'
        f'<div class="names">{names}</div></div></div>'
    )


def _band(overview: Overview, track: TrackOverview) -> str:
    """The probabilities, stacked, from the first class at the bottom."""
    paths = dict.fromkeys(overview.labels, "")
    for start_s, end_s, probabilities in overview.course(track):
        left, right = 10 * _percent(overview, start_s), 10 * _percent(overview, end_s)
        bottom = 1.0
        for name, probability in zip(overview.labels, probabilities, strict=True):
            if probability >= 0.0005:
                paths[name] += f"M{left:.2f} {bottom:.4f}V{bottom - probability:.4f}H{right:.2f}V{bottom:.4f}"
            bottom -= probability
    return "".join(f'<path fill="{_hex(overview, name)}" d="{path}"/>' for name, path in paths.items() if path)


def _name(overview: Overview, segment: Segment) -> str:
    left = _percent(overview, segment.start_s)
    width = _percent(overview, segment.end_s) - left
    style = f"left:{left:.2f}%;width:{width:.2f}%;border-color:{_hex(overview, segment.label)}"
    return f'<span style="{style}">{escape(segment.marked_label)}</span>'


def _line(segment: Segment) -> str:
    """A segment as a row of the table."""
    label = escape(segment.marked_label)
    return (
        f'<tr><td><button value="{segment.start_s}">{clock(segment.start_s)}</button></td><td>{clock(segment.end_s)}'
        f"</td><td>{segment.track}</td><td>{label}</td><td>{segment.confidence:.0%}</td></tr>"
    )


def _rounded(overview: Overview, track: TrackOverview) -> list[tuple[float, float, list[float]]]:
    course = overview.course(track)
    return [(round(start, 3), round(end, 3), [round(p, 3) for p in means]) for start, end, means in course]


def _percent(overview: Overview, time_s: float) -> float:
    return 100 * min(1.0, (time_s - overview.begin_s) / overview.seconds)


def _hex(overview: Overview, label: str) -> str:
    return "#{:02x}{:02x}{:02x}".format(*overview.colors[label])


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")
