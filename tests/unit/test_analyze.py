"""The pipeline with a model made by hand (bright faces are happy) and a detector that finds bright and dark squares."""

from __future__ import annotations

import builtins
import copy
import io
import itertools
import json
import math
import multiprocessing
import os
import pickle
import signal
import threading
import time
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image
from skimage import data
from tiny_model import write_tiny_model

import mien
from mien.analysis import Analyzer, analyze
from mien.errors import InputError, MienError
from mien.faces.detect import Face
from mien.labels import FER2013
from mien.recognizer import Recognizer
from mien.records import Analyses, Analysis, AnalyzedFace, columns

Pixels = npt.NDArray[np.uint8]
SIDE = 30


class Squares:
    """Finds the squares that `photo` draws."""

    def detect(self, image: Pixels) -> list[Face]:
        spots = image[:: SIDE + 10, :: SIDE + 10, 0]
        return [
            Face(box=(x * 40.0, y * 40.0, x * 40.0 + SIDE, y * 40.0 + SIDE), score=0.5)
            for y, x in np.argwhere(spots != 128)
        ]


def photo(*values: int) -> Pixels:
    """A row of grey squares on grey."""
    image = np.full((40, 40 * max(1, len(values)), 3), 128, np.uint8)
    for index, value in enumerate(values):
        image[:SIDE, index * 40 : index * 40 + SIDE] = value
    return image


def labels(analysis: Analysis | Analyses) -> list[str]:
    return [face.expression.label for face in analysis.faces]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_model(tmp_path_factory.mktemp("models") / "tiny", uncertain_below=0.6)


@pytest.fixture(scope="module")
def recognizer(model: Path) -> Recognizer:
    return Recognizer.load(model)


def test_a_photo(tmp_path: Path, model: Path) -> None:
    Image.fromarray(data.astronaut()).save(tmp_path / "x.jpg")
    found = mien.analyze(str(tmp_path / "x.jpg"), model=model)
    assert found.faces[0].expression.label in FER2013.names
    assert found.faces[0].box == pytest.approx((179, 62, 269, 175), abs=8)
    assert (found.source, found.size, found.failed, found.model) == (str(tmp_path / "x.jpg"), (512, 512), None, "tiny")


def test_each_face_gets_the_expression_of_its_own_crop(recognizer: Recognizer) -> None:
    found = analyze(photo(250, 10, 240, 128, 5), model=recognizer, detector=Squares())
    assert labels(found) == ["happy", "sad", "happy", "sad"]
    assert [face.box[0] for face in found.faces] == [0, 40, 80, 160]
    assert all(isinstance(face, AnalyzedFace) and face.score == 0.5 for face in found.faces)


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda analyzer: pickle.loads(pickle.dumps(analyzer))])
def test_a_copy_of_an_analyzer_reads_the_same(model: Path, copied: Callable[[Analyzer], Analyzer]) -> None:
    analyzer = Analyzer(model=model, detector=mien.YuNet(min_face_px=30, any_angle=True), batch_size=3, workers=1)
    other = copied(analyzer)
    assert (other.batch_size, other.workers, other.detector.min_face_px) == (3, 1, 30)
    (found,), (expected,) = (each.run([data.astronaut()]) for each in (other, analyzer))
    assert len(found.faces) == 1 and found.to_dict() == expected.to_dict()


def test_crops_have_the_margin_of_the_models_card(tmp_path: Path) -> None:
    dark_on_bright = np.full((90, 90, 3), 255, np.uint8)
    dark_on_bright[30:60, 30:60] = 100
    box = [(30, 30, 60, 60)]
    tight = write_tiny_model(tmp_path / "tight")
    wide = write_tiny_model(tmp_path / "wide", margin_fraction=1.0)
    assert labels(analyze(dark_on_bright, model=tight, boxes=box)) == ["sad"]
    assert labels(analyze(dark_on_bright, model=wide, boxes=box)) == ["happy"]
    bright_with_dark_edge = np.pad(np.full((80, 80), 255, np.uint8), 5)
    assert labels(analyze(bright_with_dark_edge, model=wide, crops=True)) == ["happy"]
    assert labels(analyze(bright_with_dark_edge, model=wide, boxes=[(0, 0, 90, 90)])) == ["sad"]


