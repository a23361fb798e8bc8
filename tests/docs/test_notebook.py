"""The notebook of first steps: its cells run in order, and it shows what they print."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

FILE = Path(__file__).resolve().parents[2] / "examples" / "first_steps.ipynb"
CODE = [cell for cell in json.loads(FILE.read_text("utf-8"))["cells"] if cell["cell_type"] == "code"]


def test_cells_run_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[Any] = []
    stand_in = ModuleType("IPython.display")
    monkeypatch.setattr(stand_in, "SVG", lambda file: Path(file).read_text("utf-8"), raising=False)
    monkeypatch.setattr(stand_in, "display", shown.append, raising=False)
    monkeypatch.setitem(sys.modules, "IPython.display", stand_in)
    monkeypatch.chdir(tmp_path)
    code = "\n".join("".join(cell["source"]) for cell in CODE)
    for old, quicker in (
        ("per_class=200", "per_class=16"),
        ("epochs=10", "epochs=1"),
        ("batch_size=64", "batch_size=16"),
    ):
        assert old in code
        code = code.replace(old, quicker)
    exec(compile(code, FILE.name, "exec"), {"__name__": "__main__"})
    assert len(shown) == 2 and all("<svg" in picture for picture in shown)
    assert "augmented seed 0" in (tmp_path / "report.html").read_text("utf-8")
    assert len(list((tmp_path / "runs").iterdir())) == 2


def test_cells_were_run_in_order_and_without_errors() -> None:
    assert [cell["execution_count"] for cell in CODE] == list(range(1, len(CODE) + 1))
    outputs = [output for cell in CODE for output in cell["outputs"]]
    assert {output["output_type"] for output in outputs} <= {"stream", "execute_result", "display_data"}
    assert sum("image/jpeg" in output.get("data", {}) for output in outputs) == 3
    assert FILE.stat().st_size < 300_000
