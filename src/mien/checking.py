"""Checks of arguments that are numbers, with messages that name them."""

from __future__ import annotations

import math
from numbers import Integral, Real
from typing import Any

from mien.errors import InputError


def check_number(name: str, value: Any, least: float, most: float = math.inf, *, whole: bool = False) -> None:
    """Make sure that an argument, called `name`, is a number from `least` to `most`, and a whole one if `whole`.

    NumPy's numbers are accepted; truth values and NaN are not.

    Raises:
        InputError: it is not.
    """
    kind: Any = Integral if whole else Real
    if not isinstance(value, kind) or isinstance(value, bool) or not least <= value <= most:
        bounds = f"{least:g} or more" if most == math.inf else f"{least:g} to {most:g}"
        raise InputError(f"{name} {value!r}; expected a {'whole ' if whole else ''}number, {bounds}.")