def test_batches_go_across_photos_and_keep_the_order(recognizer: Recognizer, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = []
    logits = recognizer.logits
    monkeypatch.setattr(recognizer, "logits", lambda faces, size: sizes.append(len(faces)) or logits(faces, size))
    photos = [photo(250, 10), photo(), photo(10), photo(250, 250, 10), photo(10)]
    found = analyze(photos, model=recognizer, detector=Squares(), batch_size=4)
    assert sizes == [6, 1]  # faces
    assert [labels(analysis) for analysis in found] == [
        ["happy", "sad"],
        [],
        ["sad"],
        ["happy", "happy", "sad"],
        ["sad"],
    ]
    assert [analysis.source for analysis in found] == [f"<array {index}>" for index in range(5)]
    one_by_one = [analyze(image, model=recognizer, detector=Squares()) for image in photos]
    assert [analysis.faces for analysis in found] == [analysis.faces for analysis in one_by_one]


@pytest.mark.parametrize("one", [photo(9), photo()])
def test_photos_are_read_as_results_are_taken(recognizer: Recognizer, one: Pixels) -> None:
    seen: list[int] = []

    class Counting(Squares):
        def detect(self, image: Pixels) -> list[Face]:
            seen.append(1)
            return super().detect(image)

    results = Analyzer(model=recognizer, detector=Counting(), batch_size=2).run([one] * 10)
    next(results)
    assert len(seen) == 2


def test_threads_find_the_same_in_the_same_order_and_work_a_few_photos_ahead(recognizer: Recognizer) -> None:
    photos = [photo(*[250] * (index % 3), *[5] * (index % 2)) for index in range(30)]
    started: list[int] = []

    class Uneven(Squares):
        def detect(self, image: Pixels) -> list[Face]:
            started.append(threading.get_ident())
            time.sleep(0.004 if len(started) % 3 == 0 else 0)
            return super().detect(image)

    analyzer = Analyzer(model=recognizer, detector=Uneven(), batch_size=2, workers=2)
    results = analyzer.run(photos)
    found = [next(results)]
    assert len(started) <= 2 + 2 * 2 + 1
    found += results
    assert [analysis.source for analysis in found] == [f"<array {index}>" for index in range(30)]
    assert [a.faces for a in found] == [a.faces for a in analyze(photos, model=recognizer, detector=Squares())]
    assert len(set(started)) == 2


@pytest.mark.parametrize("leave", ["close", "raise"])
def test_no_thread_outlives_its_analysis(recognizer: Recognizer, leave: str) -> None:
    class Failing(Squares):
        def detect(self, image: Pixels) -> list[Face]:
            if leave == "raise" and image[0, 0, 0] == 9:
                raise MemoryError("no memory for a photo")
            return super().detect(image)

    results = Analyzer(model=recognizer, detector=Failing(), batch_size=1, workers=2).run([photo(5), photo(9)] * 9)
    next(results)
    assert any(thread.name.startswith("mien-crop") for thread in threading.enumerate())
    if leave == "close":
        cast("Generator[Analysis]", results).close()
    else:
        with pytest.raises(MemoryError, match="no memory for a photo"):
            list(results)
    assert not any(thread.name.startswith("mien-crop") for thread in threading.enumerate())


def test_ctrl_c_ends_the_process_at_once(recognizer: Recognizer) -> None:
    ready = multiprocessing.Event()

    class Slow(Squares):
        def detect(self, image: Pixels) -> list[Face]:
            ready.set()
            time.sleep(0.1)
            return super().detect(image)

    analyzer = Analyzer(model=recognizer, detector=Slow(), workers=4)

    def run() -> None:
        signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore it
        list(analyzer.run([photo()] * 4000))

    running = multiprocessing.get_context("fork").Process(target=run)
    running.start()
    assert ready.wait(10)
    os.kill(running.pid or 0, signal.SIGINT)
    running.join(20)  # all photos would take 100 seconds
    assert running.exitcode == 1


def test_threads_take_turns_with_what_they_cannot_share(tmp_path: Path, recognizer: Recognizer) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (1500, 1500), np.uint8)
    Image.fromarray(noise).save(tmp_path / "a.jpg")
    with Image.open(tmp_path / "a.jpg") as image:
        found = analyze([image] * 8, model=recognizer, crops=True, workers=4)
    assert found.failed == []
    assert len({face.expression.confidence for face in found.faces}) == 1


