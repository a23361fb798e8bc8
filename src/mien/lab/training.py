"""The training loop: one for every recipe, on the CPU, one GPU, or many processes started by `torchrun`.

Faces, labels and validation faces are kept on the device; a batch is a tensor of indices. All random numbers of an
epoch derive from (seed, epoch), so a training resumed after any epoch ends like an uninterrupted one.
"""

from __future__ import annotations

import atexit
import logging
import math
import os
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mien.errors import DataError, ModelError, RecipeError
from mien.lab.augment import augment_faces, draw_blend
from mien.lab.data import PRIVATE, PUBLIC, TEST, TRAINING, FaceDataset, check_dataset, class_weights, holdout
from mien.lab.hardware import is_fast_at_bfloat16
from mien.lab.locking import alone_in
from mien.lab.loss import losses_of, plain_soft_targets_of, soft_targets_of, targets_of
from mien.lab.nets import adopt_classes, build, set_trainable, settle, synchronised
from mien.lab.nets.imported import check_network, is_imported, source_digest
from mien.lab.nets.input import Classifier
from mien.lab.onnx_graph import check_exportable
from mien.lab.optim import MovingAverage, make_optimizer, sharpest_neighbour
from mien.lab.provenance import count_learned, describe_environment, device_name
from mien.lab.recipe import Augment, Distillation, Phase, Plateau, Recipe
from mien.lab.run import ENVIRONMENT, WEIGHTS, Run, learned_classes, run_name, weights_file
from mien.lab.schedule import PlateauState, StoppingState, check_watching, phases_of, rate_factor, rate_field, side_at
from mien.lab.teaching import Teacher, digests, open_teachers
from mien.preprocess import Preprocess

try:
    from lightning_fabric import Fabric  # the small package
except ImportError:
    from lightning.fabric import Fabric  # the same code in the large one

Precision = Literal["bf16-mixed", "32-true"]
VALIDATION_BATCH = 512  # faces of 48 px; of larger ones, the same number of pixels
SETTLED = 512  # most faces, from all over Training, for the statistics that `settle` starts from
CHECK_EVERY = 10  # steps between checks of the loss; each check synchronises with the device
MAY_CHANGE = ("started", "commit", "device", "processes", "threads", "precision", "versions")  # on resuming


@dataclass(frozen=True)
class Progress:
    """Progress of a training, for display.

    Before the first epoch, the teachers may compute soft targets of plain faces: `epoch` is 0 then, `step` and `steps`
    count faces, `seconds_left` is the time to the first epoch, and loss and accuracy are NaN.
    """

    epoch: int
    epochs: int
    step: int
    steps: int
    loss: float
    accuracy: float
    images_per_second: float
    seconds_left: float


class OutOfTime(Exception):
    """The time limit is reached; the same call resumes the training later."""


