"""FER2013 in every edition: reading, splitting, auditing, drawing."""

from mien.lab.data.audit import Audit, audit
from mien.lab.data.dataset import PRIVATE, PUBLIC, SPLITS, TEST, TRAINING, FaceDataset
from mien.lab.data.fer2013 import open_fer2013, read_fer2013
from mien.lab.data.split import class_weights, holdout
from mien.lab.data.synthetic import draw_faces

__all__ = [
    "PRIVATE",
    "PUBLIC",
    "SPLITS",
    "TEST",
    "TRAINING",
    "Audit",
    "FaceDataset",
    "audit",
    "class_weights",
    "draw_faces",
    "holdout",
    "open_fer2013",
    "read_fer2013",
]
