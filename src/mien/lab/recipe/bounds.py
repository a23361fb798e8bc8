"""The ranges of a recipe's numbers, checked whenever a part of a recipe is made."""

from __future__ import annotations

import math
from collections.abc import Callable

from mien.errors import RecipeError

Bounds = tuple[str, Callable[[float], bool]]  # in words, and whether a number is within

FROM_0: Bounds = ("0 or more", lambda value: value >= 0)
FROM_1: Bounds = ("1 or more", lambda value: value >= 1)
FROM_2: Bounds = ("2 or more", lambda value: value >= 2)
PERCENT_FROM_1: Bounds = ("1 to 100", lambda value: 1 <= value <= 100)
ABOVE_0: Bounds = ("more than 0", lambda value: value > 0)
SHARE: Bounds = ("0 to 1", lambda value: 0 <= value <= 1)
SHARE_ABOVE_0: Bounds = ("more than 0, at most 1", lambda value: 0 < value <= 1)
SHARE_BELOW_1: Bounds = ("0 or more, less than 1", lambda value: 0 <= value < 1)


def check(part: object, **bounds: Bounds) -> None:
    """Check numbers of a recipe's part; None is within any bounds, and each item of a tuple is checked.

    Args:
        part: the dataclass.
        bounds: by the field's name.

    Raises:
        RecipeError: a number is out of its bounds; names the field.
    """
    for name, (words, holds) in bounds.items():
        value = getattr(part, name)
        numbers = value if isinstance(value, tuple) else () if value is None else (value,)
        if not all(math.isfinite(number) and holds(number) for number in numbers):
            raise RecipeError(f"{type(part).__name__}.{name}: found {value}, expected {words}.")


def check_order(part: object, *names: str) -> None:
    """Check fields that hold the two ends of a range.

    Raises:
        RecipeError: the first end is the larger one; names the field.
    """
    for name in names:
        low, high = getattr(part, name)
        if low > high:
            raise RecipeError(f"{type(part).__name__}.{name}: found {(low, high)}, expected the smaller value first.")
