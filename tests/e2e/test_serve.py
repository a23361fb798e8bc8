"""`mien serve` over a real socket."""

from __future__ import annotations

import asyncio
import http.client
import io
import json
import os
import re
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from fastapi import FastAPI
from PIL import Image, ImageEnhance
from prometheus_client.parser import text_string_to_metric_families
from serving import Client, form, running
from tiny_model import write_tiny_model
from typer.testing import CliRunner

import mien
from mien import Analyzer, InputError, Recognizer, YuNet
from mien.cli import build_app
from mien.serve.app import create_app
from mien.serve.limits import Limits
from mien.serve.metrics import Metrics
from mien.serve.schema import ErrorAnswer, HealthAnswer, ModelAnswer, PhotoAnswer
from mien.serve.server import listen
from mien.serve.service import Service
from mien.serve.upload import Upload

WANTED = "Access-Control-Request-Method"


def encoded(image: Image.Image, kind: str = "JPEG") -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind)
    return stream.getvalue()


@pytest.fixture(scope="module")
def astronaut() -> Image.Image:
    from skimage import data

    return Image.fromarray(np.asarray(data.astronaut()))


@pytest.fixture(scope="module")
def photo(astronaut: Image.Image) -> bytes:
    return encoded(astronaut)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_model(tmp_path_factory.mktemp("serve") / "tiny")


@pytest.fixture(scope="module")
def client(model: Path) -> Iterator[Client]:
    with running(create_app(model, workers=2)) as client:
        yield client


class Held:
    """A detector that finds no face, and not before it is let go."""

    def __init__(self) -> None:
        self.go = threading.Event()
        self.entered = threading.Semaphore(0)

    def detect(self, image: np.ndarray) -> list[mien.Face]:
        self.entered.release()
        assert self.go.wait(20)
        return []


def test_a_raw_photo_gives_what_analyze_gives(client: Client, photo: bytes, model: Path) -> None:
    answer = client.analyze(photo)
    assert answer.status == 200
    expected = mien.analyze(photo, model=model).to_dict()
    assert len(expected["faces"]) == 1
    assert answer.json == json.loads(json.dumps(expected | {"source": "<photo>"}))
    PhotoAnswer.model_validate_json(answer.body, strict=False)


def test_the_service_says_what_its_model_knows(model: Path) -> None:
    async def upload() -> Upload:
        return Upload(encoded(Image.new("RGB", (64, 48))), "grey.jpg")

    recognizer = Recognizer.load(model)
    service = Service(Analyzer(model=recognizer), limits=Limits(), workers=1, metrics=Metrics())
    try:
        assert asyncio.run(service.analyze(upload)).labels == recognizer.card.labels
    finally:
        service.close()


def test_a_form_gives_the_same_and_keeps_the_name(client: Client, photo: bytes) -> None:
    body, headers = form(photo, name="Gruppe – 写真.jpg")
    answer = client.analyze(body, **headers)
    assert answer.status == 200
    assert answer.json == client.analyze(photo).json | {"source": "Gruppe – 写真.jpg"}


def test_a_photo_without_faces_is_no_error(client: Client) -> None:
    answer = client.analyze(encoded(Image.new("RGB", (64, 48))))
    assert (answer.status, answer.json["faces"], answer.json["size"]) == (200, [], [64, 48])


