"""`POST /v1/video` over a real socket."""

from __future__ import annotations

import asyncio
import gc
import http.client
import json
import select
import signal
import sys
import tempfile
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, closing, suppress
from pathlib import Path

import numpy as np
import pytest
from serving import Client, form, running
from starlette.types import Message
from tiny_model import write_tiny_model

pytest.importorskip("av", reason="needs PyAV, extra `video`")

from drawn_video import pan, write_video

import mien
from mien.serve.app import create_app
from mien.serve.limits import Limits
from mien.serve.video import Videos, _Lines
from mien.video import analyze_video


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("video")


@pytest.fixture(scope="module")
def model(folder: Path) -> Path:
    return write_tiny_model(folder / "tiny")


@pytest.fixture(scope="module")
def video(folder: Path) -> Path:
    return write_video(folder / "pan.mp4", pan(12))


@pytest.fixture(scope="module")
def client(model: Path) -> Iterator[Client]:
    with running(create_app(model)) as client:
        yield client


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where temporary files go meanwhile."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


class Stepwise:
    """A detector that looks at a frame each time it is let."""

    def __init__(self) -> None:
        self.steps = threading.Semaphore(0)

    def detect(self, image: np.ndarray) -> list[mien.Face]:
        assert self.steps.acquire(timeout=20)
        return []


def test_the_lines_are_the_frames_that_analyze_video_gives(
    client: Client, video: Path, model: Path, temporary: Path
) -> None:
    answer = client.send("POST", "/v1/video?every=3", video.read_bytes())
    assert (answer.status, answer.headers["content-type"]) == (200, "application/x-ndjson")
    expected = [
        frame.to_dict() | {"source": "<video>"} for frame in analyze_video(video, model=model, every=3).frames()
    ]
    assert [json.loads(line) for line in answer.body.splitlines()] == json.loads(json.dumps(expected))
    assert [len(frame["faces"]) for frame in expected] == [1, 1, 1, 1]
    assert list(temporary.iterdir()) == []


def test_lines_come_as_frames_are_read_and_a_client_that_leaves_frees_the_place(
    model: Path, video: Path, temporary: Path
) -> None:
    detector = Stepwise()
    with running(create_app(model, detector=detector)) as client:
        connection = http.client.HTTPConnection("127.0.0.1", client.port, timeout=20)
        connection.request("POST", "/v1/video", video.read_bytes())
        detector.steps.release()
        response = connection.getresponse()
        assert json.loads(response.readline())["frame"] == 0  # the second waits for the detector
        busy = client.send("POST", "/v1/video", b"")
        assert (busy.status, busy.headers["retry-after"]) == (429, "5")
        assert busy.error == "another video is being read; try again later."
        assert len(list(temporary.iterdir())) == (0 if sys.platform == "linux" else 1)  # see _temporary_file
        response.close()
        connection.close()
        detector.steps.release(20)
        until = time.monotonic() + 10
        while client.send("POST", "/v1/video", b"").status == 429:
            assert time.monotonic() < until
            time.sleep(0.05)
        assert list(temporary.iterdir()) == []


def begin_upload(client: Client, video: bytes) -> http.client.HTTPConnection:
    """Send all of a video but its last byte."""
    connection = http.client.HTTPConnection("127.0.0.1", client.port, timeout=20)
    connection.putrequest("POST", "/v1/video")
    connection.putheader("Content-Length", str(len(video)))
    connection.endheaders(video[:-1])
    return connection


def test_uploads_that_stall_hold_up_no_other_video(model: Path, video: Path) -> None:
    data, detector = video.read_bytes(), Stepwise()
    app = create_app(model, detector=detector)
    with running(app) as client, ExitStack() as connections:
        stalled = [connections.enter_context(closing(begin_upload(client, data))) for _ in range(3)]
        until = time.monotonic() + 10
        while app.state.videos._uploads < 3:  # while a video is read, one that comes late would be refused
            assert time.monotonic() < until
            time.sleep(0.01)
        detector.steps.release(12)
        assert client.send("POST", "/v1/video", data).status == 200
        until = time.monotonic() + 10
        while client.send("POST", "/v1/video", b"").status == 429:  # until that one is no longer read
            assert time.monotonic() < until
        two = [connections.enter_context(closing(begin_upload(client, data))) for _ in range(2)]
        answered, _, _ = select.select([each.sock for each in two], [], [], 10)  # the fifth, whichever that is
        (fifth,) = (each.getresponse() for each in two if each.sock in answered)
        assert fifth.status == 429
        assert json.loads(fifth.read())["error"] == "4 other videos are being uploaded; try again later."
        first, second = stalled[:2]
        first.send(data[-1:])
        detector.steps.release()
        response = first.getresponse()
        assert json.loads(response.readline())["frame"] == 0
        second.send(data[-1:])  # while the first is read
        refused = second.getresponse()
        assert (refused.status, refused.getheader("retry-after")) == (429, "5")
        detector.steps.release(11)
        assert len(response.read().splitlines()) == 11


