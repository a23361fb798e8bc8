"""Pictures of explanations: a face, and the places that speak for its label."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

_TILE_PX = 192
_GAP_PX = 12
# vermilion and blue, which colour-blind people can tell apart
_FOR, _AGAINST = np.array([230, 60, 20], np.float32), np.array([30, 90, 220], np.float32)
_OPACITY = 0.75  # of the hottest place


def overlaid(crop: npt.NDArray[np.uint8], heat: npt.NDArray[np.float32]) -> npt.NDArray[np.uint8]:
    """Lay heat over a crop: vermilion speaks for the label, blue against it; opacity is strength.

    Args:
        crop: ``(S, S)`` grey or ``(S, S, 3)`` RGB uint8.
        heat: ``(S, S)``; the place farthest from 0 gets the full colour.

    Returns:
        ``(S, S, 3)`` uint8 RGB.
    """
    picture = (np.stack([crop] * 3, axis=-1) if crop.ndim == 2 else crop).astype(np.float32)
    strength = heat / (float(np.abs(heat).max()) or 1.0)
    color = np.where(strength[..., None] > 0, _FOR, _AGAINST)
    opacity = _OPACITY * np.abs(strength)[..., None]
    return np.asarray(np.rint(picture + opacity * (color - picture)), np.uint8)


def heat_picture(
    crops: Sequence[npt.NDArray[np.uint8]],
    heats: Sequence[npt.NDArray[np.float32]],
    titles: Sequence[str],
    across: int = 3,
) -> npt.NDArray[np.uint8]:
    """Draw each crop beside its heat, under its title.

    Args:
        crops: each ``(S, S)`` grey or ``(S, S, 3)`` RGB uint8.
        heats: one ``(S, S)`` for each crop.
        titles: one for each crop.
        across: faces in a row.

    Returns:
        ``(H, W, 3)`` uint8 RGB.
    """
    from PIL import Image, ImageDraw, ImageFont

    font = ImageFont.load_default(15)
    columns = min(across, max(1, len(crops)))
    rows = -(-len(crops) // columns)
    step_x, step_y = 2 * _TILE_PX + 2 * _GAP_PX, _TILE_PX + 24 + _GAP_PX
    picture = Image.new("RGB", (_GAP_PX + columns * step_x, _GAP_PX + max(1, rows) * step_y), "white")
    draw = ImageDraw.Draw(picture)
    for index, (crop, heat, title) in enumerate(zip(crops, heats, titles, strict=True)):
        x, y = _GAP_PX + index % columns * step_x, _GAP_PX + index // columns * step_y
        draw.text((x, y), title, fill="black", font=font)
        for place, tile in ((x, crop), (x + _TILE_PX, overlaid(crop, heat))):
            enlarged = Image.fromarray(tile).resize((_TILE_PX, _TILE_PX), Image.Resampling.BICUBIC)
            picture.paste(enlarged, (place, y + 22))
    return np.asarray(picture)
