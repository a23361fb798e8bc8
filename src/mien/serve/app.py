"""The application: routes, errors and the page."""

from __future__ import annotations

import dataclasses
import json
import mimetypes
import threading
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Depends, FastAPI, Query
from fastapi.exceptions import RequestValidationError
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, JSONResponse, Response

import mien
from mien.analysis import Analyzer, cores
from mien.checking import check_number
from mien.errors import InputError
from mien.faces.detect import Detector
from mien.recognizer import Recognizer
from mien.serve.access import check_origins, check_token
from mien.serve.limits import Limits
from mien.serve.metrics import Metrics
from mien.serve.middleware import Guard, Lingering, OtherPages, Outermost, error_answer
from mien.serve.schema import (
    FRAME_LINE,
    LINES,
    METRICS_TEXT,
    OR_NO_TOKEN,
    PHOTO_BODY,
    VIDEO_BODY,
    HealthAnswer,
    ModelAnswer,
    PhotoAnswer,
    refusals,
)
from mien.serve.service import Service
from mien.serve.upload import read_upload
from mien.serve.video import Videos
from mien.web import PAGE

mimetypes.add_type("text/javascript", ".js")  # Windows may know it as plain text, which browsers do not run

_ABOUT = """Reads facial expressions in photos and videos.

An expression is the label that raters give to a picture; it is not what a person feels. Photos are held in memory while
they are analysed; a video lies in a temporary file while it is read. Neither is kept."""


def create_app(
    model: str | Path | Recognizer | None = None,
    *,
    detector: Detector | None = None,
    token: str | None = None,
    limits: Limits | None = None,
    workers: int | None = None,
    allow_origins: Sequence[str] = (),
) -> FastAPI:
    """Make the application that `mien serve` runs.

    Args:
        model: a model folder, the name of a shipped model, or a `Recognizer`; None is the shipped default.
        detector: finds the faces; None is `YuNet`. Several threads use it at once.
        token: what clients must send; without one, only clients on this machine are answered.
        limits: what is refused; None has the defaults of `Limits`.
        workers: threads that analyse photos; None is the number of cores, 4 at most.
        allow_origins: of other web pages that may use this server, such as ``http://localhost:3000``; they must send
            the token.

    Raises:
        InputError: the token is empty or no text, `workers` is below 1, or an origin is malformed or without a token.
        ModelError: there is no such model.
    """
    if token is not None and (not isinstance(token, str) or not token.strip()):
        raise InputError("token: is empty, or not text; with None, only this machine is answered.")
    token = token and token.strip()
    check_origins(allow_origins, token)
    if workers is not None:
        check_number("workers", workers, 1, whole=True)
    limits = Limits() if limits is None else limits
    analyzer = Analyzer(model=model, detector=detector)
    metrics = Metrics()

    def begin() -> None:
        threads = min(4, cores()) if workers is None else workers
        app.state.service = Service(analyzer, limits=limits, workers=threads, metrics=metrics)
        app.state.videos = Videos(analyzer, limits, app.state.stopping)

    @asynccontextmanager
    async def started(app: FastAPI) -> AsyncIterator[None]:
        begin()
        yield
        app.state.service.close()
        app.state.videos.close()

    # no Swagger pages: they load scripts from another server, which the content security policy forbids
    app = FastAPI(
        title="mien",
        version=mien.__version__,
        description=_ABOUT,
        servers=[{"url": "."}],  # from the place of /openapi.json, behind a proxy's prefix too
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,  # /v1/analyze/ gets 404 with an `error`, not a redirect without a body
        generate_unique_id_function=lambda route: route.name.strip("_"),
        lifespan=started,
    )
    app.state.token, app.state.limits, app.state.metrics = token, limits, metrics
    app.state.stopping, app.state.begin = threading.Event(), begin
    app.state.card = json.loads(analyzer.recognizer.card.to_json())
    app.include_router(_api)
    app.include_router(_open)
    app.mount("/static", StaticFiles(directory=PAGE))
    app.add_middleware(Guard)
    app.add_middleware(Lingering, stopping=app.state.stopping)
    if allow_origins:  # outside Guard, so that those pages can read its refusals too
        app.add_middleware(OtherPages, allow_origins=allow_origins)
    app.add_middleware(Outermost)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(InputError, _input_error)
    app.add_exception_handler(RequestValidationError, _argument_error)
    app.add_exception_handler(ClientDisconnect, _gone)
    return app


