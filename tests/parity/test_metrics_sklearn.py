"""Every rate against scikit-learn, on drawn tables."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mien.lab.metrics import measure
from mien.lab.predictions import Predictions
from mien.labels import FER2013


@pytest.mark.filterwarnings("ignore")  # scikit-learn's, about classes without faces
@settings(deadline=None, max_examples=25)
@given(seed=st.integers(0, 2**32 - 1), n=st.integers(1, 60), scale=st.sampled_from([0.1, 1.0, 30.0]))
def test_metrics_agree_with_scikit_learn(seed: int, n: int, scale: float) -> None:
    from sklearn import metrics as reference

    draw = np.random.default_rng(seed)
    labels = draw.integers(0, 7, n)
    powers = np.exp(draw.normal(0, scale, (n, 7)))
    probabilities = powers / powers.sum(axis=1, keepdims=True)
    found = measure(
        Predictions(
            rows=np.arange(n).astype(str),
            labels=labels,
            probabilities=probabilities,
            label_set=FER2013,
            split="PublicTest",
        )
    )
    assert found is not None
    predicted, every = probabilities.argmax(axis=1), list(range(7))
    precision, recall, f1, support = reference.precision_recall_fscore_support(
        labels, predicted, labels=every, zero_division=0
    )
    assert [(c.precision, c.recall, c.f1, c.support) for c in found.per_class] == [
        pytest.approx(row) for row in zip(precision, recall, f1, support, strict=True)
    ]
    macro = reference.precision_recall_fscore_support(labels, predicted, average="macro", zero_division=0)
    assert (found.macro_precision, found.macro_recall, found.macro_f1) == pytest.approx(macro[:3])
    assert found.accuracy == pytest.approx(reference.accuracy_score(labels, predicted))
    assert found.balanced_accuracy == pytest.approx(reference.balanced_accuracy_score(labels, predicted))
    assert found.log_loss == pytest.approx(reference.log_loss(labels, probabilities, labels=every))
    assert found.top2_accuracy == pytest.approx(
        reference.top_k_accuracy_score(labels, probabilities, k=2, labels=every)
    )
    assert np.array_equal(found.confusion, reference.confusion_matrix(labels, predicted, labels=every))
