"""PyAV, which reads and writes videos, if it is installed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from mien.errors import InputError

if TYPE_CHECKING:
    from av.container import InputContainer

_TAKES_ANY_TEXT = 19
"""The first version of PyAV that reads metadata in any encoding by default."""


def import_av() -> Any:
    """Return PyAV.

    Raises:
        InputError: it is not installed.
    """
    try:
        import av
        import av.error
    except ImportError as error:
        needs = "reading video needs PyAV, which is not installed"
        raise InputError(f"{needs}: pip install '.[video]' in a clone of mien.") from error
    return av


def open_leniently(file: Path, options: dict[str, str]) -> InputContainer:
    """Open a file for reading with FFmpeg's `options`, whatever the encoding of its metadata.

    Raises:
        InputError: PyAV is not installed.
        FFmpegError, ValueError: it cannot be opened.
    """
    av = import_av()
    lenient = {} if int(av.__version__.partition(".")[0]) >= _TAKES_ANY_TEXT else {"metadata_errors": "replace"}
    container: InputContainer = av.open(file, options=options, **lenient)
    return container
