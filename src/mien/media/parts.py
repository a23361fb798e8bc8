"""The part of a video or animation that is read: checked before, and after it turned out to be empty."""

from __future__ import annotations

from mien.errors import InputError


def check_part(name: str, start_s: float, end_s: float | None, every: int) -> None:
    """Make sure that a range and a stride can be.

    Raises:
        InputError: they cannot.
    """
    if every < 1:
        raise InputError(f"{name}: every {every} frames; expected 1 or more.")
    if not start_s >= 0 or (end_s is not None and not end_s > start_s):
        raise InputError(f"{name}: the range {start_s} s to {end_s} s is empty.")


def refuse_empty_part(name: str, start_s: float, end_s: float | None, every: int, ends_s: float) -> None:
    """Say that no frame lies in a part.

    Args:
        name: the file.
        start_s: first moment wanted.
        end_s: moment before which to stop; None = the end.
        every: each n-th frame was wanted.
        ends_s: where the last frame ends that was read.

    Raises:
        InputError: always.
    """
    if start_s >= ends_s:
        raise InputError(f"{name}: starts at {start_s:g} s, the video ends at {ends_s:.1f} s.")
    until = "the end" if end_s is None else f"{end_s:g} s"
    wanted = f" of those taken every {every} frames" if every > 1 else ""
    raise InputError(f"{name}: no frame{wanted} lies between {start_s:g} s and {until}; choose a longer range.")