def test_how_many_threads_there_are(recognizer: Recognizer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mien.analysis.cores", lambda: 16)
    assert Analyzer(model=recognizer).workers == 2
    assert Analyzer(model=recognizer, workers=9).workers == 9
    assert Analyzer(model=recognizer, detector=Squares()).workers == 1
    monkeypatch.setattr("mien.analysis.cores", lambda: 1)
    assert Analyzer(model=recognizer).workers == 1


def test_the_shipped_model_and_the_detector_are_loaded_once() -> None:
    first, second = Analyzer(), Analyzer()
    assert first.recognizer is second.recognizer
    assert first.detector is second.detector
    assert Analyzer(min_face_px=9).detector is not first.detector


def test_all_kinds_of_sources(tmp_path: Path, recognizer: Recognizer) -> None:
    Image.fromarray(photo(250)).save(tmp_path / "a.png")
    raw = (tmp_path / "a.png").read_bytes()
    sources = [tmp_path / "a.png", raw, io.BytesIO(raw), Image.open(tmp_path / "a.png"), photo(250), photo(250) / 255]
    for source in sources:
        assert labels(analyze(source, model=recognizer, detector=Squares())) == ["happy"]


def test_folders_stand_for_their_photos(tmp_path: Path, recognizer: Recognizer) -> None:
    for name, value in (("b.png", 250), ("a/c.png", 10)):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        Image.fromarray(photo(value)).save(tmp_path / name)
    found = analyze([tmp_path, photo(10)], model=recognizer, detector=Squares())
    assert [analysis.source for analysis in found] == [str(tmp_path / "b.png"), str(tmp_path / "a/c.png"), "<array 2>"]
    assert labels(found) == ["happy", "sad", "sad"]
    with pytest.raises(InputError, match="is a folder; give a list"):
        analyze(tmp_path, model=recognizer)


def test_patterns_and_generators_stand_for_their_photos(tmp_path: Path, recognizer: Recognizer) -> None:
    for name in ("b.png", "sub/c.PNG", "sub/deep/d.png", "[1].png"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(photo(250)).save(tmp_path / name)
    (tmp_path / "sub" / "notes.txt").write_text("no photo")
    (tmp_path / "empty").mkdir()

    def found(*sources: str | Path) -> list[str]:
        names = [Path(analysis.source) for analysis in analyze(sources, model=recognizer, detector=Squares())]
        return [name.relative_to(tmp_path).as_posix() for name in names]

    assert found(f"{tmp_path}/**/*.png") == ["[1].png", "b.png", "sub/deep/d.png"]
    assert found(tmp_path / "[1].png", tmp_path / "?.png") == ["[1].png", "b.png"]
    assert found(f"{tmp_path}/**") == ["[1].png", "b.png", "sub/c.PNG", "sub/deep/d.png"]
    assert found(f"{tmp_path}/s*") == ["sub/c.PNG", "sub/deep/d.png"]
    assert labels(analyze(tmp_path.glob("b*"), model=recognizer, detector=Squares())) == ["happy"]
    with pytest.raises(InputError, match=r"x\*: no photo matches; expected files that end in .*\.jpg"):
        found(f"{tmp_path}/x*")
    with pytest.raises(InputError, match=r"\?\.png: is a pattern; give a list, .*, to read the photos that match it"):
        analyze(f"{tmp_path}/?.png", model=recognizer)
    with pytest.raises(InputError, match=r"sub: is a folder; give a list, .*, to read the photos in it"):
        analyze(tmp_path / "sub", model=recognizer)


def test_videos_are_for_another_call(recognizer: Recognizer) -> None:
    with pytest.raises(InputError, match=r"clip\.MP4: is a video, by its ending; mien.analyze_video reads it"):
        analyze("clip.MP4", model=recognizer)
    assert analyze([photo(250), "clip.mp4"], model=recognizer, detector=Squares()).failed[0].source == "clip.mp4"


def test_what_cannot_be_read_is_told_and_the_rest_goes_on(tmp_path: Path, recognizer: Recognizer) -> None:
    (tmp_path / "text.jpg").write_text("hello")
    found = analyze(
        [photo(250), tmp_path / "text.jpg", tmp_path / "none.jpg", photo(10)], model=recognizer, detector=Squares()
    )
    assert labels(found) == ["happy", "sad"]
    assert [analysis.source for analysis in found.failed] == [str(tmp_path / "text.jpg"), str(tmp_path / "none.jpg")]
    assert found[1].failed is not None
    assert "text.jpg: not a photo in a known format" in found[1].failed
    assert (found[1].size, found[1].faces) == (None, ())
    assert repr(found) == "Analyses(4 photos, 2 faces, 2 failed)"
    with pytest.raises(InputError, match=r"text\.jpg: not a photo"):
        found[1].annotated()
    with pytest.raises(InputError, match=r"none\.jpg: no such file"):
        analyze(tmp_path / "none.jpg", model=recognizer)


def test_files_that_break_off_and_names_of_no_file_do_not_stop_the_others(recognizer: Recognizer) -> None:
    class Gone(io.RawIOBase):
        def read(self, size: int = -1) -> bytes:
            raise ConnectionResetError(104, "Connection reset by peer")

    closed = io.BytesIO(b"x")
    closed.close()
    photos = [Gone(), closed, "a\0b.png", photo(10)]
    found = analyze(photos, model=recognizer, boxes={"a\0b.png": [], "<array 3>": [(0, 0, 30, 30)]})
    assert labels(found) == ["sad"]
    reset, shut, name = (analysis.failed for analysis in found.failed)
    assert reset == "<Gone 0>: cannot be read: Connection reset by peer."
    assert shut == "<BytesIO 1>: cannot be read: I/O operation on closed file."
    assert name == "a\0b.png: no such file."
    with pytest.raises(InputError, match="no such file"):
        found[2].save("out.png")


def test_faults_of_the_code_are_not_taken_for_bad_photos(recognizer: Recognizer) -> None:
    class Broken:
        def detect(self, image: Pixels) -> list[Face]:
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        analyze([photo(1)], model=recognizer, detector=Broken())


def test_given_boxes(tmp_path: Path, recognizer: Recognizer) -> None:
    Image.fromarray(photo(250, 10)).save(tmp_path / "a.png")
    dark, bright = (40, 0, 70, 30), (0, 0, 30, 30)
    assert labels(analyze(photo(250, 10), model=recognizer, boxes=np.array([dark, bright]))) == ["sad", "happy"]
    by_path = {str(tmp_path / "a.png"): [dark]}
    assert labels(analyze(tmp_path / "a.png", model=recognizer, boxes=by_path)) == ["sad"]
    found = analyze([tmp_path / "a.png", photo(250)], model=recognizer, boxes=[[dark], [bright]])
    assert [labels(analysis) for analysis in found] == [["sad"], ["happy"]]
    found = analyze([tmp_path / "a.png", tmp_path / "b.png"], model=recognizer, boxes={str(tmp_path / "a.png"): [dark]})
    assert labels(found) == ["sad"]
    assert found.faces[0].score is None
    assert found[1].failed == f"{tmp_path / 'b.png'}: no such file."
    outside = analyze([photo(250)], model=recognizer, boxes=[[(99, 0, 120, 30)]])
    assert outside[0].failed == "<array>: box 0 (99.0, 0.0, 120.0, 30.0) lies outside the photo of 40 x 40 px."
    with pytest.raises(InputError, match=r"<array>: box 0 .* expected x0 < x1"):
        analyze(photo(250), model=recognizer, boxes=[(9, 9, 1, 1)])


def test_crops_are_one_face_each(recognizer: Recognizer) -> None:
    crops = [np.full((20, 30, 3), 250, np.uint8), np.full((48, 48), 5, np.uint8)]
    found = analyze(crops, model=recognizer, crops=True)
    assert labels(found) == ["happy", "sad"]
    assert found[0].faces[0].box == (0, 0, 30, 20)


def test_a_crop_of_the_models_size_reaches_it_unchanged(recognizer: Recognizer) -> None:
    crop = np.random.default_rng(0).integers(0, 256, (48, 48), np.uint8)
    (face,) = analyze(crop, model=recognizer, crops=True).faces
    assert face.expression == recognizer.predict([crop])[0]


@pytest.mark.parametrize("shape", [(60, 31, 3), (20, 49), (700, 300), (700, 700)])
def test_a_crop_that_is_squared_or_shrunk_gets_one_answer(recognizer: Recognizer, shape: tuple[int, ...]) -> None:
    crop = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    crop[: shape[0] // 4, :] = crop[:, : shape[1] // 4] = 250  # a bright edge is repeated
    (face,) = analyze(crop, model=recognizer, crops=True).faces
    assert face.expression == recognizer.predict([crop])[0]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"boxes": [], "crops": True}, "boxes and crops exclude each other"),
        ({"detector": Squares(), "min_face_px": 9}, "min_face_px is for the default detector; set"),
        ({"batch_size": 0}, "batch_size 0; expected a whole number, 1 or more"),
        ({"workers": 0}, "workers 0; expected a whole number, 1 or more"),
        ({"workers": "2"}, "workers '2'; expected a whole number, 1 or more"),
        ({"workers": True}, "workers True; expected a whole number, 1 or more"),
        ({"min_face_px": math.nan}, "min_face_px nan; expected a number, 1 or more"),
        ({"detector": "yunet"}, r"detector 'yunet'; expected an object that finds faces by `detect\(image\)`"),
        ({"detector": mien.YuNet}, r"detector <class .*YuNet'>; expected an object that finds faces by `detect"),
        ({"boxes": [], "min_face_px": 9}, "min_face_px is for the detector; boxes and crops say"),
        ({"crops": True, "min_face_px": 9}, "min_face_px is for the detector; boxes and crops say"),
    ],
)
def test_contradictions_are_refused(recognizer: Recognizer, arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        analyze(photo(9), model=recognizer, **arguments)


@pytest.mark.parametrize("one", [photo(9), "a.jpg", Path("a.jpg"), b"", Image.new("L", (9, 9)), io.BytesIO()])
def test_an_analyzer_runs_on_lists_and_generators(recognizer: Recognizer, one: Any) -> None:
    with pytest.raises(InputError, match=rf"photos: found {type(one).__name__}; expected a list or a generator"):
        Analyzer(model=recognizer).run(one)


@pytest.mark.parametrize("workers", [1, 2])
def test_a_generator_is_asked_for_a_few_photos_at_a_time(recognizer: Recognizer, workers: int) -> None:
    asked: list[int] = []

    def endless() -> Iterator[Pixels]:
        for index in itertools.count():
            asked.append(index)
            yield photo(*[250] * (index % 3))

    analyzer = Analyzer(model=recognizer, detector=Squares(), batch_size=2, workers=workers)
    found = list(itertools.islice(analyzer.run(endless()), 9))
    assert len(asked) <= 9 + 2 + 2 * workers + 1
    assert [analysis.source for analysis in found] == [f"<array {index}>" for index in range(9)]
    assert [len(analysis.faces) for analysis in found] == 3 * [len(analysis.faces) for analysis in found[:3]]
    boxes = [[(0, 0, 9, 9)], []]
    given = analyzer.run((photo(index) for index in range(2)), boxes=boxes)
    assert [len(analysis.faces) for analysis in given] == [1, 0]


@pytest.mark.parametrize("workers", [1, 2])
def test_a_generator_that_fails_loses_no_photo_that_it_gave(recognizer: Recognizer, workers: int) -> None:
    def failing() -> Iterator[Pixels]:
        yield from (photo(250), photo(), photo(9))
        raise ConnectionError

    analyzer, found = Analyzer(model=recognizer, detector=Squares(), workers=workers), []
    with pytest.raises(ConnectionError):
        found.extend(analysis.faces for analysis in analyzer.run(failing()))
    assert [len(faces) for faces in found] == [1, 0, 1]


def test_a_photo_is_not_overwritten_by_its_picture(tmp_path: Path, recognizer: Recognizer) -> None:
    file = tmp_path / "a.png"
    Image.fromarray(photo(9)).save(file)
    before = file.read_bytes()
    with pytest.raises(InputError, match=r"a\.png: is the photo and would be overwritten; name another file"):
        analyze(file, model=recognizer, detector=Squares()).save(tmp_path / "." / "a.png")
    assert file.read_bytes() == before


def test_a_picture_takes_the_place_of_a_link_to_itself(tmp_path: Path, recognizer: Recognizer) -> None:
    (tmp_path / "a.png").symlink_to("a.png")
    analyze(photo(250), model=recognizer, detector=Squares()).save(tmp_path / "a.png")
    assert Image.open(tmp_path / "a.png").format == "PNG"


def test_numbers_of_any_kind_become_pythons(recognizer: Recognizer) -> None:
    class Numpy:
        def detect(self, image: Pixels) -> list[Face]:
            box = np.array([0, 0, 30, 30])
            marks = np.ones((5, 2), np.float32)
            return [Face(box=tuple(box), score=cast("float", np.float32(0.5)), landmarks=cast("Any", marks))]

    found = json.loads(analyze(photo(9), model=recognizer, detector=Numpy()).to_json())
    assert found["faces"][0]["box"] == [0, 0, 30, 30]
    assert found["faces"][0]["landmarks"] == [[1, 1]] * 5


def test_a_table_without_faces_has_all_columns(recognizer: Recognizer) -> None:
    several = analyze([photo()], model=recognizer)
    for empty in (analyze(photo(), model=recognizer), several, several[:0], analyze([], model=recognizer)):
        table = empty.to_pandas()
        assert (len(table), list(table.columns)) == (0, columns(recognizer.card.labels))


def test_min_face_px_reaches_the_detector(recognizer: Recognizer) -> None:
    small = np.asarray(Image.fromarray(data.astronaut()).resize((72, 72), Image.Resampling.BOX))
    assert analyze(small, model=recognizer).faces == ()
    assert len(analyze(small, model=recognizer, min_face_px=12).faces) == 1


def test_json(recognizer: Recognizer) -> None:
    found = analyze([photo(250), photo(128)], model=recognizer, detector=Squares())
    first, second = json.loads(found.to_json())
    assert first == json.loads(found[0].to_json()) == json.loads(found[0].to_json(indent=None))
    assert {key: first[key] for key in ("source", "size", "failed", "model")} == {
        "source": "<array 0>",
        "size": [40, 40],
        "failed": None,
        "model": "tiny",
    }
    assert second["faces"] == []
    (face,) = first["faces"]
    assert face["box"] == [0, 0, 30, 30]
    assert (face["score"], face["landmarks"]) == (0.5, None)
    assert face["expression"]["label"] == "happy"
    assert list(face["expression"]["probabilities"]) == list(FER2013)
    assert sum(face["expression"]["probabilities"].values()) == pytest.approx(1, abs=1e-5)
    assert face["expression"]["confidence"] == face["expression"]["probabilities"]["happy"]
    assert face["expression"]["uncertain"] is False


def test_json_has_landmarks(recognizer: Recognizer) -> None:
    (face,) = json.loads(analyze(data.astronaut(), model=recognizer).to_json())["faces"]
    assert np.array(face["landmarks"]).shape == (5, 2)


def test_tables(recognizer: Recognizer) -> None:
    found = analyze([photo(250, 10), photo(), data.astronaut()], model=recognizer, detector=Squares())
    table = found[:2].to_pandas()
    assert list(table.columns) == columns(FER2013)
    assert table["label"].tolist() == ["happy", "sad"]
    assert table["face"].tolist() == [0, 1]
    assert table["x0"].tolist() == [0, 40]
    assert table["nose_x"].isna().all()
    assert found[0].to_pandas().equals(table)
    empty = found[1].to_pandas()
    assert len(empty) == 0
    assert "label" in empty.columns
    marks = analyze(data.astronaut(), model=recognizer).to_pandas()
    assert marks["right_eye_x"][0] < marks["left_eye_x"][0]


def test_tables_take_names_that_are_no_text(recognizer: Recognizer, tmp_path: Path) -> None:
    file = os.fsencode(tmp_path) + b"/bright-\xff.png"
    Image.fromarray(photo(250)).save(os.fsdecode(file))
    found = analyze(os.fsdecode(file), model=recognizer, detector=Squares())
    assert found.to_pandas()["source"][0].endswith("bright-\\udcff.png")
    assert json.loads(found.to_json())["source"] == os.fsdecode(file)


def test_tables_need_pandas(recognizer: Recognizer, monkeypatch: pytest.MonkeyPatch) -> None:
    found = analyze(photo(250), model=recognizer, detector=Squares())
    real = builtins.__import__

    def without_pandas(name: str, *rest: Any) -> Any:
        if name == "pandas":
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without_pandas)
    with pytest.raises(MienError, match="to_pandas needs pandas, which is not installed: pip install pandas"):
        found.to_pandas()


