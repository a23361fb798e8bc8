"""The length of a video, as its file states it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import av
    from av.container import InputContainer

_LENGTH = re.compile(r"(\d+):(\d\d):(\d\d(?:\.\d+)?)$")  # 00:00:01.200000000
# In these formats, by FFmpeg's names, the stated duration is the time stamp of the end, not the length. Some programs
# write the length nevertheless; if such a file is cut off near its end, that goes unnoticed.
_STATE_THEIR_END = ("matroska", "asf")


def begin_of(container: InputContainer) -> float:
    """Return the first time stamp, seconds."""
    return (container.start_time or 0) / 1_000_000


def duration_of(container: InputContainer) -> float | None:
    """Return how long a file is, from its first time stamp on, seconds; None where it does not say."""
    return _since_begin(container, container.duration / 1_000_000) if container.duration else None


def end_of_picture(container: InputContainer, stream: av.VideoStream) -> float:
    """Return where the picture ends, seconds from the first time stamp on; 0 where the file does not say."""
    if stream.duration and stream.time_base:
        return _since_begin(container, float(stream.duration * stream.time_base))
    if not container.streams.audio:
        return duration_of(container) or 0.0  # with sound, it may be that of the sound
    stated = _LENGTH.match(stream.metadata.get("DURATION", ""))  # Matroska's and WebM's, as FFmpeg writes it
    hours, minutes, seconds = map(float, stated.groups()) if stated else (0.0, 0.0, 0.0)
    return max(0.0, 3600 * hours + 60 * minutes + seconds - begin_of(container))


def _since_begin(container: InputContainer, stated_s: float) -> float:
    states_its_end = container.format.name.startswith(_STATE_THEIR_END)
    return max(0.0, stated_s - begin_of(container)) if states_its_end else stated_s
