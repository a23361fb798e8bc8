"""The section of docs/benchmarks.md on going on from a model that ships."""

from __future__ import annotations

from statistics import mean
from typing import Any

from layout import name_of_model, number, table


def section(measured: dict[str, Any]) -> str:
    """Lay out a record of benchmarks/own_faces.py."""
    groups: dict[tuple[str, int | None], list[dict[str, Any]]] = {}
    for row in measured["rows"]:
        groups.setdefault((row["kind"], None if row["all"] else row["faces"]), []).append(row)
    rows = []
    for (kind, count), draws in groups.items():
        rows.append(
            [
                kind,
                f"{count:,}" if count else f"about {round(mean(one['faces'] for one in draws)):,}",
                f"{100 * mean(one['before'] for one in draws):.1f} %",
                f"{100 * mean(one['after'] for one in draws):.1f} %",
                _points(draws),
                _points([one["unchanged"] for one in draws]),
                number(mean(one["seconds"] for one in draws)),
            ]
        )
    head = ["faces", "to learn from", "as it ships", "gone on", "points (95 %)", "unchanged: points (95 %)", "seconds"]
    return SECTION.format(
        model=name_of_model(measured["model"], measured["model_sha256"], measured["commit"]),
        recipe=measured["recipe"],
        tested=f"{round(mean(row['tested'] for row in measured['rows'])):,}",
        draws=len({row["draw"] for row in measured["rows"]}),
        rows=table(head, rows),
    )


def _points(draws: list[dict[str, float]]) -> str:
    gain = 100 * mean(one["after"] - one["before"] for one in draws)
    low, high = (100 * mean(one[end] for one in draws) for end in ("low", "high"))
    return f"{gain:+.1f} ({low:+.1f} to {high:+.1f})"


SECTION = """## Going on with faces of one's own

`benchmarks/own_faces.py` lets {model} [go on](guide.md#train) by `{recipe}` with faces as a user may have them:
those of PublicTest, which it has not learned, with the mouth covered, as by a mask, or of 16 x 16 pixels, as from far
away. One half is to learn from, the other, of about {tested} faces, tests both; twins stay together. Means of {draws}
draws of the halves; the interval is that of one draw, the seconds are of one core beside other work. *Unchanged* are
the same test faces as FER2013 has them.

{rows}

Going on helps where faces show something that the model has not learned, as a mask; not where they show too little.
"""
