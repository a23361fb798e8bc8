"""Where tables are printed."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console


def table_console() -> Console:
    """Return standard output, 160 letters wide where it is a file, which has no width of its own."""
    from rich.console import Console

    console = Console()
    return console if console.is_terminal else Console(width=160)