def train(
    recipe: Recipe,
    data: FaceDataset,
    *,
    seed: int = 0,
    out: str | Path = "runs",
    weights: str | Path | None = None,
    teachers: Sequence[Run | str | Path] = (),
    precision: Literal["auto", "bf16", "32"] = "auto",
    compile: bool = False,
    time_limit_s: float | None = None,
    on_progress: Callable[[Progress], None] | None = None,
) -> Run:
    """Train a recipe, or resume an interrupted training.

    Args:
        recipe: to train.
        data: with a Training split; the recipe says which other faces it validates on.
        seed: of everything random, from 0.
        out: folder of runs; the run's own folder in it is named after recipe, seed and data.
        weights: to start from, as `weights_file` finds them; None = timm's own, for a backbone.
        teachers: finished runs or their folders, model folders, or names of models that ship, for a recipe with
            `Distillation`.
        precision: ``"bf16"`` computes convolutions in bfloat16; ``"auto"`` does so where the device is fast at it.
        compile: whether `torch.compile` is used; pays off on trainings of many minutes.
        time_limit_s: stop before this limit, with a checkpoint; the same call resumes later.
        on_progress: called a few times a second.

    Returns:
        The run; not finished if the time limit came first.

    Raises:
        DataError: the data set lacks what the recipe trains or validates on.
        RecipeError: the recipe contradicts itself or its network, teachers are missing or unused, or a loss became
            infinite or undefined; names the epoch.
        ModelError: starting weights are missing or do not fit, a teacher has not finished or has other classes, the
            run's folder cannot be written, or another process trains in it.
    """
    weights = None if weights is None else weights_file(weights)
    _check_given(recipe, data)  # before anything is loaded or written
    taught_by = open_teachers(teachers, recipe, data)
    run = Run(Path(out) / run_name(recipe, data, seed, weights, digests(taught_by)), recipe)
    deadline = math.inf if time_limit_s is None else time.monotonic() + time_limit_s
    with alone_in(run.folder), suppress(OutOfTime):
        if (run.folder / WEIGHTS).is_file() and run.finished:
            return run  # its checkpoint need not exist any more
        if (state := run.read_checkpoint()) is None or not state["finished"]:
            trainer = Trainer(run, data, seed, weights, taught_by, precision_of(precision), compile)
            trainer.fit(state, deadline, on_progress or (lambda _: None))
    return run


def _check_given(recipe: object, data: object) -> None:
    """Refuse the name of a recipe, the path of a data set, and phases that do not fit."""
    if not isinstance(recipe, Recipe):
        raise RecipeError(f"recipe {recipe!r}; expected a Recipe, as lab.find_recipe({recipe!r}) returns it.")
    check_dataset(data)
    phases_of(recipe)


def _check_sizes(recipe: Recipe, classifier: Classifier, outputs: int) -> None:
    """Refuse a network that cannot take faces of the first size, or whose logits have the wrong shape."""
    side, p = side_at(recipe, 0), recipe.preprocess
    device = classifier.input.mean.device
    if is_imported(recipe.network.name):
        check_network(classifier.network, recipe.network.name, (p.channels, side, side), outputs, device)
        return
    try:
        with torch.no_grad():
            classifier.network.eval()(torch.zeros(1, p.channels, side, side, device=device))
    except (AssertionError, RuntimeError) as error:  # timm's transformers assert
        other = f", only of {p.input_px}; use --set sizes=FullSize"
        remedy = "; set preprocess.input_px higher" if side == p.input_px else other
        raise RecipeError(
            f"{recipe.name}: network {recipe.network.name} cannot take faces of {side} px{remedy}."
        ) from error


