"""The loss, against values worked out by hand."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny_model import write_tiny_model
from torch import Tensor

from mien.errors import DataError
from mien.lab.data import FaceDataset
from mien.lab.loss import losses_of, plain_soft_targets_of, soft_targets_of, targets_of
from mien.lab.nets.input import Classifier
from mien.lab.recipe import Distillation, NoDistillation
from mien.lab.recipe_book import recipes
from mien.lab.teaching import ModelNetwork, Reordered
from mien.labels import LabelSet
from mien.preprocess import Preprocess
from mien.recognizer import Recognizer

PLAIN = replace(recipes["mien-small-first"], label_smoothing=0.0, votes_weight=0.0, distillation=NoDistillation())
VOTES = replace(PLAIN, votes_weight=0.5)
TAUGHT = replace(PLAIN, distillation=Distillation(weight=0.25, temperature=2.0, faces="same"))
ONES = torch.ones(2)
NOTHING = torch.empty(1, 0)


def dataset(votes: list[list[int]] | None) -> FaceDataset:
    return FaceDataset(
        faces=np.zeros((2, 4, 4), np.uint8),
        labels=np.array([1, 0]),
        splits=np.array(["Training"] * 2),
        rows=np.array(["0", "1"]),
        label_set=LabelSet(("sad", "happy")),
        source="two.csv",
        votes=None if votes is None else np.array(votes, np.uint8),
    )


def test_targets_are_labels_then_shares_of_votes() -> None:
    assert targets_of(PLAIN, dataset(None)).tolist() == [[0, 1], [1, 0]]
    # eight of ten say neutral, two happy; the second face is none
    votes = [[8, 2, 0, 0, 0, 0, 0, 0, 0, 0], [0, 0, 0, 0, 0, 0, 0, 0, 0, 10]]
    first, second = targets_of(VOTES, dataset(votes)).tolist()
    assert first == [0, 1, 1, 0, 0, 0, 0, 0, 0, 0]  # neutral alone holds three quarters
    assert second == [1, 0, *[0] * 8]


def test_votes_that_are_missing_are_asked_for() -> None:
    with pytest.raises(
        DataError, match=r"two\.csv: recipe mien-small-first learns FER\+ votes, .*--votes FILE.*votes_weight=0"
    ):
        targets_of(VOTES, dataset(None))


def test_labels_alone() -> None:
    logits = torch.tensor([[0.0, math.log(3)]])
    (loss,) = losses_of(PLAIN, logits, torch.tensor([[0.0, 1.0]]), ONES, NOTHING)
    assert loss.item() == pytest.approx(-math.log(3 / 4))
    (weighted,) = losses_of(PLAIN, logits, torch.tensor([[0.0, 1.0]]), torch.tensor([1.0, 2.0]), NOTHING)
    assert weighted.item() == pytest.approx(-2 * math.log(3 / 4))


def test_labels_are_smoothed() -> None:
    smoothed = replace(PLAIN, label_smoothing=0.2)  # a tenth for each of two classes, the rest for the label
    (loss,) = losses_of(smoothed, torch.tensor([[0.0, math.log(3)]]), torch.tensor([[0.0, 1.0]]), ONES, NOTHING)
    assert loss.item() == pytest.approx(-0.9 * math.log(3 / 4) - 0.1 * math.log(1 / 4))


def test_votes_are_added_by_their_weight_and_a_face_without_any_adds_nothing() -> None:
    logits = torch.zeros(2, 10)
    targets = torch.tensor([[0.0, 1, 0.5, 0.5, 0, 0, 0, 0, 0, 0], [0.0, 1, 0, 0, 0, 0, 0, 0, 0, 0]])
    with_votes, without = losses_of(VOTES, logits, targets, ONES, torch.empty(2, 0)).tolist()
    assert with_votes == pytest.approx(math.log(2) + 0.5 * math.log(8))
    assert without == pytest.approx(math.log(2))


def test_teachers_take_their_share_at_their_temperature() -> None:
    logits = torch.tensor([[0.0, 2 * math.log(3)]])  # 1 : 9, at temperature 2 it is 1 : 3
    (loss,) = losses_of(TAUGHT, logits, torch.tensor([[0.0, 1.0]]), ONES, torch.tensor([[0.5, 0.5]]))
    soft = -0.5 * math.log(1 / 4) - 0.5 * math.log(3 / 4)
    assert loss.item() == pytest.approx(0.75 * -math.log(0.9) + 0.25 * 4 * soft)


def test_teachers_without_votes_teach_labels_only() -> None:
    recipe = replace(VOTES, distillation=TAUGHT.distillation)
    logits, targets = torch.zeros(1, 10), torch.tensor([[0.0, 1, 1, 0, 0, 0, 0, 0, 0, 0]])
    (loss,) = losses_of(recipe, logits, targets, ONES, torch.tensor([[0.5, 0.5]]))
    assert loss.item() == pytest.approx((0.75 + 0.25 * 4) * math.log(2) + 0.5 * math.log(8))


def test_teachers_with_votes_teach_these_too() -> None:
    recipe = replace(VOTES, distillation=TAUGHT.distillation)
    logits = torch.tensor([[0.0, 0.0, 2 * math.log(3), *[0.0] * 7]])  # at temperature 2, 3 of 10 for the first vote
    targets, taught = torch.tensor([[0.0, 1, 1, *[0] * 7]]), torch.tensor([[0.5, 0.5, 0.5, 0.5, *[0] * 6]])
    (loss,) = losses_of(recipe, logits, targets, ONES, taught)
    hard, soft = -math.log(9 / 16), -0.5 * math.log(3 / 10) - 0.5 * math.log(1 / 10)
    assert loss.item() == pytest.approx((0.75 + 0.25 * 4) * math.log(2) + 0.5 * (0.75 * hard + 0.25 * 4 * soft))


class Bright(torch.nn.Module):
    """Answers with the brightness of the left upper pixel, times something."""

    def __init__(self, *factors: float) -> None:
        super().__init__()
        self.factors = torch.tensor(factors)

    def forward(self, x: Tensor) -> Tensor:
        return x[:, 0, 0, :1] * self.factors


def teacher(*factors: float) -> Classifier:
    return Classifier(Preprocess(crop_px=4, input_px=4, mean=(0.0,), std=(1.0,)), Bright(*factors)).eval()


ASKED = Distillation(weight=0.5, temperature=1.0, faces="plain")
FACES = torch.tensor([255, 0, 0, 51], dtype=torch.uint8).repeat(1, 1, 4, 1)  # (1, 1, 4, 4), brightest on the left


def test_several_teachers_answer_with_the_mean_of_their_probabilities() -> None:
    teachers = [teacher(0.0, math.log(3)), teacher(0.0, 0.0)]
    assert soft_targets_of(teachers, FACES / 255, ASKED, 2)[0].tolist() == pytest.approx([0.375, 0.625])
    warm = replace(ASKED, temperature=2.0)
    assert soft_targets_of(teachers[:1], FACES / 255, warm, 2)[0, 1].item() == pytest.approx(3**0.5 / (1 + 3**0.5))


def test_votes_are_taught_only_where_all_teachers_know_them() -> None:
    both, labels_only = teacher(0.0, 0.0, *[0.0] * 8), teacher(0.0, 0.0)
    assert soft_targets_of([both, both], FACES / 255, ASKED, 2)[0].tolist() == pytest.approx([0.5] * 2 + [1 / 8] * 8)
    assert soft_targets_of([both, labels_only], FACES / 255, ASKED, 2).shape == (1, 2)


def test_plain_answers_are_the_mean_over_face_and_mirror_image() -> None:
    # bright on the left: 32 : 1; mirrored, a fifth as bright there: 2 : 1
    answers = plain_soft_targets_of([teacher(0.0, 5 * math.log(2))], FACES, ASKED, 2)
    assert answers[0].tolist() == pytest.approx([(1 / 33 + 1 / 3) / 2, (32 / 33 + 2 / 3) / 2])


def test_plain_answers_are_told_of_batch_by_batch() -> None:
    done: list[int] = []
    answers = plain_soft_targets_of([teacher(0.0, math.log(3))], FACES.repeat(300, 1, 1, 1), ASKED, 2, done.append)
    assert done == [256, 300]
    assert answers.shape == (300, 2)


def test_a_teacher_of_another_order_is_heard_by_name_and_its_votes_stay() -> None:
    three = Bright(0.0, 1.0, 2.0, *[3.0] * 8)  # of classes c, a, b
    answers = Reordered(three, [1, 2, 0])(FACES.float() / 255)
    assert answers[0].tolist() == [1.0, 2.0, 0.0, *[3.0] * 8]


def test_a_model_that_teaches_sees_the_nearest_levels_at_its_own_size(tmp_path: Path) -> None:
    model = Recognizer.load(write_tiny_model(tmp_path / "tiny"))
    levels = np.arange(256, dtype=np.uint8).reshape(256, 1, 1, 1).repeat(48, axis=2).repeat(48, axis=3)
    for shown in (levels - 0.3, levels + 0.3, levels.repeat(2, axis=2).repeat(2, axis=3) + 0.3):
        answers = ModelNetwork(model)((torch.from_numpy(shown) / 255).float())
        assert answers.numpy().tolist() == model.logits(levels).tolist()