def test_pictures_are_drawn_from_any_source(tmp_path: Path, recognizer: Recognizer) -> None:
    Image.fromarray(photo(250)).save(tmp_path / "a.png")
    raw = (tmp_path / "a.png").read_bytes()
    expected = analyze(photo(250), model=recognizer, detector=Squares()).annotated()
    for source in (tmp_path / "a.png", raw, io.BytesIO(raw)):
        found = analyze(source, model=recognizer, detector=Squares())
        assert (found.annotated() == expected).all()
    assert (np.asarray(found.plot()) == expected).all()
    assert not (expected == expected[0, 0]).all()
    found.save(tmp_path / "out.png")
    assert (np.asarray(Image.open(tmp_path / "out.png")) == expected).all()


def test_analyses_are_a_sequence(recognizer: Recognizer) -> None:
    found = analyze((photo(250), photo(10)), model=recognizer, detector=Squares())
    assert isinstance(found, Analyses)
    assert len(found) == 2
    assert found[-1] is list(found)[1]
    assert isinstance(found[1:], Analyses)
    assert labels(found[1:]) == ["sad"]
    assert found.failed == []


def test_results_can_be_keys(recognizer: Recognizer) -> None:
    same = [analyze(photo(250), model=recognizer, detector=Squares()) for _ in range(2)]
    other = analyze(photo(9), model=recognizer, detector=Squares())
    assert len({*same, other}) == len({face.expression for one in (*same, other) for face in one.faces}) == 2


