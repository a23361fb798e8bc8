"""The page of `mien serve` in a real browser with a fake camera."""

from __future__ import annotations

import csv
import io
import json
import re
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from chromium import Page, chromium, find_chromium
from PIL import Image, ImageEnhance
from serving import Client, running
from tiny_model import write_tiny_model
from typer.testing import CliRunner

from mien.cli import build_app
from mien.labels import FERPLUS
from mien.overview import Overview
from mien.serve.app import create_app
from mien.timeline import clock
from mien.timeline_page import timeline_page

pytestmark = pytest.mark.skipif(find_chromium() is None, reason="needs Chromium, which is not installed")

READY = "document.querySelector('#model').textContent.includes('weights')"


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model, a photo with a face and one without, and a film for the camera."""
    from skimage import data

    folder = tmp_path_factory.mktemp("page")
    write_tiny_model(folder / "tiny", uncertain_below=0.5)
    astronaut = Image.fromarray(np.asarray(data.astronaut()))
    astronaut.save(folder / "astronaut.jpg")
    Image.new("RGB", (320, 240), "grey").save(folder / "wall, grey.png")
    (folder / "text.jpg").write_text("no photo")
    film = io.BytesIO()
    for level in np.linspace(0.6, 1.2, 10):
        ImageEnhance.Brightness(astronaut.crop((0, 0, 512, 384))).enhance(level).save(film, "JPEG")
    (folder / "camera.mjpeg").write_bytes(film.getvalue())
    return folder


@pytest.fixture(scope="module")
def client(files: Path) -> Iterator[Client]:
    with running(create_app(files / "tiny", workers=2)) as client:
        yield client


@pytest.fixture(scope="module")
def browser(files: Path) -> Iterator[Page]:
    film = f"--use-file-for-fake-video-capture={files / 'camera.mjpeg'}"
    with chromium(str(find_chromium()), files / "profile", film) as page:
        yield page


@pytest.fixture
def page(browser: Page, client: Client) -> Page:
    browser.open("about:blank")
    browser.log.clear()
    browser.size(1280, 900)
    browser.permit_camera("granted")
    browser.open(f"{client.url}/")
    browser.wait(READY)
    return browser


def test_photos_are_read_drawn_and_listed(page: Page, files: Path) -> None:
    page.choose("#files", [files / "astronaut.jpg", files / "wall, grey.png"])
    page.wait("document.querySelectorAll('.card.read').length === 2")
    assert page.text("#summary") == "2 of 2 files read; 1 face in 2 photos."
    astronaut, wall = (page.text(f"#cards > li:nth-child({number})") for number in (1, 2))
    assert re.search(r"Face 0: happy, 3\d % uncertain", astronaut)
    assert "No face found." in wall
    assert page.evaluate("document.querySelector('#cards img').alt") == "astronaut.jpg: face 0 happy, uncertain"
    box, size = page.evaluate("[photoAnswers[0].faces[0].box, photoAnswers[0].size]")
    page.wait("document.querySelector('#cards canvas').width")
    colors = """(() => {
        const canvas = document.querySelector('#cards canvas');
        const [x0, y0, , y1] = photoAnswers[0].faces[0].box;
        const { data } = canvas.getContext('2d').getImageData(0, (y0 + y1) / 2, x0 + 1, 1);
        return [canvas.width, canvas.height, data[3], ...data.slice(-4, -1)];
    })()"""
    width, height, opacity, *pixel = page.evaluate(colors)
    assert opacity == 255  # beside the box: who saves the picture has the photo with the box
    assert [width, height] == size == [512, 512]
    assert box[0] > 0
    assert np.abs(np.subtract(pixel, (230, 159, 0))).max() < 40  # the box has the colour of happy
    assert page.log == []


def table(text: str) -> list[dict[str, str | float]]:
    """CSV, with numbers as numbers: JavaScript writes 1.0 as 1."""

    def value(cell: str) -> str | float:
        try:
            return float(cell)
        except ValueError:
            return cell

    return [{name: value(cell) for name, cell in row.items()} for row in csv.DictReader(io.StringIO(text))]


def printed(files: Path, *words: object) -> str:
    """What `mien analyze` prints."""
    done = CliRunner().invoke(build_app(), ["analyze", *map(str, words), "--model", str(files / "tiny")])
    assert done.exit_code == 0, done.output
    return done.stdout.replace(f"{files}/", "")


def test_downloads_are_what_the_command_prints(page: Page, files: Path) -> None:
    photos = [files / "wall, grey.png", files / "astronaut.jpg"]
    page.choose("#files", photos)
    page.wait("document.querySelectorAll('.card.read').length === 2")
    quoted = page.evaluate("csvOf([{source: 'a, \"b\".jpg', faces: photoAnswers[1].faces}])")
    assert quoted.splitlines()[1].startswith('"a, ""b"".jpg",')
    page.call("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(files))
    for button in ("save-csv", "save-json"):
        page.evaluate(f"byId('{button}').click()")
    until = time.monotonic() + 20
    while not (files / "mien.csv").exists() or not (files / "mien.json").exists():
        assert time.monotonic() < until
        time.sleep(0.05)
    assert (files / "mien.csv").read_text() == printed(files, *photos, "--csv")
    assert json.loads((files / "mien.json").read_text()) == json.loads(printed(files, *photos, "--json"))
    page.evaluate("byId('clear').click()")
    assert page.text("#summary") == "Nothing yet."
    assert page.evaluate("[everything().length, byId('save-csv').disabled]") == [0, True]


@pytest.mark.parametrize("name", ["astronaut.jpg", "text.jpg"])
def test_a_photo_in_work_does_not_come_back_after_clear(page: Page, files: Path, name: str) -> None:
    page.evaluate("""{
        const plain = window.fetch;
        const held = new Promise((release) => { window.release = release; });
        window.fetch = async (...args) => { window.asked = true; await held; return plain(...args); };
    }""")
    page.choose("#files", [files / name])
    page.wait("window.asked")
    page.evaluate("byId('clear').click()")
    page.evaluate("release(), photosInHand.then(() => true)")
    assert page.evaluate("[everything().length, byId('save-csv').disabled]") == [0, True]
    assert page.text("#summary") == "Nothing yet."
    assert page.evaluate("byId('announce').textContent") == "Results cleared."


def test_a_file_that_is_no_photo_says_why(page: Page, files: Path) -> None:
    page.choose("#files", [files / "text.jpg", files / "astronaut.jpg"])
    page.wait("document.querySelector('.card.read')")
    assert page.text(".card.failed p").startswith("text.jpg: not a photo in a known format")
    assert page.text("#summary") == "1 of 2 files read; 1 failed; 1 face in 1 photo."


def test_a_name_with_quotes_is_kept(page: Page, files: Path) -> None:
    (files / 'her "best".jpg').write_bytes((files / "astronaut.jpg").read_bytes())
    page.choose("#files", [files / 'her "best".jpg'])
    page.wait("document.querySelectorAll('.card.read').length === 1")
    assert page.evaluate("everything()[0].source") == 'her "best".jpg'


@pytest.mark.parametrize(
    ("body", "status", "why"),
    [
        ("<html>Sign in", 200, "something other than `mien serve` answered; reload the page."),
        ("<html>Bad gateway", 502, "the server answered 502"),
        ("null", 502, "the server answered 502"),
    ],
)
def test_an_answer_of_a_proxy_is_told_in_words(page: Page, files: Path, body: str, status: int, why: str) -> None:
    page.evaluate(f"window.fetch = async () => new Response({body!r}, {{ status: {status} }})")
    page.choose("#files", [files / "astronaut.jpg"])
    page.wait("document.querySelector('.card.failed')")
    assert page.text(".card.failed p") == why


def test_a_video_gives_pictures_timeline_and_rows(page: Page, files: Path) -> None:
    pytest.importorskip("av", reason="needs PyAV, extra `video`")
    from drawn_video import pan, write_video

    clip = write_video(files / "pan.mp4", pan(12, px_per_frame=6))
    page.choose("#files", [clip])
    page.wait("document.querySelector('.card').innerText.includes('every second frame, 6 in all')")
    assert "Largest face, from the beginning to 0:01.0. Most probable: happy for 1.0 s." in page.text(".card")
    assert page.text("#summary") == "1 of 1 file read; 6 video frames."
    assert table(page.evaluate("csvOf(everything())")) == table(printed(files, clip, "--every", 2, "--csv"))
    painted = """(c => c.getContext('2d').getImageData(c.width / 2, 40, 1, 1).data[3])(
        document.querySelector('.card .history'))"""
    assert page.evaluate(painted) == 255

    def box() -> list[float]:
        """Where the yellow is over the picture: left and right end of a line through the face."""
        return page.evaluate("""(c => {
            const row = c.getContext('2d').getImageData(0, 110, c.width, 1).data;
            const found = [...Array(c.width).keys()].filter((x) => row[4 * x + 3] && row[4 * x] > 200);
            return [found.at(0), found.at(-1)];
        })(document.querySelector('.video canvas'))""")

    page.wait("document.querySelector('.video canvas').width === 256")
    page.evaluate("window.slider = document.querySelector('[type=range]')")
    for second, frame in ((1, 5), (0.4, 2)):  # at first her face reaches over the border
        page.evaluate(f"slider.value = {second}; slider.dispatchEvent(new Event('input'))")
        page.wait(f"document.querySelector('.video video').currentTime === {second}")
        x0, _, x1, _ = page.evaluate(f"videoFrames[{frame}].faces[0].box")
        assert np.abs(np.subtract(box(), (x0, x1))).max() < 4


def test_a_video_that_the_browser_cannot_show_is_read_all_the_same(page: Page, files: Path) -> None:
    pytest.importorskip("av", reason="needs PyAV, extra `video`")
    from drawn_video import pan, write_video

    page.choose("#files", [write_video(files / "old.avi", pan(4), codec="mpeg4")])
    page.wait("document.querySelector('.card').innerText.includes('every second frame, 2 in all')")
    page.wait("document.querySelector('.card').innerText.includes('This browser cannot show this kind of video.')")
    assert page.text(".card .faces").startswith("Face 0: happy")


def test_a_video_of_one_frame_has_its_face_in_the_timeline(page: Page, files: Path) -> None:
    pytest.importorskip("av", reason="needs PyAV, extra `video`")
    from drawn_video import pan, write_video

    page.choose("#files", [write_video(files / "one.mp4", pan(1))])
    page.wait("document.querySelector('.card').innerText.includes('every second frame, 1 in all')")
    assert "Most probable: happy for 0.0 s." in page.text(".card")


@pytest.mark.parametrize(("rate", "furthest"), [(25, "0.4"), (10, "0.8")])
def test_the_last_frame_of_a_video_can_be_reached(page: Page, files: Path, rate: int, furthest: str) -> None:
    pytest.importorskip("av", reason="needs PyAV, extra `video`")
    from drawn_video import pan, write_video

    page.choose("#files", [write_video(files / f"film{rate}.mp4", pan(9), rate=rate)])
    page.wait("document.querySelector('.card').innerText.includes('every second frame, 5 in all')")
    page.evaluate("document.querySelector('[type=range]').focus()")
    page.press("End", 35)
    page.wait("document.querySelector('.cursor').style.left === '100%'")
    assert page.evaluate("document.querySelector('[type=range]').value") == furthest


def test_the_time_in_a_hidden_tab_is_no_time_of_a_face(page: Page) -> None:
    page.evaluate("byId('camera-toggle').focus(), byId('camera-toggle').click()")
    assert page.evaluate("document.activeElement.id") == "camera-toggle"
    page.wait("cameraFrames.length >= 2")
    page.evaluate("window.plain = requestAnimationFrame; window.held = []")
    page.evaluate("window.requestAnimationFrame = (step) => held.push(step)")  # as in a tab that is not seen
    page.wait("held.length === 2")  # the picture and the next look
    page.evaluate("new Promise((done) => setTimeout(done, 1100))")
    page.evaluate("window.requestAnimationFrame = plain; window.before = cameraFrames.length")
    page.evaluate("held.forEach((step) => step())")
    page.wait("cameraFrames.length > before")
    assert page.evaluate("camera.recent.length - cameraFrames.length") == 1
    assert page.evaluate("byId('clear').click(), [camera.recent.length, byId('history-text').textContent]") == [
        0,
        "Nothing yet.",
    ]
    page.evaluate("byId('camera-toggle').click()")


def test_the_camera_sends_one_picture_at_a_time_and_stops(page: Page) -> None:
    page.evaluate("""{
        const plain = window.fetch;
        window.flying = window.mostFlying = 0;
        window.fetch = async (...args) => {
            mostFlying = Math.max(mostFlying, ++flying);
            return plain(...args).finally(() => { flying -= 1; });
        };
    }""")
    page.evaluate("byId('camera-toggle').click()")
    page.wait("cameraFrames.filter(({faces}) => faces.length === 1).length >= 3")
    assert page.evaluate("mostFlying") == 1
    assert page.text("#live-faces").startswith("Face 0: ")
    assert re.search(r"Most probable: (happy|sad) for \d", page.text("#history-text"))
    painted = "byId('history').getContext('2d').getImageData(byId('history').width - 1, 20, 1, 1).data[3]"
    assert page.evaluate(painted) > 0
    page.evaluate("window.track = camera.stream.getTracks()[0]; byId('camera-toggle').click()")
    assert page.evaluate("[track.readyState, byId('camera-toggle').textContent]") == ["ended", "Start camera"]
    kept = page.evaluate("cameraFrames.length")
    page.wait("flying === 0")
    assert page.evaluate("cameraFrames.length") == kept
    resources = page.evaluate("performance.getEntriesByType('resource').map(({name}) => new URL(name).origin)")
    assert set(resources) == {page.evaluate("location.origin")}
    assert page.log == []


def test_what_is_saved_of_the_camera_has_the_fields_of_the_command(page: Page, files: Path) -> None:
    page.evaluate("byId('camera-toggle').click()")
    page.wait("cameraFrames.length >= 2 && cameraFrames.every(({ faces }) => faces.length === 1)", 60)
    page.evaluate("byId('camera-toggle').click()")
    saved, rows = page.evaluate("[JSON.stringify(everything()), csvOf(everything())]")
    bright = Image.open(files / "astronaut.jpg")
    pictures = [bright, ImageEnhance.Brightness(bright).enhance(0.8)]
    pictures[0].save(files / "film.gif", save_all=True, append_images=pictures[1:])
    film = (files / "film.gif", "--animated")
    frame, expected = json.loads(saved)[1], json.loads(printed(files, *film, "--json"))[0]
    assert list(frame) == list(expected)
    assert list(frame["faces"][0]) == list(expected["faces"][0])
    assert rows.splitlines()[0] == printed(files, *film, "--csv").splitlines()[0]
    assert [frame["source"], frame["frame"], frame["faces"][0]["track"]] == ["camera", 1, None]
    assert frame["faces"][0]["raw_probabilities"] == frame["faces"][0]["expression"]["probabilities"]


def test_another_camera_is_taken_without_the_focus_being_lost(files: Path, client: Client) -> None:
    with chromium(str(find_chromium()), files / "two", "--use-fake-device-for-media-stream=device-count=2") as page:
        page.permit_camera("granted")
        page.open(f"{client.url}/")
        page.wait(READY)
        page.evaluate("byId('camera-toggle').click()")
        page.wait("byId('camera-select').offsetHeight > 0")
        first, second = page.evaluate("[...byId('camera-select').options].map((option) => option.value)")
        used = "camera?.stream.getVideoTracks()[0].getSettings().deviceId"
        assert page.evaluate(used) == first
        page.evaluate("byId('camera-select').focus()")
        page.press("ArrowDown", 40)
        page.wait(f"{used} === {second!r}")
        assert page.evaluate("document.activeElement.id") == "camera-select"
        page.evaluate("byId('camera-toggle').click()")
        page.evaluate("byId('camera-toggle').click()")
        page.wait(f"{used} === {second!r}")  # it is remembered
        page.evaluate("byId('camera-select').selectedOptions[0].value = 'gone', byId('camera-toggle').click()")
        page.evaluate("byId('camera-toggle').click()")
        page.wait("byId('camera-status').textContent.includes('it is no longer connected.')")
        page.evaluate("byId('camera-toggle').click()")
        page.wait(f"{used} === {first!r}")


def test_a_camera_that_is_refused_says_what_to_do(page: Page) -> None:
    page.permit_camera("denied")
    page.evaluate("byId('camera-toggle').click()")
    page.wait(
        "byId('camera-status').textContent.startsWith('The camera cannot be used: permission was refused. Allow')"
    )
    assert page.evaluate("byId('announce').textContent") == page.text("#camera-status")
    assert page.evaluate("[camera, byId('live').hidden, byId('camera-toggle').disabled]") == [None, True, False]


def test_a_camera_that_vanishes_keeps_what_it_gave(page: Page) -> None:
    page.evaluate("byId('camera-toggle').click()")
    page.wait("cameraFrames.length >= 1")
    page.permit_camera("denied")  # which takes the camera away
    page.wait("camera === null")
    assert page.text("#camera-status") == "The camera was disconnected."
    assert page.evaluate("byId('announce').textContent") == "Camera: The camera was disconnected."
    assert page.evaluate("[cameraFrames.length > 0, byId('save-csv').disabled]") == [True, False]


def test_a_camera_that_vanishes_while_it_starts_is_not_running(page: Page) -> None:
    page.evaluate("""{
        const devices = navigator.mediaDevices;
        const plain = devices.getUserMedia.bind(devices);
        devices.getUserMedia = async (wanted) => {
            const stream = await plain(wanted);
            for (const track of stream.getTracks()) track.stop();
            return stream;
        };
    }""")
    page.evaluate("byId('camera-toggle').click()")
    page.wait("byId('camera-status').textContent === 'The camera cannot be used: it was disconnected.'")
    assert page.evaluate("[camera, byId('live').hidden]") == [None, True]


def test_a_server_that_stops_is_named(browser: Page, files: Path) -> None:
    browser.permit_camera("granted")
    with running(create_app(files / "tiny")) as client:
        browser.open(f"{client.url}/")
        browser.wait(READY)
        browser.evaluate("byId('camera-toggle').click()")
        browser.wait("cameraFrames.length >= 1")
    browser.wait("camera === null")
    assert browser.text("#camera-status") == "the server does not answer; is `mien serve` still running?"
    browser.choose("#files", [files / "astronaut.jpg"])
    browser.wait("document.querySelector('.card.failed')")
    assert browser.text(".card.failed p") == "the server does not answer; is `mien serve` still running?"


def test_a_foreign_page_gets_no_answer(browser: Page, client: Client, files: Path) -> None:
    browser.open("about:blank")
    before = client.metric("mien_photo_seconds_count")
    options = "{method: 'POST', mode: 'no-cors', body: 'x'}"
    reached = browser.evaluate(f"fetch('{client.url}/v1/analyze', {options}).then(() => true, () => false)")
    assert client.metric("mien_photo_seconds_count") == before
    if reached:  # newer browsers keep pages from this machine by themselves
        assert client.metric('mien_requests_total{path="/v1/analyze",status="403"}') == 1


def test_the_keyboard_reaches_everything_in_order(page: Page, files: Path) -> None:
    page.choose("#files", [files / "astronaut.jpg"])
    page.wait("document.querySelectorAll('.card.read').length === 1")
    reached = []
    for _ in range(7):
        page.press("Tab", 9)
        reached.append(page.evaluate("document.activeElement.id || document.activeElement.getAttribute('href')"))
    assert reached == ["#results", "files", "camera-toggle", "save-json", "save-csv", "clear", "openapi.json"]
    page.evaluate("byId('clear').focus()")
    page.press("Enter", 13)
    assert page.evaluate("[photoAnswers.length, document.activeElement.id]") == [0, "results"]


def test_a_screen_reader_finds_a_name_for_everything(page: Page, files: Path) -> None:
    page.choose("#files", [files / "astronaut.jpg"])
    page.wait("document.querySelectorAll('.card.read').length === 1")
    assert page.evaluate("byId('announce').textContent") == "astronaut.jpg: face 0 happy, uncertain"
    nodes = page.call("Accessibility.getFullAXTree")["nodes"]
    named = [node for node in nodes if node.get("role", {}).get("value") in ("button", "link", "image", "textbox")]
    assert len(named) >= 7
    assert all(node["name"]["value"] for node in named), named


def test_photos_out_of_sight_take_little_memory(page: Page, files: Path) -> None:
    Image.open(files / "astronaut.jpg").resize((2000, 1500)).save(files / "large.jpg")
    page.choose("#files", [files / "large.jpg"] * 6)
    page.wait("document.querySelectorAll('.card.read').length === 6", 60)
    drawn = "[...document.querySelectorAll('.picture canvas')].map((canvas) => Math.max(canvas.width, canvas.height))"
    page.wait(f"{drawn}[0] === 1280")
    assert page.evaluate(drawn)[-1] == 0
    assert (
        page.evaluate("Math.max(...[...document.querySelectorAll('.picture img')].map((one) => one.naturalWidth))")
        == 1280
    )
    page.evaluate("scrollTo(0, document.body.scrollHeight)")
    page.wait(f"{drawn}[0] === 0 && {drawn}[5] === 1280")
    page.evaluate(f"window.addEventListener('beforeprint', () => {{ window.printed = {drawn}; }})")
    page.call("Page.printToPDF")
    assert page.evaluate("printed") == [1280] * 6
    page.wait(f"{drawn}[0] === 0")
    page.evaluate("byId('clear').click()")
    assert page.evaluate("urls.length") == 0


def test_of_many_photos_only_the_summary_is_announced(page: Page, files: Path) -> None:
    watched = "new MutationObserver(() => said.push(byId('announce').textContent))"
    page.evaluate(f"window.said = []; {watched}.observe(byId('announce'), {{ childList: true }})")
    photos = [files / "astronaut.jpg", files / "text.jpg", files / "wall, grey.png"]
    page.choose("#files", photos)
    page.wait("said.length && document.querySelectorAll('.card:is(.read, .failed)').length === 3")
    page.choose("#files", photos[:1])
    page.wait("said.at(-1).startsWith('astronaut.jpg')")
    assert page.evaluate("said") == [
        "0 of 3 files read.",
        "2 of 3 files read; 1 failed; 1 face in 2 photos.",
        "astronaut.jpg: face 0 happy, uncertain",
    ]


def test_the_timeline_that_is_saved_follows_the_keyboard_on_a_phone(browser: Page, files: Path) -> None:
    pytest.importorskip("av", reason="needs PyAV, extra `video`")
    from drawn_video import pan, write_video

    from mien.timeline import clock

    clip = write_video(files / "clip.mp4", pan(12))
    printed(files, clip, "--save", files / "timeline.html")
    browser.size(320, 700, mobile=True)
    browser.open((files / "timeline.html").as_uri())
    assert browser.evaluate("document.documentElement.scrollWidth") <= 320
    browser.evaluate("cursor.focus()")
    browser.press("End", 35)
    assert browser.evaluate("cursor.getAttribute('aria-valuetext')") == "0:01.1"
    assert browser.text("#time") == "0:01.1"
    assert browser.text("#faces").startswith("Face 0: happy ")
    assert browser.evaluate("document.querySelector('#frame').alt") == "The video at 0:01.1"
    times_s = [0, 59.96, 3599.97, 3661.2, 90_000.5]
    assert browser.evaluate(f"{times_s}.map(clock)") == list(map(clock, times_s))


@pytest.mark.parametrize("width", [320, 390])
def test_a_phone_shows_all_without_scrolling_sideways(page: Page, files: Path, width: int) -> None:
    page.size(width, 844, mobile=True)
    page.choose("#files", [files / "astronaut.jpg"])
    page.wait("document.querySelectorAll('.card.read').length === 1")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate("document.querySelector('#cards canvas').clientWidth") > 0.8 * width


def test_right_to_left_nothing_lies_beside_the_page(page: Page) -> None:
    page.evaluate("document.documentElement.dir = 'rtl'")
    assert page.evaluate("document.documentElement.scrollWidth") <= 1280


def test_other_classes_have_the_colours_of_the_pictures(page: Page) -> None:
    from mien.media.draw import label_colors

    for labels in (["awake", "happy", "sleepy"], [*label_colors(FERPLUS), "awake", "sleepy"]):
        model = json.dumps({"name": "own", "parameters": 1, "labels": labels})
        found = page.evaluate(f"(showModel({model}), labelsOfModel.map(colorOf))")
        assert found == ["#{:02x}{:02x}{:02x}".format(*color) for color in label_colors(labels).values()]


def test_times_are_written_as_in_a_saved_timeline(page: Page) -> None:
    for seconds in (0.0, 5.3, 59.96, 3599.9, 3599.97, 3725.0, 36000.0):
        assert page.evaluate(f"clock({seconds})") == clock(seconds)


def test_on_paper_a_timeline_keeps_its_colours_on_white(browser: Page, files: Path) -> None:
    (files / "paper.html").write_text(timeline_page(Overview("clip.mp4", FERPLUS.names)))
    browser.open((files / "paper.html").as_uri())
    dark = [{"name": "prefers-color-scheme", "value": "dark"}]
    browser.call("Emulation.setEmulatedMedia", media="print", features=dark)
    colors = "[getComputedStyle(document.body).color, getComputedStyle(document.body).backgroundColor]"
    adjusted = "getComputedStyle(document.querySelector('.legend i')).printColorAdjust"
    assert browser.evaluate(colors) == ["rgb(30, 30, 30)", "rgb(255, 255, 255)"]
    assert browser.evaluate(adjusted) == "exact"
    browser.call("Emulation.setEmulatedMedia", media="screen", features=dark)
    assert browser.evaluate(colors) == ["rgb(238, 238, 238)", "rgb(22, 22, 22)"]
    browser.call("Emulation.setEmulatedMedia", media="", features=[])


def test_on_paper_bars_keep_their_colours_on_white(page: Page, files: Path) -> None:
    page.choose("#files", [files / "astronaut.jpg"])
    page.wait("document.querySelectorAll('.card.read').length === 1")
    dark = [{"name": "prefers-color-scheme", "value": "dark"}]
    page.call("Emulation.setEmulatedMedia", media="print", features=dark)
    style = "getComputedStyle(document.querySelector('.fill')).printColorAdjust"
    ground = "getComputedStyle(document.body).backgroundColor"
    shown = "document.querySelector('.inputs').offsetHeight"
    found = page.evaluate(f"[{style}, {ground}, {shown}]")
    page.call("Emulation.setEmulatedMedia", media="", features=[])
    assert found == ["exact", "rgb(246, 246, 243)", 0]


def test_the_page_asks_for_the_token_and_takes_it_from_its_address(browser: Page, files: Path) -> None:
    with running(create_app(files / "tiny", token="secret")) as client:
        browser.open(f"{client.url}/")
        browser.wait("!byId('token-form').hidden && document.activeElement.id === 'token'")
        browser.call("Input.insertText", text="secret")
        browser.press("Enter", 13)
        browser.wait(READY)
        assert browser.evaluate("byId('token-form').hidden")
        browser.evaluate("sessionStorage.clear()")
        browser.open("about:blank")
        browser.open(f"{client.url}/#token=secret")
        browser.wait(READY)
        assert browser.evaluate("location.href") == f"{client.url}/"


def test_a_link_with_the_token_is_used_in_a_tab_that_shows_the_page(browser: Page, files: Path) -> None:
    with running(create_app(files / "tiny", token="100%")) as client:
        browser.open(f"{client.url}/?from=mail#token=wrong")
        browser.wait("!byId('token-form').hidden && byId('announce').textContent.startsWith('Model: ')")
        browser.call("Page.navigate", url=f"{client.url}/?from=mail#token=100%")
        browser.wait(READY)
        assert browser.evaluate("byId('token-form').hidden")
        assert browser.evaluate("location.href") == f"{client.url}/?from=mail"