def test_every_client_gets_its_own_answer_and_the_model_runs_once_at_a_time(
    astronaut: Image.Image, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    photos = [encoded(ImageEnhance.Brightness(astronaut).enhance(level)) for level in np.linspace(0.5, 1.2, 6)]
    expected = [[face.to_dict() for face in mien.analyze(photo, model=model).faces] for photo in photos]
    assert len({json.dumps(faces) for faces in expected}) == 6
    recognizer, detector = Recognizer.load(model), YuNet()
    read, detect = recognizer.probabilities, detector.detect
    found, free = threading.Barrier(3), threading.Lock()  # all workers come to the model at the same time

    def together(image: np.ndarray) -> list[mien.Face]:
        faces = detect(image)
        found.wait(20)
        return faces

    def alone(faces: np.ndarray, batch_size: int) -> np.ndarray:
        assert free.acquire(blocking=False)
        time.sleep(0.1)  # for the others to come
        rows = read(faces, batch_size)
        free.release()
        return rows

    monkeypatch.setattr(detector, "detect", together)
    monkeypatch.setattr(recognizer, "probabilities", alone)
    with running(create_app(recognizer, detector=detector, workers=3)) as client, ThreadPoolExecutor(6) as clients:
        answers = list(clients.map(client.analyze, photos))
        assert [answer.json.get("faces") for answer in answers] == expected
        assert client.metric("mien_faces_total") == 6


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "<photo>: is empty, 0 bytes."),
        (b"hello", "<photo>: not a photo in a known format"),
        (b"cut", "<photo>: damaged"),
        (b"\0\0\0\x18ftypisom\0\0\0\0isom", "<photo>: is a video, not a photo; send it to /v1/video."),
    ],
)
def test_what_is_no_photo_is_refused_in_words(client: Client, photo: bytes, body: bytes, message: str) -> None:
    answer = client.analyze(photo[: len(photo) // 2] if body == b"cut" else body)
    assert answer.status == 422
    assert answer.error.startswith(message)
    ErrorAnswer.model_validate_json(answer.body)


def test_a_decompression_bomb_is_refused(client: Client) -> None:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    pixels = zlib.compress(bytes(100_000))
    bomb = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")
    answer = client.analyze(bomb)
    assert answer.status == 413
    assert answer.error == "<photo>: 60000 x 60000 px; at most 50 megapixels are read."


def test_too_many_pixels_are_refused_before_they_are_decoded(client: Client) -> None:
    answer = client.analyze(encoded(Image.new("1", (10_000, 6_000)), "PNG"))
    assert answer.status == 413
    assert answer.error == "<photo>: 10000 x 6000 px; at most 50 megapixels are read."


@pytest.mark.parametrize(
    ("field", "extra", "message"),
    [
        ("picture", b"", "multipart form: no file in the field 'photo'; found 'picture'."),
        ("photo", form(b"x")[0], "multipart form: more than one file; send one photo in a request."),
    ],
)
def test_a_form_without_exactly_one_photo_is_refused(client: Client, field: str, extra: bytes, message: str) -> None:
    body, headers = form(b"x", field)
    answer = client.analyze(body.replace(b"--cut--\r\n", extra) if extra else body, **headers)
    assert answer.status == 422
    assert message in answer.error


def test_a_form_without_boundary_is_refused(client: Client) -> None:
    answer = client.analyze(b"x", **{"Content-Type": "multipart/form-data"})
    assert (answer.status, answer.error[:33]) == (422, "multipart form: Missing boundary ")


def test_a_form_may_state_any_charset(client: Client, photo: bytes) -> None:
    """Some cannot be read in UTF-8 afterwards, some not at all."""
    body, headers = form(photo, name="+2AA-.jpg")
    stated = headers["Content-Type"] + "; charset="
    answer = client.analyze(body, **{"Content-Type": stated + "utf-7"})
    assert (answer.status, answer.json["source"]) == (200, "?.jpg")
    answer = client.analyze(body, **{"Content-Type": stated + "undefined"})
    assert answer.status == 422 and "names are not in the charset" in answer.error


def test_large_uploads_are_refused_with_and_without_a_stated_length(model: Path) -> None:
    with running(create_app(model, limits=Limits(upload_bytes=1000))) as client:
        message = "the upload is too large; at most 0.001 MB are accepted here."
        for body in (bytes(1001), iter([bytes(600), bytes(600)])):
            answer = client.analyze(body)
            assert (answer.status, answer.error) == (413, message)
        body, headers = form(bytes(1001))
        assert client.analyze(iter([body]), **headers).status == 413
        assert client.analyze(bytes(1000)).status == 422


def by_urllib(url: str, body: bytes) -> tuple[int, bytes]:
    """Ask as clients do that send all before they read, and whose connection ends with the answer."""
    try:
        with urllib.request.urlopen(url, body, timeout=20) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code, refused.read()


def test_a_refusal_is_read_by_clients_that_send_all_first(model: Path) -> None:
    large = bytes(30_000_000)  # more than the buffers between both ends hold
    with running(create_app(model, limits=Limits(upload_bytes=1000, video_bytes=1000))) as client:
        for path in ("/v1/analyze", "/v1/video"):
            status, body = by_urllib(client.url + path, large)
            assert (status, json.loads(body)["error"][:29]) == (413, "the upload is too large; at m")
        assert by_urllib(f"{client.url}/nothing", large)[0] == 404
    with running(create_app(model, token="secret")) as client:
        assert by_urllib(f"{client.url}/v1/analyze", large)[0] == 401


LARGE_AND_LAST = (
    b"POST /v1/analyze HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000000\r\nConnection: close\r\n\r\n"
)


def test_a_client_that_has_its_answer_holds_no_place_and_is_waited_for_a_while(
    model: Path, photo: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mien.serve.middleware.LINGER_S", 2.0)
    with (
        running(create_app(model, limits=Limits(photos=1, upload_bytes=1_000_000))) as client,
        socket.create_connection(("127.0.0.1", client.port), timeout=10) as sender,
    ):
        sender.sendall(LARGE_AND_LAST + b"x")
        begun, answer = time.monotonic(), b""
        while not answer.endswith(b'are accepted here."}'):  # at once
            answer += sender.recv(4096)
        assert answer.startswith(b"HTTP/1.1 413 ") and time.monotonic() - begun < 1.5
        assert client.analyze(photo).status == 200
        assert sender.recv(4096) == b""
        assert time.monotonic() - begun >= 1.9


def test_no_more_is_read_of_a_refused_upload_than_is_said(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mien.serve.middleware.LINGER_BYTES", 1_000_000)
    with (
        running(create_app(model)) as client,
        socket.create_connection(("127.0.0.1", client.port), timeout=10) as sender,
    ):
        sender.sendall(LARGE_AND_LAST)
        with pytest.raises((BrokenPipeError, ConnectionResetError)):
            for _ in range(500):
                sender.sendall(bytes(1_000_000))


def test_a_client_that_waits_to_be_asked_is_not_waited_for(model: Path) -> None:
    with (
        running(create_app(model)) as client,
        socket.create_connection(("127.0.0.1", client.port), timeout=5) as sender,
    ):
        sender.sendall(LARGE_AND_LAST.replace(b"\r\n\r\n", b"\r\nExpect: 100-continue\r\n\r\n"))
        answer = b"".join(iter(lambda: sender.recv(4096), b""))
        assert answer.startswith(b"HTTP/1.1 413 ")


def test_no_photo_is_written_to_disk(
    client: Client, astronaut: Image.Image, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "missing"))  # so nothing can be written there
    body, headers = form(encoded(astronaut.resize((1024, 1024)), "BMP"))
    assert len(body) > 3_000_000
    assert client.analyze(body, **headers).status == 200


def test_more_photos_than_places_are_told_to_come_back(model: Path, photo: bytes) -> None:
    detector = Held()
    app = create_app(model, detector=detector, limits=Limits(photos=2), workers=1)
    with running(app) as client, ThreadPoolExecutor(2) as clients:
        waiting = [clients.submit(client.analyze, photo) for _ in range(2)]
        assert detector.entered.acquire(timeout=10)
        until = time.monotonic() + 10
        while client.metric("mien_photos_in_hand") < 2:
            assert time.monotonic() < until
        refused = client.analyze(photo)
        assert (refused.status, refused.headers["retry-after"]) == (429, "1")
        assert refused.error == "2 photos are waiting or being analysed, no more are accepted; try again soon."
        detector.go.set()
        assert [future.result().status for future in waiting] == [200, 200]
        assert client.analyze(photo).status == 200


def test_a_slow_analysis_is_given_up_but_keeps_its_place_until_it_ends(model: Path, photo: bytes) -> None:
    detector = Held()
    with running(create_app(model, detector=detector, limits=Limits(photos=1, seconds=0.3), workers=1)) as client:
        late = client.analyze(photo)
        assert late.status == 504
        assert late.error.startswith("<photo>: the analysis took more than 0.3 s;")
        assert client.analyze(photo).status == 429
        detector.go.set()
        until = time.monotonic() + 10
        while client.metric("mien_photos_in_hand"):
            assert time.monotonic() < until
        assert client.analyze(photo).status == 200


def test_a_slow_upload_is_given_up_with_its_connection(model: Path) -> None:
    with (
        running(create_app(model, limits=Limits(seconds=0.2))) as client,
        socket.create_connection(("127.0.0.1", client.port), timeout=10) as sender,
    ):
        sender.sendall(b"POST /v1/analyze HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\nx")
        answer = b"".join(iter(lambda: sender.recv(4096), b""))  # until the server closes it
        assert answer.startswith(b"HTTP/1.1 408 ")
        assert answer.endswith(b'{"error":"the upload took more than 0.2 s."}')


@pytest.mark.parametrize("value", [0, -1, float("nan"), float("inf")])
def test_a_limit_that_is_none_is_refused(value: float) -> None:
    with pytest.raises(InputError, match=rf"limit seconds is {value}; expected a finite number above 0"):
        Limits(seconds=value)


@pytest.mark.parametrize("option", ["--max-upload-mb", "--max-megapixels", "--max-video-mb", "--timeout-s"])
@pytest.mark.parametrize("value", ["0", "-1", "nan", "inf"])
def test_an_option_that_is_no_limit_is_wrong_usage(option: str, value: str) -> None:
    done = CliRunner().invoke(build_app(), ["serve", option, value])
    assert done.exit_code == 2
    said = " ".join(done.stderr.replace("│", " ").split())
    assert f"Invalid value for '{option}': {value}; expected a finite number above 0." in said


def test_with_a_token_only_those_who_send_it_are_answered(model: Path, photo: bytes) -> None:
    with running(create_app(model, token="gehéim")) as client:
        for given in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": "Basic gehéim"}):
            answer = client.analyze(photo, **given)
            assert (answer.status, answer.headers["www-authenticate"]) == (401, "Bearer")
            assert answer.error.startswith("the token is missing or wrong; send the header")
            assert client.get("/metrics", **given).status == client.get("/v1/model", **given).status == 401
            assert client.send("HEAD", "/v1/model", headers=given).status == 401
        assert client.get("/healthz").status == client.get("/").status == 200
        token = {"Authorization": "Bearer gehéim"}
        assert client.analyze(photo, **token).status == client.get("/metrics", **token).status == 200
        by_curl = {"Authorization": "Bearer gehéim".encode().decode("latin-1")}
        assert client.get("/v1/model", **by_curl).status == 200
        assert client.get("/healthz", Host="example.org").status == 200


@pytest.mark.parametrize("token", ["", " \n", 5])
def test_a_token_that_is_none_is_refused(model: Path, token: str) -> None:
    with pytest.raises(InputError, match="token: is empty, or not text"):
        create_app(model, token=token)


def test_what_can_be_read_can_be_asked_for_by_its_head(client: Client) -> None:
    for path in ("/", "/healthz", "/v1/model", "/metrics", "/offline.js", "/openapi.json", "/static/camera.js"):
        answer = client.send("HEAD", path)
        assert (answer.status, answer.body) == (200, b"")


def test_a_field_of_text_is_told_from_a_file(client: Client) -> None:
    body = b'--cut\r\nContent-Disposition: form-data; name="photo"\r\n\r\nhello\r\n--cut--\r\n'
    answer = client.analyze(body, **{"Content-Type": "multipart/form-data; boundary=cut"})
    assert (answer.status, "the field 'photo' holds text, not a file" in answer.error) == (422, True)


def test_without_a_token_only_this_machine_is_answered(client: Client, photo: bytes) -> None:
    answer = client.analyze(photo, Host="rebound.example.org:8000")
    assert answer.status == 403
    assert "answers on this machine only, not as 'rebound.example.org'; start it with a token" in answer.error
    for name in ("localhost:8000", "localhost.", "LOCALHOST.:8000", "127.0.0.1", "[::1]:8000"):
        assert client.get("/", Host=name).status == 200
    for name in ("a{b.example.org:8000", "localhost..", "localhost.example.org", "[", "evil.example.org", ""):
        assert client.get("/", Host=name).status in (400, 403), name


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("X-Forwarded-For", "203.0.113.9"),
        ("X-Forwarded-Host", "mien.example.org"),
        ("X-Forwarded-Proto", "https"),
        ("Forwarded", "for=203.0.113.9"),
        ("X-Real-Ip", "203.0.113.9"),
        ("Via", "1.1 proxy"),
    ],
)
def test_without_a_token_nothing_is_answered_that_a_proxy_sent_on(
    client: Client, photo: bytes, model: Path, name: str, value: str
) -> None:
    answer = client.analyze(photo, **{name: value})
    assert answer.status == 403
    assert answer.error == (
        "this server has no token and answers on this machine only, but a proxy forwarded this request, as its header "
        f"'{name}' says; start it with a token."
    )
    assert client.get("/", **{name: value}).status == 403
    with running(create_app(model, token="secret")) as guarded:
        given = {name: value, "Host": "mien.example.org", "Authorization": "Bearer secret"}
        assert guarded.get("/v1/model", **given).status == 200


def test_without_a_token_no_other_web_page_is_answered(client: Client, photo: bytes, model: Path) -> None:
    for origin in ("https://example.org", "http://localhost:3000", f"https://127.0.0.1:{client.port}", "null"):
        answer = client.analyze(photo, Origin=origin)
        assert answer.status == 403
        assert (
            f"answers its own page only, not '{origin}'; start it with a token, and with --allow-origin" in answer.error
        )
    assert client.analyze(photo, Origin=client.url).status == 200
    with running(create_app(model, token="secret")) as guarded:
        own = {"Origin": "https://proxy.example.org", "Authorization": "Bearer secret"}
        assert guarded.analyze(photo, **own).status == 200
        assert "access-control-allow-origin" not in guarded.analyze(photo, **own).headers


def test_pages_of_allowed_origins_are_answered_with_a_token(model: Path, photo: bytes) -> None:
    page, other = "http://localhost:3000", "http://localhost:3001"
    asks = {WANTED: "POST", "Access-Control-Request-Headers": "authorization,content-type"}
    with running(create_app(model, token="secret", allow_origins=[page])) as client:
        preflight = client.send("OPTIONS", "/v1/analyze", headers=asks | {"Origin": page})
        assert (preflight.status, preflight.headers["access-control-allow-origin"]) == (200, page)
        assert "authorization" in preflight.headers["access-control-allow-headers"].lower()
        token = {"Authorization": "Bearer secret"}
        answer = client.analyze(photo, Origin=page, **token)
        assert (answer.status, answer.headers["access-control-allow-origin"]) == (200, page)
        refused = client.analyze(photo, Origin=page)  # which the page can read, too
        assert (refused.status, refused.headers["access-control-allow-origin"]) == (401, page)
        assert client.send("OPTIONS", "/v1/analyze", headers=asks | {"Origin": other}).status == 400
        assert "access-control-allow-origin" not in client.analyze(photo, Origin=other, **token).headers


def test_preflights_are_answered_as_all_else_is(model: Path) -> None:
    page, other = "http://localhost:3000", "http://localhost:3001"
    asks = {WANTED: "POST", "Access-Control-Request-Headers": "authorization"}
    with running(create_app(model, token="secret", allow_origins=[page])) as client:
        allowed = client.send("OPTIONS", "/v1/analyze", headers=asks | {"Origin": page})
        refused = client.send("OPTIONS", "/v1/analyze", headers=asks | {"Origin": other})
        unknown = client.send("OPTIONS", "/v1/analyze", headers=asks | {"Origin": page} | {WANTED: "DELETE"})
        for answer in (allowed, refused, unknown):
            assert answer.headers["x-content-type-options"] == "nosniff"
            assert answer.headers["cache-control"] == "no-store"
            assert "Origin" in answer.headers["vary"]
        assert (allowed.status, refused.status, unknown.status) == (200, 400, 400)
        assert refused.error.startswith("Disallowed CORS origin; --allow-origin names the pages;")
        assert unknown.error.startswith("Disallowed CORS method; ")
        assert "access-control-allow-origin" not in refused.headers
        token = {"Authorization": "Bearer secret"}
        counted = client.get("/metrics", **token).body.decode()
        assert 'mien_requests_total{path="/v1/analyze",status="400"} 2.0' in counted


def test_allowed_pages_may_ask_from_the_internet_for_a_private_network(model: Path) -> None:
    page, other = "https://app.example.org", "https://example.org"
    asks = {WANTED: "POST", "Access-Control-Request-Private-Network": "true"}
    with running(create_app(model, token="secret", allow_origins=[page])) as client:
        answer = client.send("OPTIONS", "/v1/analyze", headers=asks | {"Origin": page})
        assert (answer.status, answer.headers["access-control-allow-private-network"]) == (200, "true")
        assert client.send("OPTIONS", "/v1/analyze", headers=asks | {"Origin": other}).status == 400
        unasked = client.send("OPTIONS", "/v1/analyze", headers={WANTED: "POST", "Origin": page})
        assert "access-control-allow-private-network" not in unasked.headers


def test_allowed_pages_can_read_errors_of_the_server_itself(model: Path, photo: bytes) -> None:
    class Broken:
        def detect(self, image: np.ndarray) -> list[mien.Face]:
            raise RuntimeError("a secret path")

    page = "http://localhost:3000"
    with running(create_app(model, detector=Broken(), token="secret", allow_origins=[page])) as client:
        answer = client.analyze(photo, Origin=page, Authorization="Bearer secret")
        assert (answer.status, answer.headers["access-control-allow-origin"]) == (500, page)
        assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    ("origins", "token", "message"),
    [
        (["http://localhost:3000/"], "secret", "origin 'http://localhost:3000/': expected a scheme, host and port"),
        (["*"], "secret", r"origin '\*': expected"),
        (["localhost:3000"], "secret", "origin 'localhost:3000': expected"),
        (["http://localhost:80"], "secret", "browsers leave that port out; write 'http://localhost'"),
        (["https://a.example:443"], "secret", "browsers leave that port out; write 'https://a.example'"),
        (["http://[::1]:80"], "secret", r"leave that port out; write 'http://\[::1\]'"),
        (["http://localhost:"], "secret", "leave that port out; write 'http://localhost'"),
        ("http://localhost:3000", "secret", "allow_origins: is text; expected a list"),
        (["http://localhost:3000"], None, "pages of other origins must send a token; give one"),
    ],
)
def test_origins_that_cannot_be_are_refused(model: Path, origins: list[str], token: str | None, message: str) -> None:
    with pytest.raises(InputError, match=message):
        create_app(model, token=token, allow_origins=origins)


