"""FER+ votes: joined by row; the rules of the paper by hand."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from mien.errors import DataError
from mien.lab.data import (
    PUBLIC,
    TRAINING,
    FaceDataset,
    join_votes,
    majority_labels,
    relabel_by_majority,
    vote_distributions,
)
from mien.labels import FER2013, FERPLUS

HEADER = "Usage,Image name,neutral,happiness,surprise,sadness,anger,disgust,fear,contempt,unknown,NF"


def dataset(rows: list[str], splits: list[str]) -> FaceDataset:
    return FaceDataset(
        faces=np.zeros((len(rows), 2, 2), np.uint8),
        labels=np.zeros(len(rows), np.int64),
        splits=np.array(splits),
        rows=np.array(rows),
        label_set=FER2013,
        source="faces",
    )


def votes_file(folder: Path, *lines: str, header: str = HEADER) -> Path:
    path = folder / "fer2013new.csv"
    path.write_text("\n".join([header, *lines]) + "\n")
    return path


GOOD = ("Training,a.png,4,0,0,1,3,2,0,0,0,0", "PublicTest,,0,10,0,0,0,0,0,0,0,0")


def test_votes_are_joined_by_row(tmp_path: Path) -> None:
    marked = votes_file(tmp_path, *GOOD, header="\ufeff" + HEADER)  # as Excel writes UTF-8
    data = join_votes(dataset(["1", "0", "7", "2"], [PUBLIC, *[TRAINING] * 3]), marked)
    assert data.votes is not None
    assert data.votes.dtype == np.uint8
    assert data.votes.tolist() == [[0, 10, 0, 0, 0, 0, 0, 0, 0, 0], [4, 0, 0, 1, 3, 2, 0, 0, 0, 0], [0] * 10, [0] * 10]
    assert data.take(np.array([1])).votes.tolist() == [[4, 0, 0, 1, 3, 2, 0, 0, 0, 0]]


@pytest.mark.parametrize("ending", [("",), ("", "", "  "), ("\r",)])
def test_blank_lines_at_the_end_are_passed_over(tmp_path: Path, ending: tuple[str, ...]) -> None:
    data = join_votes(dataset(["1", "7"], [PUBLIC, PUBLIC]), votes_file(tmp_path, *GOOD, *ending))
    assert data.votes is not None
    assert data.votes[:, 1].tolist() == [10, 0]


def problem(data: FaceDataset, path: Path) -> str:
    with pytest.raises(DataError) as caught:
        join_votes(data, path)
    return str(caught.value)


@pytest.mark.parametrize(
    ("lines", "found"),
    [
        ((GOOD[0], "", GOOD[1]), "row 1: 0 columns, expected 12. Is the file cut off? Get it again."),
        ((GOOD[0], "PublicTest,b.png,1,2"), "row 1: 4 columns, expected 12. Is the file cut off? Get it again."),
        (("Training,a.png,4,0,0,1,3,2,0,0,0,x",), "row 0: NF 'x', expected a number of votes from 0 to 255"),
        (("Training,a.png,256,0,0,1,3,2,0,0,0,0",), "row 0: neutral '256', expected"),
        ((), "a header and no rows"),
        (
            (GOOD[1], GOOD[0]),
            "row 0: Usage PublicTest, but that face is in Training of faces. The two do not belong together, or rows "
            "are missing or in another order: use the whole fer2013.csv, or a parquet of it, which keeps the row of",
        ),
    ],
)
def test_wrong_votes_files(tmp_path: Path, lines: tuple[str, ...], found: str) -> None:
    assert found in problem(dataset(["0"], [TRAINING]), votes_file(tmp_path, *lines))


def four_hundred(folder: Path) -> tuple[FaceDataset, Path]:
    """Faces of random expressions, and votes that know them."""
    expressions = np.random.default_rng(0).integers(0, 7, 400)
    names = [FER2013.name(label) for label in expressions.tolist()]
    lines = [
        "Training,a.png," + ",".join("10" if known == name else "0" for known in (*FERPLUS.names, "unknown", "NF"))
        for name in names
    ]
    whole = dataclasses.replace(dataset([str(row) for row in range(400)], [TRAINING] * 400), labels=expressions)
    return whole, votes_file(folder, *lines)


def test_votes_behind_a_missing_row_are_refused(tmp_path: Path) -> None:
    whole, path = four_hundred(tmp_path)
    assert join_votes(whole, path).votes is not None
    lost = dataclasses.replace(whole.take(np.arange(400) != 50), rows=np.arange(399).astype(str))
    with pytest.raises(DataError, match=r"labels of its last 300 faces agree with the votes of .* on only 1\d%"):
        join_votes(lost, path)
    kept = whole.take(np.arange(400) != 50)  # each face knows its row
    assert join_votes(kept, path).votes is not None
    of_one_class = whole.take((whole.labels == 0) | (np.arange(400) == 0))  # the first row is in its place
    assert join_votes(dataclasses.replace(of_one_class, labels=1 + 0 * of_one_class.labels), path).votes is not None


@pytest.mark.parametrize("n", [20, 90, 110])
def test_votes_on_some_faces_of_a_shuffled_file_are_refused(tmp_path: Path, n: int) -> None:
    whole, path = four_hundred(tmp_path)
    some = whole.take(np.random.default_rng(1).permutation(400)[:n])
    assert join_votes(some, path).votes is not None  # each face knows its row
    counted_anew = dataclasses.replace(some, rows=np.arange(n).astype(str))
    with pytest.raises(DataError, match=f"labels of its last {n} faces agree .* Rows are missing or in another order"):
        join_votes(counted_anew, path)
    first = whole.take(np.arange(n))
    assert join_votes(first, path).votes is not None
    doubted = np.where(np.arange(n) % 2, (first.labels + 1) % 7, first.labels)  # half of them, more than FER2013's
    assert join_votes(dataclasses.replace(first, labels=doubted), path).votes is not None


def test_faces_without_a_label_or_a_majority_for_an_expression_do_not_count_against_the_votes(tmp_path: Path) -> None:
    whole, path = four_hundred(tmp_path)
    header, *lines = path.read_text().splitlines()
    undecided, unknown = "Training,a.png,5,5,0,0,0,0,0,0,0,0", "Training,a.png,0,0,0,0,0,0,0,0,10,0"
    doubted = [(line, undecided, unknown)[row % 3] for row, line in enumerate(lines)]
    some = dataclasses.replace(whole, labels=np.where(np.arange(400) % 6, whole.labels, -1))
    assert join_votes(some, votes_file(tmp_path, *doubted, header=header)).votes is not None


def test_what_cannot_be_joined(tmp_path: Path) -> None:
    good = votes_file(tmp_path, *GOOD)
    assert "which this edition does not hold (its first face is 'train/sad/a.png'). Use fer2013.csv" in problem(
        dataset(["train/sad/a.png"], [TRAINING]), good
    )
    assert "2 rows, none of a face in faces. Is it cut off?" in problem(dataset(["9"], [TRAINING]), good)
    assert "gone.csv: no such file. FER+ votes are fer2013new.csv of" in problem(
        dataset(["0"], [TRAINING]), tmp_path / "gone.csv"
    )
    wrong = votes_file(tmp_path, header="emotion,pixels")
    assert "wrong columns: 'emotion,pixels'. Expected Usage,Image name,neutral" in problem(
        dataset(["0"], [TRAINING]), wrong
    )
    wrong.write_bytes(b"\xff\xfe\x00")
    assert "not a CSV file (" in problem(dataset(["0"], [TRAINING]), wrong)


def test_votes_that_the_system_refuses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    votes = votes_file(tmp_path, *GOOD)
    monkeypatch.setattr(Path, "open", refuse)
    assert f"{votes}: cannot be read ([Errno 13] Permission denied)" in problem(dataset(["0"], [TRAINING]), votes)


# neutral happy surprise sad angry disgust fear contempt unknown NF
RULES = [
    ([6, 4, 0, 0, 0, 0, 0, 0, 0, 0], 0, [0.6, 0.4, 0, 0, 0, 0, 0, 0]),
    ([5, 5, 0, 0, 0, 0, 0, 0, 0, 0], -1, [0.5, 0.5, 0, 0, 0, 0, 0, 0]),  # half is no majority
    ([5, 1, 1, 1, 1, 1, 0, 0, 0, 0], 0, [1, 0, 0, 0, 0, 0, 0, 0]),  # single votes are dropped first
    ([8, 2, 0, 0, 0, 0, 0, 0, 0, 0], 0, [1, 0, 0, 0, 0, 0, 0, 0]),  # three quarters are enough
    ([0, 0, 0, 0, 0, 0, 0, 0, 10, 0], 8, [0] * 8),  # unknown
    ([0, 0, 0, 0, 0, 0, 0, 0, 2, 8], 9, [0] * 8),  # not a face
    ([6, 0, 0, 0, 0, 0, 0, 0, 4, 0], 0, [1, 0, 0, 0, 0, 0, 0, 0]),  # unknown in second place ends the taking
    ([3, 0, 0, 0, 0, 0, 0, 0, 3, 3], -1, [0] * 8),  # too few votes for an expression
    ([4, 3, 3, 0, 0, 0, 0, 0, 0, 0], -1, [0.4, 0.3, 0.3, 0, 0, 0, 0, 0]),
    ([4, 2, 2, 2, 0, 0, 0, 0, 0, 0], -1, [0] * 8),  # four expressions are too many
    ([1] * 10, -1, [0] * 8),
    ([0] * 10, -1, [0] * 8),
    ([6, 2, 0, 0, 0, 0, 0, 0, 0, 0], 0, [1, 0, 0, 0, 0, 0, 0, 0]),  # just three quarters
    ([5, 2, 0, 0, 0, 0, 0, 0, 0, 0], 0, [5 / 7, 2 / 7, 0, 0, 0, 0, 0, 0]),  # not quite
    ([7, 6, 5, 4, 4, 0, 0, 0, 0, 0], -1, [7 / 18, 6 / 18, 5 / 18, 0, 0, 0, 0, 0]),  # three end the taking
]


@pytest.mark.parametrize(("votes", "majority", "distribution"), RULES)
def test_rules_of_the_paper(votes: list[int], majority: int, distribution: list[float]) -> None:
    table = np.array([votes], np.uint8)
    assert majority_labels(table).tolist() == [majority]
    shares = vote_distributions(table)
    assert shares.dtype == np.float32
    assert shares[0].tolist() == pytest.approx(distribution)
    assert table.tolist() == [votes], "the votes were changed"


def test_relabelling_counts_what_it_leaves_without_a_label() -> None:
    data = dataset([str(i) for i in range(5)], [TRAINING] * 5)
    with pytest.raises(DataError, match="faces: no FER\\+ votes; join them with join_votes"):
        relabel_by_majority(data)
    chosen = [RULES[0], RULES[1], RULES[4], RULES[5], RULES[11]]
    object.__setattr__(data, "votes", np.array([votes for votes, _, _ in chosen], np.uint8))
    result = relabel_by_majority(data)
    assert result.data.label_set == FERPLUS
    assert result.data.labels.tolist() == [0, -1, -1, -1, -1]
    counts = (result.labelled, result.no_majority, result.unknown, result.not_a_face, result.no_votes)
    assert counts == (1, 1, 1, 1, 1)
