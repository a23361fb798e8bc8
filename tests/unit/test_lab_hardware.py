"""Memory allocation of a training process."""

from __future__ import annotations

import os
import platform
import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="a setting of the GNU C library")

HELD = """
import os, sys, torch
from mien.lab.hardware import keep_freed_memory

def held_mb():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20

done = keep_freed_memory() if "keep" in sys.argv else False
before = held_mb()
torch.ones(32 * 2**20)  # 128 MB, gone at once
print(done, held_mb() - before)
"""


def held_after_freeing(*arguments: str, tunables: str = "") -> tuple[bool, float]:
    environment = os.environ | {"GLIBC_TUNABLES": tunables}
    done = subprocess.run(
        [sys.executable, "-c", HELD, *arguments], env=environment, capture_output=True, text=True, check=True
    )
    word, megabytes = done.stdout.split()
    return word == "True", float(megabytes)


def test_freed_memory_stays_with_the_process() -> None:
    done, held = held_after_freeing("keep")
    assert done and held > 100
    done, held = held_after_freeing()
    assert not done and held < 100


def test_a_setting_of_the_shell_is_respected() -> None:
    done, held = held_after_freeing("keep", tunables="glibc.malloc.mmap_threshold=1048576")
    assert not done and held < 100
