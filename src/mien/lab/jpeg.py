"""JPEG compression of faces, simulated on whole batches, on the device that holds them."""

from __future__ import annotations

import math
from functools import lru_cache

import torch
from torch import Tensor

BLOCK_PX = 8
"""Side of the blocks that JPEG transforms."""

# quantisation steps of luminance at quality 50, by vertical and horizontal frequency: ITU-T T.81, table K.1
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


def jpeg_faces(faces: Tensor, quality: Tensor, corner: Tensor) -> Tensor:
    """Return faces as they look after JPEG compression.

    JPEG rounds the cosine transform of each block of 8 x 8 px to multiples of quantisation steps. They are the example
    table of ITU-T T.81, which libjpeg scales by the quality. Each plane is treated as luminance.

    Args:
        faces: ``(N, P, H, W)`` float32 in [0, 1].
        quality: ``(N,)``, from 1 to 100, on the scale of libjpeg, OpenCV and Pillow.
        corner: ``(2,)`` integers from 0 to 7: rows and columns from the corner of a block to that of the faces. A face
            cropped from a picture seldom begins at the corner of a block.

    Returns:
        Faces of the same shape, float32 in [0, 1].
    """
    rows, rows_back = _transforms(faces.shape[2], corner[:1], faces.device)
    columns, columns_back = _transforms(faces.shape[3], corner[1:], faces.device)
    steps = _steps(quality).repeat(1, len(rows) // BLOCK_PX, len(columns) // BLOCK_PX)[:, None]  # (N, 1, B, C)
    kept = (rows @ (255 * faces - 128) @ columns.T / steps).round() * steps
    levels = (rows_back @ kept @ columns_back.T).round()
    return ((levels + 128) / 255).clamp(0, 1)


def _transforms(side: int, corner: Tensor, device: torch.device) -> tuple[Tensor, Tensor]:
    """Matrices from a line of pixels to the frequencies of all its blocks, ``(B, side)``, and back, ``(side, B)``.

    Args:
        side: number of pixels in the line.
        corner: ``(1,)``, the position in the first block where the line begins.
        device: of the matrices.
    """
    there, back = _by_corner(side, device)
    return there.index_select(0, corner)[0], back.index_select(0, corner)[0]  # indexed on the device: no wait for a GPU


@lru_cache
def _by_corner(side: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Both transforms for each corner: ``(8, B, side)`` and ``(8, side, B)``."""
    blocks = math.ceil((side + BLOCK_PX - 1) / BLOCK_PX)  # enough for any corner
    waves = torch.kron(torch.eye(blocks), _waves())
    at = torch.arange(len(waves))
    inside = [torch.eye(side)[(at - corner).clamp(0, side - 1)] for corner in range(BLOCK_PX)]  # edges repeat
    there = torch.stack([waves @ pixels for pixels in inside])
    back = torch.stack([waves.T[corner : corner + side] for corner in range(BLOCK_PX)])
    return there.to(device), back.to(device)


def _waves() -> Tensor:
    """The orthonormal cosine transform ``(8, 8)``: one frequency per row."""
    place = torch.arange(BLOCK_PX, dtype=torch.float32)
    waves = torch.cos(math.pi / BLOCK_PX * (place + 0.5) * place[:, None]) * math.sqrt(2 / BLOCK_PX)
    waves[0] /= math.sqrt(2)
    return waves


def _steps(quality: Tensor) -> Tensor:
    """Quantisation steps ``(N, 8, 8)`` at each quality ``(N,)``, by libjpeg's rule."""
    percent = torch.where(quality < 50, torch.floor(5000 / quality), 200 - 2 * quality).view(-1, 1, 1)
    return torch.floor((_steps_at_50(quality.device) * percent + 50) / 100).clamp(1, 255)


@lru_cache
def _steps_at_50(device: torch.device) -> Tensor:
    return torch.tensor(_STEPS, device=device)