def test_origins_with_a_port_that_browsers_name_are_taken(model: Path) -> None:
    origins = ["http://localhost:8080", "http://localhost:443", "https://a.example:80", "https://[::80]", "http://a"]
    create_app(model, token="secret", allow_origins=origins)


def test_the_model_is_described(client: Client, model: Path) -> None:
    answer = client.get("/v1/model")
    assert answer.json["card"] == json.loads((model / "card.json").read_text())
    assert answer.json["card"]["labels"][3] == "happy"
    assert answer.json["limits"]["upload_bytes"] == 20_000_000
    ModelAnswer.model_validate_json(answer.body)


def test_openapi_describes_uploads_answers_and_refusals_with_examples(client: Client) -> None:
    found = client.get("/openapi.json").json
    paths, schemas = found["paths"], found["components"]["schemas"]
    assert found["info"]["description"].startswith("Reads facial expressions in photos and videos.")
    assert paths.keys() == {"/v1/analyze", "/v1/video", "/v1/model", "/metrics", "/healthz"}
    analyze, video = paths["/v1/analyze"]["post"], paths["/v1/video"]["post"]
    assert (analyze["operationId"], video["operationId"]) == ("analyze", "video")
    assert {"image/jpeg", "multipart/form-data"} <= analyze["requestBody"]["content"].keys()
    assert {"200", "401", "403", "408", "413", "422", "429", "504"} == analyze["responses"].keys()
    assert {"200", "401", "403", "408", "413", "422", "429", "501", "503"} == video["responses"].keys()
    for status, answer in analyze["responses"].items():
        content = answer["content"]["application/json"]
        if status != "200":
            ErrorAnswer.model_validate(content["example"])
    for model in (PhotoAnswer, ModelAnswer, ErrorAnswer, HealthAnswer):
        model.model_validate(schemas[model.__name__]["example"])
    line = json.loads(video["responses"]["200"]["content"]["application/x-ndjson"]["example"])
    assert {"frame", "time_s", "faces"} <= line.keys()


