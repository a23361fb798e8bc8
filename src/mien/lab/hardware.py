"""The training machine: support for bfloat16, and memory allocation."""

from __future__ import annotations

import ctypes
import os
import platform
from functools import cache

import torch

_TRIM_THRESHOLD, _MMAP_MAX = -1, -4  # glibc's malloc.h
_LARGEST_INT = 2**31 - 1


@cache
def is_fast_at_bfloat16() -> bool:
    """Whether the training device has units for bfloat16; without them, it is emulated, slower than float32."""
    if torch.cuda.is_available():
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    return torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()


def keep_freed_memory() -> bool:
    """Keep freed memory in this process for the next training step, because Linux clears all memory it allocates.

    This affects the whole process and cannot be undone, so programs call it; the library never does.

    Returns:
        Whether it was done; False without the GNU C library, or if ``GLIBC_TUNABLES`` sets how memory is allocated.
    """
    if platform.libc_ver()[0] != "glibc" or "glibc.malloc." in os.environ.get("GLIBC_TUNABLES", ""):
        return False
    libc = ctypes.CDLL(None)
    return bool(libc.mallopt(_MMAP_MAX, 0) and libc.mallopt(_TRIM_THRESHOLD, _LARGEST_INT))
