"""What type checkers tell users about calls of mien: what is returned, and that documented arguments are taken."""

from __future__ import annotations

import re
from pathlib import Path

from mypy import api

CALLS = """
from contextlib import closing
from pathlib import Path
import numpy as np
import mien

face = mien.Face(box=(0, 0, 9, 9))
reveal_type(mien.analyze("a.jpg"))  # Analysis
reveal_type(mien.analyze(Path("a.jpg"), boxes=[face]))  # Analysis
reveal_type(mien.analyze(b"", boxes=[(0, 0, 9, 9)]))  # Analysis
reveal_type(mien.analyze(np.zeros((9, 9), np.uint8), boxes=np.zeros((1, 4))))  # Analysis
reveal_type(mien.analyze(["a.jpg"], boxes={Path("a.jpg"): [face]}))  # Analyses
reveal_type(mien.analyze(["a.jpg", Path("b.jpg")], boxes={"a.jpg": [(0, 0, 9, 9)]}))  # Analyses
with closing(mien.Analyzer().run(["a.jpg"])) as found:
    reveal_type(next(found))  # Analysis
reveal_type(mien.Recognizer.load().predict(np.zeros((2, 48, 48), np.uint8))[0])  # Expression
"""


def test_calls_have_the_types_that_the_guide_says(tmp_path: Path) -> None:
    file = tmp_path / "calls.py"
    file.write_text(CALLS, "utf-8")
    printed, _, _ = api.run(["--strict", "--cache-dir", str(tmp_path), str(file)])
    assert "error" not in printed
    found = {int(line): kind for line, kind in re.findall(r':(\d+): note: Revealed type is "[\w.]*?(\w+)"', printed)}
    lines = {at: line.partition("  # ")[2] for at, line in enumerate(CALLS.splitlines(), 1) if "reveal_type" in line}
    assert found == lines
