"""Times of frames and sound."""

from __future__ import annotations

import math


class RisingClock:
    """Times that keep rising where those of a file step back, as in recordings joined byte by byte.

    Attributes:
        end_s: when the last part ends, seconds.
        longest_s: longest time from one part to the next; 0 before the second.
    """

    def __init__(self, jump_s: float = 0.0) -> None:
        """Start with no time.

        Args:
            jump_s: times that step back by no more than this are held until they rise again, for frames with wrong
                times; 0 for sound, which has no gaps.
        """
        self.end_s, self.longest_s, self._jump_s = 0.0, 0.0, jump_s
        self._before, self._step, self._offset = -math.inf, 0.0, 0.0

    def at(self, time_s: float, length_s: float) -> float:
        """Return the time of a part that lasts `length_s` and that the file places at `time_s`."""
        shown_s = time_s + self._offset
        if shown_s < self._before - self._jump_s:
            shown_s = max(self.end_s, self._before + self._step)  # some files state lengths that are too short
            self._offset = shown_s - time_s
        elif shown_s < self._before:
            shown_s = self._before
        elif self._before > -math.inf:
            self._step = shown_s - self._before
            self.longest_s = max(self.longest_s, self._step)
        self._before, self.end_s = shown_s, shown_s + length_s
        return shown_s
