"""Figures that describe a data set, by hand, and the page that shows them."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from mien.errors import DataError
from mien.lab.data import PRIVATE, PUBLIC, TEST, TRAINING, Edition, FaceDataset, audit, draw_faces
from mien.lab.data.stats import class_counts, mean_face, pixel_stats, size_remarks, summary
from mien.lab.pages.charts import face
from mien.lab.pages.data_page import SAMPLES, sample_faces, write_stats_page
from mien.labels import FER2013


@pytest.fixture(scope="module")
def drawn() -> FaceDataset:
    return draw_faces(per_class=2, seed=4)


def levels(values: list[int], splits: list[str], labels: list[int]) -> FaceDataset:
    return FaceDataset(
        faces=np.array([np.full((2, 2), value) for value in values], np.uint8),
        labels=np.array(labels, np.int64),
        splits=np.array(splits),
        rows=np.arange(len(values)).astype(np.str_),
        label_set=FER2013,
        source="test",
    )


def test_pixel_statistics_are_those_of_numpy(drawn: FaceDataset) -> None:
    found = pixel_stats(drawn)
    assert found.mean == pytest.approx((drawn.faces / 255).mean())
    assert found.std == pytest.approx((drawn.faces / 255).std())
    assert found.counts.sum() == drawn.faces.size


def test_counts_of_classes_by_split() -> None:
    data = levels([1, 2, 3, 4], [TRAINING, TRAINING, PRIVATE, PRIVATE], [3, 3, 0, -1])
    counts = class_counts(data)
    assert list(counts) == [TRAINING, PRIVATE]
    assert counts[TRAINING] == dict.fromkeys(FER2013, 0) | {"happy": 2}
    assert counts[PRIVATE] == dict.fromkeys(FER2013, 0) | {"angry": 1, "unlabelled": 1}


def test_mean_face() -> None:
    data = levels([10, 21, 99], [TRAINING] * 3, [1, 1, 2])
    assert mean_face(data, 1).tolist() == [[16, 16], [16, 16]]  # 15.5, rounded to even
    assert mean_face(data, 6).tolist() == [[0, 0], [0, 0]]


@pytest.mark.parametrize(
    ("sizes", "remarks"),
    [
        ({TRAINING: 28_709, PUBLIC: 3_589, PRIVATE: 3_589}, []),
        ({TRAINING: 28_709, TEST: 7_178}, []),
        (
            {TRAINING: 28_708, PUBLIC: 3_589},
            ["Training has 28,708 faces, FER2013 has 28,709.", "PrivateTest is not here."],
        ),
        ({TEST: 1}, ["Training is not here.", "Test has 1 faces, FER2013 has 7,178."]),
    ],
)
def test_sizes_are_compared_with_what_was_published(sizes: dict[str, int], remarks: list[str]) -> None:
    splits = [name for name, size in sizes.items() for _ in range(size)]
    data = levels([0], [TRAINING], [0]).take(np.zeros(len(splits), np.int64))
    object.__setattr__(data, "splits", np.array(splits))
    assert size_remarks(data) == remarks


def test_summary_names_what_was_not_read(drawn: FaceDataset) -> None:
    facts = summary(Edition("folder", drawn, ("a.png: empty file",), ("b.txt",)), None)
    assert (facts["faces"], facts["width_px"], facts["broken"]) == (len(drawn), 48, ["a.png: empty file"])
    assert (facts["other_files"], facts["audit"], facts["fingerprint"]) == (["b.txt"], None, drawn.fingerprint)


def test_the_page_stands_alone_and_shows_every_class(tmp_path: Path, drawn: FaceDataset) -> None:
    edition = Edition("folder", drawn, ("<a>.png: empty file",), ("notes.txt",))
    write_stats_page(edition, audit(drawn), tmp_path / "stats.html")
    page = (tmp_path / "stats.html").read_text()
    assert not re.findall(r'(?:src|href)="(?!data:)', page), "the page needs another file"
    shown = {name: len(re.findall(f'alt="a face labelled {name}"', page)) for name in FER2013}
    assert shown == dict.fromkeys(FER2013, min(SAMPLES, 4))
    assert page.count('alt="mean of the faces labelled') == 7
    for text in ("Training: 14 faces", "identical or near twin in Training", "&lt;a&gt;.png: empty file", "notes.txt"):
        assert text in page
    assert "28.6 %" not in page and "14.3 %" in page  # two of fourteen


def test_samples_are_spread_over_the_data_set() -> None:
    data = levels(list(range(100)), [TRAINING] * 100, [3] * 99 + [5])
    samples = sample_faces(data)
    assert {name: len(faces) for name, faces in samples.items()} == {"happy": SAMPLES, FER2013.names[5]: 1}
    assert [samples["happy"][at].src for at in (0, -1)] == [face(data.faces[at], "").src for at in (0, 98)]


def test_the_page_without_an_audit(tmp_path: Path, drawn: FaceDataset) -> None:
    write_stats_page(Edition("folder", drawn), None, tmp_path / "stats.html")
    assert "--no-audit" in (tmp_path / "stats.html").read_text()


def test_what_cannot_be_described(tmp_path: Path, drawn: FaceDataset) -> None:
    with pytest.raises(DataError, match="no faces to describe"):
        write_stats_page(Edition("folder", drawn.take(np.array([], np.int64))), None, tmp_path / "a.html")
    (tmp_path / "file").touch()
    with pytest.raises(DataError, match=r"file/a\.html: cannot be written \("):
        write_stats_page(Edition("folder", drawn), None, tmp_path / "file" / "a.html")