def test_openapi_says_of_every_answer_which_kind_it_is(client: Client) -> None:
    found = client.get("/openapi.json").json
    operations = [(path, operation) for path, methods in found["paths"].items() for operation in methods.values()]
    for path, operation in operations:
        for status, answer in operation["responses"].items():
            if int(status) >= 400:
                assert answer["content"].keys() == {"application/json"}, (path, status)
                assert answer["content"]["application/json"]["schema"]["$ref"].endswith("/ErrorAnswer")
    metrics = found["paths"]["/metrics"]["get"]["responses"]["200"]["content"]
    assert metrics.keys() == {"text/plain"} and metrics["text/plain"]["schema"]["type"] == "string"
    refused = client.get("/healthz", Host="example.org")
    assert str(refused.status) in found["paths"]["/healthz"]["get"]["responses"]


def test_openapi_leaves_the_token_and_the_place_open(client: Client) -> None:
    found = client.get("/openapi.json").json
    for path, methods in found["paths"].items():
        for operation in methods.values():
            expected = None if path == "/healthz" else [{"HTTPBearer": []}, {}]
            assert operation.get("security") == expected, path
    assert found["servers"] == [{"url": "."}]


def test_pages_that_would_load_from_elsewhere_are_not_served(client: Client) -> None:
    assert [client.get(path).status for path in ("/docs", "/redoc")] == [404, 404]