_api = APIRouter(dependencies=[Depends(check_token)])
_open = APIRouter()  # answers without the token


@_api.post(
    "/v1/analyze",
    summary="Read the expressions of the faces in a photo",
    response_model=PhotoAnswer,
    responses=refusals(401, 403, 408, 413, 422, 429, 504),
    openapi_extra={"requestBody": PHOTO_BODY, **OR_NO_TOKEN},
)
async def _analyze(request: Request) -> Response:
    """Send the photo's file as the body, or as the field `photo` of a multipart form."""
    state = request.app.state
    analysis = await state.service.analyze(lambda: read_upload(request, state.limits.upload_bytes))
    return JSONResponse(analysis.to_dict())


@_api.post(
    "/v1/video",
    summary="Read the expressions in a video",
    response_class=Response,
    responses={
        200: {
            "description": LINES,
            "content": {"application/x-ndjson": {"schema": {"type": "string"}, "example": FRAME_LINE}},
        },
        **refusals(401, 403, 408, 413, 422, 429, 501, 503),
    },
    openapi_extra={"requestBody": VIDEO_BODY, **OR_NO_TOKEN},
)
async def _video(
    request: Request, every: Annotated[int, Query(ge=1, description="1 reads each frame, n each n-th.")] = 1
) -> Response:
    """Send the video's file as the body: MP4, MOV, Matroska, WebM or AVI. It is deleted with the last line."""
    answer: Response = await request.app.state.videos.answer(request, every)
    return answer


@_api.head("/v1/model", include_in_schema=False)
@_api.get(
    "/v1/model",
    summary="The model's card, and the server's limits",
    response_model=ModelAnswer,
    responses=refusals(401, 403),
    openapi_extra=OR_NO_TOKEN,
)
async def _model(request: Request) -> Response:
    state = request.app.state
    limits = dataclasses.asdict(state.limits)
    return JSONResponse({"mien": mien.__version__, "card": state.card, "limits": limits})


@_api.head("/metrics", include_in_schema=False)
@_api.get(
    "/metrics",
    summary="Counts and times for Prometheus",
    response_class=Response,  # no content type of its own, for its refusals are JSON
    responses={
        200: {"content": {"text/plain": {"schema": {"type": "string"}, "example": METRICS_TEXT}}},
        **refusals(401, 403),
    },
    openapi_extra=OR_NO_TOKEN,
)
async def _metrics(request: Request) -> Response:
    return Response(request.app.state.metrics.text(), media_type="text/plain; version=0.0.4; charset=utf-8")


@_open.head("/healthz", include_in_schema=False)
@_open.get("/healthz", summary="Whether the server answers", response_model=HealthAnswer, responses=refusals(403))
async def _health() -> dict[str, str]:
    return {"status": "ok"}


@_open.api_route("/", methods=["GET", "HEAD"], include_in_schema=False)
async def _page() -> Response:
    return FileResponse(PAGE / "index.html", media_type="text/html; charset=utf-8")


_NO_OFFLINE_PAGE = """\
self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(self.registration.unregister()
  .then(() => self.clients.matchAll()).then((all) => all.forEach((client) => client.navigate(client.url)))));
"""


@_open.api_route("/offline.js", methods=["GET", "HEAD"], include_in_schema=False)
async def _offline() -> Response:
    """End the service worker of a page of `mien web` once visited at this address, which it would still show."""
    return Response(_NO_OFFLINE_PAGE, media_type="text/javascript")


async def _http_error(request: Request, error: Any) -> Response:
    return error_answer(error.status_code, error.detail, error.headers)


async def _input_error(request: Request, error: Exception) -> Response:
    return error_answer(422, str(error))


async def _argument_error(request: Request, error: Any) -> Response:
    found = [f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors()]
    return error_answer(422, "; ".join(found))


async def _gone(request: Request, error: Exception) -> Response:
    return error_answer(400, "the client disconnected before the upload ended.")
