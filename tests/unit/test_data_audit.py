"""The audit, on faces whose twins are known."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from mien.errors import DataError
from mien.lab.data import PUBLIC, TRAINING, FaceDataset, audit, auditing, draw_faces
from mien.lab.data.auditing import near_pairs
from mien.labels import FER2013

RANDOM = np.random.default_rng(0).integers(0, 256, (12, 48, 48)).astype(np.uint8)
FACES = np.stack([np.kron(face[:24, :24], np.ones((2, 2), np.uint8)) for face in RANDOM])
"""Twelve images of 24 x 24 blocks, which do not resemble each other."""


def dataset(faces: list[np.ndarray], splits: str, labels: list[int] | None = None) -> FaceDataset:
    """`splits` has a letter for each face: t Training, p PublicTest."""
    return FaceDataset(
        faces=np.stack(faces).astype(np.uint8),
        labels=np.array(labels or [0] * len(faces), np.int64),
        splits=np.array([{"t": TRAINING, "p": PUBLIC}[letter] for letter in splits]),
        rows=np.arange(len(faces)).astype(np.str_),
        label_set=FER2013,
        source="test",
    )


def brighter(face: np.ndarray) -> np.ndarray:
    """Another image of correlation near 1."""
    return (face * 0.8 + 20).astype(np.uint8)


def mixed(face: np.ndarray, other: np.ndarray, correlation: float) -> np.ndarray:
    """An image of about this correlation with `face`, if `other` is not related to it."""
    parts = [(image - image.mean()) / image.std() for image in (face, other)]
    both = correlation * parts[0] + np.sqrt(1 - correlation**2) * parts[1]
    return (128 + 30 * both).clip(0, 255).astype(np.uint8)


def test_identical_faces() -> None:
    a, b, c = FACES[:3]
    result = audit(dataset([a, b, a, b, c, a], "tttppp"))
    assert result.twin_free.tolist() == [True, True, False, False, True, False]
    assert result.identical_in_training.tolist() == [False, False, True, True, False, True]
    assert len(set(result.identical.tolist())) == 3
    groups = result.groups.tolist()
    assert groups[0] == groups[2] == groups[5] and groups[1] == groups[3] and len(set(groups)) == 3
    assert result.near_twin_pairs == 0
    assert repr(result) == "Audit(test: 6 faces; see `summary()`)"


@pytest.mark.parametrize(
    ("change", "twin"),
    [
        (brighter, True),
        (lambda face: face // 2, True),
        (lambda face: face[:, ::-1], True),
        (lambda face: brighter(face[:, ::-1]), True),
        (lambda face: mixed(face, FACES[9], 0.97), True),
        (lambda face: mixed(face, FACES[9], 0.97)[:, ::-1], True),
        (lambda face: mixed(face, FACES[9], 0.92), False),
        (lambda face: face[::-1], False),
        (lambda face: 255 - face, False),
    ],
)
def test_near_twins(change, twin: bool) -> None:
    for first, second in ((FACES[0], change(FACES[0])), (change(FACES[0]), FACES[0])):
        result = audit(dataset([first, FACES[1], second], "ttp"))
        assert result.twin_free.tolist() == [True, True, not twin]
        assert result.identical_in_training.tolist() == [False] * 3
        assert result.near_twin_pairs == int(twin)
        assert (result.groups[0] == result.groups[2]) == twin


def test_only_training_makes_a_twin_and_the_first_of_training_is_free() -> None:
    a, b = FACES[:2]
    result = audit(dataset([a, a, b, brighter(b), brighter(b)], "ppttt"))
    assert result.twin_free.tolist() == [True, True, True, False, False]


def test_groups_are_chains_of_twins() -> None:
    a, far = FACES[0], FACES[9]
    chain = [mixed(a, far, np.cos(angle)) for angle in (0.0, 0.25, 0.5)]
    result = audit(dataset([chain[0], FACES[1], chain[2], chain[1]], "tttt"))
    assert result.near_twin_pairs == 2
    assert result.groups[0] == result.groups[2] == result.groups[3] != result.groups[1]


def test_conflicting_labels() -> None:
    a, b, c = FACES[:3]
    result = audit(dataset([a, a, a, a, b, b, c, c], "ttppttpp", [0, 4, 0, -1, 2, 2, 5, -1]))
    assert result.conflicting.tolist() == [True, True, True, False, False, False, False, False]
    assert result.summary()["groups_with_conflicting_labels"] == 1


def test_blanks_resemble_nothing() -> None:
    black, almost = np.zeros((48, 48)), np.zeros((48, 48))
    almost[0, :3] = 9
    faint = np.where(np.arange(48) < 24, 100, 102) + np.zeros((48, 48))  # a standard deviation of 1
    result = audit(dataset([black, almost, almost * 2, black, FACES[0], faint, faint + 9], "ttttttt"))
    assert result.blank.tolist() == [True, True, True, True, False, False, False]
    # the fourth is identical to the first, the last is a brighter one of the one before, which is not blank
    assert result.twin_free.tolist() == [True, True, True, False, True, True, False]


def test_summary_counts_by_split() -> None:
    a, b = FACES[:2]
    assert audit(dataset([a, brighter(a), a, b], "ttpp")).summary() == {
        "faces": 4,
        "distinct": 3,
        "near_twin_pairs": 1,
        "groups_with_conflicting_labels": 0,
        "blank": {TRAINING: 0, PUBLIC: 0},
        "conflicting": {TRAINING: 0, PUBLIC: 0},
        "identical_in_training": {TRAINING: 0, PUBLIC: 1},
        "twin_in_training": {TRAINING: 1, PUBLIC: 1},
        "twin_free": {TRAINING: 1, PUBLIC: 1},
    }


def test_without_training_twins_there_are_unknown() -> None:
    result = audit(dataset([FACES[0], FACES[0]], "pp"))
    with pytest.raises(DataError, match="test: no Training split, so it is not known which faces have a twin there"):
        _ = result.twin_free
    with pytest.raises(DataError, match="Read an edition that includes Training"):
        _ = result.identical_in_training
    assert "twin_free" not in result.summary()


def test_no_faces() -> None:
    nothing = dataset([FACES[0]], "t").take(np.array([], np.int64))
    with pytest.raises(DataError, match="test: no faces to audit"):
        audit(nothing)


def test_tiles_change_nothing_and_progress_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Against all correlations by numpy, one by one."""
    pool = [image for face in FACES[:5] for image in (face, brighter(face), brighter(face)[:, ::-1])]
    small = [face.reshape(24, 2, 24, 2).mean(axis=(1, 3)) for face in pool]
    expected = {
        (i, j)
        for i in range(15)
        for j in range(i + 1, 15)
        if max(np.corrcoef(small[i].ravel(), other.ravel())[0, 1] for other in (small[j], small[j][:, ::-1])) > 0.95
    }
    monkeypatch.setattr(auditing, "_TILE", 4)
    told: list[tuple[int, int]] = []
    tiles = near_pairs(np.stack(pool), np.ones(15, bool), lambda done, total: told.append((done, total)))
    pairs = np.concatenate(list(tiles))
    assert {tuple(pair) for pair in pairs.tolist()} == expected
    assert len(pairs) == len(expected) == 15
    assert told == [(step, 10) for step in range(1, 11)]


