"""The quick CSV parser against a plain one, on rows that are right and on rows that are slightly wrong."""

from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mien.errors import DataError
from mien.lab.data import pixel_csv
from mien.lab.data.pixel_csv import PIXELS, parse_pixels, read_csv

SEEDS = st.integers(0, 2**32 - 1)


def random_row(seed: int, highest: int = 255) -> list[bytes]:
    """Numbers of a row; small `highest` makes most of them one digit long."""
    return [b"%d" % value for value in np.random.default_rng(seed).integers(0, highest + 1, PIXELS)]


def plainly(row: bytes) -> list[int] | None:
    """What the row says, read as slowly and plainly as can be; None if it is wrong."""
    words = row.decode("latin-1").split()
    if len(words) != PIXELS or not all(word.isascii() and word.isdigit() for word in words):
        return None
    values = [int(word) for word in words]
    return values if max(values) <= 255 else None


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(SEEDS, st.sampled_from([1, 9, 10, 99, 100, 255])), min_size=1, max_size=5))
def test_well_formed_rows_take_the_quick_way_and_come_out_right(drawn: list[tuple[int, int]]) -> None:
    rows = [b" ".join(random_row(seed, highest)) for seed, highest in drawn]
    quick = parse_pixels(rows)
    assert quick is not None
    assert quick.tolist() == [plainly(row) for row in rows]


# What stands in for one number, and what for the space after it.
DAMAGE = st.sampled_from(
    [b"", b"256", b"299", b"300", b"999", b"1234", b"0255", b"007", b"-1", b"+1", b"1.5", b"1e1", b"x", b"1_0", b" ",
     b"\t", b"\xb2", b"1 2", b"1  2", b"\x00", b"/", b":", b"255"]
)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(SEEDS, st.lists(st.tuples(st.integers(0, PIXELS - 1), DAMAGE), max_size=3), st.integers(0, 2))
@example(0, [(0, b"")], 0)
@example(0, [(PIXELS - 1, b"")], 1)
@example(0, [(5, b"")], 0)
@example(0, [(5, b""), (9, b"1 2")], 2)
def test_a_damaged_row_is_read_as_the_plain_parser_does_or_refused(
    seed: int, damage: list[tuple[int, bytes]], at: int
) -> None:
    numbers = random_row(seed)
    for position, replacement in damage:
        numbers[position] = replacement
    rows = [b" ".join(random_row(seed + 1 + other)) for other in range(2)]
    rows.insert(at, b" ".join(numbers))
    text = b"emotion,pixels\n" + b"".join(b"3,%s\n" % row for row in rows)
    expected = [plainly(row) for row in rows]
    if expected[at] is None:
        with pytest.raises(DataError, match=f"^f.csv row {at}: "):
            read_csv(io.BytesIO(text), len(text), "f.csv")
    else:
        assert read_csv(io.BytesIO(text), len(text), "f.csv").data.faces.reshape(3, -1).tolist() == expected


@settings(max_examples=10, deadline=None)
@given(SEEDS, st.integers(1, 40))
def test_rows_are_in_order_whatever_the_batch(seed: int, count: int) -> None:
    rows = [b" ".join(random_row(seed + row)) for row in range(count)]
    text = b"pixels\n" + b"\n".join(rows)
    faces = read_csv(io.BytesIO(text), len(text), "f.csv").data.faces
    assert faces.reshape(count, -1).tolist() == [plainly(row) for row in rows]


def test_the_slow_way_is_not_taken_for_published_files(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pixel_csv, "_parse_plainly", None)
    text = b"pixels\n" + b" ".join(random_row(1))
    assert len(read_csv(io.BytesIO(text), len(text), "f.csv").data) == 1
