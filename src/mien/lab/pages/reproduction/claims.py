"""Tests of the reports' claims: comparisons of two rows face by face and seed by seed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from mien.lab.pages.reproduction.chance import Quantity, published_difference, published_pair
from mien.lab.pages.reproduction.tables import epochs_in_words, weights_in_words
from mien.lab.recipe_book import recipes
from mien.lab.results import Record, right_faces
from mien.lab.statistics import Floats, mcnemar, mean_difference, paired_difference
from mien.lab.tables import Table, p_value, percent, points, points_interval
from mien.lab.trained_rows import TrainedRow, trained_rows


@dataclass(frozen=True)
class Claim:
    """A report's conclusion from two of its rows.

    Attributes:
        question: the claim as a question.
        told: what the report says.
        first: a row.
        second: the row compared with it; differences are second minus first.
        quantity: accuracy; training accuracy; or gap: train minus test accuracy.
        says: how the second row's quantity compares with the first one's, according to the report.
    """

    question: str
    told: str
    first: str
    second: str
    quantity: Quantity
    says: Literal["larger", "smaller"]


_WITHOUT = (
    "The report says: 'Without BatchNormalization, the overfitting issue is resolved but the accuracy of both the "
    "training set and validating is compromised.'"
)

CLAIMS = (
    Claim(
        "Does the network that report 000 designed generalise better than its ResNet-50?",
        "The report concludes that its network is 'more generalized and robust'. It does not say which faces it tested "
        "on; the test faces of the folder edition are assumed.",
        "resnet50-flatten",
        "cnn-64-512",
        "gap",
        "smaller",
    ),
    Claim(
        "Is the network that report 000 designed less accurate than its ResNet-50?",
        "The report says that its own network has 'slightly lower accuracy'.",
        "resnet50-flatten",
        "cnn-64-512",
        "accuracy",
        "smaller",
    ),
    Claim(
        "Does augmentation improve the network of report 001?",
        "The report finds that augmentation 'improved the validation accuracy'.",
        "cnn-17m",
        "cnn-17m-aug",
        "accuracy",
        "larger",
    ),
    Claim(
        "Does augmentation lower the training accuracy of report 001?",
        "The report adds: 'However, the training accuracy decreased.'",
        "cnn-17m",
        "cnn-17m-aug",
        "training accuracy",
        "smaller",
    ),
    Claim(
        "Is the ResNet-50 of report 001 better than the report's own network?",
        "The report says that 'ResNET 50 achieved the highest validation accuracy'. The weights of both were chosen on "
        "the same faces as they were measured on.",
        "cnn-17m-aug",
        "resnet50-balanced",
        "accuracy",
        "larger",
    ),
    Claim(
        "Is the ResNet-50 of report 001 better than its VGG16?",
        "The same sentence says so. The weights of both were chosen on the same faces as they were measured on.",
        "vgg16-frozen",
        "resnet50-balanced",
        "accuracy",
        "larger",
    ),
    Claim(
        "Does transfer from ImageNet beat training from scratch?",
        "Report 004 trains the same ResNet-50 both ways.",
        "resnet50-scratch",
        "resnet50-imagenet",
        "accuracy",
        "larger",
    ),
    Claim(
        "Does the small network of report 004 beat its ResNet-50 from ImageNet?",
        "The report's best network is its own, with eight convolutions.",
        "resnet50-imagenet",
        "cnn8",
        "accuracy",
        "larger",
    ),
    Claim(
        "Does batch normalisation cause the over-fitting of report 003?",
        _WITHOUT,
        "gelu-cnn-nobn",
        "gelu-cnn",
        "gap",
        "larger",
    ),
    Claim(
        "Is the network of report 003 less accurate without batch normalisation?",
        "The same sentence says so.",
        "gelu-cnn-nobn",
        "gelu-cnn",
        "accuracy",
        "larger",
    ),
    Claim(
        "Does the network of report 003 fit its training faces less well without batch normalisation?",
        "The same sentence says this too.",
        "gelu-cnn-nobn",
        "gelu-cnn",
        "training accuracy",
        "larger",
    ),
)


_CAUTION = (
    "Our training accuracy is measured during training, with augmentation and dropout; the report does not say how it "
    "measured its own."
)


def claims(records: list[Record], page: Path) -> str:
    """Return a section for each claim."""
    return "\n".join(_claim(claim, records) for claim in CLAIMS)


def _claim(claim: Claim, records: list[Record]) -> str:
    rows = recipes[claim.first], recipes[claim.second]
    text = f"### {claim.question}\n\n{claim.told}"
    found = {row.name: trained_rows(row, records) for row in rows}
    missing = [f"`{name}`" for name, trained in found.items() if not trained]
    if missing:
        return f"{text} {published_pair(*rows, claim.quantity)}\n\nNot yet measured: {' and '.join(missing)}.\n"
    first, second = _comparable(*found.values())
    compared = [_compare(claim, first, second, seed) for seed in sorted(first.seeds.keys() & second.seeds.keys())]
    lines = [line for line in compared if line is not None]
    text += f" {published_pair(*rows, claim.quantity, [line.disagreement for line in lines])}\n\n"
    if not lines:
        return f"{text}Not yet measured: the two rows have no seed in common on the same faces.\n"
    lines += _mean(claim, lines)
    columns = ("seed", claim.first, claim.second, "difference (95 %)", "accuracy: McNemar's p")
    table = Table("claim", columns, tuple(line.cells() for line in lines)).markdown()
    where = "" if claim.quantity == "training accuracy" else f" on {first.split}"
    return f"{text}{claim.quantity.capitalize()}{where}:\n\n{table}\n\n{_verdict(claim, first, second, lines)}\n"


def _comparable(first: list[TrainedRow], second: list[TrainedRow]) -> tuple[TrainedRow, TrainedRow]:
    """The best training of each row; if neither is whole, the longest two of equally many epochs, if any."""
    if not first[0].whole and not second[0].whole:
        for one in first:  # from the longest on
            for other in second:
                if one.epochs == other.epochs:
                    return one, other
    return first[0], second[0]


@dataclass(frozen=True, eq=False)
class Compared:
    """Two rows of one seed, or the mean over several.

    Attributes:
        seed: of the two, in words.
        first: rate of the first row.
        second: rate of the second row.
        low: lower end of the 95 % interval of second minus first.
        high: upper end; the difference itself for training accuracies of one seed, which cover all training faces.
        of_faces: ``(N,)``, for each face whether the second row is correct, minus whether the first one is.
        p_value: of McNemar's test; None if it does not apply.
    """

    seed: str
    first: float
    second: float
    low: float
    high: float
    of_faces: Floats
    p_value: float | None

    @property
    def difference(self) -> float:
        """Second minus first."""
        return self.second - self.first

    @property
    def disagreement(self) -> float:
        """Share of the faces for which exactly one of the two is correct."""
        return float(np.abs(self.of_faces).mean())

    def cells(self) -> tuple[str, ...]:
        """Return the line of a claim's table."""
        spread = f" ({points_interval(self.low, self.high)})" if self.low < self.high else ""
        difference = points(self.difference) + spread
        return self.seed, percent(self.first), percent(self.second), difference, p_value(self.p_value)