def test_no_frame_is_decoded_for_a_client_that_has_left(model: Path, folder: Path) -> None:
    long = write_video(folder / "long.mp4", pan(12) * 200)
    with running(create_app(model)) as client:
        connection = http.client.HTTPConnection("127.0.0.1", client.port, timeout=20)
        connection.request("POST", "/v1/video?every=100000", long.read_bytes())
        assert json.loads(connection.getresponse().readline())["frame"] == 0  # no other follows
        connection.close()
        until = time.monotonic() + 5
        while client.send("POST", "/v1/video", b"").status == 429:
            assert time.monotonic() < until
        assert client.send("POST", "/v1/video?every=10", long.read_bytes()).status == 200


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the system does not list files and threads")
def test_of_a_client_that_has_left_no_file_and_no_thread_stays(model: Path, folder: Path, temporary: Path) -> None:
    def held() -> tuple[int, int]:
        opened = [each.readlink() for each in Path("/proc/self/fd").iterdir() if each.is_symlink()]
        return sum(file.parent == temporary for file in opened), len(list(Path("/proc/self/task").iterdir()))

    long = write_video(folder / "left.mp4", pan(12) * 50).read_bytes()
    gc.collect()
    gc.disable()  # an idle server does not come to it either
    try:
        with running(create_app(model)) as client:
            assert client.send("POST", "/v1/video?every=300", long).status == 200
            until = time.monotonic() + 10
            while held()[0]:
                assert time.monotonic() < until
            threads = held()[1]
            for _ in range(3):
                connection = http.client.HTTPConnection("127.0.0.1", client.port, timeout=20)
                connection.request("POST", "/v1/video", long)
                assert json.loads(connection.getresponse().readline())["frame"] == 0
                assert held()[0] > 0
                connection.close()
                until = time.monotonic() + 10
                while client.send("POST", "/v1/video", b"").status == 429:
                    assert time.monotonic() < until
            while held() > (0, threads):
                assert time.monotonic() < until, held()
                time.sleep(0.05)
    finally:
        gc.enable()


def test_quicktime_of_older_cameras_is_a_video(client: Client, video: Path) -> None:
    data = video.read_bytes()
    size = int.from_bytes(data[:4], "big")
    assert data[4:8] == b"ftyp"
    old = data[:4] + b"skip" + data[8:size] + data[size:]  # of the same length, so that all places stay
    assert client.send("POST", "/v1/video?every=12", old).status == 200


def test_a_video_ends_with_the_server(model: Path, video: Path) -> None:
    detector = Stepwise()
    with running(create_app(model, detector=detector)) as client:
        connection = http.client.HTTPConnection("127.0.0.1", client.port, timeout=20)
        connection.request("POST", "/v1/video", video.read_bytes())
        detector.steps.release()
        response = connection.getresponse()
        assert json.loads(response.readline())["frame"] == 0
        client.server.handle_exit(signal.SIGTERM, None)
        detector.steps.release(20)
        *frames, last = map(json.loads, response.read().splitlines())
        assert len(frames) <= 2
        assert last["error"].startswith("<video>: stops after 0.")
        assert last["error"].endswith(" s, with the server.")
        connection.close()


def test_a_client_that_takes_no_lines_loses_them() -> None:
    async def lines() -> AsyncIterator[bytes]:
        yield b"{}"

    async def send(message: Message) -> None:
        await asyncio.sleep(10)

    async def receive() -> Message:
        await asyncio.sleep(10)
        raise AssertionError

    freed: list[bool] = []
    held = ExitStack()
    held.callback(freed.append, True)
    asyncio.run(_Lines(lines(), held, 0.05)({"type": "http"}, receive, send))
    assert freed == [True]


