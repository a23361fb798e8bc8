"""The file of `mien analyze --out`: it grows photo by photo, survives any cut, and knows what it has."""

from __future__ import annotations

import csv
import json
import multiprocessing
import os
import re
import resource
import signal
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tiny_model import write_tiny_model

from mien.analysis import Analyzer
from mien.card import Card
from mien.errors import InputError
from mien.records import Analysis, columns
from mien.result_file import ResultFile

FORMATS = pytest.mark.parametrize("suffix", [".csv", ".jsonl"])
NAMES = ("none.png", "one.png", 'ünï, "2".png', "broken.png", "last.png")
FACES = (0, 1, 3, 0, 2)


@pytest.fixture(scope="module")
def analyzer(tmp_path_factory: pytest.TempPathFactory) -> Analyzer:
    return Analyzer(model=write_tiny_model(tmp_path_factory.mktemp("models") / "tiny"))


@pytest.fixture
def photos(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    monkeypatch.chdir(tmp_path)
    for name in NAMES:
        Image.fromarray(np.full((20, 90), 200, np.uint8)).save(name)
    Path("broken.png").write_text("no photo")
    return [*map(Path, NAMES), Path("missing.png")]


@pytest.fixture
def found(photos: list[Path], analyzer: Analyzer) -> dict[Path, Analysis]:
    boxes = [[(10 * n, 0, 10 * n + 10, 10) for n in range(faces)] for faces in (*FACES, 0)]
    return dict(zip(photos, analyzer.run(photos, boxes=boxes), strict=True))


@pytest.fixture
def card(analyzer: Analyzer) -> Card:
    return analyzer.recognizer.card


def go_on(file: Path, found: dict[Path, Analysis], card: Card) -> ResultFile:
    results = ResultFile(file, list(found), card, "crops")
    results.write(found[photo] for photo in results.missing)
    return results


@FORMATS
def test_it_knows_what_it_has(suffix: str, found: dict[Path, Analysis], card: Card) -> None:
    file = Path("new/folder/results" + suffix)
    first = go_on(file, found, card)
    assert (first.done, first.missing) == ({}, list(found))
    second = ResultFile(file, [*found, Path("more.png"), Path("more.png")], card, "crops")
    failed = [Path(name) for name, analysis in zip([*NAMES, "missing.png"], found.values()) if analysis.failed]
    assert second.missing == [*failed, Path("more.png")] and len(failed) == 2  # what failed is tried again
    known = {photo.name: count for photo, count in zip(found, FACES) if photo not in failed}
    assert {each.source: each.faces for each in second.done.values()} == known


def test_csv_is_a_row_for_each_face_and_one_for_a_photo_without(found: dict[Path, Analysis], card: Card) -> None:
    go_on(Path("results.csv"), found, card)
    with Path("results.csv").open(encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    assert list(rows[0]) == [*columns(card.labels), "faces", "failed", "path", "bytes", "modified_ns", "made_with"]
    assert [row["source"] for row in rows] == [
        *("none.png", "one.png"),
        *[NAMES[2]] * 3,
        "broken.png",
        *["last.png"] * 2,
        "missing.png",
    ]
    assert [row["face"] for row in rows] == ["", "0", "0", "1", "2", "", "0", "1", ""]
    assert [row["faces"] for row in rows] == ["0", "1", "3", "3", "3", "", "2", "2", ""]
    assert [bool(row["failed"]) for row in rows] == [row["faces"] == "" for row in rows]
    assert rows[1]["label"] == "happy"
    assert (rows[0]["bytes"], rows[-1]["bytes"]) == (str(Path("none.png").stat().st_size), "")
    assert re.fullmatch("tiny [0-9a-f]{8}, crops", rows[0]["made_with"])
    assert rows[0]["path"] == str(Path("none.png").absolute())


def test_jsonl_is_a_line_for_each_photo(found: dict[Path, Analysis], card: Card) -> None:
    go_on(Path("results.jsonl"), found, card)
    lines = [json.loads(line) for line in Path("results.jsonl").read_text().splitlines()]
    for line, analysis in zip(lines, found.values(), strict=True):
        assert {key: line[key] for key in line.keys() & analysis.to_dict().keys()} == analysis.to_dict()
    assert lines[0]["modified_ns"] == Path("none.png").stat().st_mtime_ns


@FORMATS
def test_cut_anywhere_it_comes_to_the_same(suffix: str, found: dict[Path, Analysis], card: Card) -> None:
    file = Path("results" + suffix)
    go_on(file, found, card)
    whole = file.read_bytes()
    for length in range(0, len(whole), 23):
        file.write_bytes(whole[:length])
        go_on(file, found, card)
        assert sorted(file.read_bytes().splitlines()) == sorted(whole.splitlines()), f"cut at {length}"
    assert [path.name for path in Path().glob("results*")] == [file.name]


@FORMATS
def test_photos_that_changed_are_read_anew(suffix: str, found: dict[Path, Analysis], card: Card) -> None:
    file = Path("results" + suffix)
    go_on(file, found, card)
    before = file.read_bytes()
    file.chmod(0o660)
    os.utime("one.png", ns=(1, 1))
    Path("missing.png").write_bytes(Path("one.png").read_bytes())
    second = go_on(file, found, card)
    assert second.missing == [Path("one.png"), Path("broken.png"), Path("missing.png")]
    assert set(second.done) == {Path(name).absolute() for name in (NAMES[0], NAMES[2], NAMES[4])}
    assert len(file.read_bytes().splitlines()) == len(before.splitlines())
    assert file.stat().st_mode & 0o777 == 0o660


@FORMATS
def test_photos_that_are_not_asked_for_stay(suffix: str, found: dict[Path, Analysis], card: Card) -> None:
    file = Path("results" + suffix)
    go_on(file, found, card)
    before = file.read_bytes()
    assert ResultFile(file, [Path("other.png")], card, "crops").done == {}
    assert file.read_bytes() == before


@FORMATS
def test_photos_of_one_name_in_two_folders_are_two(
    suffix: str, analyzer: Analyzer, photos: list[Path], card: Card, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / f"results{suffix}"
    for number, folder in enumerate(("a", "b", "a")):
        (tmp_path / folder).mkdir(exist_ok=True)
        monkeypatch.chdir(tmp_path / folder)
        Image.fromarray(np.full((20, 20 + number % 2), 200, np.uint8)).save("IMG_1.png")
        os.utime("IMG_1.png", ns=(number % 2, number % 2))
        results = ResultFile(file, [Path("IMG_1.png")], card, "crops")
        assert len(results.missing) == (number < 2)
        results.write(analyzer.run(results.missing, crops=True))
    text = file.read_text()
    assert str(tmp_path / "a" / "IMG_1.png") in text and str(tmp_path / "b" / "IMG_1.png") in text


@FORMATS
def test_a_link_to_the_results_stays_a_link(suffix: str, found: dict[Path, Analysis], card: Card) -> None:
    file, real = Path("link" + suffix), Path("real" + suffix)
    file.symlink_to(real)
    for _ in range(2):  # the second takes what failed out of the file and adds it anew
        go_on(file, found, card)
        assert file.is_symlink() and real.read_bytes().count(b"broken.png") == 3
    assert len(ResultFile(real, list(found), card, "crops").done) == 4


@FORMATS
def test_names_with_line_breaks_come_back(suffix: str, analyzer: Analyzer, photos: list[Path], card: Card) -> None:
    odd = [Path("a\rb.png"), Path("c\nd.png"), Path("e\u2028f.png")]
    for photo in odd:
        Image.fromarray(np.full((20, 20), 200, np.uint8)).save(photo)
    found = dict(zip(odd, analyzer.run(odd, crops=True), strict=True))
    file = Path("results" + suffix)
    go_on(file, found, card)
    assert [known.source for known in ResultFile(file, odd, card, "crops").done.values()] == [*map(str, odd)]


def write_much(found: dict[Path, Analysis], card: Card) -> None:
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (300, 300))
    with pytest.raises(InputError, match=r"results\.csv: cannot be read or written: "):
        go_on(Path("results.csv"), found, card)


def test_a_full_disk_is_said(found: dict[Path, Analysis], card: Card) -> None:
    running = multiprocessing.get_context("fork").Process(target=write_much, args=(found, card))
    running.start()
    running.join()
    assert running.exitcode == 0


@FORMATS
def test_results_of_other_settings_do_not_mix(suffix: str, found: dict[Path, Analysis], card: Card) -> None:
    file = Path("results" + suffix)
    go_on(file, found, card)
    before = file.read_bytes()
    with pytest.raises(
        InputError, match=r"was made with tiny \w{8}, crops; this run would add results of tiny \w{8}, fa"
    ):
        ResultFile(file, list(found), card, "faces from 24 px")
    with pytest.raises(InputError, match="Name another file, or delete it"):
        ResultFile(file, list(found), replace(card, sha256="0" * 64), "crops")
    with pytest.raises(InputError, match="Name another file, or delete it"):
        ResultFile(file, list(found), replace(card, temperature=2 * card.temperature), "crops")
    with pytest.raises(InputError, match="Name another file, or delete it"):
        ResultFile(file, list(found), replace(card, uncertain_below=0.9), "crops")
    with pytest.raises(InputError, match="Name another file, or delete it"):
        ResultFile(file, list(found), replace(card, preprocess=replace(card.preprocess, margin_fraction=0.5)), "crops")
    assert file.read_bytes() == before


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.json", "", r"a.json: unknown ending '.json'; expected .csv or .jsonl, which can be added to"),
        ("a.csv", "name,age\n", "a.csv: exists, but it was not written by `mien analyze --out`"),
        ("a.csv", "s", None),
        ("a.jsonl", '{"so', None),
        ("a.jsonl", "notes", "a.jsonl: exists, but"),
        ("a.jsonl", '{"source": 1}\n', "a.jsonl: line 1 is not as `mien analyze --out` writes it; name another"),
        ("a.jsonl", '{"source": \n', "a.jsonl: line 1 is not as"),
        ("a.jsonl", '{"source": 1}', "a.jsonl: ends in a line that `mien analyze --out` has not written; name another"),
    ],
)
def test_other_files_are_left_alone(tmp_path: Path, card: Card, name: str, text: str, message: str | None) -> None:
    file = tmp_path / name
    file.write_text(text)
    if message is None:
        ResultFile(file, [], card, "crops")
        return
    with pytest.raises(InputError, match=message):
        ResultFile(file, [], card, "crops")
    assert file.read_text() == text


