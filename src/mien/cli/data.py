"""`mien data check`, `stats`, `suspects`, `convert` and `fetch`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from mien.cli.dataset import DATA_HELP, Data, first_few, read_faces, tell_not_read

if TYPE_CHECKING:
    from mien.lab.data import Audit, Edition, FaceDataset
    from mien.lab.tables import Table

app = typer.Typer(
    name="data",
    help="Check, describe, convert or download FER2013 or your own faces; find doubtful labels.",
    no_args_is_help=True,
)

Source = Annotated[Path, typer.Argument(help=DATA_HELP)]
Classes = Annotated[
    str | None,
    typer.Option(
        help="Classes in the order of their labels, such as angry,disgust,...; for a parquet file without class names, "
        "or for folders not named after expressions."
    ),
]
WithAudit = Annotated[bool, typer.Option("--audit/--no-audit", help="Search for twins, which takes up to a minute.")]


@app.command()
def check(
    data: Source,
    votes: Annotated[Path | None, typer.Option(help="FER+ votes, fer2013new.csv, to join by row.")] = None,
    classes: Classes = None,
    audit: WithAudit = True,
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON object.")] = False,
) -> None:
    """Read a whole data set and summarise it; exit 1 if any part of it cannot be read."""
    from mien.lab.data import join_votes, relabel_by_majority
    from mien.lab.data.stats import summary

    edition = _open(data, classes)
    if not len(edition.data):
        edition.refuse_broken()
    facts = summary(edition, _audited(edition.data) if audit else None)
    if votes is not None:
        relabelled = relabel_by_majority(join_votes(edition.data, votes))
        names = ("labelled", "no_votes", "no_majority", "unknown", "not_a_face")
        facts["ferplus_majority"] = {name: getattr(relabelled, name) for name in names}
    typer.echo(json.dumps(facts, indent=2) if as_json else _in_words(facts))
    edition.refuse_broken()


@app.command()
def stats(
    data: Source,
    save: Annotated[Path, typer.Option(help="The HTML page to write.")],
    classes: Classes = None,
    audit: WithAudit = True,
) -> None:
    """Write a page with class counts, sample and mean faces, grey levels and the audit."""
    from mien.lab.pages.data_page import write_stats_page

    edition = _open(data, classes)
    write_stats_page(edition, _audited(edition.data) if audit else None, save)
    typer.echo(save)


@app.command()
def suspects(
    predictions: Annotated[
        list[Path], typer.Argument(help="predictions-SPLIT.csv of models that were not trained on these faces.")
    ],
    data: Data,
    votes: Annotated[Path | None, typer.Option(help="FER+ votes, fer2013new.csv, shown beside the labels.")] = None,
    most: Annotated[int, typer.Option(help="How many faces to list.", min=1)] = 100,
    save: Annotated[
        Path | None, typer.Option(help="Also write a page with the faces, .html, or a table, .csv.")
    ] = None,
) -> None:
    """List faces with doubtful labels, which models not trained on them find improbable."""
    from mien.errors import DataError
    from mien.lab.pages.suspects_page import SUFFIXES, write_suspects
    from mien.lab.suspects import find_suspects
    from mien.writing import check_ending

    if save is not None:
        check_ending(save, SUFFIXES, DataError)
    found = find_suspects(predictions, read_faces(data, votes), most=most)
    typer.echo(found.table().plain())
    if save is not None:
        typer.echo(f"written: {write_suspects(found, save)}", err=True)


@app.command()
def convert(
    data: Source,
    out: Annotated[Path, typer.Argument(help="New file .csv, .parquet or .zip, or a new folder (split/class/image).")],
    split: Annotated[list[str] | None, typer.Option(help="Only this split; repeatable.")] = None,
    classes: Classes = None,
    skip_broken: Annotated[bool, typer.Option(help="Leave out broken images and list them.")] = False,
    resize: Annotated[
        bool, typer.Option(help="Scale the central square of images of other sizes to 48 x 48 px.")
    ] = False,
    test_fraction: Annotated[
        float | None,
        typer.Option(
            min=0, max=1, help="For data without splits: make this share of the faces Test; twins stay together."
        ),
    ] = None,
) -> None:
    """Convert a data set to another format."""
    import numpy as np
    from rich.console import Console

    from mien.lab.data import draw_test, write_edition

    edition = _open(data, classes, resize)
    if not skip_broken:
        edition.refuse_broken()
    for line in edition.broken:
        typer.echo(f"left out: {line}", err=True)
    tell_not_read(edition.other_files)
    chosen = edition.data
    if test_fraction is not None:
        with Console(stderr=True).status("Drawing a test split, twins together"):
            chosen = draw_test(chosen, test_fraction)
    for name in split or []:
        chosen.split(name)  # raises where there is no such split
    if split:
        chosen = chosen.take(np.isin(chosen.splits, split))
    write_edition(chosen, out)
    rows = chosen.rows.tolist()
    if out.suffix == ".csv" and all(map(str.isdecimal, rows)) and rows != [str(row) for row in range(len(rows))]:
        typer.echo(
            "the CSV numbers its rows from 0 again, so FER+ votes no longer fit; a .parquet keeps the row numbers.",
            err=True,
        )
    typer.echo(f"{out}: {len(chosen):,} faces")


@app.command()
def fetch(
    site: Annotated[Literal["kaggle", "huggingface"], typer.Argument(help="Site to download from.")] = "huggingface",
) -> None:
    """Download FER2013 and print the folder that holds it."""
    from mien.lab.data import fetch_fer2013

    typer.echo(fetch_fer2013(site))


def _open(path: Path, classes: str | None, resize: bool = False) -> Edition:
    from rich.console import Console

    from mien.lab.data import open_fer2013
    from mien.labels import LabelSet

    order = None if classes is None else LabelSet(tuple(classes.split(",")))
    with Console(stderr=True).status(f"Reading {path}"):
        return open_fer2013(path, order, resize=resize)


def _audited(data: FaceDataset) -> Audit:
    from rich.console import Console
    from rich.progress import Progress

    from mien.lab.data import audit

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("Comparing every face with every other")
        return audit(data, lambda done, total: bar.update(task, completed=done, total=total))


def _in_words(facts: dict[str, Any]) -> str:
    """The summary as text."""
    from mien.lab.tables import Table

    counts = facts["splits"]
    classes = list(dict.fromkeys(name for row in counts.values() for name in row))
    rows = [
        (split, *(f"{row.get(name, 0):,}" for name in classes), f"{sum(row.values()):,}")
        for split, row in counts.items()
    ]
    title = f"{facts['edition']}: {facts['faces']:,} faces of {facts['width_px']} x {facts['height_px']} px"
    parts = [facts["source"], Table(title, ("split", *classes, "all"), tuple(rows)).plain()]
    parts += facts["differs_from_published"]
    if facts["audit"]:
        parts += ["", _audit_table(facts["audit"], list(counts)).plain()]
    if "ferplus_majority" in facts:
        words = (f"{name.replace('_', ' ')} {count:,}" for name, count in facts["ferplus_majority"].items())
        parts += ["", f"FER+ majority: {', '.join(words)}"]
    others = facts["other_files"]
    parts += [
        "",
        f"grey levels: mean {facts['pixel_mean']:.4f}, deviation {facts['pixel_std']:.4f}, of values in 0 to 1",
        f"fingerprint: {facts['fingerprint']}",
        f"other files: {len(others):,}{first_few(others)}",
        f"broken images: {len(facts['broken']):,}",
    ]
    return "\n".join(parts)


def _audit_table(audit: dict[str, Any], splits: list[str]) -> Table:
    from mien.lab.data.auditing import IN_WORDS
    from mien.lab.tables import Table

    rows = [(text, *(f"{audit[key][name]:,}" for name in splits)) for key, text in IN_WORDS.items() if key in audit]
    notes = (
        f"{audit['distinct']:,} distinct images; {audit['near_twin_pairs']:,} pairs of near twins; "
        f"{audit['groups_with_conflicting_labels']:,} images with different labels",
    )
    return Table("Audit", ("faces", *splits), tuple(rows), notes)
