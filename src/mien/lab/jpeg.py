"""What JPEG does to faces, computed on whole batches, on the device where they lie."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F

_BLOCK_PX = 8
# steps of brightness at quality 50, by vertical and horizontal frequency: ITU-T T.81, table K.1
_STEPS = (
    (16, 11, 10, 16, 24, 40, 51, 61),
    (12, 12, 14, 19, 26, 58, 60, 55),
    (14, 13, 16, 24, 40, 57, 69, 56),
    (14, 17, 22, 29, 51, 87, 80, 62),
    (18, 22, 37, 56, 68, 109, 103, 77),
    (24, 35, 55, 64, 81, 104, 113, 92),
    (49, 64, 78, 87, 103, 121, 120, 101),
    (72, 92, 95, 98, 112, 100, 103, 99),
)


def jpeg_faces(faces: Tensor, quality: Tensor, corner: tuple[int, int] = (0, 0)) -> Tensor:
    """Return faces as they look once written as JPEG files and read again.

    JPEG rounds the cosine transform of each block of 8 x 8 px to multiples of the steps that ITU-T T.81 gives as an
    example, which libjpeg scales by the quality. Each plane is treated as brightness is.

    Args:
        faces: ``(N, P, H, W)`` float32 in [0, 1].
        quality: ``(N,)``, from 1 to 100, as libjpeg, OpenCV and Pillow count it.
        corner: rows and columns, 0 to 7, from the corner of a block to that of the face: a face that is cut from a
            picture seldom begins where a block does.

    Returns:
        Faces of the same shape, float32 in [0, 1].
    """
    n, planes, height, width = faces.shape
    top, left = corner
    bottom, right = -(top + height) % _BLOCK_PX, -(left + width) % _BLOCK_PX
    levels = F.pad(255 * faces - 128, (left, right, top, bottom), mode="replicate")
    rows, columns = levels.shape[-2] // _BLOCK_PX, levels.shape[-1] // _BLOCK_PX
    blocks = levels.view(n, planes, rows, _BLOCK_PX, columns, _BLOCK_PX).transpose(3, 4)  # (N, P, rows, columns, 8, 8)
    waves, steps = _waves(faces.device), _steps(quality).view(n, 1, 1, 1, _BLOCK_PX, _BLOCK_PX)
    kept = (waves @ blocks @ waves.T / steps).round() * steps
    levels = (waves.T @ kept @ waves).transpose(3, 4).reshape_as(levels)
    written = levels[..., top : top + height, left : left + width].round()
    return ((written + 128) / 255).clamp(0, 1)


def _waves(device: torch.device) -> Tensor:
    """The orthonormal cosine transform ``(8, 8)``: one frequency a row."""
    place = torch.arange(_BLOCK_PX, device=device, dtype=torch.float32)
    waves = torch.cos(math.pi / _BLOCK_PX * (place + 0.5) * place[:, None]) * math.sqrt(2 / _BLOCK_PX)
    waves[0] /= math.sqrt(2)
    return waves


def _steps(quality: Tensor) -> Tensor:
    """The steps ``(N, 8, 8)`` at each quality ``(N,)``, by libjpeg's rule."""
    percent = torch.where(quality < 50, torch.floor(5000 / quality), 200 - 2 * quality).view(-1, 1, 1)
    return torch.floor((torch.tensor(_STEPS, device=quality.device) * percent + 50) / 100).clamp(1, 255)
