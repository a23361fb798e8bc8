"""Nothing that mien brings along may keep track of who uses it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import skimage

PHOTO = Path(skimage.__file__).parent / "data" / "astronaut.png"
READING = f"import mien; assert mien.analyze({str(PHOTO)!r}).faces"


def left_behind(folder: Path, *arguments: str) -> list[str]:
    """Run Python for a user who has an empty home, and return the files that it leaves there and in /tmp."""
    home, temporary = folder / "home", folder / "tmp"
    home.mkdir()
    temporary.mkdir()
    known = {name: value for name, value in os.environ.items() if name != "ORT_DISABLE_TELEMETRY"}
    known |= {"HOME": str(home), "TMPDIR": str(temporary), "XDG_CACHE_HOME": str(home / "cache")}
    subprocess.run([sys.executable, *arguments], env=known, check=True)
    return sorted(str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file())


@pytest.mark.parametrize("arguments", [("-c", READING), ("-m", "mien", "analyze", str(PHOTO))])
def test_reading_a_photo_leaves_no_file_and_no_number_of_the_user(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    assert left_behind(tmp_path, *arguments) == []


def test_what_the_user_sets_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ORT_DISABLE_TELEMETRY", "0")
    asked = "import mien, os; print(os.environ['ORT_DISABLE_TELEMETRY'])"  # nothing is run, so that nothing is sent
    assert subprocess.check_output([sys.executable, "-c", asked], text=True) == "0\n"
