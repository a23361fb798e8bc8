"""Teachers for distillation: finished runs, and model folders of any origin."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import combinations
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mien.errors import ModelError, RecipeError
from mien.lab.data import FaceDataset
from mien.lab.recipe import Distillation, Recipe
from mien.lab.recipe.io import is_run
from mien.lab.run import Run, run_digest
from mien.recognizer import Recognizer, is_model, shipped_models


@dataclass(frozen=True)
class Teacher:
    """A finished run or a model folder.

    Attributes:
        name: of the run's folder, or of the model.
        source: its path.
        digest: SHA-256 of its weights, or of its model file.
        labels: names of its classes, in the order of its outputs; votes come after them.
        planes: of its input, 1 for grey and 3 for colour.
        knows_votes: whether it predicts FER+ votes too.
        load: returns the network, in evaluation mode: faces ``(N, planes, H, W)`` in, logits ``(N, K)`` out; ``(N, K +
            8)`` if it knows votes. From `open_teachers`: classes in the data set's order, votes only if all teachers
            know them.
    """

    name: str
    source: Path
    digest: str
    labels: tuple[str, ...]
    planes: int
    knows_votes: bool
    load: Callable[..., nn.Module]


def open_teachers(teachers: Sequence[Run | str | Path], recipe: Recipe, data: FaceDataset) -> list[Teacher]:
    """Open all teachers of a training.

    Args:
        teachers: each a run, a run's folder, a model folder, or the name of a model that ships.
        recipe: of the student.
        data: that it is trained on.

    Raises:
        ModelError: one is none of these, has not finished, or has other classes or input planes.
        RecipeError: there are none or too few, the recipe does not use any, or one is given twice.
    """
    opened = [_open(teacher) for teacher in teachers]
    _check(recipe, data, opened)
    if not all(teacher.knows_votes for teacher in opened):
        opened = [
            replace(teacher, load=partial(teacher.load, answers="labels")) if teacher.knows_votes else teacher
            for teacher in opened
        ]
    return [_in_order_of(data, teacher) for teacher in opened]


def digests(teachers: Sequence[Teacher]) -> dict[str, str]:
    """Return the SHA-256 of each teacher by name, as in a run's environment."""
    return {teacher.name: teacher.digest for teacher in teachers}


def _check(recipe: Recipe, data: FaceDataset, teachers: Sequence[Teacher]) -> None:
    """Refuse unused, missing or unfit teachers before anything is written."""
    distillation = recipe.distillation if isinstance(recipe.distillation, Distillation) else None
    if distillation is None and teachers:
        raise RecipeError(
            f"{recipe.name}: it learns from labels alone; leave out the teachers, or --set distillation=..."
        )
    if distillation is not None and not teachers:
        raise RecipeError(
            f"{recipe.name}: it learns from teachers; name finished runs or models (--teacher, once for each)."
        )
    for one, other in combinations(teachers, 2):
        if one.digest == other.digest:
            raise RecipeError(f"{recipe.name}: {one.source} and {other.source} are the same teacher; name it once.")
        if one.name == other.name:
            raise RecipeError(
                f"{recipe.name}: {one.source} and {other.source} are both called {one.name}; rename one of the runs, "
                "or export the model again with another --name."
            )
    count = None if distillation is None else distillation.teachers_a_step
    if count is not None and count > len(teachers):
        raise RecipeError(
            f"{recipe.name}: each step uses {count} teachers, but {len(teachers)} are given; name more "
            "(--teacher, once for each), or --set distillation.teachers_a_step=None."
        )
    for teacher in teachers:
        if sorted(teacher.labels) != sorted(data.label_set.names):
            raise ModelError(
                f"{teacher.source}: the teacher has the classes {', '.join(teacher.labels)}; {data.source} has "
                f"{', '.join(data.label_set)}. Use a teacher with the same classes."
            )
        if teacher.planes != recipe.preprocess.planes:
            raise ModelError(
                f"{teacher.source}: the teacher takes faces of {teacher.planes} planes, {recipe.name} has "
                f"{recipe.preprocess.planes}; use a teacher with the same number."
            )


def _in_order_of(data: FaceDataset, teacher: Teacher) -> Teacher:
    """Put the teacher's classes in the order of the data set; FER2013's editions have two different orders."""
    if teacher.labels == data.label_set.names:
        return teacher
    positions = [teacher.labels.index(name) for name in data.label_set]
    return replace(teacher, load=lambda: Reordered(teacher.load(), positions))


def _open(teacher: Run | str | Path) -> Teacher:
    if not isinstance(teacher, Run):
        if is_model(teacher):
            return _of_model(Recognizer.load(str(teacher), threads=torch.get_num_threads()))
        if not is_run(teacher):
            raise ModelError(
                f"{teacher}: no such teacher; expected a finished run, a model folder, or a model that ships: "
                f"{', '.join(shipped_models())}."
            )
        teacher = Run.open(teacher)
    if not teacher.finished:
        raise ModelError(f"{teacher.folder}: a teacher must have finished its training.")
    return Teacher(
        name=teacher.name,
        source=teacher.folder,
        digest=run_digest(teacher),
        labels=tuple(teacher.environment["label_set"]),
        planes=teacher.recipe.preprocess.planes,
        knows_votes=teacher.recipe.votes_weight > 0,
        load=partial(teacher.load_classifier, answers="all"),
    )


def _of_model(recognizer: Recognizer) -> Teacher:
    card = recognizer.card
    return Teacher(
        name=card.name,
        source=recognizer.folder,
        digest=card.sha256,
        labels=card.labels.names,
        planes=card.preprocess.planes,
        knows_votes=False,
        load=partial(ModelNetwork, recognizer),
    )


class Reordered(nn.Module):
    """A network with its first classes in another order."""

    positions: Tensor

    def __init__(self, network: nn.Module, positions: list[int]) -> None:
        super().__init__()
        self.network = network
        self.register_buffer("positions", torch.tensor(positions))

    def forward(self, faces: Tensor) -> Tensor:
        """Return logits ``(N, K)``, or ``(N, K + 8)`` with votes, of `faces` ``(N, planes, H, W)``."""
        logits: Tensor = self.network(faces)
        first = logits.index_select(1, self.positions)
        return torch.cat([first, logits[:, len(self.positions) :]], dim=1)


class ModelNetwork(nn.Module):
    """A model folder as a network for inference only; onnxruntime runs it on the CPU."""

    def __init__(self, recognizer: Recognizer) -> None:
        super().__init__()
        self.recognizer = recognizer

    def forward(self, faces: Tensor) -> Tensor:
        """Return logits ``(N, K)`` float32 of `faces` ``(N, planes, H, W)``, float in [0, 1], on their device."""
        side = self.recognizer.card.preprocess.crop_px
        faces = faces.expand(-1, self.recognizer.card.preprocess.planes, -1, -1)  # grey ones, for a colour student
        if faces.shape[-1] != side:
            faces = F.interpolate(faces, size=(side, side), mode="bilinear", align_corners=False)
        crops = (255 * faces).round().byte().cpu().numpy()
        return torch.from_numpy(self.recognizer.logits(crops)).to(faces.device)
