"""Limits on what clients may ask for."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass

from mien.errors import InputError


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What is refused.

    Attributes:
        upload_bytes: size of a request's body.
        pixels: width times height of a photo, as its header states it; checked before the pixels are decoded.
        photos: photos uploading, waiting or being analysed at one time; more are refused with 429.
        seconds: longest upload of a photo; its analysis may take as long again.
        video_bytes: size of a video; one is read at a time.
        video_upload_seconds: longest upload of a video.

    Raises:
        InputError: a limit is not a finite number above 0.
    """

    upload_bytes: int = 20_000_000
    pixels: int = 50_000_000
    photos: int = 32
    seconds: float = 30.0
    video_bytes: int = 200_000_000
    video_upload_seconds: float = 300.0

    def __post_init__(self) -> None:
        for name, value in dataclasses.asdict(self).items():
            if not isinstance(value, int | float) or not 0 < value < math.inf:
                raise InputError(f"limit {name} is {value}; expected a finite number above 0.")
