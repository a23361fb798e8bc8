"""The loss, and its targets."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mien.errors import DataError
from mien.lab.data import FaceDataset, vote_distributions
from mien.lab.recipe import Distillation, Recipe

PLAIN_BATCH = 256


def targets_of(recipe: Recipe, data: FaceDataset) -> Tensor:
    """Return the targets of the network's outputs, before label smoothing.

    Args:
        recipe: says whether FER+ votes are targets too.
        data: N labelled faces of K classes.

    Returns:
        ``(N, K)`` float32, 1 at the label; with votes ``(N, K + 8)``, followed by the shares of the votes, which are
        all zero if a face has no usable vote.

    Raises:
        DataError: the recipe needs votes, which the data set lacks.
    """
    targets = F.one_hot(torch.from_numpy(data.labels), len(data.label_set)).float()
    if not recipe.votes_weight:
        return targets
    if data.votes is None:
        raise DataError(
            f"{data.source}: recipe {recipe.name} learns FER+ votes, but the data set has none. Give fer2013new.csv of "
            "github.com/microsoft/FERPlus (--votes FILE), or train without them (--set votes_weight=0)."
        )
    return torch.cat([targets, torch.from_numpy(vote_distributions(data.votes))], dim=1)


def losses_of(recipe: Recipe, logits: Tensor, targets: Tensor, class_weights: Tensor, soft_targets: Tensor) -> Tensor:
    """Return the loss of each face.

    Args:
        recipe: says how the loss is composed.
        logits: ``(N, K)``, or ``(N, K + 8)`` with votes.
        targets: as returned by `targets_of`, possibly mixed; the same shape.
        class_weights: ``(K,)``.
        soft_targets: the teachers' probabilities of the same outputs, at the recipe's temperature; the same shape,
            ``(N, K)`` if the teachers have no votes, ``(N, 0)`` without teachers.

    Returns:
        ``(N,)`` float32.
    """
    k = len(class_weights)
    labels, votes = logits[:, :k], logits[:, k:]
    hard = F.cross_entropy(
        labels, targets[:, :k], class_weights, label_smoothing=recipe.label_smoothing, reduction="none"
    )
    losses = _with_teachers(recipe, hard, labels, soft_targets[:, :k])
    if recipe.votes_weight:
        hard = F.cross_entropy(votes, targets[:, k:], reduction="none")
        losses = losses + recipe.votes_weight * _with_teachers(recipe, hard, votes, soft_targets[:, k:])
    return losses


def _with_teachers(recipe: Recipe, hard: Tensor, logits: Tensor, soft_targets: Tensor) -> Tensor:
    """Combine the loss of the labels ``(N,)`` with that of the soft targets ``(N, K)``, if there are any."""
    if not isinstance(recipe.distillation, Distillation) or not soft_targets.shape[1]:
        return hard
    weight, temperature = recipe.distillation.weight, recipe.distillation.temperature
    # the gradient of soft targets shrinks with the square of the temperature
    soft = F.cross_entropy(logits / temperature, soft_targets, reduction="none") * temperature**2
    return (1 - weight) * hard + weight * soft


def soft_targets_of(teachers: Sequence[nn.Module], faces: Tensor, distillation: Distillation, classes: int) -> Tensor:
    """Return the mean of the teachers' probabilities.

    Args:
        teachers: networks as returned by `mien.lab.teaching.Teacher.load`.
        faces: ``(N, planes, H, W)`` float32 in [0, 1], augmented or not, as the recipe says.
        distillation: has the temperature.
        classes: K.

    Returns:
        ``(N, K)``, or ``(N, K + 8)`` with shares of the votes if all teachers were trained on votes.
    """
    with torch.no_grad():
        each = [teacher(faces) / distillation.temperature for teacher in teachers]
    have_votes = all(logits.shape[1] > classes for logits in each)
    parts = [slice(classes), slice(classes, None)] if have_votes else [slice(classes)]
    return torch.cat([torch.stack([logits[:, part].softmax(1) for logits in each]).mean(0) for part in parts], dim=1)


def plain_soft_targets_of(
    teachers: Sequence[nn.Module],
    faces: Tensor,
    distillation: Distillation,
    classes: int,
    on_progress: Callable[[int], None] = lambda done: None,
) -> Tensor:
    """Return the soft targets of faces ``(N, planes, H, W)`` uint8, averaged over each face and its mirror image.

    `on_progress` is called after each batch with the number of faces done.
    """
    each: list[Tensor] = []
    for part in torch.split(faces, PLAIN_BATCH):
        views = (part.float() / 255, part.flip(-1).float() / 255)
        each.append(torch.stack([soft_targets_of(teachers, view, distillation, classes) for view in views]).mean(0))
        on_progress(min(len(each) * PLAIN_BATCH, len(faces)))
    return torch.cat(each)