@pytest.mark.parametrize("piece", ["12", "null", '"a, b.jpg"'])
def test_a_piece_of_a_csv_is_no_json(tmp_path: Path, card: Card, piece: str) -> None:
    file = tmp_path / "a.csv"
    ResultFile(file, [], card, "crops").write([])
    whole = file.read_bytes()
    file.write_bytes(whole + piece.encode())
    ResultFile(file, [], card, "crops")
    assert file.read_bytes() == whole


def test_a_row_that_was_edited_is_named(found: dict[Path, Analysis], card: Card) -> None:
    file = Path("a.csv")
    go_on(file, found, card)
    lines = file.read_text().splitlines(keepends=True)
    file.write_text("".join([*lines[:3], "one,two\n", *lines[3:]]))
    with pytest.raises(InputError, match=r"a.csv: line 4 is not as"):
        ResultFile(file, list(found), card, "crops")


@FORMATS
def test_a_second_run_does_not_touch_the_file_of_the_first(
    suffix: str, found: dict[Path, Analysis], card: Card
) -> None:
    file = Path("results" + suffix)
    first, second = (ResultFile(file, list(found), card, "crops") for _ in range(2))

    def while_others_try() -> Iterator[Analysis]:
        for analysis in found.values():
            yield analysis
            with pytest.raises(
                InputError, match="another run is adding to it; wait until it ends, or name another file"
            ):
                ResultFile(file, list(found), card, "crops")  # would take out what failed
            with pytest.raises(InputError, match="another run is adding to it"):
                second.write(found.values())

    first.write(while_others_try())
    alone = Path("alone" + suffix)
    go_on(alone, found, card)
    assert file.read_bytes() == alone.read_bytes()
    assert len(ResultFile(file, list(found), card, "crops").done) == 4


