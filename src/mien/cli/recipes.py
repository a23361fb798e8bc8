"""`mien recipes`."""

from __future__ import annotations

from typing import Annotated

import typer

from mien.cli.printing import table_console

WIDE = 100
"""On narrower consoles, networks are left out to make room for names and published figures."""


def recipes(
    name: Annotated[str | None, typer.Argument(help="A recipe, or a JSON file of one, to print in full.")] = None,
    parameters: Annotated[
        bool, typer.Option("--parameters", help="Count the trainable parameters (takes seconds).")
    ] = False,
    layers: Annotated[bool, typer.Option("--layers", help="With a name: print the network layer by layer.")] = False,
    json: Annotated[bool, typer.Option("--json", help="As JSON: one recipe, or a list of all.")] = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print all recipes as docs/recipes.md does.")] = False,
) -> None:
    """List the recipes, or print one."""
    from mien.lab.pages import recipe_page
    from mien.lab.recipe import io as recipe_io
    from mien.lab.recipe_book import find_recipe
    from mien.lab.recipe_book import recipes as rows

    forms = {"--parameters": parameters, "--layers": layers, "--json": json, "--markdown": markdown}
    asked = [option for option, given in forms.items() if given]
    if len(asked) > 1:
        raise typer.BadParameter(f"{' and '.join(asked)} print different things; give one of them.")
    if markdown and name is not None:
        raise typer.BadParameter("prints all recipes; leave out the name.", param_hint="--markdown")
    if layers:
        if name is None:
            raise typer.BadParameter("needs the name of a recipe.", param_hint="--layers")
        text = recipe_page.layer_table(find_recipe(name)).plain() + "\n"
    elif markdown:
        text = recipe_page.page()
    elif name is not None:
        row = find_recipe(name)
        text = recipe_io.to_json(row) if json else f"{row}\n"
        if parameters:
            text += f"{'parameters':<16}{recipe_page.count_trained(row):,}\n"
    elif json:
        text = f"[{', '.join(recipe_io.to_json(row).rstrip() for row in rows.values())}]\n"
    else:
        _print_tables(recipe_page.tables(parameters))
        return
    typer.echo(text, nl=False)


def _print_tables(tables: dict[str, list[dict[str, str]]]) -> None:
    """Print one table per group, with first columns of the same width."""
    from rich.table import Table

    console = table_console()
    longest = max(len(row["recipe"]) for rows in tables.values() for row in rows)
    for title, rows in tables.items():
        columns = [column for column in rows[0] if column != "network" or console.width >= WIDE]
        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
        for column in columns:
            numbers = column in ("parameters", "epochs")
            width = longest if column == "recipe" else None
            wraps = column in ("published", "needs")
            table.add_column(column, justify="right" if numbers else "left", no_wrap=not wraps, min_width=width)
        for row in rows:
            table.add_row(*(row[column] for column in columns))
        console.print(title, style="underline")
        console.print(table)
        console.print()
