"""The page of `mien web` in a real browser, with onnxruntime-web from npm, beside `mien.analyze`."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from chromium import Page, chromium, find_chromium
from file_host import file_host
from PIL import Image

import mien
from mien.errors import InputError
from mien.recognizer import Recognizer
from mien.web import write_web

pytestmark = pytest.mark.skipif(find_chromium() is None, reason="needs Chromium, which is not installed")

READY = "document.querySelector('#model')?.textContent.includes('weights')"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("web")


@pytest.fixture(scope="module")
def photos(folder: Path) -> list[Path]:
    """A face upright, turned, larger than crops become, small, half out of the picture; one that is grey; none."""
    from skimage import data

    astronaut = Image.fromarray(np.asarray(data.astronaut()))
    made = {
        "upright.png": astronaut,
        "turned.png": astronaut.rotate(90, expand=True),
        "oblique.png": astronaut.rotate(20, Image.Resampling.BICUBIC),
        "large.png": astronaut.crop((120, 20, 320, 220)).resize((1300, 1300), Image.Resampling.BICUBIC),
        "small.png": astronaut.resize((150, 150), Image.Resampling.BOX),
        "tiny.png": astronaut.crop((176, 62, 270, 178)).resize((38, 47), Image.Resampling.BOX),
        "cut off.png": astronaut.crop((215, 0, 512, 300)),
        "grey.png": astronaut.convert("L"),
        "wall.png": Image.new("RGB", (320, 240), "grey"),
    }
    for name, picture in made.items():
        picture.save(folder / name)
    upright = Image.Exif()
    upright[0x0112] = 6  # a camera that was held on its side
    astronaut.rotate(90, expand=True).save(folder / "exif.jpg", exif=upright, quality=95)
    return [*(folder / name for name in made), folder / "exif.jpg"]


@pytest.fixture(scope="module")
def site(folder: Path) -> Path:
    try:
        return write_web(folder / "site")
    except InputError as error:
        if "cannot be downloaded" not in str(error):
            raise
        pytest.skip(f"needs onnxruntime-web from npm: {error}")


@pytest.fixture
def host(site: Path) -> Iterator[ThreadingHTTPServer]:
    with file_host(site) as host:
        yield host


@pytest.fixture
def page(host: ThreadingHTTPServer, folder: Path, photos: list[Path], tmp_path: Path) -> Iterator[Page]:
    film = folder / "camera.mjpeg"
    Image.open(folder / "upright.png").crop((0, 0, 512, 384)).save(film, "JPEG")
    with chromium(str(find_chromium()), tmp_path, f"--use-file-for-fake-video-capture={film}") as page:
        page.size(1280, 900)
        page.permit_camera("granted")
        page.open(f"http://127.0.0.1:{host.server_port}/")
        page.wait(READY, 60)
        yield page


def figures(face: dict[str, Any]) -> np.ndarray[Any, Any]:
    return np.array([*face["box"], *np.ravel(face["landmarks"])])


def test_the_browser_answers_as_mien_does(page: Page, photos: list[Path]) -> None:
    page.choose("#files", photos)
    page.wait(f"document.querySelectorAll('.card.read').length === {len(photos)}", 60)
    for photo, answer in zip(photos, page.evaluate("photoAnswers"), strict=True):
        expected = mien.analyze(photo).to_dict()
        assert {**answer, "faces": []} == {**expected, "source": photo.name, "faces": []}
        assert len(answer["faces"]) == len(expected["faces"]) == (photo.name != "wall.png"), photo.name
        for face, other in zip(answer["faces"], expected["faces"], strict=True):
            side_px = max(other["box"][2] - other["box"][0], other["box"][3] - other["box"][1])
            np.testing.assert_allclose(figures(face), figures(other), atol=0.02 * side_px, err_msg=photo.name)
            assert face["score"] == pytest.approx(other["score"], abs=0.02)
            ours, theirs = (one["expression"]["probabilities"] for one in (face, other))
            assert list(ours) == list(theirs)
            np.testing.assert_allclose(list(ours.values()), list(theirs.values()), atol=0.03, err_msg=photo.name)
    assert page.log == []


CROPS = """(async (names) => {
    const { card, settings, detector } = await models;
    const found = [];
    for (const name of names) {
        const { planes } = await decode(await (await fetch(name)).blob(), name);
        for (const face of await detect(detector, settings, planes)) {
            found.push(Array.from(crop(planes, face, card.preprocess, settings.max_crop_px)[0].data));
        }
    }
    return found;
})"""


def test_the_browser_cuts_faces_out_as_mien_does(page: Page, site: Path, photos: list[Path]) -> None:
    for photo in photos:
        shutil.copy(photo, site)
    crops = page.evaluate(f"{CROPS}({json.dumps([photo.name for photo in photos])})")
    found = [cropped.stack for cropped in mien.Analyzer().crop(photos) if cropped.stack is not None]
    expected = np.concatenate(found).reshape(-1, 48 * 48).astype(float)
    differences = np.abs(np.array(crops) - expected).mean(axis=1)
    assert len(differences) == len(photos) - 1  # one is of a wall
    assert differences.max() < 1.0, differences.round(2)  # grey levels of 255


def test_the_camera_is_read_and_nothing_is_sent(page: Page) -> None:
    page.evaluate("byId('camera-toggle').click()")
    page.wait("cameraFrames.length > 2", 60)
    page.evaluate("byId('camera-toggle').click()")
    frame = page.evaluate("cameraFrames.at(-1)")
    assert [face["expression"]["label"] for face in frame["faces"]] == ["happy"]
    assert frame["model"] == "mien-small"
    assert page.log == []
    refused = page.evaluate("fetch('http://127.0.0.1:9/', { method: 'POST', body: 'pixels' }).catch((e) => e.message)")
    assert refused == "Failed to fetch"
    assert "Content Security Policy" in page.log[0]


def test_what_the_page_cannot_read_is_named(page: Page, folder: Path) -> None:
    (folder / "film.mp4").write_bytes(b"no film")
    (folder / "text.jpg").write_text("no photo")
    (folder / "empty.jpg").touch()
    page.choose("#files", [folder / "film.mp4", folder / "text.jpg", folder / "empty.jpg"])
    page.wait("document.querySelectorAll('.card.failed').length === 3")
    assert "film.mp4: this page reads photos; `mien analyze` reads videos." in page.text("#cards")
    assert "text.jpg: damaged, too large, or in a format that this browser cannot read." in page.text("#cards")
    assert "empty.jpg: the file is empty." in page.text("#cards")


def test_it_works_offline(page: Page, host: ThreadingHTTPServer, site: Path, photos: list[Path]) -> None:
    page.evaluate("navigator.serviceWorker.ready.then(() => true)")
    host.shutdown()
    host.server_close()
    page.open(f"http://127.0.0.1:{host.server_port}/")
    page.wait(READY, 60)
    page.choose("#files", photos[:1])
    page.wait("document.querySelectorAll('.card.read').length === 1", 60)
    assert page.evaluate("photoAnswers[0].faces[0].expression.label") == "happy"
    with file_host(site, port=host.server_port, fails=True):
        page.open("about:blank")
        page.open(f"http://127.0.0.1:{host.server_port}/")
        page.wait(READY, 60)


def test_a_first_visit_downloads_every_large_file_once(site: Path, tmp_path: Path) -> None:
    sent: list[str] = []
    with file_host(site, sent=sent) as host, chromium(str(find_chromium()), tmp_path) as page:
        page.open(f"http://127.0.0.1:{host.server_port}/")
        page.wait(READY, 60)
        page.evaluate("navigator.serviceWorker.ready.then(() => true)")
        large = [name for name in sent if (site / name.strip("/")).stat().st_size > 100_000]
    assert sorted(large) == sorted(set(large))


def test_another_model_reaches_who_comes_back(page: Page, site: Path) -> None:
    page.evaluate("navigator.serviceWorker.ready.then(() => true)")
    write_web(site, model="mien-nano")
    try:
        for _ in range(2):
            page.evaluate("window.isBefore = true")
            page.call("Page.reload")
            page.wait(f"!window.isBefore && {READY}", 60)
            weights = Recognizer.load("mien-nano").card.parameters
            assert page.text("#model") == f"Model: mien-nano, {weights:,} weights."
            assert page.evaluate("models.then(({ card }) => card.name)") == "mien-nano"
    finally:
        write_web(site)


WORKER = "navigator.serviceWorker.ready.then(() => true)"


def test_hosts_that_redirect_change_or_show_other_pages(site: Path, tmp_path: Path) -> None:
    folder = tmp_path / "site"
    shutil.copytree(site, folder)
    (folder / "other").mkdir()
    (folder / "other" / "index.html").write_text("<title>other</title>another page")
    with chromium(str(find_chromium()), tmp_path / "profile") as page:
        with file_host(folder, redirects={"/": "/index.html"}) as host:
            port = host.server_port
            for _ in range(3):
                page.open(f"http://127.0.0.1:{port}/")
                page.wait(READY, 60)
                page.evaluate(WORKER)
            page.open(f"http://127.0.0.1:{port}/other/index.html")
            assert page.text("body") == "another page"
        page.open(f"http://127.0.0.1:{port}/index.html?from=afar")  # the host is away
        page.wait(READY, 60)
        isolated = {"Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Embedder-Policy": "require-corp"}
        with file_host(folder, port=port, headers=isolated):
            page.open(f"http://127.0.0.1:{port}/")
            page.wait(READY, 60)
            assert page.evaluate("crossOriginIsolated")
            shutil.rmtree(folder)
            page.open(f"http://127.0.0.1:{port}/")
            assert "404" in page.text("body")
            folder.mkdir()
            (folder / "index.html").write_text("a new owner")
            page.open(f"http://127.0.0.1:{port}/?again")  # browsers keep a 404 as long as a page
            assert page.text("body") == "a new owner"
            assert page.evaluate("navigator.serviceWorker.getRegistrations().then((all) => all.length)") == 0


def test_the_licences_are_linked(page: Page) -> None:
    assert page.evaluate("byId('licences').offsetHeight > 0")
    page.evaluate("document.querySelector('#licences a').click()")
    page.wait("document.body?.innerText.includes('Permission is hereby granted')")
    assert "Copyright (c) Microsoft Corporation" in page.text("body")


def test_a_host_without_the_model_is_named_and_asked_again(page: Page, site: Path, photos: list[Path]) -> None:
    card = site / "model" / "card.json"
    content = card.read_bytes()
    page.evaluate("navigator.serviceWorker.ready.then(() => true)")  # it has fetched all by then
    card.unlink()
    try:
        page.evaluate("navigator.serviceWorker.ready.then((it) => it.unregister())")
        page.evaluate("caches.keys().then((names) => Promise.all(names.map((name) => caches.delete(name))))")
        page.call("Page.reload", ignoreCache=True)
        page.wait("document.querySelector('#model')?.textContent.includes('404')")
        assert page.text("#model") == "Model: model/card.json: 404 File not found"
        assert page.evaluate("byId('announce').textContent") == page.text("#model")
    finally:
        card.write_bytes(content)
    page.choose("#files", photos[:1])
    page.wait("document.querySelectorAll('.card.read').length === 1", 60)
    assert "mien-small" in page.text("#model")
