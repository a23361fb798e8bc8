"""The command `mien`: parses arguments and prints; the library does the rest, in functions of the same names."""

from __future__ import annotations

import errno
import os
import sys
import warnings
from typing import Annotated

import typer

from mien.cli.printing import one_line
from mien.errors import MienError

# Module -> extra that installs it.
_EXTRAS = {
    "torch": "lab",
    "lightning_fabric": "lab",
    "safetensors": "lab",
    "onnx": "lab",
    "onnxscript": "lab",
    "pyarrow": "lab",
    "scipy": "lab",
    "matplotlib": "lab",
    "jinja2": "lab",
    "litert_torch": "lab,litert",
    "timm": "lab,timm",
    "torchvision": "lab,timm",
    "kagglehub": "lab,fetch",
    "huggingface_hub": "lab,fetch",
    "fastapi": "serve",
    "multipart": "serve",
    "prometheus_client": "serve",
    "uvicorn": "serve",
}


def build_app() -> typer.Typer:
    """Assemble the commands; each imports what it needs when it runs."""
    from mien.cli import (
        analyze,
        data,
        demo,
        evaluate,
        explain,
        export,
        models,
        recipes,
        report,
        reproduce,
        robust,
        serve,
        train,
        web,
    )

    app = typer.Typer(
        name="mien",
        help="Read facial expressions in photos, videos and cameras; train and compare recognisers on FER2013.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_start)
    panels = {
        "Read expressions": (analyze.analyze, explain.explain, serve.serve, web.web, models.models, demo.demo),
        "Data": (data.app,),
        "Train": (recipes.recipes, train.train, train.average, train.narrow),
        "Measure": (
            *(evaluate.evaluate, evaluate.score, evaluate.ensemble, robust.robust, report.compare, report.report),
            *(reproduce.reproduce, report.results_app),
        ),
        "Make models": (export.export, export.calibrate, export.join, export.litert),
    }
    for panel, commands in panels.items():
        for command in commands:
            if isinstance(command, typer.Typer):
                app.add_typer(command, rich_help_panel=panel)
            else:
                app.command(rich_help_panel=panel)(command)
    return app


def _start(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and exit.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    pass


def _print_version(wanted: bool) -> None:
    if wanted:
        import mien

        typer.echo(f"mien {mien.__version__}")
        raise typer.Exit


def main() -> None:
    """Run the command line; a MienError becomes a message and exit status 1."""
    warnings.filterwarnings("ignore", module=r"PIL\.")  # about odd metadata of readable photos
    try:
        build_app()()
    except MienError as error:
        lines = map(one_line, str(error).split("\n"))  # file names may hold control characters
        sys.exit(f"{type(error).__name__}: " + "\n".join(lines))
    except ModuleNotFoundError as error:
        extra = _EXTRAS.get((error.name or "").split(".")[0])
        if extra is None:
            raise
        needs = f"{error.name} is not installed; this command needs it"
        pins = "" if "litert" in extra else " -c constraints.txt"  # litert-torch conflicts with the pins
        torch_first = f"{pins} torch, then pip install{pins}" if "lab" in extra else ""
        sys.exit(f"{needs}: pip install{torch_first} '.[{extra}]' in a clone of mien.")
    except KeyboardInterrupt:  # before a command starts; commands handle it themselves
        sys.exit(130)
    except BrokenPipeError:  # `mien ... | head` closed its end
        sys.stderr.close()
        sys.exit(1)
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # for anything that Python writes at exit
        sys.exit(f"the disk is full: {error.filename or 'standard output'} is incomplete; free space, then try again.")
