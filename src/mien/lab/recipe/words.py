"""A recipe in words, a line or more for each field. `Recipe` imports this module, hence the loose types."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from mien.lab.recipe.augment import Augment


def describe(recipe: Any) -> str:
    """Return a `Recipe` in full as text, one line per field."""
    lines = []
    for name, value in fields_in_words(recipe):
        parts = value if isinstance(value, list) else [value]
        lines += [f"{label:<16}{part}" for label, part in zip([name, *[""] * len(parts)], parts, strict=False)]
    return "\n".join(lines)


def fields_in_words(recipe: Any) -> list[tuple[str, str | list[str]]]:
    """Return name and value of each field of a `Recipe`, in its order."""
    rows: list[tuple[str, str | list[str]]] = []
    for field in fields(recipe):
        value = getattr(recipe, field.name)
        if field.name == "published":
            rows.append((field.name, [f"{figure_in_words(figure)} ({figure.place})" for figure in value] or "none"))
        elif field.name == "assumed":
            rows.append((field.name, [f"{name}: {reason}" for name, reason in value.items()] or "nothing"))
        elif field.name == "phases":
            rows.append((field.name, [_part(phase) for phase in value] or "all trains throughout"))
        else:
            rows.append((field.name, _part(value) or "none"))
    return rows


def figure_in_words(figure: Any) -> str:
    """Return a `Figure` as text, such as ``validation accuracy about 50 %``."""
    about, at = figure.precision, "" if figure.epoch is None else f" after {figure.epoch} epochs"
    if figure.metric == "loss":
        return f"{figure.split} loss {about}{figure.value:.4f}{at}"
    value = f"{100 * figure.value:.2f}".rstrip("0").rstrip(".")
    if figure.metric == "gap":
        return f"train - {figure.split} accuracy {about}{value} points{at}"
    return f"{figure.split} accuracy {about}{value} %{at}"


def _part(value: Any) -> str:
    """A part as Python prints its dataclass; an `Augment` without the fields at their defaults."""
    if not isinstance(value, Augment):
        return str(value)
    said = [f"{f.name}={getattr(value, f.name)!r}" for f in fields(value) if getattr(value, f.name) != f.default]
    return f"Augment({', '.join(said)})"
