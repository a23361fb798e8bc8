"""`mien analyze` as a user types it: what stands on standard output, on standard error, and the exit status."""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import typer
from PIL import Image
from skimage import data
from tiny_model import write_tiny_model
from typer.testing import CliRunner, Result

from mien.cli.analyze import analyze
from mien.cli.detection import MinFace, detector_of
from mien.cli.paths import STANDARD_INPUT, photo_at
from mien.errors import InputError
from mien.faces.boxes import read_boxes
from mien.faces.detect import MIN_FACE_PX, YuNet
from mien.labels import FER2013, LabelSet
from mien.records import columns

APP = typer.Typer()
APP.command()(analyze)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_model(tmp_path_factory.mktemp("models") / "tiny", uncertain_below=0.9)


@pytest.fixture
def photos(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with two photos of one face, one of none, and one that is no photo."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "photos"
    (folder / "more").mkdir(parents=True)
    Image.fromarray(data.astronaut()).save(folder / "astronaut.jpg", quality=95)
    Image.fromarray(data.astronaut()).save(folder / "more" / "again.png")
    Image.fromarray(data.coffee()).save(folder / "coffee.png")
    return folder


def run(model: Path | str, *arguments: object, check: bool = False) -> Result:
    return CliRunner().invoke(APP, [*map(str, arguments), "--model", str(model)], catch_exceptions=not check)


def test_any_angle_reads_a_turned_face_beside_an_upright_one(photos: Path, model: Path) -> None:
    astronaut = data.astronaut()
    Image.fromarray(np.hstack([astronaut, np.rot90(astronaut)])).save(photos / "both.png")

    def eyes_above_each_other(*more: str) -> list[bool]:
        (photo,) = json.loads(run(model, "photos/both.png", "--json", *more).stdout)
        eyes = [np.subtract(*face["landmarks"][:2]) for face in sorted(photo["faces"], key=lambda face: face["box"])]
        return [bool(abs(y) > abs(x)) for x, y in eyes]

    assert eyes_above_each_other() == [False, False]  # the upright face is sure: the turned one is taken as it comes
    assert eyes_above_each_other("--any-angle") == [False, True]


def test_one_photo_is_lines_of_text_and_nothing_else(photos: Path, model: Path) -> None:
    done = run(model, "photos/astronaut.jpg")
    first, second = done.stdout.splitlines()
    assert first == "photos/astronaut.jpg  512 x 512 px, 1 face"
    assert second.split()[0] == "0"
    assert second.split()[1].rstrip("?") in FER2013.names
    assert "%   then" in second
    box = [int(value) for value in second.split("box")[1].split()]
    assert box == pytest.approx([179, 62, 269, 175], abs=3)
    assert (done.stderr, done.exit_code) == ("", 0)


def test_a_folder_ends_with_a_summary(photos: Path, model: Path) -> None:
    done = run(model, "photos")
    names = [line.split("  ")[0] for line in done.stdout.splitlines() if line.startswith("photos")]
    assert names == ["photos/astronaut.jpg", "photos/coffee.png", "photos/more/again.png"]
    assert "photos/coffee.png  600 x 400 px, no faces" in done.stdout
    assert done.stderr == "3 photos: 2 faces, 1 without a face, 0 failed\n"
    assert done.exit_code == 0


def test_failures_are_summed_up_and_the_rest_goes_on(photos: Path, model: Path) -> None:
    (photos / "broken.jpg").write_text("hello")
    done = run(model, "photos", "none.jpg")
    assert done.exit_code == 1
    assert "photos/more/again.png  512 x 512 px, 1 face" in done.stdout
    summary, broken, missing = done.stderr.splitlines()
    assert summary == "5 photos: 2 faces, 1 without a face, 2 failed"
    assert broken.startswith("failed: photos/broken.jpg: not a photo in a known format")
    assert missing == "failed: none.jpg: no such file."
    alone = run(model, "none.jpg")
    assert (alone.stdout, alone.stderr, alone.exit_code) == ("", "failed: none.jpg: no such file.\n", 1)


def test_many_that_fail_alike_are_named_once(photos: Path, model: Path) -> None:
    for number in range(5):
        (photos / f"{number}.jpg").write_text("hello")
    (photos / "empty.jpg").write_bytes(b"")
    alike, empty = run(model, "photos").stderr.splitlines()[1:]
    assert alike.startswith("failed: 5 photos: not a photo in a known format; ")
    assert alike.endswith(". They are photos/0.jpg, photos/1.jpg, photos/2.jpg and 2 more.")
    assert empty == "failed: photos/empty.jpg: is empty, 0 bytes."


def test_quoted_patterns(photos: Path, model: Path) -> None:
    assert run(model, "photos/**/*a*.*g", "photos/co*", "--workers", 2).stdout.count(" px, ") == 3
    with pytest.raises(InputError, match=r"photos/x\*: no photo matches"):
        run(model, "photos/x*", check=True)


def test_an_empty_folder_beside_others_is_no_reason_to_stop(photos: Path, model: Path) -> None:
    Path("empty").mkdir()
    done = run(model, "photos", "empty", "photos/x*")
    assert done.exit_code == 1
    summary, folder, pattern = done.stderr.splitlines()
    assert summary == "5 photos: 2 faces, 1 without a face, 2 failed"
    assert folder.startswith("failed: empty: no photo in it; expected files that end in .jpg")
    assert pattern.startswith("failed: photos/x*: no photo matches; expected files that end in .jpg")


def test_videos_among_photos_are_named_where_only_photos_are_read(photos: Path, model: Path) -> None:
    (photos / "clip.mp4").write_text("video")
    done = run(model, "photos", "photos/*.mp4", "photos/coffee.png", "--out", "faces.csv")
    assert done.exit_code == 0
    assert done.stderr.splitlines() == [
        "3 photos: 2 faces, 1 without a face, 0 failed",
        "1 video skipped: --out, --boxes and --crops are for photos",
    ]
    for named in (["photos", "photos/clip.mp4"], ["photos/*.mp4"]):
        done = run(model, *named, "--out", "faces.csv")
        assert done.exit_code == 2 and "--boxes, --crops and --out are for photos only" in done.stderr


def test_a_folder_is_walked_once(photos: Path, model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    walk, walked = os.walk, list[Path]()
    monkeypatch.setattr(os, "walk", lambda folder, **options: walked.append(folder) or walk(folder, **options))
    assert run(model, "photos", "--out", "faces.csv").exit_code == 0
    assert walked == [Path("photos")]


def test_one_photo_whose_result_is_in_a_file_is_summed_up(photos: Path, model: Path) -> None:
    found = [run(model, "photos/astronaut.jpg", "--out", "faces.csv").stderr for _ in range(2)]
    assert found[0] == "1 photo: 1 face, 0 without a face, 0 failed\n"
    assert found[1] == "1 photo (1 read earlier): 1 face, 0 without a face, 0 failed\n"


@pytest.mark.parametrize("out", ["faces.csv", "faces.jsonl"])
def test_out_goes_on_where_it_was(photos: Path, model: Path, out: str) -> None:
    (photos / "broken.jpg").write_text("hello")
    first = run(model, "photos", "photos/coffee.png", "--out", out, "--save", "pictures")
    assert first.stdout == ""
    assert first.stderr.startswith("4 photos: 2 faces, 1 without a face, 1 failed\nfailed: photos/broken.jpg: not")
    written = Path(out).read_bytes()
    Path("pictures/astronaut.jpg").unlink()
    again = run(model, "photos", "--out", out, "--save", "pictures")
    undrawn = "photos read earlier, without a picture: 1; to draw them, use another --out.\n"
    head, rest = first.stderr.replace("4 photos:", "4 photos (3 read earlier):").split("\n", 1)
    assert again.stderr == f"{head}\n{undrawn}{rest}"  # what failed is tried again
    assert (first.exit_code, again.exit_code) == (1, 1)
    assert sorted(Path(out).read_bytes().splitlines()) == sorted(written.splitlines())
    written = Path(out).read_bytes()
    assert not Path("pictures/astronaut.jpg").exists()
    Image.open(photos / "coffee.png").save(photos / "more" / "new.png")
    (photos / "broken.jpg").unlink()
    third = run(model, "photos", "--out", out, "--save", "pictures")
    head = "4 photos (3 read earlier): 2 faces, 2 without a face, 0 failed\n"
    assert (third.stderr, third.exit_code) == (head + undrawn, 0)
    assert Path("pictures/more/new.png").exists()
    assert Path(out).read_bytes().startswith(written)


def test_a_picture_whose_name_is_too_long_stops_no_later_run(photos: Path, model: Path) -> None:
    name = "n" * 251 + ".gif"  # its picture's would have .png behind it, and be longer than names may be
    Image.fromarray(data.astronaut()).save(photos / name)
    assert "not drawn" in run(model, f"photos/{name}", "--out", "a.csv", "--save", "pictures").stderr
    again = run(model, f"photos/{name}", "--out", "a.csv", "--save", "pictures", check=True)
    assert "photos read earlier, without a picture: 1; " in again.stderr


def test_a_picture_that_cannot_be_written_stops_no_other(photos: Path, model: Path) -> None:
    Path("pictures/coffee.png").mkdir(parents=True)
    done = run(model, "photos", "--save", "pictures", "--json")
    assert [Path(photo["source"]).name for photo in json.loads(done.stdout)] == [
        "astronaut.jpg", "coffee.png", *sorted(file.name for file in (photos / "more").iterdir()),
    ]  # fmt: skip
    assert "failed: photos/coffee.png: not drawn: pictures/coffee.png: cannot be written" in done.stderr
    assert Path("pictures/astronaut.jpg").is_file() and done.exit_code == 1


@pytest.mark.parametrize("out", ["faces.csv", "faces.jsonl"])
def test_out_can_be_given_back_as_boxes(photos: Path, model: Path, out: str) -> None:
    run(model, "photos", "--out", out)
    again = run(model, "photos", "--boxes", out)
    assert again.stderr == "3 photos: 2 faces, 1 without a face, 0 failed\n"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["photos", "--out", "a.csv", "--csv"], "the extension of the --out file sets the format; leave"),
        (["clip.mp4", "--out", "a.csv"], "--boxes, --crops and --out are for photos only"),
        (
            ["photos", "--boxes", "none.csv", "--crops"],
            "--boxes and --crops exclude each other: with --crops, the whole",
        ),
        (
            ["photos", "--any-angle", "--crops"],
            "--min-face and --any-angle are for face detection; --boxes and --crops",
        ),
        (
            ["photos", "--min-face", "100", "--crops"],
            "--min-face and --any-angle are for face detection; --boxes",
        ),
        (
            ["photos", "--out", "s3://bucket/faces.csv"],
            "a path is an address; download photos first, read streams with",
        ),
        (
            ["photos", "--save", "rtsp://user:secret@camera/x"],
            "a path is an address; download photos first, read streams with",
        ),
        ([""], "an empty path; is the variable that it came from set?"),
        (["--camera", "0", "--start", "2"], "--start is for videos; a camera always starts now"),
    ],
)
def test_options_that_contradict_each_other(photos: Path, model: Path, words: list[str], message: str) -> None:
    done = run(model, *words)
    assert done.exit_code == 2
    assert message in " ".join(done.stderr.replace("│", " ").split())
    assert "secret" not in done.stderr


