"""`mien compare`, `mien report` and `mien results`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from mien.cli.dataset import read_faces
from mien.cli.printing import step_bar, table_console

if TYPE_CHECKING:
    from mien.lab.comparison import Comparison

Runs = Annotated[list[Path], typer.Argument(help="Evaluated runs.")]
Split = Annotated[
    str | None,
    typer.Option(help="Default: Test, PublicTest, PrivateTest or Training, the first on which all were scored."),
]
Format = Literal["table", "plain", "markdown", "json", "csv"]
Results = Annotated[Path, typer.Option(help="Folder of records.")]

results_app = typer.Typer(
    name="results", help="Keep records of runs, and the tables generated from them.", no_args_is_help=True
)


def compare(
    runs: Annotated[
        list[Path], typer.Argument(help="Evaluated runs; or folders of results, from mien evaluate MODEL --out FOLDER.")
    ],
    save: Annotated[Path | None, typer.Option(help="Also write an HTML page with curves and matrices.")] = None,
    split: Split = None,
    format: Annotated[Format, typer.Option(help="What to print.")] = "table",
    json: Annotated[bool, typer.Option("--json", help="Short for --format json.")] = False,
) -> None:
    """Compare runs and other models on the same faces, and runs with the figures of their sources."""
    if json and format not in ("table", "json"):
        raise typer.BadParameter(f"--json and --format {format} print different things; give one of them.")
    from mien.lab.comparison import compare as compare_runs

    comparison = compare_runs(runs, split)
    _print(comparison, "json" if json else format)
    if save is not None:
        from mien.lab.pages.report import write_comparison

        typer.echo(f"written: {write_comparison(comparison, save)}", err=True)


def report(
    runs: Runs,
    save: Annotated[Path | None, typer.Option(help="HTML file; default for one run: its report.html.")] = None,
    data: Annotated[
        Path | None, typer.Option(help="The data that the runs were evaluated on; needed for pictures of faces.")
    ] = None,
    split: Split = None,
    explain: Annotated[
        bool, typer.Option("--explain", help="Add heat maps to the worst mistakes. Needs --data.")
    ] = False,
    charts: Annotated[
        Path | None, typer.Option(help="Also write the charts into this folder, as SVG and PDF.", metavar="FOLDER")
    ] = None,
) -> None:
    """Write one HTML page with everything about one or more runs; its path is printed."""
    if explain and data is None:
        raise typer.BadParameter("needs --data, for the faces.", param_hint="--explain")
    if save is None and len(runs) > 1:
        raise typer.BadParameter("a report on several runs needs a file: --save report.html")
    from mien import lab

    faces = None if data is None else read_faces(data)
    out = save or runs[0] / "report.html"
    with step_bar() as show:
        file = lab.write_report(runs, faces, out, split=split, explain=explain, on_progress=show)
    if charts is not None:
        lab.write_charts(runs, charts, data=faces, split=split)
        typer.echo(f"written: the charts, in {charts}", err=True)
    typer.echo(file)


@results_app.command()
def add(runs: Runs, results: Results = Path("results")) -> None:
    """Record finished and evaluated runs; prints the folders of the records."""
    from mien.lab.results import add as add_record
    from mien.lab.run import Run

    for run in runs:
        typer.echo(add_record(Run.open(run), results))


@results_app.command()
def tables(
    pages: Annotated[
        list[Path] | None, typer.Argument(help="Default: README.md, docs/*.md and docs/images/*.svg.")
    ] = None,
    check: Annotated[bool, typer.Option("--check", help="Change nothing; fail if a table is out of date.")] = False,
    results: Results = Path("results"),
) -> None:
    """Update the generated tables in Markdown pages; prints the changed pages."""
    from mien.lab.pages.rewriting import pages_beside, write_tables

    for page in write_tables(pages or pages_beside(results), results, check=check):
        typer.echo(page)


def _print(comparison: Comparison, format: str) -> None:
    from mien.lab.pages.comparison_tables import tables_of

    if format == "json":
        typer.echo(comparison.to_json())
    elif format == "csv":
        typer.echo(comparison.to_csv(), nl=False)
    elif format == "markdown":
        typer.echo("\n\n".join(f"### {table.title}\n\n{table.markdown()}" for table in tables_of(comparison)))
    elif format == "plain":
        typer.echo(comparison)
    else:
        console = table_console()
        for table in tables_of(comparison):
            console.print(table.rich(), "")