def test_prometheus_reads_the_metrics(client: Client, photo: bytes) -> None:
    client.analyze(photo)
    answer = client.get("/metrics")
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    families = {family.name: family for family in text_string_to_metric_families(answer.body.decode())}
    assert {name: family.type for name, family in families.items() if not name.endswith("_created")} == {
        "mien_requests": "counter",
        "mien_faces": "counter",
        "mien_photos_in_hand": "gauge",
        "mien_photo_seconds": "histogram",
    }
    assert all(family.documentation for family in families.values())
    counted = {tuple(sample.labels.values()): sample.value for sample in families["mien_requests"].samples}
    assert counted["/v1/analyze", "200"] >= 1


def test_errors_of_the_router_are_json_too(client: Client) -> None:
    assert (client.get("/nothing").status, client.get("/nothing").error) == (404, "Not Found")
    assert (client.get("/v1/analyze").status, client.get("/v1/analyze").error) == (405, "Method Not Allowed")
    for answer in (client.send("POST", "/v1/analyze/", b""), client.get("/healthz/"), client.get("/static")):
        assert (answer.status, answer.error) == (404, "Not Found")


def test_an_error_of_the_server_itself_hides_its_details(photo: bytes, model: Path) -> None:
    class Broken:
        def detect(self, image: np.ndarray) -> list[mien.Face]:
            raise RuntimeError("a secret path")

    with running(create_app(model, detector=Broken())) as client:
        answer = client.analyze(photo)
        assert (answer.status, answer.error) == (500, "internal error; the reason is in the server's log.")
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert 'mien_requests_total{path="/v1/analyze",status="500"} 1.0' in client.get("/metrics").body.decode()


