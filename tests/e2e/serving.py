"""A real server on a real socket, and a client that shows what came back."""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import uvicorn
from fastapi import FastAPI

from mien.serve.server import listen, server_of


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def error(self) -> str:
        assert self.json.keys() == {"error"}
        return self.json["error"]


@dataclass
class Client:
    port: int
    server: uvicorn.Server | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def send(self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(method, path, body, headers or {})
            response = connection.getresponse()
            return Answer(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read())
        finally:
            connection.close()

    def get(self, path: str, **headers: str) -> Answer:
        return self.send("GET", path, headers=headers)

    def analyze(self, photo: Any, **headers: str) -> Answer:
        return self.send("POST", "/v1/analyze", photo, headers)

    def metric(self, name: str) -> float:
        lines = self.get("/metrics").body.decode().splitlines()
        return next(float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith(f"{name} "))


def form(photo: bytes, field: str = "photo", name: str = "group.jpg") -> tuple[bytes, dict[str, str]]:
    """A multipart body and its header."""
    head = f'--cut\r\nContent-Disposition: form-data; name="{field}"; filename="{name}"\r\n\r\n'.encode()
    return head + photo + b"\r\n--cut--\r\n", {"Content-Type": "multipart/form-data; boundary=cut"}


@contextmanager
def running(app: FastAPI, on_waiting: Callable[[], None] = lambda: None) -> Iterator[Client]:
    listener = listen("127.0.0.1", 0)
    server = server_of(app, on_waiting)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        until = time.monotonic() + 30
        while not server.started:
            assert thread.is_alive() and time.monotonic() < until
            time.sleep(0.01)
        yield Client(listener.getsockname()[1], server)
    finally:
        server.should_exit = True
        thread.join()
