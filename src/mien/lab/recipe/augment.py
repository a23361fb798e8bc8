"""The parts of a recipe that define the augmentation of training faces."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from mien.lab.recipe.bounds import ABOVE_0, FROM_0, FROM_1, PERCENT_FROM_1, SHARE, SHARE_BELOW_1, check, check_order


@dataclass(frozen=True, kw_only=True)
class NoAugment:
    """Training faces are not augmented."""


@dataclass(frozen=True, kw_only=True)
class Augment:
    """Random changes of training faces, drawn anew for each face and epoch. Zero strength is the identity.

    Attributes:
        rotate_deg: angle, uniform in ±this.
        shift_fraction: shift along x and along y, uniform in ±this, as a fraction of the side.
        shear_deg: shear angle, uniform in ±this.
        zoom_fraction: scale, uniform in 1 ± this, per axis as in Keras where `zoom_per_axis`.
        zoom_per_axis: whether x and y are scaled apart.
        flip: whether half of the faces are mirrored left to right.
        brightness: added to all pixels, uniform in ±this, of values in [0, 1].
        contrast: pixels are scaled about the face's mean by a factor uniform in 1 ± this; at most 1, because
            larger values could turn faces into negatives.
        soften_rate: share of faces that are downscaled and upscaled again, which imitates small and blurred ones.
        soften_px: the side to which they are downscaled, uniform in this range, drawn once per batch.
        noise: standard deviation of normal noise on each pixel, drawn for each face, uniform from 0 to this.
        jpeg_rate: share of faces that are compressed as JPEG.
        jpeg_quality: the quality, from 1 to 100, drawn for each such face, uniform in this range; the offset of the
            blocks of 8 px is drawn once per batch.
        erase_rate: share of faces in which one rectangle is overwritten with noise (Zhong et al. 2020).
        erase_area: the rectangle's area, uniform in this range, as a fraction of the face.
        crop_scale: random resized crop (Szegedy et al. 2015): side of the crop relative to the face, uniform in
            this range; (1, 1) is none, above 1 zooms out.
        mixup_alpha: mixup's Beta parameter (Zhang et al. 2018); 0 is none.
        cutmix_alpha: CutMix's Beta parameter (Yun et al. 2019); 0 is none. With both, a batch gets one of them.
        mix_rate: share of batches that are mixed.
        fill: content of areas that a shifted face leaves empty: ``"nearest"`` edge pixel, ``"reflect"`` or ``"zero"``.
        side: the size at which faces are augmented: that of the network's ``"input"``, or of the ``"crop"`` if that is
            smaller, so that blur, noise and blocks are enlarged with the face, as in a photo.
    """

    rotate_deg: float = 0.0
    shift_fraction: float = 0.0
    shear_deg: float = 0.0
    zoom_fraction: float = 0.0
    zoom_per_axis: bool = False
    flip: bool = False
    brightness: float = 0.0
    contrast: float = 0.0
    soften_rate: float = 0.0
    soften_px: tuple[int, int] = (16, 40)
    noise: float = 0.0
    jpeg_rate: float = 0.0
    jpeg_quality: tuple[int, int] = (8, 60)
    erase_rate: float = 0.0
    erase_area: tuple[float, float] = (0.02, 0.2)
    crop_scale: tuple[float, float] = (1.0, 1.0)
    mixup_alpha: float = 0.0
    cutmix_alpha: float = 0.0
    mix_rate: float = 1.0
    fill: Literal["nearest", "reflect", "zero"] = "nearest"
    side: Literal["input", "crop"] = "input"

    def __post_init__(self) -> None:
        check(self, rotate_deg=FROM_0, shift_fraction=FROM_0, shear_deg=FROM_0, zoom_fraction=SHARE_BELOW_1)
        check(self, brightness=FROM_0, contrast=SHARE, noise=FROM_0, soften_rate=SHARE, soften_px=FROM_1)
        check(self, jpeg_rate=SHARE, jpeg_quality=PERCENT_FROM_1)
        check(self, erase_rate=SHARE, erase_area=SHARE, crop_scale=ABOVE_0)
        check(self, mixup_alpha=FROM_0, cutmix_alpha=FROM_0, mix_rate=SHARE)
        check_order(self, "soften_px", "jpeg_quality", "erase_area", "crop_scale")