def test_headers_keep_the_page_to_itself(client: Client) -> None:
    for path in ("/", "/static/camera.js", "/healthz", "/nothing"):
        headers = client.get(path).headers
        assert headers["content-security-policy"].startswith("default-src 'none'; script-src 'self';")
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cross-origin-resource-policy"] == "same-origin"
    page = client.get("/").body.decode()
    for file in re.findall(r'(?:src|href)="(static/[^"]+)"', page):
        assert client.get(f"/{file}").status == 200
    assert not re.search(r"(?:src|href)=\"https?:", page)


def test_the_policy_for_openers_is_sent_where_browsers_heed_it(client: Client, model: Path) -> None:
    policy = "cross-origin-opener-policy"
    assert client.get("/").headers[policy] == client.get("/", Host="localhost:8000").headers[policy] == "same-origin"
    with running(create_app(model, token="secret")) as guarded:
        for name in ("192.168.1.20:8000", "mien.example.org", "["):
            assert policy not in guarded.get("/", Host=name).headers
        assert policy not in guarded.get("/", **{"X-Forwarded-For": "203.0.113.9"}).headers  # Host may be the proxy's
        by_https = {"Host": "mien.example.org", "X-Forwarded-Proto": "https"}
        assert guarded.get("/", **by_https).headers[policy] == "same-origin"


