"""Throughput of `mien serve`: `python benchmarks/serve_throughput.py`.

A server in its own process gets requests from 1 and from 8 clients in another one. Each client sends the next photo as
soon as it has the response: skimage's astronaut, 512 x 512 px, one face, or six of her, 1536 x 1024 px. Besides photos
per second, it measures the server's CPU time per photo, which depends less on other programs. Writes
benchmarks/results/serve_throughput.json.
"""

from __future__ import annotations

import argparse
import http.client
import io
import os
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from layout import RESULTS, commit, keep, this_machine
from PIL import Image
from skimage import data

RESULT = RESULTS / "serve_throughput.json"
WORKERS = 2
CLIENTS = (1, 8)


def photos() -> dict[str, bytes]:
    """The photos, as JPEG files."""
    one = Image.fromarray(np.asarray(data.astronaut()))
    six = Image.new("RGB", (3 * one.width, 2 * one.height))
    for column, row in product(range(3), range(2)):
        six.paste(one, (column * one.width, row * one.height))
    encoded = {}
    for name, image in (("one face", one), ("six faces", six)):
        stream = io.BytesIO()
        image.save(stream, "JPEG", quality=90)
        encoded[name] = stream.getvalue()
    return encoded


def serve(port: int) -> None:
    """Serve in this process."""
    from mien.serve.app import create_app
    from mien.serve.server import listen, server_of

    server_of(create_app(workers=WORKERS)).run(sockets=[listen("127.0.0.1", port)])


@contextmanager
def server(port: int) -> Iterator[int]:
    """Run a server, and yield its process."""
    process = subprocess.Popen([sys.executable, __file__, "--serve", str(port)])
    try:
        while True:
            try:
                ask(http.client.HTTPConnection("127.0.0.1", port), "GET", "/healthz")
                break
            except ConnectionRefusedError:
                if process.poll() is not None:
                    raise SystemExit(f"The server ended with status {process.returncode}; see above.") from None
                time.sleep(0.1)
        yield process.pid
    finally:
        process.terminate()
        process.wait()


def ask(connection: http.client.HTTPConnection, method: str, path: str, body: bytes = b"") -> bytes:
    """Return the body of a response."""
    connection.request(method, path, body)
    response = connection.getresponse()
    found = response.read()
    if response.status != 200:
        raise SystemExit(f"{response.status}: {found!r}")
    return found


def cpu_seconds(process: int) -> float:
    """CPU time of a process so far."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def send(port: int, photo: bytes, n: int) -> None:
    """Run one client."""
    connection = http.client.HTTPConnection("127.0.0.1", port)
    for _ in range(n):
        ask(connection, "POST", "/v1/analyze", photo)


def round_of(port: int, process: int, photo: bytes, clients: int, n: int) -> tuple[float, float]:
    """Return photos per second, and milliseconds of CPU time per photo."""
    threads = [threading.Thread(target=send, args=(port, photo, n // clients)) for _ in range(clients)]
    cpu, began = cpu_seconds(process), time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return n / (time.perf_counter() - began), 1000 * (cpu_seconds(process) - cpu) / n


def main() -> None:
    """Measure and write the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", type=int, default=64, help="a round; a multiple of 8")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--port", type=int, default=8765)
    parser.add_argument("--serve", type=int, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.photos < 1 or given.photos % CLIENTS[-1]:
        parser.error(f"--photos {given.photos}: expected a multiple of {CLIENTS[-1]}, as many for each client")
    if given.serve:
        serve(given.serve)
        return
    found: dict[tuple[str, int], list[tuple[float, float]]] = {}
    with server(given.port) as process:
        for _, (name, photo), clients in product(range(given.rounds), photos().items(), CLIENTS):
            send(given.port, photo, 2)  # warms up
            found.setdefault((name, clients), []).append(round_of(given.port, process, photo, clients, given.photos))
    rows: list[dict[str, Any]] = [
        {
            "photo": name,
            "clients": clients,
            "photos_per_second": round(statistics.median(rate for rate, _ in rounds), 1),
            "photos_per_second_range": [round(f(rate for rate, _ in rounds), 1) for f in (min, max)],
            "server_cpu_ms_per_photo": round(statistics.median(cpu for _, cpu in rounds), 1),
        }
        for (name, clients), rounds in found.items()
    ]
    result = {
        "measured": f"POST /v1/analyze, {given.rounds} rounds of {given.photos} photos, medians; {WORKERS} workers",
        "commit": commit(),
        "rows": rows,
        "load_average_at_end": round(os.getloadavg()[0], 1),
        "machine": this_machine(),
    }
    keep(result, RESULT)


if __name__ == "__main__":
    main()
