"""examples/read_bucket.py on Ray, on this machine."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas
import pytest
from PIL import Image

import mien

pytest.importorskip("ray", reason="needs Ray, extra `ray`")

PROGRAM = Path(__file__).resolve().parents[2] / "examples" / "read_bucket.py"


def test_the_rows_are_those_of_analyze(tmp_path: Path) -> None:
    from skimage import data

    astronaut = Image.fromarray(np.asarray(data.astronaut()))
    photos = tmp_path / "photos"
    (photos / "more").mkdir(parents=True)
    both = Image.new("RGB", (1024, 512))
    both.paste(astronaut, (0, 0))
    both.paste(astronaut.transpose(Image.Transpose.FLIP_LEFT_RIGHT), (512, 0))
    both.save(photos / "both.png")
    astronaut.save(photos / "more" / "one.png")
    Image.new("RGB", (320, 240), "grey").save(photos / "wall.png")
    (photos / "broken.jpg").write_text("no photo")
    (photos / "notes.txt").write_text("is passed over")
    command = [sys.executable, PROGRAM, photos, tmp_path / "out", "--model", "mien-nano"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = pandas.read_parquet(tmp_path / "out").sort_values(["source", "face"], ignore_index=True)
    names = [Path(source).relative_to(photos).as_posix() for source in found["source"]]
    assert names == ["both.png", "both.png", "broken.jpg", "more/one.png", "wall.png"]
    assert found["failed"].notna().tolist() == [False, False, True, False, False]
    assert found["failed"][2].startswith(f"{photos / 'broken.jpg'}: not a photo in a known format")
    assert found["label"].isna().tolist() == [False, False, True, False, True]
    expected = mien.analyze([photos / "both.png", photos / "more" / "one.png"], model="mien-nano").to_pandas()
    ours = found[found["label"].notna()].reset_index(drop=True)
    pandas.testing.assert_frame_equal(ours[expected.columns], expected, check_dtype=False, atol=1e-4)
    again = subprocess.run(command, capture_output=True, text=True, check=False)
    assert again.returncode != 0 and "already exists" in again.stderr
    assert len(pandas.read_parquet(tmp_path / "out")) == len(found)
