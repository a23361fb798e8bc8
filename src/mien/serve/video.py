"""Videos over HTTP: a line of JSON for each frame, as soon as it is read."""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
import threading
from collections.abc import AsyncIterator, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import StreamingResponse
from starlette.types import Message, Receive, Scope, Send

from mien.analysis import Analyzer
from mien.errors import InputError
from mien.media.decode import TooLarge
from mien.media.pyav import import_av
from mien.media.video import VideoReader
from mien.serve.limits import Limits
from mien.serve.upload import bounded, too_slow
from mien.video import AnalyzedFrame, VideoAnalysis

_NAME = "<video>"
_RETRY_AFTER_S = 5
_MOST_UPLOADS = 4  # at one time; each may take `video_bytes` of the disk
_LOOK_S = 0.2  # between checks whether the server stops

# Offset and bytes of known formats. FFmpeg knows more, but some of those name other files, which it would open.
_QUICKTIME = (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot")
_KINDS = (*((4, mark) for mark in _QUICKTIME), (0, b"\x1a\x45\xdf\xa3"), (8, b"AVI "))
_FORMATS = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi"  # FFmpeg's names for them


class _Lines(StreamingResponse):
    """Lines of JSON; what they need is held until the last is sent, or the client disconnects or stops reading.

    A client that stops reading never gets the end, so that it cannot take a part for the whole.
    """

    def __init__(self, lines: AsyncIterator[bytes], held: ExitStack, seconds: float) -> None:
        super().__init__(lines, media_type="application/x-ndjson")
        self._held, self._seconds = held, seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_in_time(message: Message) -> None:
            await asyncio.wait_for(send(message), self._seconds)

        with self._held, suppress(TimeoutError, ClientDisconnect):
            await super().__call__(scope, receive, send_in_time)


class Videos:
    """Reads one video at a time; a few others may be uploading.

    Args:
        analyzer: finds and reads the faces.
        limits: what is refused.
        stopping: is set when the server stops; a video then ends at its next frame.
    """

    def __init__(self, analyzer: Analyzer, limits: Limits, stopping: threading.Event) -> None:
        self._analyzer = analyzer
        self._limits = limits
        self._stopping = stopping
        self._busy, self._uploads = False, 0
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="mien-video")

    def close(self) -> None:
        """End the thread, after its current frame."""
        self._thread.shutdown(cancel_futures=True)

    async def answer(self, request: Request, every: int) -> StreamingResponse:
        """Receive a video into a temporary file and return a line for each frame; the file is deleted with the last.

        Raises:
            HTTPException: 501, PyAV is not installed; 429, another video is being read, or several are being uploaded;
                408, the upload took too long; 413, too many bytes or pixels; 422, a form, or another kind of file;
                503, the server stops during the upload.
            InputError: the video cannot be read.
        """
        try:
            import_av()
        except InputError as error:
            raise HTTPException(501, str(error)) from error
        if request.headers.get("content-type", "").lower().startswith("multipart/"):
            raise HTTPException(422, f"{_NAME}: send the file itself as the body, not a form.")
        self._check_free()
        with ExitStack() as held:
            file, path = held.enter_context(_temporary_file())
            with self._uploading():
                await self._received(_receive(request, file, self._limits.video_bytes))
            self._check_free()  # another upload may have ended first
            self._busy = True
            held.callback(self._free)
            left = threading.Event()
            held.callback(left.set)  # so that no frame is decoded for a client that has disconnected
            loop = asyncio.get_running_loop()
            try:
                analysis = await loop.run_in_executor(self._thread, self._open, path, every, left)
            except TooLarge as error:
                raise HTTPException(413, str(error)) from error
            frames = analysis.frames()
            held.callback(self._thread.submit, frames.close)  # after the current frame; else they keep the file open
            return _Lines(self._lines(analysis, frames), held.pop_all(), self._limits.seconds)

    async def _received(self, upload: Coroutine[Any, Any, None]) -> None:
        """Wait for an upload until it is complete, takes too long, or the server stops."""
        seconds = self._limits.video_upload_seconds
        receiving = asyncio.ensure_future(upload)
        ends = asyncio.get_running_loop().time() + seconds
        try:
            while not receiving.done():
                await asyncio.wait({receiving}, timeout=_LOOK_S)
                late, stopping = asyncio.get_running_loop().time() > ends, self._stopping.is_set()
                if not receiving.done() and (late or stopping):
                    raise too_slow(seconds) if late else HTTPException(503, f"{_NAME}: the server stops.")
            receiving.result()
        finally:
            receiving.cancel()  # does nothing where it is done
            with suppress(asyncio.CancelledError, Exception):
                await receiving

    def _check_free(self) -> None:
        if self._busy:
            raise _later("another video is being read")

    @contextmanager
    def _uploading(self) -> Iterator[None]:
        if self._uploads >= _MOST_UPLOADS:
            raise _later(f"{self._uploads} other videos are being uploaded")
        self._uploads += 1
        try:
            yield
        finally:
            self._uploads -= 1

    def _free(self) -> None:
        self._busy = False

    def _open(self, file: str, every: int, left: threading.Event) -> VideoAnalysis:
        reader = VideoReader(
            file,
            every=every,
            name=_NAME,
            formats=_FORMATS,
            stopped=lambda: left.is_set() or self._stopping.is_set(),
        )
        width, height = reader.shown_size
        if width * height > self._limits.pixels:
            most = f"at most {self._limits.pixels / 1e6:g} megapixels are accepted here."
            raise TooLarge(f"{_NAME}: {width} x {height} px; {most}")
        return VideoAnalysis(reader, self._analyzer)

    async def _lines(self, analysis: VideoAnalysis, frames: Iterator[AnalyzedFrame]) -> AsyncIterator[bytes]:
        loop, last_s = asyncio.get_running_loop(), 0.0
        try:
            while (frame := await loop.run_in_executor(self._thread, next, frames, None)) is not None:
                yield _line(frame.to_dict())
                last_s = frame.time_s
                if self._stopping.is_set():
                    break
        except InputError as error:  # the status is sent by now
            yield _line({"error": str(error)})
            return
        if self._stopping.is_set():
            yield _line({"error": f"{_NAME}: stops after {last_s:.1f} s, with the server."})
        elif analysis.cut_off is not None:
            yield _line({"error": f"{_NAME}: {analysis.cut_off}."})


def _later(why: str) -> HTTPException:
    return HTTPException(429, f"{why}; try again later.", {"Retry-After": str(_RETRY_AFTER_S)})


@contextmanager
def _temporary_file() -> Iterator[tuple[IO[bytes], str]]:
    """A file that is deleted at the end, and its path; on Linux it is in no folder, so not even a kill leaves it."""
    if sys.platform == "linux":
        with tempfile.TemporaryFile() as file:
            yield file, f"/proc/self/fd/{file.fileno()}"
    else:
        with tempfile.TemporaryDirectory(prefix="mien-") as folder, Path(folder, "video").open("w+b") as file:
            yield file, file.name


async def _receive(request: Request, file: IO[bytes], max_bytes: int) -> None:
    async for chunk in bounded(request, max_bytes):
        file.write(chunk)
    file.flush()
    file.seek(0)
    head = file.read(16)
    if head and not any(head[at:].startswith(mark) for at, mark in _KINDS):
        raise HTTPException(422, f"{_NAME}: not a video in a known format; known are MP4, MOV, Matroska, WebM and AVI.")


def _line(row: dict[str, Any]) -> bytes:
    return json.dumps(row).encode() + b"\n"
