"""A camera on the network: JPEG pictures over HTTP, one after the other, as many of them send."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import numpy.typing as npt
from PIL import Image

Send = Callable[[npt.NDArray[np.uint8]], None]


@contextmanager
def network_camera(film: Callable[[Send], object]) -> Iterator[str]:
    """Serve what `film` sends, until it returns, and give the address."""

    class Camera(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=next")
            self.end_headers()
            film(self.show)

        def show(self, image: npt.NDArray[np.uint8]) -> None:
            jpeg = io.BytesIO()
            Image.fromarray(image).save(jpeg, "JPEG", quality=95)
            head = f"--next\r\nContent-Type: image/jpeg\r\nContent-Length: {jpeg.tell()}\r\n\r\n".encode()
            self.wfile.write(head + jpeg.getvalue() + b"\r\n")

        def log_message(self, *arguments: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Camera) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/live"
        finally:
            server.shutdown()
            thread.join()
