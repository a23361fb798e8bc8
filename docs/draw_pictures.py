"""Make the pictures of README and docs: `python docs/draw_pictures.py`."""

from __future__ import annotations

from pathlib import Path

from skimage.data import astronaut  # NASA's portrait of Eileen Collins, public domain

import mien

IMAGES = Path(__file__).with_name("images")

if __name__ == "__main__":
    mien.analyze(astronaut()[:340]).save(IMAGES / "astronaut.jpg")
