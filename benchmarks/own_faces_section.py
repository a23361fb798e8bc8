"""The section of docs/benchmarks.md on fine-tuning a model that ships."""

from __future__ import annotations

from statistics import mean
from typing import Any

from layout import name_of_model, number, table


def section(measured: dict[str, Any]) -> str:
    """Lay out a record of benchmarks/own_faces.py."""
    rows = [
        [f"{name_of_model(name, of_model['model_sha256'], of_model['commit'])}: {kind}", *figures]
        for name, of_model in measured.items()
        for kind, *figures in _rows(of_model["rows"])
    ]
    draws = [row for of_model in measured.values() for row in of_model["rows"]]
    return SECTION.format(
        tested=f"{round(mean(row['tested'] for row in draws)):,}",
        draws=" and ".join(f"{len({row['draw'] for row in of['rows']})} for {name}" for name, of in measured.items()),
        rows=table(HEAD, rows),
        large=measured["mien-large"]["commit"][:7],
    )


def _rows(measured: list[dict[str, Any]]) -> list[list[str]]:
    """A row of the table for each kind and number of faces, over the draws."""
    groups: dict[tuple[str, int | None], list[dict[str, Any]]] = {}
    for row in measured:
        groups.setdefault((row["kind"], None if row["all"] else row["faces"]), []).append(row)
    return [
        [
            kind,
            f"{count:,}" if count else f"about {round(mean(one['faces'] for one in draws)):,}",
            f"{100 * mean(one['before'] for one in draws):.1f} %",
            f"{100 * mean(one['after'] for one in draws):.1f} %",
            _points(draws),
            _points([one["unchanged"] for one in draws]),
            number(mean(one["seconds"] for one in draws)),
        ]
        for (kind, count), draws in groups.items()
    ]


def _points(draws: list[dict[str, float]]) -> str:
    gain = 100 * mean(one["after"] - one["before"] for one in draws)
    low, high = (100 * mean(one[end] for one in draws) for end in ("low", "high"))
    return f"{gain:+.1f} ({low:+.1f} to {high:+.1f})"


HEAD = ("faces", "to learn from", "as it ships", "gone on", "points (95 %)", "unchanged: points (95 %)", "seconds")

SECTION = """## Fine-tuning on your own faces

`benchmarks/own_faces.py` [continues the training](guide.md#go-on-with-faces-of-your-own) of mien-small, by
`mien-small-further`, on faces such as a user may have: those of PublicTest, which it was not trained on, with the mouth
covered, as by a mask, or of 16 x 16 pixels, as from far away. One half is for training; the other, of about {tested}
faces, tests the model before and after; twins stay in the same half. The figures are means over draws of the halves,
{draws}; the interval is that of one draw, and the seconds are those of one core alongside other work. *Unchanged* means
the same test faces without the change.

{rows}

Further training helps if faces show something new to the model, such as a mask; it does not help if they show too
little. It did not help mien-large, trained by SGD with a rate of 0.005 and otherwise alike (at commit {large}; the
recipe was dropped), which handles covered faces better to begin with.
"""
