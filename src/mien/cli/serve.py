"""`mien serve`."""

from __future__ import annotations

import math
import secrets
import socket
from typing import Annotated

import typer

from mien.cli.detection import AnyAngle, MinFace, detector_of
from mien.cli.models import Model


def _above_zero(value: float) -> float:
    """Refuse 0, negative numbers, infinity and NaN; typer's own `min` accepts 0 and NaN."""
    if not 0 < value < math.inf:
        raise typer.BadParameter(f"{value:g}; expected a finite number above 0.")
    return value


Token = Annotated[
    str | None,
    typer.Option(envvar="MIEN_TOKEN", help="Token that clients must send; default: generated if needed."),
]
AllowOrigin = Annotated[
    list[str] | None,
    typer.Option(
        metavar="ORIGIN",
        help="Origin of another web page that may send requests, such as http://localhost:3000; it needs the token. "
        "Repeatable.",
        show_default=False,
    ),
]


def serve(
    host: Annotated[str, typer.Option(help="Address to listen on; all except loopback need a token.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port; 0 picks a free one.")] = 8000,
    model: Model = None,
    token: Token = None,
    max_upload_mb: Annotated[float, typer.Option(callback=_above_zero, help="Largest upload, MB.")] = 20,
    max_megapixels: Annotated[
        float, typer.Option(callback=_above_zero, help="Largest photo, millions of pixels.")
    ] = 50,
    max_video_mb: Annotated[
        float, typer.Option(callback=_above_zero, help="Largest video, MB; one is read at a time.")
    ] = 200,
    max_photos: Annotated[
        int, typer.Option(min=1, help="Photos uploading, waiting or being analysed; more are refused.")
    ] = 32,
    timeout_s: Annotated[
        float,
        typer.Option(callback=_above_zero, help="Longest time to upload or to analyse a photo, seconds."),
    ] = 30,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Threads that analyse photos; default: the number of cores, at most 4.")
    ] = None,
    min_face: MinFace = None,
    any_angle: AnyAngle = False,
    allow_origin: AllowOrigin = None,
) -> None:
    """Serve the web page and the HTTP API."""
    from mien.serve.access import is_loopback
    from mien.serve.app import create_app
    from mien.serve.limits import Limits
    from mien.serve.server import listen, server_of

    token = token and token.strip()  # a variable read from a file may end in a line break
    needed = bool(allow_origin) or not is_loopback(host)
    made = secrets.token_urlsafe(24) if not token and needed else None
    limits = Limits(
        upload_bytes=round(max_upload_mb * 1e6),
        pixels=round(max_megapixels * 1e6),
        video_bytes=round(max_video_mb * 1e6),
        photos=max_photos,
        seconds=timeout_s,
    )
    detector = detector_of(min_face, any_angle)
    token, origins = token or made or None, allow_origin or ()
    app = create_app(model, detector=detector, token=token, limits=limits, workers=workers, allow_origins=origins)
    listener = listen(host, port)
    _print_address(socket.gethostname() if host in ("", "0.0.0.0", "::") else host, listener.getsockname()[1], made)
    waiting = "mien serve: finishing requests in progress; press Ctrl-C again to stop at once"
    server_of(app, on_waiting=lambda: typer.echo(waiting, err=True)).run(sockets=[listener])


def _print_address(name: str, port: int, made: str | None) -> None:
    """Print the server's address, and the token if one was generated."""
    url = f"http://{f'[{name}]' if ':' in name else name}:{port}/"
    typer.echo(f"mien serve: {url}{f'#token={made}' if made else ''}  (Ctrl-C stops it)", err=True)
    if made:
        typer.echo(f"mien serve: clients must send the header 'Authorization: Bearer {made}'", err=True)
