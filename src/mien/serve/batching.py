"""Faces of several clients through the model together."""

from __future__ import annotations

import math
import queue
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

Probabilities = npt.NDArray[np.float64]


@dataclass
class _Job:
    faces: npt.NDArray[np.uint8]
    answer: Future[Probabilities] = field(default_factory=Future)


class Batcher:
    """A thread that runs the model on the faces of all photos that wait for it.

    It takes the first photo's faces, waits up to `wait_s` for those of others that are on their way, and runs them as
    one batch. Its queue needs no bound of its own: the service holds one of a limited number of places for each photo.

    Args:
        run: faces ``(N, planes, S, S)`` uint8 -> ``(N, K)`` float64.
        max_faces: a batch with as many is run at once.
        wait_s: how long the first photo waits for others, seconds.
        expected: how many photos are on their way or here; where all are here, none waits.
        on_batch: is told the photos and faces of each batch.
    """

    def __init__(
        self,
        run: Callable[[npt.NDArray[np.uint8]], Probabilities],
        *,
        max_faces: int = 64,
        wait_s: float = 0.004,
        expected: Callable[[], float] = lambda: math.inf,
        on_batch: Callable[[int, int], Any] = lambda photos, faces: None,
    ) -> None:
        self._run = run
        self._max_faces = max_faces
        self._wait_s = wait_s
        self._expected = expected
        self._on_batch = on_batch
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="mien-batcher", daemon=True)
        self._thread.start()

    def submit(self, faces: npt.NDArray[np.uint8]) -> Future[Probabilities]:
        """Queue the faces of a photo, ``(N, planes, S, S)`` uint8, N >= 1; the answer has their rows."""
        job = _Job(faces)
        self._jobs.put(job)
        return job.answer

    def close(self) -> None:
        """Answer what waits, then end the thread."""
        self._jobs.put(None)
        self._thread.join()

    def _work(self) -> None:
        while (first := self._jobs.get()) is not None:
            self._answer(self._gather(first))

    def _gather(self, first: _Job) -> list[_Job]:
        """The first job and those that come within the wait."""
        jobs, faces = [first], len(first.faces)
        until = time.monotonic() + self._wait_s
        while faces < self._max_faces and len(jobs) < self._expected():
            try:
                job = self._jobs.get(timeout=max(0.0, until - time.monotonic()))
            except queue.Empty:
                break
            if job is None:
                self._jobs.put(None)  # for _work
                break
            jobs.append(job)
            faces += len(job.faces)
        return jobs

    def _answer(self, jobs: list[_Job]) -> None:
        jobs = [job for job in jobs if job.answer.set_running_or_notify_cancel()]
        if not jobs:
            return
        sizes = [len(job.faces) for job in jobs]
        try:
            rows = self._run(np.concatenate([job.faces for job in jobs]))
        except Exception as error:  # it is raised where the answers are awaited; they would wait for ever
            for job in jobs:
                job.answer.set_exception(error)
            return
        self._on_batch(len(jobs), sum(sizes))
        for job, part in zip(jobs, np.split(rows, np.cumsum(sizes)[:-1]), strict=True):
            job.answer.set_result(part)
