"""`mien web`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mien.cli.models import Model


def web(
    out: Annotated[Path, typer.Argument(help="Folder to write; any static web host can serve it.", file_okay=False)],
    model: Model = None,
    runtime: Annotated[
        Path | None,
        typer.Option(
            help="The folder dist of npm's onnxruntime-web; default: download it, 33 MB, for each new folder.",
            file_okay=False,
        ),
    ] = None,
) -> None:
    """Write a web page that reads photos and the camera in the visitor's browser, without a server."""
    from mien.web import write_web

    folder = write_web(out, model=model, runtime=runtime)
    size_mb = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()) / 1e6
    typer.echo(f"{folder}: {size_mb:.1f} MB. To view it: python -m http.server --directory {folder}")
