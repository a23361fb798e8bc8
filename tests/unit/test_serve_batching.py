from __future__ import annotations

import threading

import numpy as np
import pytest

from mien.serve.batching import Batcher


def faces(*values: int) -> np.ndarray:
    return np.array(values, np.uint8).reshape(-1, 1, 1, 1)


def double(batch: np.ndarray) -> np.ndarray:
    return batch.reshape(len(batch), 1) * 2.0


class Gate:
    """A model whose first batch waits until it is opened."""

    def __init__(self) -> None:
        self.entered, self.opened = threading.Event(), threading.Event()
        self.sizes: list[int] = []

    def run(self, batch: np.ndarray) -> np.ndarray:
        self.sizes.append(len(batch))
        self.entered.set()
        assert self.opened.wait(10)
        return double(batch)


def test_photos_that_wait_share_a_batch_and_each_gets_its_own_rows() -> None:
    gate, batches = Gate(), []
    batcher = Batcher(gate.run, wait_s=0.0, on_batch=lambda photos, faces: batches.append((photos, faces)))
    first = batcher.submit(faces(1))
    assert gate.entered.wait(10)
    others = [batcher.submit(faces(2, 3)), batcher.submit(faces(4)), batcher.submit(faces(5, 6, 7))]
    gate.opened.set()
    assert first.result(10).tolist() == [[2]]
    assert [answer.result(10).ravel().tolist() for answer in others] == [[4, 6], [8], [10, 12, 14]]
    batcher.close()
    assert batches == [(1, 1), (3, 6)]


def test_a_full_batch_leaves_the_rest_for_the_next() -> None:
    gate = Gate()
    batcher = Batcher(gate.run, wait_s=0.0, max_faces=2)
    answers = [batcher.submit(faces(1, 1))]
    assert gate.entered.wait(10)
    answers += [batcher.submit(faces(value)) for value in (1, 2, 3)]
    gate.opened.set()
    assert [float(answer.result(10)[0, 0]) for answer in answers] == [2, 2, 4, 6]
    batcher.close()
    assert gate.sizes == [2, 2, 1]


def test_nobody_waits_where_no_others_are_on_their_way() -> None:
    gate = Gate()
    gate.opened.set()
    batcher = Batcher(gate.run, wait_s=60.0, expected=lambda: 2)
    answers = [batcher.submit(faces(1)), batcher.submit(faces(2))]
    assert [float(answer.result(10)[0, 0]) for answer in answers] == [2, 4]
    assert gate.sizes == [2]
    batcher.close()


def test_an_error_reaches_all_of_its_batch_and_no_later_one() -> None:
    def refuse_zeros(batch: np.ndarray) -> np.ndarray:
        if not batch.all():
            raise ValueError("zeros")
        return double(batch)

    batcher = Batcher(refuse_zeros, wait_s=0.0)
    with pytest.raises(ValueError, match="zeros"):
        batcher.submit(faces(0)).result(10)
    assert batcher.submit(faces(4)).result(10).tolist() == [[8]]
    batcher.close()


def test_what_waits_is_answered_before_the_thread_ends() -> None:
    gate = Gate()
    batcher = Batcher(gate.run, wait_s=10.0)
    answers = [batcher.submit(faces(1)), batcher.submit(faces(2))]
    gate.opened.set()
    batcher.close()
    assert [float(answer.result(0)[0, 0]) for answer in answers] == [2, 4]


def test_a_cancelled_job_does_not_disturb_the_others() -> None:
    gate = Gate()
    batcher = Batcher(gate.run, wait_s=0.0)
    first = batcher.submit(faces(1))
    assert gate.entered.wait(10)
    gone, kept = batcher.submit(faces(2)), batcher.submit(faces(3))
    assert gone.cancel()
    gate.opened.set()
    assert first.result(10).tolist() == [[2]]
    assert kept.result(10).tolist() == [[6]]
    batcher.close()
