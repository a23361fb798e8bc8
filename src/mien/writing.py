"""Writing a model folder whole or not at all."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mien.errors import ModelError


@contextmanager
def writing(folder: Path) -> Iterator[Path]:
    """Yield a folder to write a model to; once it is whole, it takes the place of the model in `folder`.

    Raises:
        ModelError: the folder cannot be written.
    """
    part = folder.with_name(folder.name + ".part")
    try:
        part.mkdir(parents=True, exist_ok=True)
        yield part
        folder.mkdir(exist_ok=True)
        for file in part.iterdir():
            file.replace(folder / file.name)
    except OSError as error:
        raise ModelError(
            f"{folder}: the model cannot be written ({error}); free space or choose another --out."
        ) from error
    finally:
        shutil.rmtree(part, ignore_errors=True)
