"""Recipe: one row of what is trained and how. A recipe is data; the training loop is code."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from mien.errors import RecipeError
from mien.lab.recipe.augment import Augment, NoAugment
from mien.lab.recipe.bounds import ABOVE_0, FROM_0, FROM_1, FROM_2, SHARE, SHARE_ABOVE_0, SHARE_BELOW_1, check
from mien.lab.recipe.optimizers import SGD, Adam, Constant, Cosine, Muon, OneCycle, Plateau
from mien.preprocess import Preprocess

__all__ = [
    "SCHEMA",
    "SGD",
    "Adam",
    "Augment",
    "Backbone",
    "Constant",
    "Cosine",
    "Distillation",
    "Figure",
    "FullSize",
    "Muon",
    "NoAugment",
    "NoDistillation",
    "OneCycle",
    "OwnNet",
    "Phase",
    "Plateau",
    "Progressive",
    "Recipe",
    "Stopping",
    "Validation",
]

SCHEMA = 1


@dataclass(frozen=True, kw_only=True)
class OwnNet:
    """One of mien's own networks, or of yours.

    Attributes:
        name: in `mien.lab.nets.NETWORKS`; or ``"module:name"`` of a class or function that is called with preprocessing
            and number of classes K, and returns a module: ``(N, channels, input_px, input_px)`` in, ``(N, K)`` out.
        weights: ``"file"`` (starts from `--weights`: a run, model or safetensors file of the same network; for
            ``mobilenet-v1`` also of a deeper one, or the face network's) or ``"none"``.
    """

    name: str
    weights: Literal["file", "none"] = "none"


@dataclass(frozen=True, kw_only=True)
class Backbone:
    """A timm network without its classifier, and a head of our own.

    Attributes:
        name: timm's name, such as ``"resnet50"`` or ``"vgg16"``.
        weights: ``"imagenet"`` (timm's own, or `--weights FILE`, or those of a run's backbone) or ``"none"``.
        pool: how the last feature map becomes a vector: averaged, or flattened.
        dense: units of the dense layers between it and the classes, each followed by ReLU.
        batch_norm: whether each dense layer is followed by batch normalisation.
        dropout: rate after each dense layer; before the classes where there is none.
        keras_bn: batch normalisation with Keras' momentum of 0.99 instead of torch's 0.9, in the head also with Keras'
            epsilon of 1e-3; the backbone keeps its own epsilon, which nearly is what Keras' ResNet-50 has.
    """

    name: str
    weights: Literal["imagenet", "none"]
    pool: Literal["avg", "flatten"] = "avg"
    dense: tuple[int, ...] = ()
    batch_norm: bool = False
    dropout: float = 0.0
    keras_bn: bool = False

    def __post_init__(self) -> None:
        check(self, dense=FROM_1, dropout=SHARE_BELOW_1)


@dataclass(frozen=True, kw_only=True)
class Stopping:
    """When training ends and which weights are kept.

    Attributes:
        monitor: what is watched on validation: loss (lower is better), accuracy, or nothing.
        patience: epochs without improvement after which training stops; None trains all epochs.
        min_delta: a smaller improvement does not count.
        keep: ``"best"`` restores the weights of the best epoch by `monitor`; ``"last"`` keeps the last.
    """

    monitor: Literal["loss", "accuracy", "none"]
    patience: int | None
    keep: Literal["best", "last"]
    min_delta: float = 0.0

    def __post_init__(self) -> None:
        check(self, patience=FROM_1, min_delta=FROM_0)


@dataclass(frozen=True, kw_only=True)
class Validation:
    """Which faces are watched while training.

    Attributes:
        kind: ``"holdout"`` = `fraction` of Training by `rule`; ``"PublicTest"`` = that split; ``"Test"`` = that split,
            or in data without it PublicTest and PrivateTest, of which the folder edition's Test is made. Some reports
            watched these (their result then comes from faces that chose the weights, and says so).
        fraction: of Training.
        rule: ``"keras"`` = the first int(fraction · n) faces of each class in folder order, as Keras'
            `validation_split` takes them, of any other edition as many; ``"stratified"`` = seeded, per class;
            ``"grouped"`` = seeded, twins together.
    """

    kind: Literal["holdout", "PublicTest", "Test", "none"]
    fraction: float = 0.2
    rule: Literal["keras", "stratified", "grouped"] = "keras"

    def __post_init__(self) -> None:
        check(self, fraction=SHARE)


@dataclass(frozen=True, kw_only=True)
class Phase:
    """A stretch of the training with some layers frozen.

    Attributes:
        epochs: how many of the recipe's epochs it lasts.
        trainable: ``"all"``, ``"head"`` (the backbone is frozen), or ``"last50"`` = the head and the last 50 layers
            of Keras' ResNet-50 (all of stage 5, block 6 of stage 4, the last 8 layers of its block 5).
        lr: learning rate of the phase; the schedule restarts in it.
    """

    epochs: int
    trainable: Literal["all", "head", "last50"]
    lr: float

    def __post_init__(self) -> None:
        check(self, epochs=FROM_1, lr=ABOVE_0)


@dataclass(frozen=True, kw_only=True)
class NoDistillation:
    """The network learns from labels alone."""


@dataclass(frozen=True, kw_only=True)
class Distillation:
    """The network also learns what teachers answer (Hinton et al. 2015): the mean of their probabilities.

    Attributes:
        weight: of the teachers' answers; labels keep the rest.
        temperature: by which logits of teachers and student are divided.
        faces: to which faces the teachers answer: ``"same"`` = those that the student sees, changed and mixed, which
            makes long trainings pay off (Beyer et al. 2022) and costs a teacher's time in every step;
            ``"undamaged"`` = to the same ones before they were softened, made noisy, compressed and erased;
            ``"plain"`` = once, before the training, to each face and its mirror image as they are.
        teachers_a_step: unless ``"plain"``, how many of the teachers answer in a step, drawn anew for each; None =
            all. Over the steps the student hears the mean of all for the time that few take.
    """

    weight: float
    temperature: float
    faces: Literal["same", "undamaged", "plain"]
    teachers_a_step: int | None = None

    def __post_init__(self) -> None:
        check(self, weight=SHARE, temperature=ABOVE_0, teachers_a_step=FROM_1)
        if self.faces == "plain" and self.teachers_a_step is not None:
            raise RecipeError(
                f'Distillation.teachers_a_step: found {self.teachers_a_step} with faces="plain", to which all teachers '
                'answer once; expected None, or faces="same" or "undamaged".'
            )


@dataclass(frozen=True, kw_only=True)
class FullSize:
    """Faces are shown at the network's own input size throughout."""


@dataclass(frozen=True, kw_only=True)
class Progressive:
    """Faces are shown small at first, which costs less, and larger in equal steps (as fast.ai did for DAWNBench, 2018).

    Attributes:
        first_px: side at which the first epoch shows them; the network must take any size.
        step_px: by which the side grows.
        until_fraction: share of the epochs after which the side is ``preprocess.input_px``.
    """

    first_px: int
    step_px: int = 8
    until_fraction: float = 0.7

    def __post_init__(self) -> None:
        check(self, first_px=FROM_1, step_px=FROM_1, until_fraction=SHARE_ABOVE_0)


@dataclass(frozen=True, kw_only=True)
class Figure:
    """A figure that a source published.

    Attributes:
        metric: ``"accuracy"``, ``"loss"`` or ``"gap"`` (train minus test accuracy).
        split: what the source measured it on, in its own words: ``"train"``, ``"validation"``, ``"test"``.
        value: rate in 0..1, or a loss.
        place: where it stands, such as ``"report 001, figure 4"``.
        exact: False where the source says "about".
        over: True where the source says "over".
        epoch: after which the source measured it on the way; None = at the end.
    """

    metric: Literal["accuracy", "loss", "gap"]
    split: Literal["train", "validation", "test"]
    value: float
    place: str
    exact: bool = True
    over: bool = False
    epoch: int | None = None

    @property
    def precision(self) -> str:
        """``""``, ``"about "`` or ``"over "``."""
        return "over " if self.over else "" if self.exact else "about "


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """One row. Every field is stated by `source` or explained in `assumed`.

    Attributes:
        name: unique, in lower case with hyphens; run folders begin with it.
        source: where it is from.
        network: what is trained.
        preprocess: crop to network input; its mean and std are numbers, never computed from the data.
        augment: changes of training faces.
        optimizer: and its learning rate.
        schedule: of the learning rate.
        epochs: at most.
        batch_size: faces a step, over all processes; batch normalisation cannot learn from one.
        label_smoothing: share of the target that is spread over all classes (Szegedy et al. 2016).
        class_weights: ``"balanced"`` weighs class c by n / (K n_c), ``"none"`` all alike.
        validation: faces watched while training.
        stopping: when training ends, which weights are kept.
        phases: frozen stretches, in order; empty = everything is trained throughout.
        ema_decay: decay a step of the averaged weights that are validated and kept; 0 = none.
        sam_rho: radius of sharpness-aware minimisation (Foret et al. 2021); 0 = none.
        published: the source's figures.
        assumed: field or decision -> why, for what the source leaves out.
        remark: what a reader of its result must know.
        votes_weight: weight of the cross-entropy against the FER+ votes, which further outputs of the network answer;
            0 = none. The data set then needs votes; a face without a usable vote teaches by its label alone.
        distillation: whether teachers are listened to.
        sizes: how large the faces are shown while training.

    The fields with a default are younger than the oldest recipes on record, which stay readable through it.
    """

    name: str
    source: str
    network: OwnNet | Backbone
    preprocess: Preprocess
    augment: NoAugment | Augment
    optimizer: SGD | Adam | Muon
    schedule: Constant | Plateau | Cosine | OneCycle
    epochs: int
    batch_size: int
    label_smoothing: float
    class_weights: Literal["none", "balanced"]
    validation: Validation
    stopping: Stopping
    phases: tuple[Phase, ...]
    ema_decay: float
    sam_rho: float
    published: tuple[Figure, ...]
    assumed: dict[str, str]
    remark: str
    votes_weight: float = 0.0
    distillation: NoDistillation | Distillation = NoDistillation()
    sizes: FullSize | Progressive = FullSize()

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[A-Za-z0-9._-]+", self.name):
            raise RecipeError(
                f"Recipe.name: found {self.name!r}, expected letters a to z, digits, '.', '_' and '-' only."
            )
        check(self, epochs=FROM_1, batch_size=FROM_2, label_smoothing=SHARE_BELOW_1, ema_decay=SHARE_BELOW_1)
        check(self, sam_rho=FROM_0, votes_weight=FROM_0)
        if isinstance(self.sizes, Progressive) and self.sizes.first_px > self.preprocess.input_px:
            raise RecipeError(
                f"Progressive.first_px: found {self.sizes.first_px}, expected at most preprocess.input_px, "
                f"{self.preprocess.input_px}: faces grow while training."
            )
