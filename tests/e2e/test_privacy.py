"""Nothing that mien brings along may keep track of who uses it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import skimage

PHOTO = Path(skimage.__file__).parent / "data" / "astronaut.png"
READING = f"""
import time
{{first}}
import mien
assert mien.analyze({str(PHOTO)!r}).faces
"""


def left_behind(folder: Path, program: str) -> list[str]:
    """Run a program for a user who has an empty home, and return the files that it leaves there and in /tmp."""
    home, temporary = folder / "home", folder / "tmp"
    home.mkdir()
    temporary.mkdir()
    known = {name: value for name, value in os.environ.items() if name != "ORT_DISABLE_TELEMETRY"}
    known |= {"HOME": str(home), "TMPDIR": str(temporary), "XDG_CACHE_HOME": str(home / "cache")}
    subprocess.run([sys.executable, "-c", program], env=known, check=True)
    return sorted(str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file())


def test_reading_a_photo_leaves_no_file_and_no_number_of_the_user(tmp_path: Path) -> None:
    assert left_behind(tmp_path, READING.format(first="")) == []


def test_what_the_user_sets_is_left(tmp_path: Path) -> None:
    first = "import os; os.environ['ORT_DISABLE_TELEMETRY'] = '0'"
    program = READING.format(first=first) + "assert os.environ['ORT_DISABLE_TELEMETRY'] == '0'"
    left_behind(tmp_path, program)


@pytest.mark.parametrize("command", [["models"], ["analyze", str(PHOTO)]])
def test_the_command_leaves_nothing_either(tmp_path: Path, command: list[str]) -> None:
    program = f"from mien.cli import main; import sys; sys.argv = {['mien', *command]}; main()"
    found = left_behind(tmp_path, f"import contextlib\nwith contextlib.suppress(SystemExit):\n    {program}")
    assert found == []
