"""Random changes of training faces, on whole batches, on the device where they lie.

All geometry is one affine map from output to input coordinates, so that a face is interpolated once, straight to
the size that the network takes. Every draw is made for the whole batch of all processes and then sliced: a
training on two processes sees the same changes as on one, but that each process mixes its own part of the batch.
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
"""``uniform(low, high)`` draws a number for each face, ``(N,)``."""

_PADDING = {"nearest": "border", "reflect": "reflection", "zero": "border"}


def augment_faces(
    faces: Tensor,
    augment: Augment | NoAugment,
    out_px: int,
    generator: torch.Generator,
    part: slice = slice(None),
    batch: int | None = None,
) -> tuple[Tensor, Tensor]:
    """Change a batch of faces at random.

    Args:
        faces: ``(N, P, H, W)`` float32 in [0, 1], square.
        augment: what to do, how strongly. Mixing is not done here, see `draw_blend`.
        out_px: side of the result, px.
        generator: source of the draws, on the faces' device.
        part: which faces of the whole batch these are.
        batch: faces in the whole batch; N unless `part` is given.

    Returns:
        The changed faces, and what they were before they were softened, made noisy, compressed and erased: both
        ``(N, P, out_px, out_px)`` float32 in [0, 1]. With zero strengths and ``out_px == H``, both are `faces` itself.
    """
    if isinstance(augment, NoAugment):
        return faces, faces
    n = len(faces) if batch is None else batch

    def uniform(low: float, high: float) -> Tensor:
        return (torch.rand(n, generator=generator, device=faces.device) * (high - low) + low)[part]

    moved = _moved(faces, augment, out_px, uniform)
    faces = moved
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
    return faces, moved


def _moved(faces: Tensor, augment: Augment, out_px: int, uniform: Uniform) -> Tensor:
    """Move, turn and scale the faces, mirror some, and change their light."""
    if _moves(augment) or faces.shape[-1] != out_px:
        matrix = affine_matrix(augment, uniform)
        grid = F.affine_grid(matrix, [len(faces), faces.shape[1], out_px, out_px], align_corners=False)
        faces = F.grid_sample(faces, grid, padding_mode=_PADDING[augment.fill], align_corners=False)
        if augment.fill == "zero":  # torch's own zeros would shade the edge of every face that is enlarged
            faces = faces * (grid.abs() <= 1).all(-1).unsqueeze(1)
    if augment.brightness or augment.contrast:
        factor = uniform(1 - augment.contrast, 1 + augment.contrast).view(-1, 1, 1, 1)
        shift = uniform(-augment.brightness, augment.brightness).view(-1, 1, 1, 1)
        mean = faces.mean((1, 2, 3), keepdim=True)
        faces = ((faces - mean) * factor + mean + shift).clamp(0, 1)
    return faces


def _softened(faces: Tensor, which: Tensor, soften_px: tuple[int, int], generator: torch.Generator) -> Tensor:
    """Shrink the faces at the mask ``(N,)`` bool to one side drawn from `soften_px`, and enlarge them again."""
    sides = _softening(soften_px, faces.shape[-1], faces.device)
    drawn = torch.randint(len(sides), (1,), generator=generator, device=faces.device)
    soften = sides.index_select(0, drawn)[0]  # chosen on the device: no wait for a GPU
    soft = soften @ faces @ soften.T
    return torch.where(which.view(-1, 1, 1, 1), soft, faces)


@lru_cache
def _softening(soften_px: tuple[int, int], side: int, device: torch.device) -> Tensor:
    """What shrinking to each side and enlarging again does to a column: ``(sides, side, side)``, a matrix for each."""
    columns = torch.eye(side).view(1, 1, side, side)
    shrunk = [
        F.interpolate(columns, size=(small, side), mode="bilinear", antialias=True)
        for small in range(soften_px[0], soften_px[1] + 1)
    ]
    return torch.cat([F.interpolate(one, size=(side, side), mode="bilinear")[0] for one in shrunk]).to(device)


def _compressed(faces: Tensor, augment: Augment, uniform: Uniform, generator: torch.Generator) -> Tensor:
    """Write some of the faces as JPEG, and read them again; the blocks begin anywhere, the same for the whole batch."""
    which = uniform(0, 1) < augment.jpeg_rate
    low, high = augment.jpeg_quality
    quality = torch.floor(uniform(low, high + 1)).clamp(max=high)
    corner = torch.randint(BLOCK_PX, (2,), generator=generator, device=faces.device)
    return torch.where(which.view(-1, 1, 1, 1), jpeg_faces(faces, quality, corner), faces)


def _moves(a: Augment) -> bool:
    strengths = (a.rotate_deg, a.shift_fraction, a.shear_deg, a.zoom_fraction)
    return any(strengths) or a.flip or a.crop_scale != (1.0, 1.0)


def affine_matrix(augment: Augment, uniform: Uniform) -> Tensor:
    """Draw the map from output to input coordinates, both from -1 to 1 over the face.

    Args:
        augment: the strengths.
        uniform: for each of N faces.

    Returns:
        ``(N, 2, 3)`` float32, as `torch.nn.functional.affine_grid` takes it.
    """
    angle = torch.deg2rad(uniform(-augment.rotate_deg, augment.rotate_deg))
    shear = torch.deg2rad(uniform(-augment.shear_deg, augment.shear_deg))
    zoom_x = uniform(1 - augment.zoom_fraction, 1 + augment.zoom_fraction)
    zoom_y = uniform(1 - augment.zoom_fraction, 1 + augment.zoom_fraction) if augment.zoom_per_axis else zoom_x
    crop = uniform(*augment.crop_scale)
    mirror = torch.where(uniform(0, 1) < 0.5, -1.0, 1.0) if augment.flip else torch.ones_like(crop)
    # shifts are fractions of the side, which is 2 long; a crop may lie anywhere that its size leaves free
    shift_x = 2 * uniform(-augment.shift_fraction, augment.shift_fraction) + (1 - crop) * uniform(-1, 1)
    shift_y = 2 * uniform(-augment.shift_fraction, augment.shift_fraction) + (1 - crop) * uniform(-1, 1)
    # rotation · shear · zoom · mirror, then the shift; Keras' apply_affine_transform counts rows first, so that its
    # shear moves columns where ours moves rows, and turns the shift with the face
    cos, sin = torch.cos(angle), torch.sin(angle)
    scale_x, scale_y = zoom_x * crop * mirror, zoom_y * crop
    row_x = torch.stack([cos * scale_x, -torch.sin(shear + angle) * scale_y, shift_x], 1)
    row_y = torch.stack([sin * scale_x, torch.cos(shear + angle) * scale_y, shift_y], 1)
    return torch.stack([row_x, row_y], 1)  # (N, 2, 3)


def _rectangles(areas: tuple[float, float], uniform: Uniform, side: int) -> Tensor:
    """Draw masks ``(N, 1, side, side)`` bool of rectangles that lie wholly inside; areas are fractions of the face."""
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
    """How each face of a batch is blended with its neighbour: mixup over all pixels, or CutMix over one square.

    Attributes:
        share: of the face itself; the neighbour has the rest. 1 = nothing is blended.
        square: top, left and side of what the neighbour's pixels replace, px; None = all pixels are blended.
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
        """Blend the targets of these faces ``(N, K)`` alike."""
        return targets if self.share == 1 else self.share * targets + (1 - self.share) * targets.roll(1, 0)


def draw_blend(augment: Augment | NoAugment, side: int, rng: np.random.Generator) -> Blend:
    """Draw whether and how a batch of faces of `side` px is blended, the same on every process."""
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