def test_an_empty_path_is_refused(recognizer: Recognizer) -> None:
    message = r"^an empty path; is the variable that it came from set\?$"
    with pytest.raises(InputError, match=message):
        analyze("", model=recognizer)
    with pytest.raises(InputError, match=message):
        mien.explain("", model=recognizer)
    (failed,) = analyze(["", photo(9)], model=recognizer, detector=Squares()).failed
    assert failed.failed == "an empty path; is the variable that it came from set?"


@pytest.mark.parametrize(
    ("returned", "message"),
    [
        (None, "the detector returned NoneType; expected a list of mien.Face"),
        ([Face(box=(0, 0, 9, 9)), (0, 0, 9, 9)], "item 1 of what the detector returned is tuple; expected mien.Face"),
        ([Face(box=(100, 0, 130, 30))], r"box 0 \(100.0, 0.0, 130.0, 30.0\) lies outside the photo of 40 x 40 px"),
        (
            [Face(box=(math.nan, 0, 9, 9))],
            r"the detector's box 0 is \(nan, 0.0, 9.0, 9.0\); expected x0 < x1 and",
        ),
        ([Face(box=(9, 9, 1, 1))], r"the detector's box 0 is \(9.0, 9.0, 1.0, 1.0\); expected x0 < x1"),
        ([Face(box=cast(Any, (0, 0, 9)))], r"the detector's box 0 is \(0.0, 0.0, 9.0\); expected four numbers"),
        (
            [Face(box=(0, 0, 9, 9), landmarks=cast(Any, ((math.inf, 1),) * 5))],
            r"the detector's box 0 has the landmarks .* expected none, or five points",
        ),
        (
            [Face(box=(0, 0, 9, 9), score=math.nan)],
            r"the detector's box 0 has the score nan; expected a finite number, or None",
        ),
    ],
)
def test_what_a_detector_may_not_return_is_refused(
    tmp_path: Path, recognizer: Recognizer, returned: Any, message: str
) -> None:
    class Odd:
        def detect(self, image: Pixels) -> Any:
            return returned

    with pytest.raises(InputError, match=f"^<array>: {message}"):
        analyze(photo(250), model=recognizer, detector=Odd())
    Image.fromarray(photo(250)).save(tmp_path / "a.gif")
    with pytest.raises(InputError, match=rf"a\.gif frame 0: {message}"):
        list(mien.analyze_video(tmp_path / "a.gif", model=recognizer, detector=Odd()))
