"""Middleware around the application: headers and counts, cross-origin requests, early answers, access and errors."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Sequence
from contextlib import suppress

from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mien.serve.access import check_local, headers_of

LINGER_S = 10.0
LINGER_BYTES = 500_000_000
"""How long, and how much, is read of a request that has its answer."""

_log = logging.getLogger("uvicorn.error")
_COUNTED = ("/", "/healthz", "/metrics", "/v1/analyze", "/v1/model", "/v1/video")


def error_answer(status: int, message: str, headers: dict[str, str] | None = None) -> JSONResponse:
    """Return the answer that says what went wrong."""
    return JSONResponse({"error": message}, status, headers)


class _Middleware:
    """Surrounds an application; anything but a request, such as the server's start, goes straight through."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Take what the server passes on."""
        answer = self._answer if scope["type"] == "http" else self._app
        await answer(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        raise NotImplementedError


class Outermost(_Middleware):
    """Counts every answer and adds the headers to it."""

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope)

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                path = scope["path"].removeprefix(scope.get("root_path", ""))  # where another app has it mounted
                counted = path if path in _COUNTED else "other"
                request.app.state.metrics.requests.labels(counted, message["status"]).inc()
                MutableHeaders(scope=message).update(headers_of(request))
            await send(message)

        await self._app(scope, receive, send_with_headers)


class OtherPages(CORSMiddleware):
    """Lets pages of the allowed origins read the answers, errors included."""

    def __init__(self, app: ASGIApp, allow_origins: Sequence[str]) -> None:
        super().__init__(
            app,
            allow_origins=allow_origins,
            allow_methods=("GET", "HEAD", "POST"),
            allow_headers=("Authorization",),
            expose_headers=("Retry-After",),
        )
        self.allow_private_network = True  # Starlette takes this as an argument from 0.51 on, and ignores it before

    def preflight_response(self, request_headers: Headers) -> Response:
        """Answer what a browser asks before it sends a page's request."""
        answer = super().preflight_response(request_headers)
        kept = {name: value for name, value in answer.headers.items() if not name.startswith("content-")}
        if answer.status_code != 200:
            remedy = "--allow-origin names the pages; they may send GET, HEAD and POST, and the header Authorization"
            return error_answer(answer.status_code, f"{bytes(answer.body).decode()}; {remedy}.", kept)
        if "access-control-request-private-network" in request_headers:
            answer.headers["Access-Control-Allow-Private-Network"] = "true"
        return answer


class Lingering(_Middleware):
    """Reads on after an early answer where the connection then ends, and drops what it reads.

    A connection that is closed with something unread is reset. Clients that send everything before they read, as
    Python's urllib does, would see the reset instead of the answer. Where the connection stays open, uvicorn reads on.

    Args:
        app: the application; by the end of an answer, it has released all that it held for the request.
        stopping: is set when the server stops; nothing is read from then on.
    """

    def __init__(self, app: ASGIApp, stopping: threading.Event) -> None:
        super().__init__(app)
        self._stopping = stopping

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not _is_closed_behind_a_body(scope):
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
                async with asyncio.timeout(LINGER_S):
                    while is_left and read < LINGER_BYTES and not self._stopping.is_set():
                        read += len((await noted()).get("body", b""))
            await send({"type": "http.response.body"})

        await self._app(scope, noted, send_and_linger)


def _is_closed_behind_a_body(scope: Scope) -> bool:
    """Whether a request has a body, which its client sends unasked, and its connection ends with the answer."""
    headers = dict(scope["headers"])
    closes = scope["http_version"] == "1.0" or b"close" in headers.get(b"connection", b"").lower()
    has_body = b"transfer-encoding" in headers or headers.get(b"content-length", b"0") != b"0"
    return closes and has_body and b"expect" not in headers


class Guard(_Middleware):
    """Refuses requests from elsewhere where there is no token, and turns internal errors into answers."""

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        request, started = Request(scope), False
        state = request.app.state
        if not hasattr(state, "service"):
            state.begin()  # mounted in another app, whose start it does not hear of

        async def noted(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        refusal = check_local(request) if state.token is None else None
        try:
            app = self._app if refusal is None else error_answer(403, refusal)
            await app(scope, receive, noted)
        except Exception:
            if started:
                raise
            _log.exception("internal error")
            failure = error_answer(500, "internal error; the reason is in the server's log.")
            await failure(scope, receive, noted)
