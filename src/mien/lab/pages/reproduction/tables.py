"""Tables of docs/reproduction.md: the reports' systems as trained here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from mien.lab.metrics import rates_of
from mien.lab.pages.results_tables import COLUMNS_BESIDE, beside_cells, link_to
from mien.lab.published import Beside
from mien.lab.recipe import Backbone, Recipe
from mien.lab.recipe.words import figure_in_words
from mien.lab.recipe_book import PUBLISHED
from mien.lab.results import Record
from mien.lab.statistics import unpaired_interval
from mien.lab.tables import UNKNOWN, Table, interval, percent, points, points_interval, with_interval
from mien.lab.trained_rows import Accuracy, TrainedRow, trained_rows

MISSING = "not yet measured"


def overview(records: list[Record], page: Path) -> str:
    """One line per row of the reports: its best training."""
    lines = []
    for row in PUBLISHED:
        published = "; ".join(map(figure_in_words, row.published)) or "no figures"
        found = trained_rows(row, records)
        lines.append((f"[{row.name}](#{row.name})", published, *cells_of(found[0] if found else None)))
    columns = ("row", "published", *COLUMNS)
    return Table("overview", columns, tuple(lines), text_columns=5).markdown() + "\n"


def standing(records: list[Record], page: Path) -> str:
    """The number of trained rows of the reports, in a sentence."""
    best = [found[0] for row in PUBLISHED if (found := trained_rows(row, records))]
    whole = sum(trained.whole for trained in best)
    less, missing = len(best) - whole, len(PUBLISHED) - len(best)
    return (
        f"Of the {len(PUBLISHED)} systems, {whole} have been trained for all epochs from the weights that the recipe "
        f"names, {less} for fewer epochs or from other weights{f', {missing} not at all' if missing else ''}.\n"
    )


COLUMNS = ("epochs", "starting weights", "measured on", "accuracy (95 %)", "seeds", "twin-free (95 %)")


def cells_of(trained: TrainedRow | None) -> tuple[str, ...]:
    """The cells of `COLUMNS`; shortfalls against the row are bold."""
    if trained is None:
        return UNKNOWN, UNKNOWN, UNKNOWN, MISSING, UNKNOWN, UNKNOWN
    full, fresh = trained.accuracy("full"), trained.accuracy("twin_free")
    split = f"{trained.split}, {full.n:,} faces" if full else UNKNOWN
    made = epochs_in_words(trained), weights_in_words(trained)
    return (*made, split, _mean(full), _seeds(trained, full), _mean(fresh))


def _mean(accuracy: Accuracy | None) -> str:
    return MISSING if accuracy is None else with_interval(accuracy.mean, *accuracy.interval)


def _seeds(trained: TrainedRow, accuracy: Accuracy | None) -> str:
    n = len(trained.records)
    if n == 1:
        return "1 seed"
    return f"{n} seeds" if accuracy is None else f"{n} seeds, {interval(min(accuracy.each), max(accuracy.each))}"


def epochs_in_words(trained: TrainedRow) -> str:
    """Return the epochs actually trained: ``10 of 10``, ``37 to 41 of 100, stopped early``, ``**5 of 150**``."""
    run = sorted({record.environment["epochs_run"] for record in trained.records})
    span = " to ".join(str(count) for count in (run[0], run[-1])[: len(run)])
    if trained.epochs < trained.row.epochs:
        return f"**{span} of {trained.row.epochs}**"
    return f"{span} of {trained.epochs}" + ("" if run == [trained.epochs] else ", stopped early")


def weights_in_words(trained: TrainedRow) -> str:
    """Return the starting weights actually used."""
    network, file = trained.row.network, trained.environment["weights"]
    if file is None:
        return f"timm's {network.name}" if isinstance(network, Backbone) and network.weights != "none" else "random"
    known = f"{file}, SHA-256 {trained.environment['weights_sha256'][:8]}"
    return f"**stand-in: {known}**" if trained.stand_in else known


def rows(records: list[Record], page: Path) -> str:
    """One section per row: all its trainings, and the source's figures beside ours."""
    return "\n".join(_row(row, trained_rows(row, records), page) for row in PUBLISHED)


