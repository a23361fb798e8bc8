"""Fixtures that tests of several parts share."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

if "PYTEST_XDIST_WORKER" in os.environ:  # as many tests as cores run side by side, each on one thread
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # for torch, and what tests start; both read it when they start


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


@pytest.fixture(scope="session")
def repository(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """Return the folder of a repository with one commit, and the commit."""
    folder = tmp_path_factory.mktemp("repository")
    git = ("git", "-C", str(folder), "-c", "user.name=a", "-c", "user.email=a@example.org")
    subprocess.run([*git, "init", "-q"], check=True)
    subprocess.run([*git, "commit", "-q", "--allow-empty", "-m", "first"], check=True)
    done = subprocess.run([*git, "rev-parse", "HEAD"], check=True, capture_output=True, text=True)
    return folder, done.stdout.strip()
