"""Where `mien.lab` looks for `evaluate`; the code is in `evaluation`."""

from mien.lab.evaluation import evaluate as evaluate
