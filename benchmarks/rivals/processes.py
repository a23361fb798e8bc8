"""Measurements, each in a process on given cores: its result, its time to the first result, its peak memory."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import threading
import time
from pathlib import Path
from typing import Any


def cpus_of(words: str) -> list[int]:
    """Return the CPU numbers of an option such as ``0,1``."""
    return [int(number) for number in words.split(",")]


def in_words(cpus: list[int]) -> str:
    """Return the number of CPUs in words, such as ``one core`` or ``2 cores``."""
    return "one core" if len(cpus) == 1 else f"{len(cpus)} cores"


class DidNotRun(Exception):
    """A process that ended without a result; the message is its last output."""


def measured(command: list[str], environment: dict[str, str], cpus: list[int]) -> dict[str, Any]:
    """Run a worker and return the JSON that it prints, with three figures of the whole process.

    `answer_s` is the time from its start to this line, `process_cpu_s` its CPU time. `peak_mb` is the sum of the peaks
    of the process and all its descendants, so shared pages count several times.

    Raises:
        DidNotRun: it printed none.
    """
    words = ["taskset", "-c", ",".join(map(str, cpus)), *command]
    with tempfile.TemporaryFile("w+") as errors:
        began = time.perf_counter()
        process = subprocess.Popen(
            words, env=os.environ | environment, stdout=subprocess.PIPE, stderr=errors, text=True
        )
        watch = _Memory(process.pid)
        assert process.stdout is not None
        answer = next((line for line in process.stdout if line.startswith("{")), None)
        answer_s = time.perf_counter() - began
        process.stdout.close()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        peak_mb = watch.stop()
        if answer is None:
            errors.seek(0)
            said = [line.strip().replace(str(Path.home()), "~") for line in errors if line.strip()]
            raise DidNotRun(said[-1] if said else f"ended with status {process.returncode} and without output")
    whole = {"answer_s": answer_s, "process_cpu_s": usage.ru_utime + usage.ru_stime, "peak_mb": peak_mb}
    return {**json.loads(answer), **whole}


class _Memory(threading.Thread):
    """Polls the peak resident memory of a process and its descendants every 20 ms."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self._pid, self._peaks_kb, self._stopped = pid, dict[int, int](), threading.Event()
        self.start()

    def stop(self) -> float:
        """End, and return the sum of the peaks, MB."""
        self._stopped.set()
        self.join()
        return sum(self._peaks_kb.values()) * 1024 / 1_000_000

    def run(self) -> None:
        """Poll until the end."""
        while not self._stopped.wait(0.02):
            self._look(self._pid)

    def _look(self, pid: int) -> None:
        place = Path("/proc", str(pid))
        try:
            status = (place / "status").read_text()
            children = " ".join((task / "children").read_text() for task in (place / "task").iterdir()).split()
        except OSError:  # it has ended
            return
        peaks = [int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM:")]
        self._peaks_kb[pid] = max([self._peaks_kb.get(pid, 0), *peaks])
        for child in children:
            self._look(int(child))
