"""The files that define a custom network: the one with its class or function, and those beside it that it imports."""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FunctionType


def files_of(maker: Callable[..., object], named: str) -> dict[str, Path]:
    """Return the file that defines a class or function, and those beside it that it imports, by their modules.

    Imports are followed recursively; of an installed package only its own files are returned.

    Args:
        maker: the class or function.
        named: the module that it was looked up in.

    Returns:
        The files, the defining one first; empty if no file defines it, as in a notebook.
    """
    module = maker.__module__ if isinstance(maker, (type, FunctionType)) else named  # a partial's is functools
    loaded = sys.modules.get(module)
    first = Path(getattr(loaded, "__file__", None) or "")
    if not first.is_file():
        return {}
    spec = getattr(loaded, "__spec__", None)
    module = module if spec is None else spec.name  # of a script that runs as ``python -m``
    root = first.parents[module.count(".") + (first.name == "__init__.py")]
    installed = root.name in ("site-packages", "dist-packages")
    files, waiting = {module: first}, [module]
    while waiting:
        for other, file in _imported_by(one := waiting.pop(0), files[one], root):
            top = other.partition(".")[0]
            if other not in files and top != "mien" and (top == module.partition(".")[0] or not installed):
                files[other] = file
                waiting.append(other)
    return files


def _imported_by(module: str, file: Path, root: Path) -> Iterator[tuple[str, Path]]:
    """The modules below `root` that a file imports anywhere in its code, with their files."""
    if file.suffix != ".py":
        return
    try:
        code = ast.parse(file.read_bytes())
    except (SyntaxError, ValueError):  # not imported, or this process would have failed; ValueError: null bytes
        return
    inside = module.split(".") if file.name == "__init__.py" else module.split(".")[:-1]
    for node in ast.walk(code):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            package = inside[: len(inside) - node.level + 1] if node.level else []
            origin = ".".join([*package, *([node.module] if node.module else [])])
            deeper = [f"{origin}.{alias.name}" for alias in node.names]
            names = [each if _file_of(each, root) else origin for each in deeper]
        yield from ((name, found) for name in names if name and (found := _file_of(name, root)))


def _file_of(module: str, root: Path) -> Path | None:
    path = root.joinpath(*module.split("."))
    return next((file for file in (path.with_name(f"{path.name}.py"), path / "__init__.py") if file.is_file()), None)
