"""The pipeline of `mien.analysis` for many clients at once."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager

from starlette.exceptions import HTTPException

from mien.analysis import Analyzer
from mien.errors import InputError
from mien.records import Analysis
from mien.serve.limits import Limits
from mien.serve.metrics import Metrics
from mien.serve.upload import Upload, check_pixels, too_slow

_RETRY_AFTER_S = 1


class Service:
    """Photos in, analyses out.

    Each of `workers` threads takes a photo, decodes it, finds its faces and reads them.

    Args:
        analyzer: finds and reads the faces; its detector is used by several threads at once, as `YuNet` may be.
        limits: what is refused.
        workers: threads.
        metrics: where photos and faces are counted.
    """

    def __init__(self, analyzer: Analyzer, *, limits: Limits, workers: int, metrics: Metrics) -> None:
        self._analyzer = analyzer
        self._limits = limits
        self._metrics = metrics
        self._places_taken = 0
        self._tasks: set[asyncio.Task[Analysis]] = set()
        self._workers = ThreadPoolExecutor(workers, thread_name_prefix="mien-worker")
        self._one_at_a_time = threading.Lock()  # a run of the model uses all cores, and memory for its faces

    def close(self) -> None:
        """End all threads, each after its current photo."""
        self._workers.shutdown(cancel_futures=True)

    async def analyze(self, upload: Callable[[], Awaitable[Upload]]) -> Analysis:
        """Read the expressions in the photo that `upload` receives.

        A photo keeps its place until the work on it has ended, even if its client no longer waits, so that the pending
        work stays bounded.

        Raises:
            HTTPException: 429, no place is free; 408 or 504, upload or analysis took too long; 413, too many pixels;
                and what `upload` raises.
            InputError: the photo cannot be read.
        """
        seconds = self._limits.seconds
        with ExitStack() as held:
            held.enter_context(self._place())
            try:
                photo = await asyncio.wait_for(upload(), seconds)
            except TimeoutError as error:
                raise too_slow(seconds) from error
            task = asyncio.create_task(self._read(photo, time.monotonic() + seconds))
            self._tasks.add(task)  # the event loop itself keeps only a weak reference
            place = held.pop_all()
        task.add_done_callback(lambda done: self._put_away(done, place))
        try:
            return await asyncio.wait_for(asyncio.shield(task), seconds)
        except TimeoutError as error:
            raise HTTPException(
                504, f"{photo.name}: the analysis took more than {seconds:g} s; send a smaller photo, or try later."
            ) from error

    @contextmanager
    def _place(self) -> Iterator[None]:
        if self._places_taken >= self._limits.photos:
            raise HTTPException(
                429,
                f"{self._places_taken} photos are waiting or being analysed, no more are accepted; try again soon.",
                {"Retry-After": str(_RETRY_AFTER_S)},
            )
        self._places_taken += 1
        try:
            with self._metrics.photos.track_inprogress():
                yield
        finally:
            self._places_taken -= 1

    def _put_away(self, task: asyncio.Task[Analysis], place: ExitStack) -> None:
        self._tasks.discard(task)
        place.close()
        if not task.cancelled():
            task.exception()  # else asyncio logs it as never retrieved where the client no longer waits

    async def _read(self, photo: Upload, until: float) -> Analysis:
        started = time.monotonic()
        loop = asyncio.get_running_loop()
        analysis = await loop.run_in_executor(self._workers, self._work, photo, until)
        self._metrics.faces.inc(len(analysis.faces))
        self._metrics.seconds.observe(time.monotonic() - started)
        return analysis

    def _work(self, photo: Upload, until: float) -> Analysis:
        """Decode a photo, find its faces and read them; runs in a worker."""
        if time.monotonic() > until:
            raise TimeoutError  # its client has had a 504 by now
        check_pixels(photo, self._limits.pixels)
        found = self._analyzer.crop_one(photo.data, photo.name)
        if found.failed is not None:
            raise InputError(found.failed)
        with self._one_at_a_time:
            (analysis,) = self._analyzer.recognize([found])
        return analysis
