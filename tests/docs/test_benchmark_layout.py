"""What the scripts under benchmarks/ share."""

from __future__ import annotations

import importlib
import re
import socket
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"


@pytest.fixture
def layout(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(BENCHMARKS)
    import layout

    return layout


def test_the_commit_is_dirty_where_mien_or_a_script_was_changed(
    layout: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code, records = ("src/mien/a.py", "benchmarks/b.py", "benchmarks/rivals/c.py"), ("docs/d.md", "benchmarks/e.json")
    for name in (*code, *records):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("as committed")
    git = ("git", "-C", str(tmp_path), "-c", "user.name=a", "-c", "user.email=a@example.org")
    for words in (("init", "-q"), ("add", "."), ("commit", "-q", "-m", "first")):
        subprocess.run([*git, *words], check=True)
    monkeypatch.setattr(layout, "ROOT", tmp_path)
    clean = layout.commit()
    assert re.fullmatch("[0-9a-f]{40}", clean)
    for name in (*records, *code):
        (tmp_path / name).write_text("changed")
        assert layout.commit() == (clean if name in records else f"{clean}+dirty"), name
        (tmp_path / name).write_text("as committed")


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_a_process_does_not_have_the_peak_of_the_one_that_started_it(layout: ModuleType) -> None:
    ours = np.ones(50_000_000)
    asked = [sys.executable, "-c", "import layout; print(layout.peak_mb())"]
    child = float(subprocess.run(asked, cwd=BENCHMARKS, capture_output=True, text=True, check=True).stdout)
    assert layout.peak_mb() > ours.nbytes / 1e6
    assert 5 < child < 100


def test_calls_take_turns_and_the_first_rounds_do_not_count(
    layout: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock, order = [0.0], []

    def take(name: str, first: float, later: float) -> None:
        clock[0] += first if order.count(name) < 2 else later
        order.append(name)

    monkeypatch.setattr(layout.time, "process_time", lambda: clock[0])
    calls = {"a": lambda: take("a", 9.0, 0.002), "b": lambda: take("b", 0.0, 0.001)}
    assert layout.processor_ms(calls, rounds=20) == pytest.approx({"a": 2, "b": 1})
    assert order == ["a", "b"] * 20
    assert layout.processor_ms({"c": lambda: take("c", 9.0, 0.002)}, rounds=4) == pytest.approx({"c": 4501})


def test_every_script_reads_its_arguments() -> None:
    """`--help` began to measure, and to write records and pages anew, where a script did not look at them."""
    scripts = [file for file in BENCHMARKS.glob("*.py") if '__name__ == "__main__"' in file.read_text("utf-8")]
    assert len(scripts) > 25
    assert [file.name for file in scripts if ".parse_args()" not in file.read_text("utf-8")] == []


@pytest.mark.parametrize("script", ["page.py", "photo_memory.py", "install_size.py"])
def test_help_measures_and_writes_nothing(script: str) -> None:
    asked = [sys.executable, BENCHMARKS / script, "--help"]
    done = subprocess.run(asked, capture_output=True, text=True, check=True)
    assert done.stdout.startswith(f"usage: {script}") and not done.stderr


def test_a_server_that_does_not_start_ends_the_measurement(layout: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    import serve_throughput

    monkeypatch.setattr(serve_throughput.sys, "executable", "/bin/false")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(SystemExit, match="The server ended with status 1"), serve_throughput.server(port):
        pass


@pytest.mark.parametrize(
    ("program", "arguments", "words"),
    [
        ("serve_throughput", "--photos 12", "--photos 12: expected a multiple of 8"),
        ("speedruns", "nowhere.csv --runs records --recipes speed-7", "--recipes speed-7: expected of speed-"),
        ("ensemble", "a/model b/model", "a/model, b/model: two folders have the same name"),
    ],
)
def test_wrong_arguments_are_refused_at_once(
    layout: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    program: str,
    arguments: str,
    words: str,
) -> None:
    monkeypatch.setattr("sys.argv", [program, *arguments.split()])
    with pytest.raises(SystemExit):
        importlib.import_module(program).main()
    assert words in capsys.readouterr().err
