"""The real FER2013 against what is known of it."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest

from mien.lab.data import (
    PUBLIC,
    TRAINING,
    Audit,
    FaceDataset,
    audit,
    has_learned_from,
    holdout,
    join_votes,
    read_fer2013,
)
from mien.lab.data.origin import _FER2013_TRAINING, _TRAINING_OF, _TRAINING_VOTES, _TRAINING_VOTES_OF
from mien.lab.provenance import describe_environment
from mien.lab.recipe import Validation
from mien.labels import FER2013

pytestmark = pytest.mark.fer2013


@pytest.fixture(scope="module")
def data(fer2013_path: Path) -> FaceDataset:
    found = read_fer2013(fer2013_path)
    if found.split_names()[:2] != [TRAINING, PUBLIC]:
        pytest.skip(f"{fer2013_path} does not hold the official splits Training and PublicTest")
    return found.relabel(FER2013)


@pytest.fixture(scope="module")
def audited(data: FaceDataset) -> Audit:
    return audit(data.take(np.isin(data.splits, (TRAINING, PUBLIC))))


def test_sizes_of_splits_and_classes(data: FaceDataset) -> None:
    training, public = data.training, data.test
    assert np.bincount(training.labels).tolist() == [3995, 436, 4097, 7215, 4830, 3171, 4965]
    assert np.bincount(public.labels).tolist() == [467, 56, 496, 895, 653, 415, 607]


def test_copies_on_record_have_the_same_training_and_public_test(data: FaceDataset) -> None:
    """Seeds of a recipe are put together over both: see `mien.lab.data.origin`."""
    if not data.rows[0].isdigit():
        pytest.skip("not in the order of the 2013 CSV")
    tested = data.take(np.isin(data.splits, (TRAINING, PUBLIC)))
    assert tested.fingerprint in _TRAINING_OF
    assert data.training.fingerprint == _FER2013_TRAINING
    assert all(has_learned_from({"data_fingerprint": copy}, part) for copy in _TRAINING_OF for part in (data, tested))


def test_votes_on_record_have_the_same_training(data: FaceDataset, fer2013_path: Path) -> None:
    votes = fer2013_path.with_name("fer2013new.csv")
    if not data.rows[0].isdigit() or not votes.is_file():
        pytest.skip("needs fer2013new.csv beside the data, in the order of the 2013 CSV")
    voted = join_votes(data, votes)
    tested = voted.take(np.isin(data.splits, (TRAINING, PUBLIC)))
    whole, some, training = (sha256(part.votes.tobytes()).hexdigest() for part in (voted, tested, voted.training))
    assert {whole, some} == set(_TRAINING_VOTES_OF)
    assert describe_environment(voted, 0, None, {})["votes_sha256"] == training == _TRAINING_VOTES


def test_holdouts_are_those_of_the_reports(data: FaceDataset) -> None:
    train, held = holdout(data.training, Validation(kind="holdout", fraction=0.2, rule="keras"), seed=0)
    assert (len(train), len(held)) == (22_968, 5_741)


def test_twins(audited: Audit) -> None:
    public = audited.splits == PUBLIC
    assert int(audited.identical_in_training[public].sum()) == 280
    assert int((~audited.twin_free)[public].sum()) == pytest.approx(441, abs=2)  # at the border rounding decides
    assert int(audited.blank[~public].sum()) == 12


def test_grouped_holdout_has_no_twin_in_training(data: FaceDataset) -> None:
    training = data.training
    train, held = holdout(training, Validation(kind="holdout", fraction=0.2, rule="grouped"), seed=0)
    groups = dict(zip(training.rows.tolist(), audit(training).groups.tolist()))
    assert not {groups[row] for row in train.rows.tolist()} & {groups[row] for row in held.rows.tolist()}
    assert len(held) == pytest.approx(5_741, abs=10)