def test_groups_are_the_same_in_tiles_of_any_size(monkeypatch: pytest.MonkeyPatch) -> None:
    """Against a plain search; a group's number counts the groups whose first image comes before its own."""
    draw = np.random.default_rng(1)
    angles = draw.choice(40, 24, replace=False) * 0.2  # steps of 0.2 link, of 0.4 do not: chains of various lengths
    images = [mixed(FACES[0], FACES[9], np.cos(angle)) for angle in angles] + [*FACES[1:4]]
    data = dataset(images, "".join(draw.choice(["t", "p"], len(images))))
    monkeypatch.setattr(auditing, "_TILE", len(images))
    whole = auditing._audited(data, None)
    assert whole.near_twin_pairs > 1 and 3 < len(set(whole.groups.tolist())) < len(images)
    assert list(dict.fromkeys(whole.groups[np.argsort(whole.identical)].tolist())) == sorted(set(whole.groups.tolist()))
    for tile in (1, 4, 7):
        monkeypatch.setattr(auditing, "_TILE", tile)
        tiled = auditing._audited(data, None)
        assert tiled.near_twin_pairs == whole.near_twin_pairs
        assert tiled.groups.tolist() == whole.groups.tolist()
        assert tiled.earliest.tolist() == whole.earliest.tolist()


def test_frames_of_one_scene_take_no_more_memory_the_more_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every two of 1,500 are twins: their 1,124,250 pairs would take 18 MB."""
    frames = (FACES[0] * 0.8 + np.random.default_rng(0).integers(0, 9, (1_500, 48, 48))).astype(np.uint8)
    data = dataset(list(frames), "t" * len(frames))
    monkeypatch.setattr(auditing, "_TILE", 64)
    audit(dataset([*FACES], "t" * len(FACES)))  # imports what it needs
    tracemalloc.start()
    result = audit(data)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert result.near_twin_pairs == 1_500 * 1_499 // 2 and not result.groups.any() and result.twin_free.sum() == 1
    assert most < 6 * frames.nbytes


def test_faces_that_differ_in_the_finest_detail_alone_are_twins() -> None:
    swapped = RANDOM[:2].reshape(2, 48, 24, 2)[..., ::-1].reshape(2, 48, 48)  # each pixel with its neighbour
    (pairs,) = near_pairs(np.concatenate([RANDOM[:2], swapped]), np.ones(4, bool))
    assert pairs.tolist() == [[0, 2], [1, 3]]


def test_drawn_faces_are_new() -> None:
    result = audit(draw_faces(per_class=20, seed=0))
    assert result.summary()["distinct"] == 7 * 24
    assert not result.blank.any()
    assert result.twin_free.mean() > 0.98


def test_a_data_set_is_compared_once(monkeypatch: pytest.MonkeyPatch) -> None:
    data = draw_faces(per_class=5, seed=0)
    found = audit(data)
    monkeypatch.setattr(auditing, "near_pairs", lambda *_: pytest.fail("compared again"))
    assert audit(data) is found
