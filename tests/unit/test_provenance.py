"""The commit that a run names is one of mien's own."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import mien

PACKAGE = Path(mien.__file__).parent


def test_a_copy_in_the_environment_of_another_repository_has_no_commit(tmp_path: Path) -> None:
    for command in (["init", "-q"], ["add", ".gitignore"], ["commit", "-q", "-m", "first"]):
        (tmp_path / ".gitignore").write_text("site/\n")
        identity = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
        subprocess.run(["git", *identity, *command], cwd=tmp_path, check=True, capture_output=True)
    ignored = shutil.ignore_patterns("models", "__pycache__", "*.js")
    shutil.copytree(PACKAGE, tmp_path / "site" / "mien", ignore=ignored)
    code = "from mien.lab.provenance import current_commit; print(current_commit())"
    found = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path / "site", check=True, capture_output=True, text=True
    )
    assert found.stdout.strip() == "unknown"
