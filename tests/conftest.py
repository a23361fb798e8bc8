"""Fixtures that tests of several parts share."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def fer2013_path() -> Path:
    """Return the real FER2013, a file or folder; skip where `MIEN_FER2013` does not name one."""
    named = os.environ.get("MIEN_FER2013")
    if not named:
        pytest.skip("needs the real FER2013: set MIEN_FER2013 to its file or folder")
    path = Path(named)
    if not path.exists():
        pytest.fail(f"MIEN_FER2013={named}: no such file or folder")
    return path
