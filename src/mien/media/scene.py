"""Cuts between the scenes of a video."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

_SIDE_PX = 16
_SAME_SCENE = 0.4  # pairs of unrelated photos reach 0.42, a pan by 8 % of the width leaves 0.5


class SceneCuts:
    """Tells whether a frame begins a new scene.

    It does when its grey picture, reduced to 16 x 16 px, correlates with the last frame's by less than 0.4. Correlation
    ignores brightness and contrast, so a change of light is no cut; a pan by over a tenth of the picture is.
    """

    def __init__(self) -> None:
        self._last: npt.NDArray[np.float64] | None = None

    def is_cut(self, image: npt.NDArray[np.uint8]) -> bool:
        """Take the next frame, ``(H, W, 3)`` uint8 RGB; False for the first."""
        import cv2

        small = cv2.resize(image, (_SIDE_PX, _SIDE_PX), interpolation=cv2.INTER_AREA)
        values = np.asarray(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY), np.float64)
        values -= values.mean()
        last, self._last = self._last, values
        if last is None:
            return False
        size = np.sqrt((values**2).sum() * (last**2).sum())
        if size == 0:  # a blank frame, as of a fade, correlates with nothing
            return bool(values.any() or last.any())
        return bool((values * last).sum() / size < _SAME_SCENE)
