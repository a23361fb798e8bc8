"""Times of frames and of sound."""

from __future__ import annotations

import math


class RisingClock:
    """Times that go on where those of a file step back, as in recordings that were joined byte by byte.

    Attributes:
        end_s: when the last part was over, seconds.
        longest_s: the longest time from one part to the next; 0 before the second.
    """

    def __init__(self, jump_s: float = 0.0) -> None:
        """Start with no time.

        Args:
            jump_s: times that step back by no more than this are held until they rise again, as those of pictures that
                are badly stated; sound, which has no gaps, goes on at once.
        """
        self.end_s, self.longest_s, self._jump_s = 0.0, 0.0, jump_s
        self._before, self._step, self._offset = -math.inf, 0.0, 0.0

    def at(self, time_s: float, length_s: float) -> float:
        """Return when a part is shown or heard that the file places at `time_s`, for `length_s`."""
        shown_s = time_s + self._offset
        if shown_s < self._before - self._jump_s:
            shown_s = max(self.end_s, self._before + self._step)  # some files state too short lengths
            self._offset = shown_s - time_s
        elif shown_s < self._before:
            shown_s = self._before
        elif self._before > -math.inf:
            self._step = shown_s - self._before
            self.longest_s = max(self.longest_s, self._step)
        self._before, self.end_s = shown_s, shown_s + length_s
        return shown_s
