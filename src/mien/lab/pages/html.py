"""HTML pages from the templates: self-contained files that suit phones and print."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import mien
from mien.errors import DataError
from mien.writing import replacing


def write_page(out: Path, template: str, **content: Any) -> Path:
    """Fill a template and return the file that it is written to.

    Raises:
        DataError: the file cannot be written.
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined

    pages = Environment(loader=PackageLoader("mien.lab.pages"), autoescape=True, undefined=StrictUndefined)
    pages.trim_blocks = pages.lstrip_blocks = True
    text = pages.get_template(template).render(version=mien.__version__, **content)
    with replacing(out, DataError) as part:
        part.write_text(text, encoding="utf-8", errors="backslashreplace")  # file names may not be valid text
    return out
