"""PyAV, which reads and writes videos, where it is installed."""

from __future__ import annotations

from typing import Any

from mien.errors import InputError


def reason_of(error: Exception) -> str:
    """Return what an error of PyAV says, without its number and file."""
    return getattr(error, "strerror", None) or str(error)


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
