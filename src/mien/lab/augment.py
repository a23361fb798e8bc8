"""Augmentation of training faces, on whole batches, on the device that holds them.

All geometric changes are combined into one affine map from output to input coordinates, so each face is interpolated
once, straight to the size of the network's input. Random numbers are drawn for the whole batch of all processes and
then sliced: two processes apply the same changes as one, except that each mixes faces within its own part.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from mien.lab.jpeg import BLOCK_PX, jpeg_faces
from mien.lab.recipe import Augment, NoAugment

Uniform = Callable[[float, float], Tensor]
"""``uniform(low, high)`` draws one number per face, ``(N,)``."""

_PADDING = {"nearest": "border", "reflect": "reflection", "zero": "border"}


def augment_faces(
    faces: Tensor,
    augment: Augment | NoAugment,
    out_px: int,
    generator: torch.Generator,
    part: slice = slice(None),
    batch: int | None = None,
) -> tuple[Tensor, Tensor]:
    """Augment a batch of faces at random.

    Args:
        faces: ``(N, P, H, W)`` float32 in [0, 1], square.
        augment: which changes, and how strong. Mixing is separate, see `draw_blend`.
        out_px: side of the augmented faces, px.
        generator: random generator on the faces' device.
        part: slice of the whole batch that `faces` holds.
        batch: number of faces in the whole batch; N unless `part` is given.

    Returns:
        The augmented faces, and the same faces before softening, noise, compression and erasing: both
        ``(N, P, out_px, out_px)`` float32 in [0, 1]. With zero strengths and ``out_px == H``, both are `faces` itself.
    """
    if isinstance(augment, NoAugment):
        return faces, faces
    n = len(faces) if batch is None else batch

    def uniform(low: float, high: float) -> Tensor:
        return (torch.rand(n, generator=generator, device=faces.device) * (high - low) + low)[part]

    transformed = _transformed(faces, augment, out_px, uniform)
    faces = transformed
    if augment.soften_rate:
        faces = _softened(faces, uniform(0, 1) < augment.soften_rate, augment.soften_px, generator)
    if augment.noise:
        grain = torch.randn((n, *faces.shape[1:]), generator=generator, device=faces.device)[part]
        faces = (faces + grain * uniform(0, augment.noise).view(-1, 1, 1, 1)).clamp(0, 1)
    if augment.jpeg_rate:
        faces = _compressed(faces, augment, uniform, generator)
    if augment.erase_rate:
        hidden = _rectangles(augment.erase_area, uniform, faces.shape[-1])
        hidden &= (uniform(0, 1) < augment.erase_rate).view(-1, 1, 1, 1)
        noise = torch.rand((n, *faces.shape[1:]), generator=generator, device=faces.device)[part]
        faces = torch.where(hidden, noise, faces)
    return faces, transformed


def _transformed(faces: Tensor, augment: Augment, out_px: int, uniform: Uniform) -> Tensor:
    """Apply the geometric changes and those of brightness and contrast."""
    if _is_geometric(augment) or faces.shape[-1] != out_px:
        matrix = affine_matrix(augment, uniform)
        grid = F.affine_grid(matrix, [len(faces), faces.shape[1], out_px, out_px], align_corners=False)
        faces = F.grid_sample(faces, grid, padding_mode=_PADDING[augment.fill], align_corners=False)
        if augment.fill == "zero":  # torch's zero padding would darken the edges of enlarged faces
            faces = faces * (grid.abs() <= 1).all(-1).unsqueeze(1)
    if augment.brightness or augment.contrast:
        factor = uniform(1 - augment.contrast, 1 + augment.contrast).view(-1, 1, 1, 1)
        shift = uniform(-augment.brightness, augment.brightness).view(-1, 1, 1, 1)
        mean = faces.mean((1, 2, 3), keepdim=True)
        faces = ((faces - mean) * factor + mean + shift).clamp(0, 1)
    return faces


def _softened(faces: Tensor, which: Tensor, soften_px: tuple[int, int], generator: torch.Generator) -> Tensor:
    """Downscale the faces in the mask `which` ``(N,)`` bool to one side drawn from `soften_px`, and upscale them."""
    sides = _softening(soften_px, faces.shape[-1], faces.device)
    drawn = torch.randint(len(sides), (1,), generator=generator, device=faces.device)
    soften = sides.index_select(0, drawn)[0]  # indexed on the device: no wait for a GPU
    soft = soften @ faces @ soften.T
    return torch.where(which.view(-1, 1, 1, 1), soft, faces)


@lru_cache
def _softening(soften_px: tuple[int, int], side: int, device: torch.device) -> Tensor:
    """Matrices ``(sides, side, side)``, each of which downscales a column to one of the sides and upscales it."""
    columns = torch.eye(side).view(1, 1, side, side)
    shrunk = [
        F.interpolate(columns, size=(small, side), mode="bilinear", antialias=True)
        for small in range(soften_px[0], soften_px[1] + 1)
    ]
    return torch.cat([F.interpolate(one, size=(side, side), mode="bilinear")[0] for one in shrunk]).to(device)


def _compressed(faces: Tensor, augment: Augment, uniform: Uniform, generator: torch.Generator) -> Tensor:
    """Compress some of the faces as JPEG, with one random position of the block grid for the whole batch."""
    which = uniform(0, 1) < augment.jpeg_rate
    low, high = augment.jpeg_quality
    quality = torch.floor(uniform(low, high + 1)).clamp(max=high)
    corner = torch.randint(BLOCK_PX, (2,), generator=generator, device=faces.device)
    return torch.where(which.view(-1, 1, 1, 1), jpeg_faces(faces, quality, corner), faces)


def _is_geometric(a: Augment) -> bool:
    strengths = (a.rotate_deg, a.shift_fraction, a.shear_deg, a.zoom_fraction)
    return any(strengths) or a.flip or a.crop_scale != (1.0, 1.0)


def affine_matrix(augment: Augment, uniform: Uniform) -> Tensor:
    """Draw affine maps from output to input coordinates, both from -1 to 1 across the face.

    Args:
        augment: the strengths.
        uniform: draws one number for each of N faces.

    Returns:
        ``(N, 2, 3)`` float32, as `torch.nn.functional.affine_grid` expects it.
    """
    angle = torch.deg2rad(uniform(-augment.rotate_deg, augment.rotate_deg))
    shear = torch.deg2rad(uniform(-augment.shear_deg, augment.shear_deg))
    zoom_x = uniform(1 - augment.zoom_fraction, 1 + augment.zoom_fraction)
    zoom_y = uniform(1 - augment.zoom_fraction, 1 + augment.zoom_fraction) if augment.zoom_per_axis else zoom_x
    crop = uniform(*augment.crop_scale)
    mirror = torch.where(uniform(0, 1) < 0.5, -1.0, 1.0) if augment.flip else torch.ones_like(crop)
    # shifts are fractions of the side, which is 2 long; a crop may be anywhere inside the face
    shift_x = 2 * uniform(-augment.shift_fraction, augment.shift_fraction) + (1 - crop) * uniform(-1, 1)
    shift_y = 2 * uniform(-augment.shift_fraction, augment.shift_fraction) + (1 - crop) * uniform(-1, 1)
    # rotation · shear · zoom · mirror, then the shift. Keras' apply_affine_transform puts rows first: its shear moves
    # columns where ours moves rows, and it rotates the shift with the face
    cos, sin = torch.cos(angle), torch.sin(angle)
    scale_x, scale_y = zoom_x * crop * mirror, zoom_y * crop
    row_x = torch.stack([cos * scale_x, -torch.sin(shear + angle) * scale_y, shift_x], 1)
    row_y = torch.stack([sin * scale_x, torch.cos(shear + angle) * scale_y, shift_y], 1)
    return torch.stack([row_x, row_y], 1)  # (N, 2, 3)


def _rectangles(areas: tuple[float, float], uniform: Uniform, side: int) -> Tensor:
    """Draw masks ``(N, 1, side, side)`` bool of rectangles inside the face; areas are fractions of the face."""
    area = uniform(*areas)
    aspect = torch.exp(uniform(math.log(0.3), math.log(1 / 0.3)))  # as in Zhong et al. 2020
    left, top = uniform(0, 1), uniform(0, 1)
    height = torch.sqrt(area * aspect).clamp(max=1)
    width = torch.sqrt(area / aspect).clamp(max=1)
    centres = (torch.arange(side, device=area.device) + 0.5) / side
    x0, y0 = left * (1 - width), top * (1 - height)
    across = (centres >= x0[:, None]) & (centres < (x0 + width)[:, None])  # (N, side)
    down = (centres >= y0[:, None]) & (centres < (y0 + height)[:, None])
    return down[:, None, :, None] & across[:, None, None, :]


@dataclass(frozen=True)
class Blend:
    """How each face of a batch is blended with its neighbour: mixup blends all pixels, CutMix replaces a square.

    Attributes:
        share: share of the face itself; the rest is the neighbour's. 1 = no blending.
        square: top, left and side of the square that the neighbour replaces, px; None = all pixels are blended.
    """

    share: float = 1.0
    square: tuple[int, int, int] | None = None

    def faces(self, faces: Tensor) -> Tensor:
        """Blend faces ``(N, P, H, W)``."""
        if self.share == 1:
            return faces
        if self.square is None:
            return self.share * faces + (1 - self.share) * faces.roll(1, 0)
        top, left, side = self.square
        blended = faces.clone()
        blended[..., top : top + side, left : left + side] = faces.roll(1, 0)[..., top : top + side, left : left + side]
        return blended

    def targets(self, targets: Tensor) -> Tensor:
        """Blend the targets ``(N, K)`` of these faces in the same proportion."""
        return targets if self.share == 1 else self.share * targets + (1 - self.share) * targets.roll(1, 0)


def draw_blend(augment: Augment | NoAugment, side: int, rng: np.random.Generator) -> Blend:
    """Draw whether and how to blend a batch of faces of `side` px; the result is the same on every process."""
    if isinstance(augment, NoAugment) or not (augment.mixup_alpha or augment.cutmix_alpha):
        return Blend()
    mixes, cuts = rng.random() < augment.mix_rate, rng.random() < 0.5
    if not mixes:
        return Blend()
    if augment.cutmix_alpha and (cuts or not augment.mixup_alpha):
        cut = round(side * math.sqrt(1 - rng.beta(augment.cutmix_alpha, augment.cutmix_alpha)))
        top, left = rng.integers(0, side - cut + 1, 2).tolist()
        return Blend(1 - cut * cut / (side * side), (top, left, cut))
    return Blend(rng.beta(augment.mixup_alpha, augment.mixup_alpha))
