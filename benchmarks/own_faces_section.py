"""The section of docs/benchmarks.md on going on from a model that ships."""

from __future__ import annotations

from itertools import groupby
from statistics import mean
from typing import Any

from layout import name_of_model, number, table


def section(measured: dict[str, Any]) -> str:
    """Lay out a record of benchmarks/own_faces.py."""
    by_kind_and_count = sorted(measured["rows"], key=lambda row: (row["kind"], row["all"], row["faces"]))
    rows = []
    for (kind, everything, _), group in groupby(
        by_kind_and_count, key=lambda row: (row["kind"], row["all"], None if row["all"] else row["faces"])
    ):
        draws = list(group)
        gains = [100 * (one["after"] - one["before"]) for one in draws]
        low, high = (mean(one[key] for one in draws) for key in ("low", "high"))
        rows.append(
            [
                kind,
                f"{'about ' if everything else ''}{round(mean(one['faces'] for one in draws)):,}",
                f"{100 * mean(one['before'] for one in draws):.1f} %",
                f"{100 * mean(one['after'] for one in draws):.1f} %",
                f"{mean(gains):+.1f} ({100 * low:+.1f} to {100 * high:+.1f})",
                f"{min(gains):+.1f} to {max(gains):+.1f}",
                number(mean(one["seconds"] for one in draws)),
            ]
        )
    draws = len({row["draw"] for row in measured["rows"]})
    head = [
        "faces",
        "to learn from",
        "as it ships",
        "gone on",
        "points (95 %)",
        f"in {draws} draws",
        "seconds of one core",
    ]
    return SECTION.format(
        model=name_of_model(measured["model"], measured["model_sha256"], measured["commit"]),
        recipe=measured["recipe"],
        tested=f"{round(mean(row['tested'] for row in measured['rows'])):,}",
        draws=draws,
        rows=table(head, rows),
    )


SECTION = """## Going on with faces of one's own

`benchmarks/own_faces.py` lets {model} [go on](guide.md#train) by `{recipe}` with faces as a user may have them:
those of PublicTest, which it has not learned, with the mouth covered, as by a mask, or of 16 x 16 pixels, as from far
away. One half is to learn from, the other, of about {tested} faces, tests both; twins stay together. Means of {draws}
draws of the halves; the interval is that of one draw.

{rows}

Faces of the kind that it goes on with are named better; what others lose was not measured here.
"""