def test_json_is_an_array_of_photos(photos: Path, model: Path) -> None:
    (photos / "broken.jpg").write_text("hello")
    done = run(model, "photos", "--json")
    found = json.loads(done.stdout)
    assert [len(photo["faces"]) for photo in found] == [1, 0, 0, 1]
    assert [photo["failed"] is None for photo in found] == [True, False, True, True]
    assert len(json.loads(run(model, "photos/coffee.png", "--json").stdout)) == 1


def test_a_closed_file_does_not_stop_the_others(photos: Path, model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = Path.open

    def refuse(path: Path, *words: Any, **options: Any) -> Any:
        if path.name == "coffee.png":
            raise PermissionError(13, "Permission denied")
        return opened(path, *words, **options)

    monkeypatch.setattr(os, "access", lambda *_: False)  # what the parser of arguments asks
    monkeypatch.setattr(Path, "open", refuse)
    done = run(model, "photos/coffee.png", "photos/astronaut.jpg")
    assert "photos/astronaut.jpg" in done.stdout
    assert "failed: photos/coffee.png: cannot be opened: Permission denied." in done.stderr
    assert done.exit_code == 1


def test_odd_metadata_are_no_message(photos: Path, model: Path) -> None:
    image = Image.open("photos/astronaut.jpg")
    image.save("photos/odd.jpg", exif=b"Exif\0\0MM\0*\0\0\xff\xff\xff\xff")
    words = [sys.executable, "-m", "mien", "analyze", "photos/odd.jpg", "--model", str(model)]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("photos/odd.jpg  512 x 512 px, 1 face")
    assert done.stderr == ""


def test_csv_has_a_row_a_face(photos: Path, model: Path) -> None:
    rows = list(csv.DictReader(io.StringIO(run(model, "photos", "--csv").stdout)))
    assert list(rows[0]) == columns(FER2013)
    assert [row["source"] for row in rows] == ["photos/astronaut.jpg", "photos/more/again.png"]
    assert run(model, "photos/coffee.png", "--csv").stdout == ",".join(columns(FER2013)) + "\n"


@pytest.mark.parametrize("out", [None, "faces.csv"])
def test_classes_with_commas_in_their_names(photos: Path, tmp_path: Path, out: str | None) -> None:
    labels = LabelSet(("awake, calm", 'so "called"', "fear", "happy", "sad", "surprise", "neutral"))
    own = write_tiny_model(tmp_path / "own", labels=labels)
    printed = run(own, "photos/astronaut.jpg", *(["--csv"] if out is None else ["--out", out])).stdout
    rows = list(csv.DictReader(io.StringIO(printed if out is None else Path(out).read_text())))
    assert list(rows[0])[: len(columns(labels))] == columns(labels)
    assert float(rows[0]["p_happy"]) == float(rows[0]["confidence"])
    if out is not None:
        assert "(1 read earlier)" in run(own, "photos/astronaut.jpg", "--out", out).stderr


def test_names_are_written_as_boxes_are_read_whatever_the_console_takes(photos: Path, model: Path) -> None:
    name = os.fsdecode(b"photos/\xc3\xa9\xff.png")
    Image.fromarray(data.astronaut()).save(os.fsencode(name), "PNG")
    words = [sys.executable, "-m", "mien", "analyze", name, "--csv", "--model", str(model)]
    with Path("faces.csv").open("wb") as file:
        subprocess.run(words, stdout=file, env={**os.environ, "PYTHONIOENCODING": "ascii"}, check=True)
    assert list(read_boxes(Path("faces.csv"))) == [name]


@pytest.mark.parametrize("format", ["--csv", "--json"])
def test_its_output_can_be_given_back_as_boxes(photos: Path, model: Path, format: str) -> None:
    first = run(model, "photos", format)
    Path("boxes").write_text(first.stdout)
    again = run(model, "photos", format, "--boxes", "boxes")
    assert ("photos/coffee.png: no boxes are given for it" in again.stderr) == (format == "--csv")

    def read(text: str) -> list[tuple[str, str, float]]:
        if format == "--csv":
            rows = csv.DictReader(io.StringIO(text))
            return [(row["x0"], row["label"], float(row["p_sad"])) for row in rows]
        faces = [face for photo in json.loads(text) for face in photo["faces"]]
        found = [(face["box"][0], face["expression"]) for face in faces]
        return [(x0, expression["label"], expression["probabilities"]["sad"]) for x0, expression in found]

    for (x0, label, p_sad), (same_x0, same_label, p_alike) in zip(read(first.stdout), read(again.stdout), strict=True):
        assert (x0, label) == (same_x0, same_label)
        assert p_sad == pytest.approx(p_alike, abs=0.002)  # boxes are printed to a hundredth of a px


@pytest.mark.parametrize("format", ["--csv", "--json"])
def test_a_turned_face_that_is_given_back_has_the_same_probabilities(photos: Path, format: str) -> None:
    Image.fromarray(data.astronaut()).rotate(20).save("turned.png")

    def probabilities(*more: str) -> list[float]:
        (face,) = csv.DictReader(io.StringIO(run("mien-small", "turned.png", "--csv", *more).stdout))
        return [float(face[f"p_{name}"]) for name in FER2013]

    Path("boxes").write_text(run("mien-small", "turned.png", format).stdout)
    assert probabilities("--boxes", "boxes") == pytest.approx(probabilities(), abs=0.001)


def test_crops_are_faces(photos: Path, model: Path) -> None:
    Image.fromarray(np.full((48, 48), 250, np.uint8)).save("crop.png")
    done = run(model, "crop.png", "--crops")
    assert "0  happy " in done.stdout
    assert done.stdout.strip().endswith("box 0 0 48 48")


def test_the_help_states_the_smallest_face_that_is_searched() -> None:
    (option,) = MinFace.__metadata__
    assert f"default: {MIN_FACE_PX}." in option.help
    assert detector_of(None, False).min_face_px == MIN_FACE_PX == YuNet().min_face_px
    assert detector_of(12, False).min_face_px == 12


def test_min_face(photos: Path, model: Path) -> None:
    assert "no faces" in run(model, "photos/astronaut.jpg", "--min-face", 150).stdout


def test_pictures_of_one_and_of_several_photos(photos: Path, model: Path) -> None:
    assert run(model, "photos/astronaut.jpg", "--save", "one.png").exit_code == 0
    assert Image.open("one.png").size == (1024, 1024)
    (photos / "broken.jpg").write_text("hello")
    run(model, "photos", "--save", "out")
    found = sorted(path.relative_to("out").as_posix() for path in Path("out").rglob("*.*"))
    assert found == ["astronaut.jpg", "coffee.png", "more/again.png"]
    one, again = (np.asarray(Image.open(file), int) for file in ("one.png", "out/more/again.png"))
    assert np.abs(one - again).mean() < 3  # of the same photo as JPEG and as PNG
    done = run(model, "photos", "--save", "photos")
    assert isinstance(done.exception, InputError)
    assert "would be overwritten" in str(done.exception)


def test_names_that_no_encoding_can_write(photos: Path, model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name = b"\xff\xe4\xb8.png"
    (photos / "coffee.png").rename(Path("photos") / name.decode("utf-8", "surrogateescape"))
    for format in ("--csv", "--json"):
        assert run(model, "photos", format).exit_code == 0
    assert b"photos/" + name + b"  600 x 400 px" in run(model, "photos").stdout_bytes
    monkeypatch.setattr("mien.cli.analyze._on_terminal", lambda: True)
    assert r"photos/\udcff\udce4\udcb8.png  600 x 400 px" in run(model, "photos").stdout


@pytest.mark.parametrize("format", ["--csv", "--json"])
@pytest.mark.parametrize("name", ["a\u2028b.png", "a\x85b.png", "a\nb.png", "a\rb.png"])
def test_names_with_line_breaks(photos: Path, model: Path, name: str, format: str) -> None:
    (photos / "more" / "again.png").rename(photos / "more" / name)
    found = run(model, "photos", format).stdout_bytes
    if format == "--csv":
        rows = csv.DictReader(io.StringIO(found.decode(), newline=""))
        assert [row["source"] for row in rows] == ["photos/astronaut.jpg", f"photos/more/{name}"]
    Path("boxes").write_bytes(found)
    again = run(model, f"photos/more/{name}", "photos/astronaut.jpg", "--boxes", "boxes")
    assert again.stderr == "2 photos: 2 faces, 0 without a face, 0 failed\n"


def test_a_name_with_control_characters_stays_in_its_line(photos: Path, model: Path) -> None:
    (photos / "more" / "again.png").rename(photos / "more" / "a\nb\x1b[2J.png")
    (photos / "bad\n.png").write_bytes(b"no photo")
    found = run(model, "photos")
    assert r"photos/more/a\nb\x1b[2J.png  512 x 512 px, 1 face" in found.stdout.splitlines()
    assert r"failed: photos/bad\n.png: not a photo" in found.stderr and "\x1b" not in found.output


def test_a_photo_from_standard_input(photos: Path, model: Path) -> None:
    def piped(content: bytes, *more: str) -> subprocess.CompletedProcess[bytes]:
        command = [sys.executable, "-m", "mien", "analyze", "-", "--model", str(model), *more]
        return subprocess.run(command, input=content, capture_output=True, check=False)

    content = (photos / "astronaut.jpg").read_bytes()
    assert piped(content, "--save", "drawn.png").stdout.startswith(b"<stdin>  512 x 512 px, 1 face")
    assert Path("drawn.png").is_file()
    assert piped(b"").stderr == b"failed: <stdin>: is empty, 0 bytes.\n"
    assert b"--out remembers photos by their files" in piped(content, "--out", "faces.csv").stderr
    assert b"- is standard input, which can be read" in piped(content, "-").stderr


def test_two_formats_are_one_too_many(photos: Path, model: Path) -> None:
    done = run(model, "photos", "--csv", "--json")
    assert done.exit_code == 2
    assert "--json and --csv exclude each other" in done.stderr


def test_names_that_look_like_addresses_are_names(photos: Path, model: Path) -> None:
    folder = Path("cam:")
    folder.mkdir()
    shutil.copy(photos / "astronaut.jpg", folder / "key=1@home.jpg")
    assert run(model, folder, check=True).stdout.startswith("cam:/key=1@home.jpg  ")
    for option, written in (("--out", "faces.csv"), ("--save", "drawn")):
        assert run(model, folder, option, written, check=True).exit_code == 0
    assert "cam:/key=1@home.jpg" in Path("faces.csv").read_text()
    assert len(list(Path("drawn").rglob("*.jpg"))) == 1


@pytest.mark.parametrize("option", ["--save", "--out", "--boxes"])
def test_an_empty_option_is_no_folder(photos: Path, model: Path, option: str) -> None:
    done = run(model, "photos", option, "")
    assert done.exit_code == 2 and "an empty path" in done.stderr


def test_a_standard_input_that_is_closed_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", None)  # as `<&-` leaves it
    with pytest.raises(InputError, match=r"standard input is closed; pass the photo with `< photo\.jpg`"):
        photo_at(STANDARD_INPUT)
