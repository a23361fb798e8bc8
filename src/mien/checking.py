"""Arguments that are numbers: checked where they arrive, so that the message names them."""

from __future__ import annotations

import math
from numbers import Integral, Real
from typing import Any

from mien.errors import InputError


def check_number(name: str, value: Any, least: float, most: float = math.inf, *, whole: bool = False) -> None:
    """Make sure that an argument is a number from `least` to `most`; NumPy's are numbers, truth values and NaN are not.

    Args:
        name: of the argument, and of what it is for, as ``"photo.gif: every"``.
        value: what was given.
        least: the smallest number that is accepted.
        most: the largest one.
        whole: whether it must be a whole one.

    Raises:
        InputError: it is no such number.
    """
    kind: Any = Integral if whole else Real
    if not isinstance(value, kind) or isinstance(value, bool) or not least <= value <= most:
        bounds = f"{least:g} or more" if most == math.inf else f"{least:g} to {most:g}"
        raise InputError(f"{name} {value!r}; expected a {'whole ' if whole else ''}number, {bounds}.")