def _row(row: Recipe, found: Sequence[TrainedRow], page: Path) -> str:
    assumed = ", ".join(f"`{field}`" for field in row.assumed)
    text = [f"### {row.name}", "", f"{row.source[0].upper()}{row.source[1:]}. {row.remark}".rstrip(), ""]
    text += [f"Assumed, with [reasons](recipes.md#{row.name}): {assumed}.", ""]
    if not found:
        figures = "; ".join(f"{figure_in_words(figure)} ({figure.place})" for figure in row.published) or "no figures"
        return "\n".join([*text, f"Published: {figures}. Here: {MISSING}.", ""])
    for trained in found:
        links = ", ".join(f"[seed {seed}]({link_to(record, page)})" for seed, record in trained.seeds.items())
        epochs, weights, split, full, seeds, fresh = cells_of(trained)
        text.append(
            f"* Epochs: {epochs}. Starting weights: {weights}. {split}: {full}, {seeds}; twin-free {fresh}. "
            f"Records: {links}." + ("" if trained.whole else " Not compared with the published figures.")
        )
    if found[0].whole and found[0].records[0].published:
        lines = tuple(beside_cells(line) for line in _mean_beside(found[0]))
        text += ["", Table(row.name, COLUMNS_BESIDE, lines, text_columns=2).markdown()]
    return "\n".join([*text, *_confusion(found[0]), ""])


def _confusion(trained: TrainedRow) -> list[str]:
    """Confusion matrix in rates and in faces, over all seeds, in a collapsed section."""
    counts, recalls = trained.confusion.sum(axis=0), trained.recalls
    if not recalls:
        return []
    names, precisions = trained.environment["label_set"], rates_of(counts.T).diagonal()
    rates, faces = [], []
    for k, name in enumerate(names):
        recall = (
            f"{percent(recalls[name].mean, 0)} ({interval(*recalls[name].interval)})" if name in recalls else UNKNOWN
        )
        precision = percent(precisions[k], 0) if counts[:, k].any() else UNKNOWN  # never predicted
        rates.append((name, *(percent(rate, 0) for rate in rates_of(counts)[k]), recall, precision))
        faces.append((name, *(f"{count:,}" for count in counts[k]), f"{counts[k].sum():,}"))
    columns = ("true class", *names)
    table = Table("rates", (*columns, "recall (95 %)", "precision"), tuple(rates)).markdown()
    in_faces = Table("faces", (*columns, "all"), tuple(faces)).markdown()
    seeds = len(trained.confusion)
    many = "Numbers of faces:" if seeds == 1 else f"Numbers of faces, summed over {seeds} seeds:"
    what = f"epochs {epochs_in_words(trained).strip('*')}; {trained.split}"
    summary = f"Confusion matrix, recall and precision: {what}"
    return ["", f"<details><summary>{summary}</summary>", "", table, "", many, "", in_faces, "", "</details>"]


def _mean_beside(trained: TrainedRow) -> list[Beside]:
    """Published figures beside the mean over the seeds."""
    groups: dict[tuple[Any, ...], list[Beside]] = {}
    for line in (line for record in trained.records for line in record.published):
        groups.setdefault((line.figure, line.split, line.while_training, line.unlike), []).append(line)
    means = []
    for lines in groups.values():
        value = sum(line.value for line in lines) / len(lines)
        low, high = _mean_of([line.low for line in lines]), _mean_of([line.high for line in lines])
        means.append(replace(lines[0], value=value, low=low, high=high))
    return means


def _mean_of(ends: Sequence[float | None]) -> float | None:
    known = [end for end in ends if end is not None]
    return sum(known) / len(known) if len(known) == len(ends) else None


def twins(records: list[Record], page: Path) -> str:
    """The effect of faces that a row may have memorised on its accuracy."""
    lines = []
    for row in PUBLISHED:
        for trained in trained_rows(row, records)[:1]:
            full, twins, fresh = (trained.accuracy(part) for part in ("full", "twins", "twin_free"))
            if full and twins and fresh:
                low, high = unpaired_interval(fresh.mean, twins.mean, fresh.n, twins.n)
                ahead = f"{points(twins.mean - fresh.mean)} ({points_interval(low, high)})"
                rates = percent(full.mean), _mean(twins), _mean(fresh), ahead, points(full.mean - fresh.mean)
                lines.append((row.name, epochs_in_words(trained), f"{twins.n:,} of {full.n:,}", *rates))
    if not lines:
        return f"{MISSING.capitalize()}.\n"
    columns = ("row", "epochs", "twins", "all faces", "twins (95 %)", "twin-free (95 %)")
    differences = ("twins minus twin-free (95 %)", "all minus twin-free")
    return Table("twins", (*columns, *differences), tuple(lines), text_columns=2).markdown() + "\n"
