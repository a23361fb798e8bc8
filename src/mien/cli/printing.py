"""Where tables are printed."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console


_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


def one_line(text: str) -> str:
    """Return text whose line breaks and control characters, as a file's name may have them, are written as escapes."""
    return _CONTROL.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def table_console() -> Console:
    """Return standard output, 160 letters wide where it is a file, which has no width of its own."""
    from rich.console import Console

    console = Console()
    return console if console.is_terminal else Console(width=160)
