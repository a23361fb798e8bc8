"""Shared functions of the scripts: records, their contents, and their layout in docs/benchmarks.md."""

from __future__ import annotations

import json
import os
import platform
import re
import statistics
import subprocess
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "results"


def record(name: str) -> Any:
    """Read a record."""
    return json.loads((RESULTS / f"{name}.json").read_text("utf-8"))


def keep(result: object, file: Path) -> None:
    """Write a record to its file, and print it."""
    text = json.dumps(result, indent=2)
    file.write_text(text + "\n", encoding="utf-8")
    print(text)


def keep_beside_others(machine: str, found: object, file: Path) -> None:
    """Write the figures of one machine into a record that keeps those of each, and print it."""
    known = json.loads(file.read_text("utf-8")) if file.is_file() else {}
    keep(known | {machine: found}, file)


def with_part(page: Path, script: str, part: str) -> str:
    """Return a page in which the part that a script writes, between two comments, is updated."""
    marked = re.compile(rf"(<!-- by benchmarks/{re.escape(script)} -->\n).*?(\n<!-- until here -->)", re.S)
    return marked.sub(lambda found: found[1] + part + found[2], page.read_text("utf-8"))


def threads_in_words(count: int) -> str:
    """Return such as ``1 thread`` or ``2 threads``."""
    return f"{count} thread{'s' if count > 1 else ''}"


def this_machine() -> str:
    """Return a record's description of this machine: processor, number of cores, and Python."""
    return f"{platform.machine()}, {os.cpu_count()} CPUs, Python {platform.python_version()}"


def commit() -> str:
    """Return the full commit of the running code, with ``+dirty`` if mien or a script was changed since."""
    code = ["src/mien", ":(glob)benchmarks/**/*.py"]
    commands = (["git", "rev-parse", "HEAD"], ["git", "status", "--porcelain", "--untracked-files=no", "--", *code])
    head, changes = (
        subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()
        for command in commands
    )
    return head + "+dirty" if changes else head


def peak_mb() -> float:
    """Return the peak memory of this process so far, in MB.

    Not ``ru_maxrss``, which a new process inherits from the one that started it. Needs Linux.
    """
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text("utf-8").splitlines())
    return int(status["VmHWM"].split()[0]) * 1024 / 1e6


def processor_ms(calls: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Return the median milliseconds of CPU time of each call; the first tenth of the rounds is a warm-up.

    The calls take turns, so that load from other programs affects all of them.
    """
    taken: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(rounds):
        for name, call in calls.items():
            start = time.process_time()
            call()
            taken[name].append(1000 * (time.process_time() - start))
    return {name: statistics.median(times[rounds // 10 :]) for name, times in taken.items()}


def shipped_photos() -> list[Path]:
    """Return photographs of people from installed packages."""
    import matplotlib
    import skimage

    hopper = Path(matplotlib.get_data_path()) / "sample_data" / "grace_hopper.jpg"
    return [Path(skimage.__file__).parent / "data" / "astronaut.png", hopper]


def name_of_model(name: str, sha256: str, commit: str) -> str:
    """Return the name of a model that ships; of one that shipped when a record was made, also its commit."""
    card = json.loads((ROOT / "src" / "mien" / "models" / name / "card.json").read_text("utf-8"))
    return name if card["sha256"] == sha256 else f"{name} as of {commit[:7]}"


def share(row: Mapping[str, float], key: str) -> str:
    """Return a rate with its 95 % interval, such as ``64.9 % (63.3 to 66.4)``, of a row that has its ends, too."""
    rate, low, high = (100 * row[name] for name in (key, f"{key}_low", f"{key}_high"))
    return f"{rate:.1f} % ({low:.1f} to {high:.1f})"


AIM = 0.01
"""Tolerated loss of accuracy for faces that are cropped differently from FER2013's."""


def change_in_words(row: Mapping[str, float]) -> str:
    """Return a difference of accuracies in points, such as ``-0.4 (-1.2 to +0.4)``, bold if the aim is missed."""
    keys = ("difference", "difference_low", "difference_high")
    change, low, high = (f"{100 * row[key]:+.1f}" for key in keys)
    return f"{change if row['difference'] >= -AIM else f'**{change}**'} ({low} to {high})"


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Lay out a table with text in the first column and numbers in the others."""
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)


def number(value: float) -> str:
    """Round to a sensible number of digits."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"
