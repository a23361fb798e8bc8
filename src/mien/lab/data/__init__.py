"""FER2013 in every edition: reading, splitting, auditing, describing, drawing, writing."""

from mien.lab.data.auditing import Audit, audit
from mien.lab.data.dataset import PRIVATE, PUBLIC, SPLITS, TEST, TRAINING, FaceDataset, check_dataset
from mien.lab.data.edition import Edition
from mien.lab.data.fer2013 import open_fer2013, read_fer2013
from mien.lab.data.ferplus import (
    Relabelled,
    join_votes,
    majority_labels,
    relabel_by_majority,
    vote_distributions,
    with_majority,
)
from mien.lab.data.fetch import fetch_fer2013
from mien.lab.data.origin import (
    has_learned_from,
    may_have_learned_from,
    origins_of,
    training_fingerprint,
    votes_digest,
)
from mien.lab.data.split import class_weights, draw_test, holdout
from mien.lab.data.synthetic import draw_faces
from mien.lab.data.write import write_edition

__all__ = [
    "PRIVATE",
    "PUBLIC",
    "SPLITS",
    "TEST",
    "TRAINING",
    "Audit",
    "Edition",
    "FaceDataset",
    "Relabelled",
    "audit",
    "check_dataset",
    "class_weights",
    "draw_faces",
    "draw_test",
    "fetch_fer2013",
    "has_learned_from",
    "holdout",
    "join_votes",
    "majority_labels",
    "may_have_learned_from",
    "open_fer2013",
    "origins_of",
    "read_fer2013",
    "relabel_by_majority",
    "training_fingerprint",
    "vote_distributions",
    "votes_digest",
    "with_majority",
    "write_edition",
]
