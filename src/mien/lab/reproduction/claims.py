"""What became of the reports' claims: two rows face by face, and what is left of each figure without twins."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from mien.lab.recipe import Recipe
from mien.lab.recipe_book import PUBLISHED, recipes
from mien.lab.reproduction.rows import TrainedRow, trained_rows
from mien.lab.reproduction.tables import epochs_in_words, weights_in_words
from mien.lab.results import Record, right_faces
from mien.lab.statistics import McNemar, mcnemar, paired_difference
from mien.lab.tables import UNKNOWN, Table, percent, points


@dataclass(frozen=True)
class Claim:
    """What a report concludes from two of its rows.

    Attributes:
        question: the claim as a question.
        told: what the report says.
        first: a row.
        second: the row that is set against it; differences are second minus first.
        quantity: accuracy; training accuracy; or gap: train minus test accuracy.
        says: how the second row's quantity is to the first one's, by the report.
    """

    question: str
    told: str
    first: str
    second: str
    quantity: Literal["accuracy", "training accuracy", "gap"]
    says: Literal["larger", "smaller"]


_WITHOUT = (
    "'Without BatchNormalization, the overfitting issue is resolved but the accuracy of both the training set and "
    "validating is compromised.'"
)

CLAIMS = (
    Claim(
        "Does the own network of report 000 generalise better than its ResNet-50?",
        "The report's conclusion is that its network is 'more generalized and robust'.",
        "resnet50-flatten",
        "cnn-64-512",
        "gap",
        "smaller",
    ),
    Claim(
        "Does the own network of report 000 recognise less than its ResNet-50?",
        "The report says that it has 'slightly lower accuracy'.",
        "resnet50-flatten",
        "cnn-64-512",
        "accuracy",
        "smaller",
    ),
    Claim(
        "Does augmentation make the network of report 001 better?",
        "The report finds that augmentation 'improved the validation accuracy'.",
        "cnn-17m",
        "cnn-17m-aug",
        "accuracy",
        "larger",
    ),
    Claim(
        "Does augmentation cost the network of report 001 training accuracy?",
        "'However, the training accuracy decreased.'",
        "cnn-17m",
        "cnn-17m-aug",
        "training accuracy",
        "smaller",
    ),
    Claim(
        "Is the ResNet-50 of report 001 better than its own network?",
        "'ResNET 50 achieved the highest validation accuracy'. Its weights are chosen on the faces on which it is "
        "measured, those of the own network are not.",
        "cnn-17m-aug",
        "resnet50-balanced",
        "accuracy",
        "larger",
    ),
    Claim(
        "Is the ResNet-50 of report 001 better than its VGG16?",
        "The same sentence. The weights of both are chosen on the faces on which they are measured.",
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
        "Does the small network of report 004 beat the transferred ResNet-50?",
        "The report's best network is its own, of eight convolutions.",
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
        "Does the network of report 003 recognise less without batch normalisation?",
        "That is the other half of the sentence.",
        "gelu-cnn-nobn",
        "gelu-cnn",
        "accuracy",
        "larger",
    ),
    Claim(
        "Does the network of report 003 learn its training faces less well without batch normalisation?",
        "So is this.",
        "gelu-cnn-nobn",
        "gelu-cnn",
        "training accuracy",
        "larger",
    ),
)


_CAUTION = (
    "Training accuracy is that of the kept epoch while it learned, on changed faces and with dropout, which lowers it "
    "for a network with much of either; how the report measured it is not stated."
)


def _claims(records: list[Record], page: Path) -> str:
    return "\n".join(_claim(claim, records) for claim in CLAIMS) + "\n" + _twins(records)


def _claim(claim: Claim, records: list[Record]) -> str:
    text = f"### {claim.question}\n\n{claim.told} {_published_in_words(claim)}\n\n"
    found = {name: trained_rows(recipes[name], records) for name in (claim.first, claim.second)}
    missing = [f"`{name}`" for name, trained in found.items() if not trained]
    if missing:
        return f"{text}Not yet measured: {' and '.join(missing)}.\n"
    first, second = (trained[0] for trained in found.values())
    compared = [_compare(claim, first, second, seed) for seed in sorted(first.seeds.keys() & second.seeds.keys())]
    lines = [line for line in compared if line is not None]
    if not lines:
        return f"{text}Not yet measured: no seed of both on the same faces.\n"
    columns = ("seed", claim.first, claim.second, "difference (95 %)", "accuracy: McNemar's p")
    table = Table("claim", columns, tuple(line.cells() for line in lines)).markdown()
    where = "" if claim.quantity == "training accuracy" else f" on {first.split}"
    return f"{text}{claim.quantity.capitalize()}{where}:\n\n{table}\n\n{_verdict(claim, first, second, lines)}\n"


def _published_in_words(claim: Claim) -> str:
    one, two = (_published(recipes[name], claim.quantity) for name in (claim.first, claim.second))
    if one is None or two is None:
        return f"It has no such {claim.quantity} for both."
    return f"Published {claim.quantity}: {percent(one)} for `{claim.first}`, {percent(two)} for `{claim.second}`."


def _published(row: Recipe, quantity: str) -> float | None:
    metric = "gap" if quantity == "gap" else "accuracy"
    figures = (
        figure
        for figure in row.published
        if figure.metric == metric and (figure.split == "train") == (quantity == "training accuracy")
    )
    return next((figure.value for figure in figures), None)


@dataclass(frozen=True)
class Compared:
    """Two rows of one seed; rates, and the 95 % interval of second minus first; no test of training accuracies."""

    seed: int
    first: float
    second: float
    low: float
    high: float
    test: McNemar | None

    def cells(self) -> tuple[str, ...]:
        """Return the line of a claim's table."""
        seed, difference = str(self.seed), points(self.second - self.first)
        if self.test is None:
            return seed, percent(self.first), percent(self.second), difference, UNKNOWN
        p = "below 0.001" if self.test.p_value < 0.001 else f"{self.test.p_value:.3f}"
        difference += f" ({points(self.low)} to {points(self.high)})"
        return seed, percent(self.first), percent(self.second), difference, p


