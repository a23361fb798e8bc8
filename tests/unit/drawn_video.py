"""Videos made by hand, of skimage's astronaut."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction
from functools import cache
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt

SIDE_PX = 256


@cache
def astronaut() -> npt.NDArray[np.uint8]:
    """Her upper half, 256 x 256 px; the face is about 75 px high."""
    from skimage import data

    return np.ascontiguousarray(np.asarray(data.astronaut())[:SIDE_PX, 90 : 90 + SIDE_PX])


def pan(frames: int, px_per_frame: float = 2.0) -> list[npt.NDArray[np.uint8]]:
    """She moves to the left."""
    from skimage import data

    photo = np.asarray(data.astronaut())
    starts = [round(index * px_per_frame) for index in range(frames)]
    return [np.ascontiguousarray(photo[:SIDE_PX, start : start + SIDE_PX]) for start in starts]


def write_video(
    path: Path,
    images: Iterable[npt.NDArray[np.uint8]],
    *,
    times_s: Sequence[float] | None = None,
    rate: int = 10,
    rotation_deg: int = 0,
    mirrored: bool = False,
    pixel_aspect: Fraction | None = None,
    sound_codec: str | None = None,
    seconds_of_sound: float = 0.0,
    sound_rate: int = 48_000,
    codec: str = "libx264",
) -> Path:
    with av.open(path, "w") as out:
        images = list(images)
        video = out.add_stream(codec, rate=rate, options={"g": "5", "threads": "1"})
        video.width, video.height, video.pix_fmt = images[0].shape[1], images[0].shape[0], "yuv420p"
        video.codec_context.time_base = Fraction(1, 1000)
        if pixel_aspect is not None:
            video.codec_context.sample_aspect_ratio = pixel_aspect
        if rotation_deg or mirrored:
            video.set_display_rotation(rotation_deg, hflip=mirrored)
        sound = out.add_stream(sound_codec, rate=sound_rate) if sound_codec else None
        for index, image in enumerate(images):
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            time_s = index / rate if times_s is None else times_s[index]
            frame.pts, frame.time_base = round(time_s * 1000), Fraction(1, 1000)
            out.mux(video.encode(frame))
        out.mux(video.encode(None))
        if sound is not None:
            samples = round(seconds_of_sound * sound_rate)
            tone = np.sin(np.arange(samples) * 2 * np.pi * 440 / sound_rate).astype(np.float32)
            for start in range(0, samples, 960):
                piece = tone[None, start : start + 960]
                frame = av.AudioFrame.from_ndarray(piece, format="fltp", layout="mono")
                frame.sample_rate, frame.pts, frame.time_base = sound_rate, start, Fraction(1, sound_rate)
                out.mux(sound.encode(frame))
            out.mux(sound.encode(None))
    return path
