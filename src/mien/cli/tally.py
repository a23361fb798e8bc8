"""Counts of the photos of `mien analyze`, for the summary at the end."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mien.records import Analysis
    from mien.result_file import Known

_NAMED = 3
"""If more photos than this fail for the same reason, the reason is printed once, with this many names."""


@dataclass
class Tally:
    """Counts of photos; for videos, only failures.

    Attributes:
        photos: number of photos.
        earlier: how many of them an earlier run read.
        faces: number of faces found in them.
        empty: how many show no face.
        read: how many could be read; the others failed.
        failed: name and reason of each photo and video that failed.
        undrawn: how many of the earlier ones have no picture, if pictures are drawn now.
        skipped: how many videos were skipped because only photos are read.
    """

    photos: int
    earlier: int = 0
    faces: int = 0
    empty: int = 0
    read: int = 0
    failed: list[tuple[str, str]] = field(default_factory=list)
    undrawn: int = 0
    skipped: int = 0

    def start_with(self, done: Collection[Known], missing: int) -> None:
        """Count what an earlier run read; `missing` photos are still to come."""
        self.earlier, self.photos = len(done), len(done) + missing
        for known in done:
            self._count(known.source, known.faces)

    def count(self, found: Iterable[Analysis], with_bar: bool) -> Iterator[Analysis]:
        """Pass the analyses on and, with a bar, show the progress on standard error."""
        from rich.console import Console
        from rich.progress import track

        from mien.video import AnalyzedFrame

        console = Console(stderr=True)
        new = self.photos - self.earlier
        hidden = not with_bar or new <= 1 or not console.is_terminal
        for analysis in track(found, "photos", new, console=console, disable=hidden, transient=True):
            if not isinstance(analysis, AnalyzedFrame):
                self._count(analysis.source, len(analysis.faces), analysis.failed)
            yield analysis

    def _count(self, source: str, faces: int, failed: str | None = None) -> None:
        self.faces += faces
        self.empty += failed is None and not faces
        self.read += failed is None
        if failed is not None:
            self.failed.append((source, failed.removeprefix(f"{source}: ")))

    def lines(self, *, even_of_one: bool = False) -> Iterator[str]:
        """Yield the summary for standard error; a single photo is counted in it only with `even_of_one`."""
        if self.photos > 1 or even_of_one:
            photos = "1 photo" if self.photos == 1 else f"{self.photos} photos"
            earlier = f" ({self.earlier} read earlier)" if self.earlier else ""
            faces = "1 face" if self.faces == 1 else f"{self.faces} faces"
            failed = self.photos - self.read
            yield f"{photos}{earlier}: {faces}, {self.empty} without a face, {failed} failed"
        if self.skipped:
            videos = "1 video" if self.skipped == 1 else f"{self.skipped} videos"
            yield f"{videos} skipped: --out, --boxes and --crops are for photos"
        if self.undrawn:
            yield f"photos read earlier, without a picture: {self.undrawn}; to draw them, use another --out."
        sources_of = defaultdict[str, list[str]](list)
        for source, reason in self.failed:
            sources_of[reason].append(source)
        for reason, sources in sources_of.items():
            if len(sources) <= _NAMED:
                yield from (f"failed: {source}: {reason}" for source in sources)
            else:
                named = ", ".join(sources[:_NAMED])
                more = len(sources) - _NAMED
                yield f"failed: {len(sources)} photos: {reason.rstrip('.')}. They are {named} and {more} more."