def test_requests_are_counted_by_path_and_status(model: Path) -> None:
    with running(create_app(model)) as client:
        for path in ("/healthz", "/healthz", "/a", "/b"):
            client.get(path)
        assert client.metric('mien_requests_total{path="/healthz",status="200"}') == 2
        assert client.metric('mien_requests_total{path="other",status="404"}') == 2


def started(*arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", "from mien.cli import main; main()", "serve", "--port", "0", *arguments]
    clean = {name: value for name, value in os.environ.items() if name != "MIEN_TOKEN"}
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=clean)


def test_it_works_inside_another_app(model: Path, photo: bytes) -> None:
    whole = FastAPI()
    whole.mount("/mien", create_app(model))
    whole.state.stopping, whole.state.limits = threading.Event(), Limits()  # which `running` asks for
    with running(whole) as client:
        assert client.send("POST", "/mien/v1/analyze", photo).json["faces"]


def test_the_command_says_where_it_is_and_stops_quietly(model: Path) -> None:
    with started("--model", str(model)) as server:
        line = server.stderr.readline()
        url = re.fullmatch(r"mien serve: (http://127\.0\.0\.1:\d+/)  \(Ctrl-C stops it\)\n", line)[1]
        with urllib.request.urlopen(f"{url}healthz", timeout=20) as answer:
            assert json.load(answer) == {"status": "ok"}
        server.send_signal(signal.SIGINT)
        assert server.stderr.read() == ""
        server.wait(20)