def test_what_cannot_be_written_is_said(found: dict[Path, Analysis], card: Card) -> None:
    Path("folder.csv").mkdir()
    with pytest.raises(InputError, match=r"folder.csv: cannot be read or written: Is a directory"):
        ResultFile(Path("folder.csv"), list(found), card, "crops")
    results = ResultFile(Path("one.png/a.csv"), list(found), card, "crops")
    with pytest.raises(InputError, match=r"one.png/a.csv: cannot be read or written: "):
        results.write(found.values())


def read_crops(file: Path) -> ResultFile:
    analyzer = Analyzer(model="tiny", workers=2)
    results = ResultFile(file, sorted(Path("crops").iterdir()), analyzer.recognizer.card, "crops")
    results.write(analyzer.run(results.missing, crops=True))
    return results


@FORMATS
def test_a_run_that_is_killed_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str) -> None:
    monkeypatch.chdir(tmp_path)
    write_tiny_model(Path("tiny"))
    Path("crops").mkdir()
    for number in range(200):
        Image.fromarray(np.full((48, 48), number % 256, np.uint8)).save(f"crops/{number:03}.png")
    file, size = Path(f"killed{suffix}"), 0
    for _ in range(2):
        running = multiprocessing.get_context("fork").Process(target=read_crops, args=(file,))
        running.start()
        while not file.exists() or file.stat().st_size == size:
            assert running.is_alive()
            time.sleep(0.001)
        running.kill()  # signal 9
        running.join()
        text = file.read_text()
        size = len(text)
        assert text.endswith("\n")
        assert 0 < text.count("\n") < 200
    assert 0 < len(read_crops(file).done) < 200
    read_crops(Path(f"whole{suffix}"))
    assert file.read_bytes() == Path(f"whole{suffix}").read_bytes()