def _compare(claim: Claim, first: TrainedRow, second: TrainedRow, seed: int) -> Compared | None:
    """Compare two runs face by face; None if they were not scored on the same faces."""
    split = first.split
    if split is None or split != second.split:
        return None
    one, two = (trained.seeds[seed].row["reports"][split] for trained in (first, second))
    right_one, right_two = right_faces(one), right_faces(two)
    if right_one is None or right_two is None or one["data_fingerprint"] != two["data_fingerprint"]:
        return None
    paired, test = paired_difference(right_one, right_two), mcnemar(right_one, right_two)
    faces = right_two.astype(np.float64) - right_one
    if claim.quantity == "accuracy":
        rates = one["full"]["accuracy"], two["full"]["accuracy"]
        return Compared(str(seed), *rates, paired.low, paired.high, faces, test.p_value)
    learned = two["train_accuracy"] - one["train_accuracy"]  # exact: it covers all training faces
    if claim.quantity == "training accuracy":
        return Compared(str(seed), one["train_accuracy"], two["train_accuracy"], learned, learned, faces, None)
    return Compared(str(seed), one["gap"], two["gap"], learned - paired.high, learned - paired.low, faces, test.p_value)


def _mean(claim: Claim, lines: Sequence[Compared]) -> list[Compared]:
    """The line with the mean over several seeds."""
    if len(lines) == 1:
        return []
    faces = np.mean([line.of_faces for line in lines], axis=0)
    sampled = None if claim.quantity == "training accuracy" else faces
    mean = mean_difference([line.difference for line in lines], sampled)
    rates = (sum(line.first for line in lines) / len(lines), sum(line.second for line in lines) / len(lines))
    return [Compared(f"mean of {len(lines)}", *rates, mean.low, mean.high, faces, None)]


def _verdict(claim: Claim, first: TrainedRow, second: TrainedRow, lines: Sequence[Compared]) -> str:
    """The conclusion from the last line: the mean, or the only seed."""
    line, n = lines[-1], max(1, len(lines) - 1)
    if line.low <= 0 <= line.high:
        found = f"{'one seed does' if n == 1 else f'{n} seeds do'} not show a difference: the interval contains zero."
    else:
        word = "larger" if line.low > 0 else "smaller"
        told = "as the report says" if word == claim.says else "contrary to the report"
        seeds = "one seed; another may change this" if n == 1 else f"{n} seeds"
        found = f"the {claim.quantity} of `{claim.second}` is {word}, {told} ({seeds})."
    lesser = [trained for trained in (first, second) if not trained.whole]
    if lesser:
        less = "; ".join(f"`{t.row.name}`: {epochs_in_words(t)} epochs, {weights_in_words(t)}" for t in lesser)
        return f"No verdict, because the trainings differ from those of the report ({less}). So far, {found}"
    published = published_difference(first.row, second.row, claim.quantity)
    if published is not None and line.low < line.high:
        where = "inside" if line.low <= published <= line.high else "outside"
        found += f" The published difference, {points(published)}, lies {where} the interval."
    return found[0].upper() + found[1:] + ("" if claim.quantity == "accuracy" else f" {_CAUTION}")
