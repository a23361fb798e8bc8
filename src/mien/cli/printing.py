"""Printing in commands: names on one line, tables and progress bars."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from mien.lab.training import Progress

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


def one_line(text: str) -> str:
    """Return text with line breaks and control characters, which file names may contain, escaped."""
    return _CONTROL.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def table_console() -> Console:
    """Return a console for standard output, 160 characters wide if that is a file."""
    from rich.console import Console

    console = Console()
    return console if console.is_terminal else Console(width=160)


@contextmanager
def step_bar() -> Iterator[Callable[[str, int, int], None]]:
    """Yield a function that shows the steps done as a bar on standard error, if that is a terminal."""
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    with Progress(console=console, disable=not console.is_terminal) as progress:
        task = progress.add_task("", total=None)
        yield lambda what, done, total: progress.update(task, description=what, completed=done, total=total)


@contextmanager
def training_bar() -> Iterator[Callable[[Progress], None]]:
    """Yield a function that shows the progress of training on standard error: a bar, or in a file a line per epoch."""
    from rich.console import Console
    from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bar

    console = Console(stderr=True)
    speed = TextColumn("{task.fields[speed]:,.0f} images/s  {task.fields[left]} left")
    columns = (TextColumn("{task.description}"), BarColumn(), speed, TimeElapsedColumn())
    with Bar(*columns, console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task("", speed=0.0, left="?")

        def show(progress: Progress) -> None:
            if int(os.environ.get("RANK", 0)):
                return
            left = str(timedelta(seconds=round(progress.seconds_left)))
            bar.update(
                task,
                description=_stage(progress),
                total=(progress.epochs if progress.epoch else 1) * progress.steps,
                completed=(max(progress.epoch, 1) - 1) * progress.steps + progress.step,
                speed=progress.images_per_second,
                left=left,
            )
            if not console.is_terminal and progress.step == progress.steps:
                typer.echo(f"{_stage(progress)}  {progress.images_per_second:,.0f} images/s  {left} left", err=True)

        yield show


def _stage(progress: Progress) -> str:
    if not progress.epoch:
        return f"teachers predict {progress.steps:,} faces"
    return f"epoch {progress.epoch}/{progress.epochs}  loss {progress.loss:.3f}  accuracy {progress.accuracy:.1%}"
