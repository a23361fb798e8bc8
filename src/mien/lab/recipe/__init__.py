"""Recipe: one row that defines what is trained and how. A recipe is data; the training loop is code."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from mien.errors import RecipeError
from mien.lab.recipe.augment import Augment, NoAugment
from mien.lab.recipe.bounds import ABOVE_0, FROM_0, FROM_1, FROM_2, SHARE, SHARE_ABOVE_0, SHARE_BELOW_1, check
from mien.lab.recipe.optimizers import SGD, Adam, Constant, Cosine, Muon, OneCycle, Plateau
from mien.lab.recipe.words import describe
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
        monitor: the validation metric: loss (lower is better), accuracy, or nothing.
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
    """The faces that training is validated on.

    Attributes:
        kind: ``"holdout"`` = `fraction` of Training by `rule`; ``"PublicTest"`` = that split; ``"Test"`` = that split,
            or in data without it PublicTest and PrivateTest, of which the folder edition's Test consists. Some reports
            validated on these, so their results come from the faces that selected the weights, as remarks say. Or
            ``"none"``.
        fraction: of Training.
        rule: ``"keras"`` = the first int(fraction · n) faces of each class in folder order, as Keras'
            `validation_split` takes them, and as many in other editions; ``"stratified"`` = seeded, per class;
            ``"grouped"`` = seeded, twins together.
    """

    kind: Literal["holdout", "PublicTest", "Test", "none"]
    fraction: float = 0.2
    rule: Literal["keras", "stratified", "grouped"] = "keras"

    def __post_init__(self) -> None:
        check(self, fraction=SHARE)


@dataclass(frozen=True, kw_only=True)
class Phase:
    """A phase of the training with some layers frozen.

    Attributes:
        epochs: how many of the recipe's epochs it takes.
        trainable: ``"all"``, ``"head"`` (the backbone is frozen), or ``"last50"`` = the head and the last 50 layers
            of Keras' ResNet-50 (all of stage 5, block 6 of stage 4, the last 8 layers of its block 5).
        lr: learning rate of the phase, in which the schedule restarts.
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
    """Knowledge distillation (Hinton et al. 2015): the network also learns its teachers' mean probabilities.

    Attributes:
        weight: of the teachers' probabilities; labels get the rest.
        temperature: divisor of the logits of teachers and student.
        faces: the teachers' input: ``"same"`` = the student's augmented and mixed faces, which makes long trainings pay
            off (Beyer et al. 2022) and costs a teacher's forward pass in every step; ``"undamaged"`` = the same faces
            before softening, noise, compression and erasing; ``"plain"`` = each face and its mirror image without
            augmentation, once before the training.
        teachers_a_step: unless ``"plain"``, the number of teachers per step, drawn anew for each; None = all. Over many
            steps the student learns the mean of all teachers at the cost of few.
    """

    weight: float
    temperature: float
    faces: Literal["same", "undamaged", "plain"]
    teachers_a_step: int | None = None

    def __post_init__(self) -> None:
        check(self, weight=SHARE, temperature=ABOVE_0, teachers_a_step=FROM_1)
        if self.faces == "plain" and self.teachers_a_step is not None:
            raise RecipeError(
                f'Distillation.teachers_a_step: found {self.teachers_a_step} with faces="plain", for which all '
                'teachers predict once; expected None, or faces="same" or "undamaged".'
            )


@dataclass(frozen=True, kw_only=True)
class FullSize:
    """Faces have the network's own input size throughout."""


@dataclass(frozen=True, kw_only=True)
class Progressive:
    """Progressive resizing (fast.ai for DAWNBench, 2018): faces are small and cheap at first and grow in equal steps.

    Attributes:
        first_px: side in the first epoch; the network must accept any size.
        step_px: growth of the side per step.
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
        place: where the source gives it, such as ``"report 001, figure 4"``.
        exact: False if the source says "about".
        over: True if the source says "over".
        epoch: after which the source measured it during training; None = at the end.
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
        source: its origin.
        network: what is trained.
        preprocess: crop to network input; its mean and std are numbers, never computed from the data.
        augment: augmentation of training faces.
        optimizer: with its learning rate.
        schedule: of the learning rate.
        epochs: at most.
        batch_size: faces per step, over all processes; at least two, for batch normalisation.
        label_smoothing: share of the target that is spread over all classes (Szegedy et al. 2016).
        class_weights: ``"balanced"`` weights class c by n / (K n_c), ``"none"`` all equally.
        validation: faces that training is validated on.
        stopping: when training ends, which weights are kept.
        phases: of the training, in order; empty = everything is trained throughout.
        ema_decay: decay per step of the averaged weights that are validated and kept; 0 = none.
        sam_rho: radius of sharpness-aware minimisation (Foret et al. 2021); 0 = none.
        published: the source's figures.
        assumed: field or decision -> why, for what the source leaves out.
        remark: what readers of its result need to know.
        votes_weight: weight of the cross-entropy against the FER+ votes, which further outputs of the network predict;
            0 = none. The data set then needs votes; a face without a usable vote contributes its label alone.
        distillation: whether and how the network learns from teachers.
        sizes: input sizes during training.

    Fields with a default were added later; the defaults keep older recorded recipes readable.
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

    __str__ = describe

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
