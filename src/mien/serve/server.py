"""From the application to a process that answers on a port."""

from __future__ import annotations

import asyncio
import math
import socket
from collections.abc import Callable
from types import FrameType

import uvicorn
from fastapi import FastAPI

from mien.errors import InputError

SENT_S = 0.1
"""How long a request whose answer has been sent may still count as in progress."""


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens; port 0 = any free one.

    Raises:
        InputError: the address is taken, or none of this machine.
    """
    try:
        listener = socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as error:
        raise InputError(
            f"{host} port {port}: cannot listen there: {error.strerror or error}. Choose another with --port or --host."
        ) from error
    # Connections inherit it; asyncio sets it only on sockets that name their protocol. Without it, an answer's body
    # waits until the client acknowledges the headers, 40 ms on Linux.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


class _Server(uvicorn.Server):
    """Finishes the requests in progress before it stops."""

    def __init__(self, config: uvicorn.Config, on_waiting: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_waiting = on_waiting

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self.config.app.state.stopping.set()  # type: ignore[union-attr]  # it is the application
        super().handle_exit(sig, frame)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        await asyncio.sleep(SENT_S)
        if self.server_state.tasks:
            self._on_waiting()
        await super().shutdown(sockets)


def server_of(app: FastAPI, on_waiting: Callable[[], None] = lambda: None) -> uvicorn.Server:
    """Return a server that answers on a socket, ``run(sockets=[...])``, until Ctrl-C or SIGTERM.

    It then finishes the requests in progress: a photo within its time limit, a video at its next frame. `on_waiting`
    is called if there are any.
    """
    return _Server(
        uvicorn.Config(
            app,
            log_level="warning",
            proxy_headers=False,  # only the connection itself shows who is local
            server_header=False,
            timeout_graceful_shutdown=math.ceil(2 * app.state.limits.seconds)
            + 1,  # to receive a photo and to analyse it
        ),
        on_waiting,
    )