def _place(teacher: nn.Module, face: Tensor) -> nn.Module:
    """Move a teacher to the device of a face, with channels last unless its code does not support it."""
    teacher.to(device=face.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    try:
        with torch.no_grad():
            teacher(face)
    except RuntimeError:  # from ``view``
        cast(Any, teacher).to(memory_format=torch.contiguous_format)
    return teacher


def _launch(precision: Precision) -> Fabric:
    """Start Fabric on the devices and nodes that `torchrun` states, else on one device."""
    logging.getLogger(Fabric.__module__.removesuffix(".fabric")).setLevel(logging.WARNING)  # it logs each choice
    here, world = int(os.environ.get("LOCAL_WORLD_SIZE", 1)), int(os.environ.get("WORLD_SIZE", 1))
    # never an Apple GPU: it lacks float64, in which figures are summed
    accelerator = "cuda" if torch.cuda.is_available() else "cpu"
    fabric = Fabric(accelerator=accelerator, precision=precision, devices=here, num_nodes=world // here)
    fabric.launch()
    if fabric.world_size > 1:
        atexit.register(_disconnect)  # Fabric does so for GPUs only
    return fabric


def _disconnect() -> None:
    """Destroy the process group: Python aborts if a gloo thread still runs at exit."""
    if torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()


def precision_of(wish: str) -> Precision:
    """Return Fabric's name for ``"bf16"``, ``"32"`` or ``"auto"``, which depends on the device.

    Raises:
        RecipeError: `wish` is none of these.
    """
    if wish == "auto":
        wish = "bf16" if is_fast_at_bfloat16() else "32"
    words: dict[str, Precision] = {"bf16": "bf16-mixed", "32": "32-true"}
    if wish not in words:
        raise RecipeError(f"precision {wish!r}; expected 'auto', 'bf16' or '32'.")
    return words[wish]


def split_for_training(recipe: Recipe, data: FaceDataset, seed: int) -> tuple[FaceDataset, FaceDataset | None]:
    """Return the faces that a recipe trains on and those that it validates on, all labelled.

    Raises:
        DataError: a split is missing or without labels.
        RecipeError: stopping or schedule needs validation and there is none, or the seed is one that torch refuses.
    """
    check_watching(recipe)
    if not 0 <= seed < 2**63:
        raise RecipeError(f"seed {seed}; expected 0 to 2**63 - 1.")
    training = data.split(TRAINING)
    if (training.labels < 0).any():
        unlabelled = training.rows[training.labels < 0]
        raise DataError(
            f"{data.source}: {len(unlabelled):,} Training faces have no label, such as row {str(unlabelled[0])!r}; "
            "label them or leave them out."
        )
    if len(training) < 2:
        raise DataError(f"{data.source}: one Training face; training needs at least two, and many to be useful.")
    match recipe.validation.kind:
        case "none":
            return training, None
        case "holdout":
            return holdout(training, recipe.validation, seed)
        case "PublicTest":
            watched = data.take((data.splits == PUBLIC) & (data.labels >= 0))
        case "Test":
            parts = [TEST] if TEST in data.split_names() else [PUBLIC, PRIVATE]
            watched = data.take(np.isin(data.splits, parts) & (data.labels >= 0))
    if not len(watched):
        raise DataError(
            f"{data.source}: recipe {recipe.name} validates on {recipe.validation.kind}, which has no labelled face "
            f"here; the data set has {', '.join(data.split_names())}. Use --set validation.kind=holdout."
        )
    return training, watched


class Trainer:
    """State of one training; `fit` runs the loop."""

    def __init__(
        self,
        run: Run,
        data: FaceDataset,
        seed: int,
        weights: Path | None,
        teachers: Sequence[Teacher],
        precision: Precision,
        compile: bool,
    ) -> None:
        self.run, self.recipe, self.seed, self.compile = run, run.recipe, seed, compile
        self.fabric = fabric = _launch(precision)
        recipe, device = self.recipe, fabric.device
        training, validation = split_for_training(recipe, data, seed)
        classes = len(data.label_set)
        self.faces, self.labels = _on_device(training, recipe.preprocess, device)
        self.targets = targets_of(recipe, training).to(device)
        self.teachers = [_place(teacher.load(), self.faces[:1].float() / 255) for teacher in teachers]
        self.soft_targets = self.targets[:, :0]  # (N, 0), unless `_precompute_soft_targets` fills them
        self.validation = None if validation is None else _on_device(validation, recipe.preprocess, device)
        self.class_weights = torch.ones(classes, device=device)
        if recipe.class_weights == "balanced":
            self.class_weights = torch.from_numpy(class_weights(training.labels, data.label_set)).to(device)
        torch.manual_seed(seed)
        self.classifier = build(recipe.network, recipe.preprocess, self.targets.shape[1], weights)
        if weights is not None and (known := learned_classes(weights)) is not None:
            adopt_classes(self.classifier, weights, known, data.label_set)
        self.classifier.to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        _check_sizes(recipe, self.classifier, self.targets.shape[1])
        self.averaged = MovingAverage(self.classifier, recipe.ema_decay) if recipe.ema_decay else None
        self.kept: nn.Module = self.averaged.module if self.averaged else self.classifier  # validated and shipped
        self.steps = steps_an_epoch(len(self.faces), recipe.batch_size, fabric.world_size)
        self.plateau, self.stopping = PlateauState(), StoppingState()
        self.best: dict[str, Tensor] = {}
        self.rows: list[dict[str, Any]] = []
        self.environment = describe_environment(data, seed, weights, digests(teachers)) | {
            "device": device_name(),
            "processes": fabric.world_size,
            "threads": torch.get_num_threads(),
            "precision": precision,
            "n_train": len(training),
            "n_validation": 0 if validation is None else len(validation),
            "n_validation_learned": count_learned(weights, recipe, data, seed),  # by the starting weights
            "watched_splits": [] if validation is None else validation.split_names(),
            "started": datetime.now(UTC).isoformat(timespec="seconds"),
        }
        if (source := source_digest(recipe.network)) is not None:
            self.environment["network_sha256"] = source

    def fit(self, state: dict[str, Any] | None, deadline: float, show: Callable[[Progress], None]) -> None:
        """Train to the end from a checkpoint's `state`, or from the start.

        Raises:
            OutOfTime: `deadline` (of `time.monotonic`) has passed, or would within the next epoch.
            ModelError: processes resume from different epochs.
        """
        phases = phases_of(self.recipe)
        first = 0 if state is None else state["epoch"] + 1
        if self.fabric.broadcast(first) != first:
            raise ModelError(
                f"{self.run.folder}: the processes resume from different epochs; --out must be a folder that all share."
            )
        if state is None:
            for phase in self.recipe.phases:  # checks all of them before anything is written
                set_trainable(self.classifier, phase.trainable)
            if is_imported(self.recipe.network.name):
                check_exportable(self.classifier, self.recipe.preprocess, self.recipe.network.name)
            settle(self.classifier, self.faces[:: math.ceil(len(self.faces) / SETTLED)])
            self._write_start()
        else:
            self._restore(state)
        self._precompute_soft_targets(deadline, show)
        for epoch in range(first, self.recipe.epochs):
            phase, start = phases[epoch]
            if epoch in (first, start):
                model, optimizer = self._enter(phase)
                if epoch == start:
                    self.plateau = PlateauState()
                if state is not None and state["epoch"] >= start:
                    optimizer.load_state_dict(state["optimizer"])
            started = time.monotonic()
            row: dict[str, Any] = {"epoch": epoch + 1}
            row |= self._train_epoch(model, optimizer, epoch, phase, start, deadline, show)
            row |= self._validate(epoch) | {"seconds": round(time.monotonic() - started, 3)}
            self.rows.append(row)
            self._watch(epoch, row, phase)
            last = epoch == self.recipe.epochs - 1 or self.stopping.stops(self.recipe.stopping)
            self._save(epoch, optimizer, last)
            if last:
                return
            self._check_time(deadline - 1.2 * row["seconds"])

    def _precompute_soft_targets(self, deadline: float, show: Callable[[Progress], None]) -> None:
        """Compute the soft targets of plain faces once, if the recipe uses them."""
        distillation = self.recipe.distillation
        if not isinstance(distillation, Distillation) or distillation.faces != "plain":
            return
        began, faces = time.perf_counter(), len(self.faces)  # other clocks may not advance within a batch

        def report(done: int) -> None:
            speed = done / (time.perf_counter() - began)
            left = (faces - done) / speed
            show(Progress(0, self.recipe.epochs, done, faces, math.nan, math.nan, speed, left))
            self._check_time(deadline)

        with self.fabric.autocast():
            self.soft_targets = plain_soft_targets_of(
                self.teachers, self.faces, distillation, len(self.class_weights), report
            )
        self.teachers = []

    def _enter(self, phase: Phase) -> tuple[nn.Module, torch.optim.Optimizer]:
        """Freeze and unfreeze layers, and set up the model and optimizer of a phase."""
        set_trainable(self.classifier, phase.trainable)
        network = self.classifier
        if self.fabric.world_size > 1 and self.fabric.device.type == "cuda":
            network = synchronised(network)
        model = self.fabric.setup_module(torch.compile(network) if self.compile else network)
        optimizer = self.fabric.setup_optimizers(make_optimizer(self.recipe.optimizer, network, phase.lr))
        return model, optimizer

    def _train_epoch(
        self,
        model: nn.Module,
        optimizer: torch.optim.Optimizer,
        epoch: int,
        phase: Phase,
        start: int,
        deadline: float,
        show: Callable[[Progress], None],
    ) -> dict[str, float]:
        """Train on every face once; return the epoch's learning rate, loss, accuracy and speed."""
        recipe, began = self.recipe, time.monotonic()
        draw = EpochRandom(self.seed, epoch, self.fabric)
        order = torch.from_numpy(draw.numpy.permutation(len(self.faces))).to(self.fabric.device)
        totals = torch.zeros(3, dtype=torch.float64, device=self.fabric.device)  # loss, right, faces
        model.train()
        self.classifier.input.side = side_at(recipe, epoch)
        # batch normalisation cannot train on one face: too small a last batch is dropped, with other faces each epoch
        for step, indices in enumerate(torch.split(order, recipe.batch_size)[: self.steps]):
            done = (epoch - start) * self.steps + step
            lr = phase.lr * self.plateau.factor
            lr *= rate_factor(recipe.schedule, done, phase.epochs * self.steps, self.steps)
            for group in optimizer.param_groups:
                group["lr"] = lr * group.get("lr_ratio", 1.0)
            totals += self._step(model, optimizer, indices, draw)
            if step % CHECK_EVERY == 0 or step == self.steps - 1:
                loss, right, seen = totals.tolist()
                if not math.isfinite(loss):
                    raise RecipeError(
                        f"{recipe.name}: the loss became {loss / seen} in epoch {epoch + 1}, by step {step + 1} of "
                        f"{self.steps}, at learning rate {lr:.2g}. Lower it "
                        f"(--set {rate_field(recipe, epoch)}=...), or check the data; {self.run.folder} holds "
                        "the last complete epoch."
                    )
                show(self._progress(epoch, step, loss / seen, right / seen, seen, time.monotonic() - began))
                self._check_time(deadline)
        self.classifier.input.side = recipe.preprocess.input_px
        loss, right, seen = self.fabric.all_reduce(totals, reduce_op="sum").tolist()
        return {
            "lr": lr,
            "train_loss": loss / seen,
            "train_accuracy": right / seen,
            "images_per_second": round(seen / (time.monotonic() - began), 1),
        }

    def _step(self, model: nn.Module, optimizer: torch.optim.Optimizer, indices: Tensor, draw: EpochRandom) -> Tensor:
        """One update; `indices` is the batch of all processes. Returns this process's (loss, right, faces)."""
        recipe, rank, world = self.recipe, self.fabric.global_rank, self.fabric.world_size
        part = slice(rank * len(indices) // world, (rank + 1) * len(indices) // world)
        labels = self.labels[indices[part]]
        faces, targets, soft_targets = self._batch(indices, part, draw)

        def backward() -> tuple[Tensor, Tensor]:
            logits = model(faces)
            losses = losses_of(recipe, logits, targets, self.class_weights, soft_targets)
            # the mean over the whole batch, with or without class weights, as in Keras; processes are averaged later
            self.fabric.backward(losses.sum() * world / len(indices))
            return logits.detach(), losses.detach()

        optimizer.zero_grad()
        logits, losses = backward()
        if recipe.sam_rho:
            with sharpest_neighbour(model, recipe.sam_rho):
                optimizer.zero_grad()
                backward()
        optimizer.step()
        if self.averaged is not None:
            self.averaged.update_parameters(self.classifier)
        right = (logits[:, : len(self.class_weights)].argmax(1) == labels).sum()
        return torch.stack([losses.sum().double(), right.double(), torch.full_like(right, len(labels)).double()])

    def _batch(self, indices: Tensor, part: slice, draw: EpochRandom) -> tuple[Tensor, Tensor, Tensor]:
        """The augmented faces of `part` of a batch, their targets and their soft targets."""
        augment, distillation = self.recipe.augment, self.recipe.distillation
        faces = self.faces[indices[part]].float() / 255
        side = self.classifier.input.side
        if isinstance(augment, Augment) and augment.side == "crop":
            side = min(side, self.recipe.preprocess.crop_px)  # the input layer enlarges them
        faces, undamaged = augment_faces(faces, augment, side, draw.torch, part, len(indices))
        blend = draw_blend(augment, side, draw.numpy)
        shown = blend.faces(faces)
        targets, soft_targets = (blend.targets(each[indices[part]]) for each in (self.targets, self.soft_targets))
        if isinstance(distillation, Distillation) and self.teachers:
            seen = blend.faces(undamaged) if distillation.faces == "undamaged" else shown
            with self.fabric.autocast():
                teachers = self._draw_teachers(distillation.teachers_a_step, draw)
                soft_targets = soft_targets_of(teachers, seen, distillation, len(self.class_weights))
        return shown, targets, soft_targets

    def _draw_teachers(self, count: int | None, draw: EpochRandom) -> list[nn.Module]:
        """`count` random teachers, the same on every process; all if `count` is None."""
        if count is None:
            return self.teachers
        return [self.teachers[at] for at in draw.numpy.choice(len(self.teachers), count, replace=False)]

    def _validate(self, epoch: int) -> dict[str, float | None]:
        """Loss and accuracy on the validation faces; every process computes all of them."""
        if self.validation is None:
            return {"validation_loss": None, "validation_accuracy": None}
        faces, labels = self.validation
        self.kept.eval()
        with torch.no_grad(), self.fabric.autocast():
            batch = max(32, VALIDATION_BATCH * 48**2 // self.classifier.input.side**2)
            logits = torch.cat([self.kept(part) for part in torch.split(faces, batch)])
        logits = logits[:, : len(self.class_weights)]
        accuracy = (logits.argmax(1) == labels).double().mean().item()
        # the first process decides for all: without a GPU each has its own statistics of batch normalisation
        loss, accuracy = self.fabric.broadcast((F.cross_entropy(logits, labels).item(), accuracy))
        if not math.isfinite(loss):
            raise RecipeError(
                f"{self.recipe.name}: the validation loss became {loss} in epoch {epoch + 1}. Lower the learning rate "
                f"(--set {rate_field(self.recipe, epoch)}=...), or check the data; {self.run.folder} holds "
                "the last complete epoch."
            )
        return {"validation_loss": loss, "validation_accuracy": accuracy}

    def _watch(self, epoch: int, row: dict[str, Any], phase: Phase) -> None:
        """Update plateau and stopping; copy the weights if they are the best so far."""
        loss, accuracy = row["validation_loss"], row["validation_accuracy"]
        if isinstance(self.recipe.schedule, Plateau) and loss is not None:
            self.plateau.update(self.recipe.schedule, loss, phase.lr)
        if self.stopping.update(self.recipe.stopping, epoch, loss, accuracy) and self.recipe.stopping.keep == "best":
            self.best = {name: value.detach().cpu().clone() for name, value in self.kept.state_dict().items()}

    def _progress(self, epoch: int, step: int, loss: float, accuracy: float, seen: float, seconds: float) -> Progress:
        speed = seen * self.fabric.world_size / seconds
        steps_left = (self.recipe.epochs - epoch) * self.steps - step - 1
        left = steps_left * self.recipe.batch_size / speed
        return Progress(epoch + 1, self.recipe.epochs, step + 1, self.steps, loss, accuracy, speed, left)

    def _check_time(self, deadline: float) -> None:
        """Raise `OutOfTime` on all processes when the first one is past the deadline."""
        if math.isfinite(deadline) and self.fabric.broadcast(time.monotonic() > deadline):
            raise OutOfTime

    def _write_start(self) -> None:
        if self.fabric.is_global_zero:
            self.run.write_json(ENVIRONMENT, self.environment | {"epochs_run": 0, "finished": False})
            self.run.write_recipe()  # last: it marks the folder as a run

    def _save(self, epoch: int, optimizer: torch.optim.Optimizer, last: bool) -> None:
        """Write history, progress and checkpoint; after the last epoch the kept weights instead of a checkpoint."""
        if self.fabric.is_global_zero:
            progress = {
                "epochs_run": epoch + 1,
                "best_epoch": self.stopping.best_epoch + 1,
                "seconds": round(sum(row["seconds"] for row in self.rows), 1),
                "finished": last,
            }
            self.run.write_history(self.rows)
            if last:
                best = self.recipe.stopping.keep == "best"
                self.run.write_weights(self.best if best else self.kept.state_dict())
            self.run.write_json(ENVIRONMENT, self.environment | progress)
            self.run.write_checkpoint({"finished": True} if last else self._state(epoch, optimizer))
            _log_to_tensorboard(self.run, self.rows[-1])  # last, as the least important
        self.fabric.barrier()

    def _state(self, epoch: int, optimizer: torch.optim.Optimizer) -> dict[str, Any]:
        return {
            "finished": False,
            "epoch": epoch,
            "classifier": self.classifier.state_dict(),
            "averaged": None if self.averaged is None else self.averaged.state_dict(),
            "optimizer": optimizer.state_dict(),
            "plateau": asdict(self.plateau),
            "stopping": asdict(self.stopping),
            "best": self.best,
            "rows": self.rows,
            "environment": self.environment,
        }

    def _restore(self, state: dict[str, Any]) -> None:
        """Restore a checkpoint; the optimizer's state is loaded when its phase is entered."""
        if self.fabric.is_global_zero:
            self.run.write_recipe()  # again: the file may have been edited or lost
        self.classifier.load_state_dict(state["classifier"])
        if self.averaged is not None:
            self.averaged.load_state_dict(state["averaged"])
        self.plateau, self.stopping = PlateauState(**state["plateau"]), StoppingState(**state["stopping"])
        self.best, self.rows = state["best"], state["rows"]
        began = state.get("environment", self.environment)  # a checkpoint of an earlier version has none
        now = {"epoch": state["epoch"] + 2} | {key: self.environment[key] for key in MAY_CHANGE}
        self.environment = began | {"resumed": [*began.get("resumed", []), now]}


def _log_to_tensorboard(run: Run, row: dict[str, Any]) -> None:
    """Add an epoch's figures to the run's TensorBoard log, if TensorBoard is installed and the disk has room."""
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        return
    # opened for each epoch: a resumed training continues in a new file, and no epoch is logged twice
    with suppress(OSError), SummaryWriter(run.folder / "tensorboard", purge_step=row["epoch"]) as board:
        for name, value in row.items():
            if name != "epoch" and value is not None:
                board.add_scalar(name, value, row["epoch"])


class EpochRandom:
    """Random generators of one epoch, seeded by (seed, epoch): equal on every process, except for dropout."""

    def __init__(self, seed: int, epoch: int, fabric: Fabric) -> None:
        self.numpy = np.random.default_rng((seed, epoch))
        self.torch = torch.Generator(fabric.device).manual_seed(int(self.numpy.integers(2**62)))
        torch.manual_seed(int(self.numpy.integers(2**62)) + fabric.global_rank)


def steps_an_epoch(faces: int, batch_size: int, processes: int) -> int:
    """Steps of an epoch, without a last batch that would leave a process with fewer than two faces."""
    return max(1, math.ceil((faces - 2 * processes + 1) / batch_size))


def _on_device(data: FaceDataset, preprocess: Preprocess, device: torch.device) -> tuple[Tensor, Tensor]:
    """Faces ``(N, 1, crop_px, crop_px)`` uint8, as the exported model receives them, and labels ``(N,)`` int64."""
    faces, side = data.faces, preprocess.crop_px
    if faces.shape[1:] != (side, side):
        faces = Preprocess(crop_px=side, color="grey").stack(list(faces))[:, 0]
    return torch.from_numpy(faces)[:, None].to(device), torch.from_numpy(data.labels).to(device)
