"""Answers that come before their request has been sent whole, as a refusal of a large upload does."""

from __future__ import annotations

import asyncio
import threading
from contextlib import suppress

from starlette.types import ASGIApp, Message, Receive, Scope, Send

SECONDS = 10.0
MOST_BYTES = 500_000_000
"""How long, and how much, is read of a request that has its answer."""


class Lingering:
    """Reads on after an early answer where the connection then ends, and drops what it reads.

    A connection that is closed with something unread is reset; clients that send all before they read, as Python's
    urllib does, would see that in the place of the answer. Where a connection goes on, uvicorn itself reads what comes.

    Args:
        app: the application; when it sends the end of an answer, it has let go of all that it held for the request.
        stopping: is set where the server stops, and waits for nobody.
    """

    def __init__(self, app: ASGIApp, stopping: threading.Event) -> None:
        self._app, self._stopping = app, stopping

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http" or not _is_closed_behind_a_body(scope):
            await self._app(scope, receive, send)
            return
        is_left = True  # something to read

        async def noted() -> Message:
            nonlocal is_left
            message = await receive()
            is_left = message.get("more_body", False)
            return message

        async def send_and_linger(message: Message) -> None:
            nonlocal is_left
            if (b"connection", b"close") in message.get("headers", ()):  # of an upload that is too slow
                is_left = False
            if message["type"] != "http.response.body" or message.get("more_body", False) or not is_left:
                await send(message)
                return
            await send({**message, "more_body": True})
            read = 0
            with suppress(TimeoutError):
                async with asyncio.timeout(SECONDS):
                    while is_left and read < MOST_BYTES and not self._stopping.is_set():
                        read += len((await noted()).get("body", b""))
            await send({"type": "http.response.body"})

        await self._app(scope, noted, send_and_linger)


def _is_closed_behind_a_body(scope: Scope) -> bool:
    """Whether a request has a body, which its client sends unasked, and its connection ends with the answer."""
    headers = dict(scope["headers"])
    closes = scope["http_version"] == "1.0" or b"close" in headers.get(b"connection", b"").lower()
    has_body = b"transfer-encoding" in headers or headers.get(b"content-length", b"0") != b"0"
    return closes and has_body and b"expect" not in headers