def test_a_server_that_stops_answers_what_it_has_in_work(model: Path, photo: bytes) -> None:
    detector, said = Held(), []
    app = create_app(model, detector=detector, workers=1)
    with running(app, lambda: said.append("waiting")) as client, ThreadPoolExecutor(2) as clients:
        waiting = [clients.submit(client.analyze, photo) for _ in range(2)]
        assert detector.entered.acquire(timeout=10)
        until = time.monotonic() + 10
        while client.metric("mien_photos_in_hand") < 2:
            assert time.monotonic() < until
        client.server.handle_exit(signal.SIGTERM, None)
        while True:  # until it listens no more
            try:
                client.get("/healthz")
            except (ConnectionError, http.client.HTTPException):
                break
            assert time.monotonic() < until
        assert not any(future.done() for future in waiting)
        detector.go.set()
        assert [future.result().status for future in waiting] == [200, 200]
    assert said == ["waiting"]


def test_on_other_addresses_the_command_makes_a_token(model: Path) -> None:
    with started("--model", str(model), "--host", "0.0.0.0") as server:
        port, token = re.fullmatch(r"mien serve: http://.+:(\d+)/#token=(\S+)  .+\n", server.stderr.readline()).groups()
        assert token in server.stderr.readline()
        client = Client(int(port))
        while True:
            try:
                assert client.get("/v1/model").status == 401
                break
            except ConnectionResetError:
                time.sleep(0.05)
        assert client.get("/v1/model", Authorization=f"Bearer {token}").status == 200
        server.send_signal(signal.SIGINT)
        server.wait(20)


def test_for_pages_elsewhere_the_command_makes_a_token(model: Path) -> None:
    page = "http://localhost:3000"
    with started("--model", str(model), "--allow-origin", page) as server:
        url, token = re.search(r"(http://\S+/)#token=(\S+)", server.stderr.readline()).groups()
        asked = urllib.request.Request(f"{url}v1/model", headers={"Origin": page, "Authorization": f"Bearer {token}"})
        with urllib.request.urlopen(asked, timeout=20) as answer:
            assert answer.headers["Access-Control-Allow-Origin"] == page
        server.send_signal(signal.SIGINT)


def test_the_body_of_an_answer_does_not_wait_for_word_that_its_head_has_come() -> None:
    with listen("127.0.0.1", 0) as listener, socket.create_connection(listener.getsockname()):
        connection, _ = listener.accept()
        with connection:
            assert connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_a_port_in_use_is_named(client: Client, model: Path) -> None:
    from mien.cli.serve import serve

    with pytest.raises(InputError, match=rf"127\.0\.0\.1 port {client.port}: cannot listen there: .+ in use"):
        serve("127.0.0.1", client.port, str(model), None, 20, 50, 200, 32, 30, None)
