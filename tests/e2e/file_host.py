"""A host of files, as `python -m http.server` is one."""

from __future__ import annotations

import functools
import http.server
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path


class _Handler(http.server.SimpleHTTPRequestHandler):
    redirects: Mapping[str, str] = {}
    headers_too: Mapping[str, str] = {}
    fails = False
    sent: list[str]

    def end_headers(self) -> None:
        """Let browsers keep files for ten minutes, as GitHub Pages does."""
        self.send_header("Cache-Control", "max-age=600")
        for name, value in self.headers_too.items():
            self.send_header(name, value)
        super().end_headers()

    def do_GET(self) -> None:
        """Show a file; what stands in `redirects` is elsewhere, and a host that `fails` shows none."""
        target = self.redirects.get(self.path)
        if self.fails:
            self.send_error(503)
        elif target is None:
            super().do_GET()
        else:
            self.send_response(302)
            self.send_header("Location", target)
            self.end_headers()

    def log_request(self, code: object = None, size: object = None) -> None:
        """Note the files that are sent; one that the browser has, and that has not changed, is not."""
        if code == HTTPStatus.OK:
            self.sent.append(self.path.partition("?")[0])

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def file_host(
    folder: Path,
    *,
    port: int = 0,
    redirects: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
    fails: bool = False,
    sent: list[str] | None = None,
) -> Iterator[http.server.ThreadingHTTPServer]:
    """Show a folder on a port of this machine, a free one for 0, in a thread; `sent` gathers the files sent."""
    told = {"redirects": redirects or {}, "headers_too": headers or {}, "fails": fails}
    kind = type("Handler", (_Handler,), {**told, "sent": [] if sent is None else sent})
    handler = functools.partial(kind, directory=folder)
    with http.server.ThreadingHTTPServer(("127.0.0.1", port), handler) as host:
        threading.Thread(target=host.serve_forever, daemon=True).start()
        yield host
        host.shutdown()