def _compare(claim: Claim, first: TrainedRow, second: TrainedRow, seed: int) -> Compared | None:
    """Compare two runs face by face; None where they were not scored on the same faces."""
    split = first.split
    if split is None or split != second.split:
        return None
    one, two = (trained.seeds[seed].row["reports"][split] for trained in (first, second))
    right_one, right_two = right_faces(one), right_faces(two)
    if right_one is None or right_two is None or one["data_fingerprint"] != two["data_fingerprint"]:
        return None
    paired, test = paired_difference(right_one, right_two), mcnemar(right_one, right_two)
    if claim.quantity == "accuracy":
        return Compared(seed, one["full"]["accuracy"], two["full"]["accuracy"], paired.low, paired.high, test)
    learned = two["train_accuracy"] - one["train_accuracy"]  # taken as exact: it is of all training faces
    if claim.quantity == "training accuracy":
        return Compared(seed, one["train_accuracy"], two["train_accuracy"], learned, learned, None)
    return Compared(seed, one["gap"], two["gap"], learned - paired.high, learned - paired.low, test)


def _verdict(claim: Claim, first: TrainedRow, second: TrainedRow, lines: Sequence[Compared]) -> str:
    lesser = [trained for trained in (first, second) if not trained.whole]
    if lesser:
        what = "; ".join(f"`{t.row.name}`: {epochs_in_words(t)} epochs, {weights_in_words(t)}" for t in lesser)
        return f"No verdict, as not all of it is the row that the report describes ({what})."
    n, above, below = len(lines), sum(line.low > 0 for line in lines), sum(line.high < 0 for line in lines)
    seeds = "the one seed" if n == 1 else f"all {n} seeds"
    if n not in (above, below):
        return f"Not told apart: of {n} intervals, {above} lie above zero and {below} below."
    word = "larger" if above else "smaller"
    told = "as the report says" if word == claim.says else "against what the report says"
    caution = "" if claim.quantity == "accuracy" else f" {_CAUTION}"
    shown = "so in" if claim.quantity == "training accuracy" else "the interval leaves out zero in"
    return f"The {claim.quantity} of `{claim.second}` is {word}, {told}: {shown} {seeds}.{caution}"


def _twins(records: list[Record]) -> str:
    """How much better each row looks for faces that it has learned by heart."""
    lines = []
    for row in PUBLISHED:
        for trained in trained_rows(row, records)[:1]:
            full, fresh = trained.accuracy("full"), trained.accuracy("twin_free")
            if full and fresh:
                lost = points(fresh.mean - full.mean)
                lines.append((row.name, epochs_in_words(trained), percent(full.mean), percent(fresh.mean), lost))
    text = "### How much of each figure is twins?\n\n"
    text += "Accuracy on all faces, on those without a twin in Training, and the difference in points.\n\n"
    if not lines:
        return text + "Not yet measured.\n"
    columns = ("row", "epochs", "all faces", "twin-free", "difference")
    return text + Table("twins", columns, tuple(lines), text_columns=2).markdown() + "\n"


BLOCKS: dict[str, Callable[[list[Record], Path], str]] = {"claims": _claims}