def test_a_client_that_pauses_does_not_take_what_it_has_for_the_whole(
    model: Path, video: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def lines(*_: object) -> AsyncIterator[bytes]:
        for _ in range(400):  # more than the buffers between both ends hold
            yield b"x" * 100_000 + b"\n"

    monkeypatch.setattr(Videos, "_lines", lines)
    with running(create_app(model, limits=Limits(seconds=0.2))) as client:
        connection = http.client.HTTPConnection("127.0.0.1", client.port, timeout=20)
        connection.request("POST", "/v1/video", video.read_bytes())
        answer = connection.getresponse()
        time.sleep(1)
        with pytest.raises((http.client.IncompleteRead, ConnectionResetError)):
            answer.read()
        connection.close()


def test_without_the_extra_videos_are_not_implemented(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "av", None)
    answer = client.send("POST", "/v1/video", b"x")
    assert answer.status == 501
    needs = "reading video needs PyAV, which is not installed"
    assert answer.error == f"{needs}: pip install '.[video]' in a clone of mien."


def test_a_video_that_is_cut_off_says_so_in_its_last_line(client: Client, folder: Path) -> None:
    whole = write_video(folder / "whole.mkv", pan(12), rate=2).read_bytes()
    answer = client.send("POST", "/v1/video", whole[: len(whole) * 2 // 3])
    *frames, last = map(json.loads, answer.body.splitlines())
    assert frames
    assert last.keys() == {"error"}
    assert last["error"].startswith("<video>: ends at ")


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "<video>: is empty, 0 bytes."),
        (b"#EXTM3U\n#EXTINF:1,\n/etc/passwd\n", "<video>: not a video in a known format; known are MP4, MOV"),
        (b"\x00\x00\x00\x18ftypmp42 and nothing else", "<video>: cannot be read as a video"),
    ],
)
def test_what_is_no_video_is_refused_in_words(client: Client, body: bytes, message: str) -> None:
    answer = client.send("POST", "/v1/video", body)
    assert answer.status == 422
    assert answer.error.startswith(message)


def test_a_form_is_refused_in_words(client: Client, video: Path) -> None:
    body, headers = form(video.read_bytes(), "video")
    answer = client.send("POST", "/v1/video", body, headers)
    assert (answer.status, answer.error) == (422, "<video>: send the file itself as the body, not a form.")


def test_limits_hold_for_videos_too(model: Path, video: Path) -> None:
    size = video.stat().st_size
    with running(create_app(model, limits=Limits(video_bytes=size - 1))) as client:
        assert client.send("POST", "/v1/video", video.read_bytes()).status == 413
    with running(create_app(model, limits=Limits(pixels=65_535))) as client:
        answer = client.send("POST", "/v1/video", video.read_bytes())
        assert (answer.status, answer.error[:50]) == (413, "<video>: 256 x 256 px; at most 0.065535 megapixels")


def test_frames_that_no_server_reads_are_too_large(
    client: Client, video: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mien.media.video.MAX_FRAME_PIXELS", 65_535)
    answer = client.send("POST", "/v1/video", video.read_bytes())
    assert (answer.status, answer.error[:40]) == (413, "<video>: frames of 256 x 256 px; at most")


def test_a_slow_upload_of_a_video_is_given_up(model: Path) -> None:
    def slowly() -> Iterator[bytes]:
        yield b"x"
        time.sleep(1)

    with running(create_app(model, limits=Limits(video_upload_seconds=0.2))) as client:
        answer = client.send("POST", "/v1/video", slowly())
        assert (answer.status, answer.error) == (408, "the upload took more than 0.2 s.")


def test_an_upload_ends_with_the_server(model: Path) -> None:
    app = create_app(model)

    def until_it_stops() -> Iterator[bytes]:
        yield b"0000ftyp"
        app.state.stopping.set()
        for _ in range(60):
            yield b"more"
            time.sleep(0.05)

    with running(app) as client:
        with suppress(BrokenPipeError, ConnectionResetError):  # the answer comes while more is sent
            answer = client.send("POST", "/v1/video", until_it_stops())
            assert (answer.status, answer.error) == (503, "<video>: the server stops.")
        counted = client.get("/metrics").body.decode()
        assert 'mien_requests_total{path="/v1/video",status="503"} 1.0' in counted


def test_a_wrong_argument_is_an_error_like_the_others(client: Client) -> None:
    answer = client.send("POST", "/v1/video?every=0", b"")
    assert (answer.status, answer.error) == (422, "query.every: Input should be greater than or equal to 1")
