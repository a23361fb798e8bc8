"""Run: the folder of a training, written so that an interruption loses nothing."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor

from mien.card import CARD_FILE, MODEL_FILE, Card
from mien.errors import MienError, ModelError
from mien.lab.data import FaceDataset
from mien.lab.nets import build
from mien.lab.nets.imported import check_unchanged, network_sources, source_digest
from mien.lab.nets.input import Classifier
from mien.lab.recipe import Backbone, Recipe
from mien.lab.recipe import io as recipe_io
from mien.lab.recipe.io import RECIPE, is_run
from mien.labels import FERPLUS, LabelSet
from mien.recognizer import find_model, is_model, shipped_models
from mien.writing import replacing

ENVIRONMENT, HISTORY = "environment.json", "history.jsonl"
CHECKPOINT, WEIGHTS = "checkpoint.pt", "weights.safetensors"
NEEDED = ("seed", "label_set", "finished")  # of the environment
_ANEW = "Restore a copy, or delete the run folder with all its results and train again."


@dataclass(frozen=True)
class Run:
    """A training's folder.

    ``recipe.json``, ``environment.json`` (seed, data, versions, progress), ``history.jsonl`` (a row an epoch),
    ``checkpoint.pt`` (to resume from), for a user's own network ``network.py`` (a copy of the file that defines it;
    ``network.MODULE.py`` for each file beside it that it imports) and, once finished, ``weights.safetensors`` (the
    kept weights). Evaluation adds ``model/``, ``predictions-SPLIT.csv`` and ``report-SPLIT.json``; `mien report` adds
    ``report.html``.
    """

    folder: Path
    recipe: Recipe

    @classmethod
    def open(cls, folder: str | Path) -> Run:
        """Open an existing run.

        Raises:
            ModelError: the folder is not a run, or its recipe cannot be read.
        """
        folder = Path(folder)
        file = folder / RECIPE
        if not folder.is_dir():
            shipped = "is a model that ships, not a run" if str(folder) in shipped_models() else "no such folder"
            raise ModelError(f"{folder}: {shipped}; expected a run folder as `mien train` writes it.")
        if not is_run(folder):
            raise ModelError(f"{folder}: no {RECIPE}; expected a run folder as `mien train` writes it.")
        try:
            return cls(folder, recipe_io.from_json(file.read_text(encoding="utf-8")))
        except (MienError, UnicodeDecodeError) as error:
            reason = str(error).rstrip(".")
            raise ModelError(f"{file}: {reason}. {_ANEW}") from error

    @property
    def name(self) -> str:
        """The name of its folder, even if that was given as ``.``."""
        return self.folder.resolve().name

    @property
    def environment(self) -> dict[str, Any]:
        """Seed, data, versions and progress, as `environment.json` has them.

        Raises:
            ModelError: the file is missing or damaged.
        """
        file = self.folder / ENVIRONMENT
        try:
            row = json.loads(file.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise _damaged(file, error) from error
        if not isinstance(row, dict):
            raise _damaged(file, f"found a {type(row).__name__}, expected a JSON object")
        if missing := [name for name in NEEDED if name not in row]:
            raise _damaged(file, f"it lacks {', '.join(missing)}")
        return row

    @property
    def commits(self) -> tuple[str, ...]:
        """Commits of the code that started the training, then of any that resumed it, in order.

        For an average of runs: of the code that averaged them, then those of the runs.
        """
        began, resumed = self.environment["commit"], self.environment.get("resumed", [])
        members = self.environment.get("averaged_commits", [])
        return tuple(dict.fromkeys([began, *(session["commit"] for session in resumed), *members]))

    @property
    def finished(self) -> bool:
        """Whether the training reached its end."""
        return bool(self.environment["finished"])

    def history(self) -> list[dict[str, Any]]:
        """Return one row per finished epoch: epoch (from 1), lr, losses, accuracies, seconds, images per second.

        Raises:
            ModelError: the file is damaged, or missing though epochs have finished.
        """
        file = self.folder / HISTORY
        if not file.exists() and not self.environment["epochs_run"]:
            return []
        try:
            rows = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
        except (OSError, ValueError) as error:
            raise _damaged(file, error) from error
        if not rows and self.environment.get("epochs_run"):
            raise _damaged(file, "it is empty")
        return rows

    def kept_epoch(self) -> dict[str, Any]:
        """Return the history's row of the epoch whose weights are kept; empty for an average of runs."""
        history = self.history()
        if not history:
            return {}
        return history[self.environment["best_epoch"] - 1 if self.recipe.stopping.keep == "best" else -1]

    @property
    def has_foreign_weights(self) -> bool:
        """Whether the training, or the run that it fine-tuned, started from weights trained by others."""
        network = self.recipe.network
        if isinstance(network, Backbone) and network.weights != "none":
            return True
        environment = self.environment
        return bool(environment.get("foreign_weights", environment["weights_sha256"] is not None))

    def load_classifier(self, answers: Literal["labels", "votes", "all"] = "labels") -> Classifier:
        """Return the network with the kept weights, in evaluation mode, on the CPU.

        Args:
            answers: outputs of a network that was also trained on FER+ votes: labels, votes, or both in this order.

        Raises:
            ModelError: the training has not finished, the weights file is damaged or of another network, or the
                network was not trained on votes.
        """
        file = self.folder / WEIGHTS
        if not file.is_file() and not self.finished:
            raise ModelError(f"{self.folder}: the training has not finished; run the same `mien train` again.")
        labels = len(self.environment["label_set"])
        votes = len(FERPLUS) if self.recipe.votes_weight else 0
        if answers == "votes" and not votes:
            raise ModelError(
                f"{self.folder}: recipe {self.recipe.name} does not train on FER+ votes (votes_weight is 0)."
            )
        check_unchanged(self.recipe.network, self.environment.get("network_sha256"), self.folder)
        classifier = build(self.recipe.network, self.recipe.preprocess, labels + votes, pretrained=False)
        classifier.answers = {"labels": slice(labels), "votes": slice(labels, None), "all": slice(None)}[answers]
        try:
            classifier.load_state_dict(load_file(file))
        except FileNotFoundError as error:
            raise _damaged(file, error) from error
        except (SafetensorError, RuntimeError) as error:
            raise ModelError(f"{file}: not the weights of {self.recipe.name} ({error}).") from error
        return classifier.eval()

    def export(self, out: str | Path | None = None) -> Path:
        """Export to ``model/`` in the run, unless it holds these weights already, or to a new folder; return it."""
        from mien.lab.export import ensure_exported, export_run  # export imports run

        return ensure_exported(self) if out is None else export_run(self, Path(out))

    def write_recipe(self) -> None:
        """Write the code of a user's own network, then the recipe, which marks the folder as a run."""
        for kept, content in network_sources(self.recipe.network).items():
            (self.folder / kept).write_bytes(content)
        with replacing(self.folder / RECIPE) as file:
            file.write_text(recipe_io.to_json(self.recipe), encoding="utf-8")

    def write_json(self, name: str, row: dict[str, Any]) -> None:
        """Write a JSON file of the run atomically."""
        with replacing(self.folder / name) as file:
            file.write_text(json.dumps(row, indent=2) + "\n", encoding="utf-8")

    def write_history(self, rows: list[dict[str, Any]]) -> None:
        """Write all rows of the history atomically."""
        with replacing(self.folder / HISTORY) as file:
            file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")

    def write_checkpoint(self, state: dict[str, Any]) -> None:
        """Write the state to resume from, atomically."""
        with replacing(self.folder / CHECKPOINT) as part, part.open("wb") as file:
            try:
                torch.save(state, file)
            except RuntimeError as error:  # torch's, which hides that of a full disk
                raise error.__context__ if isinstance(error.__context__, OSError) else OSError(str(error)) from error

    def read_checkpoint(self) -> dict[str, Any] | None:
        """Return the last checkpoint, on the CPU; None when there is none yet.

        Raises:
            ModelError: the file is damaged.
        """
        file = self.folder / CHECKPOINT
        if not file.exists():
            return None
        try:
            state: dict[str, Any] = torch.load(file, map_location="cpu", weights_only=True)
            if not state["finished"]:
                _ = state["epoch"], state["classifier"], state["optimizer"]
        except Exception as error:  # a damaged file can make torch.load raise anything
            raise ModelError(f"{file}: damaged ({type(error).__name__}). {_ANEW}") from error
        return state

    def write_weights(self, state: dict[str, Tensor]) -> None:
        """Write the kept weights atomically."""
        # copies, as safetensors refuses weights that layers share
        copies = {name: value.cpu().clone(memory_format=torch.contiguous_format) for name, value in state.items()}
        content = save(copies)
        with replacing(self.folder / WEIGHTS) as file:
            file.write_bytes(content)  # safetensors' own save_file makes files that only their owner may read


def _damaged(file: Path, reason: object) -> ModelError:
    return ModelError(
        f"{file}: missing or damaged ({reason}). Run the same `mien train` again; if the run had finished, restore a "
        "copy or delete the folder first."
    )


def run_name(
    recipe: Recipe, data: FaceDataset, seed: int, weights: Path | None = None, teachers: Mapping[str, str] | None = None
) -> str:
    """Return the folder's name: the same training gets the same name, so that it resumes; any other a new one."""
    parts = [recipe_io.to_json(recipe), data.fingerprint, str(seed), weights_digest(weights) if weights else ""]
    parts += (teachers or {}).values()
    if (source := source_digest(recipe.network)) is not None:
        parts.append(source)
    if recipe.votes_weight and data.votes is not None:
        parts.append(hashlib.sha256(data.votes.tobytes()).hexdigest())
    digest = hashlib.sha256("\n".join(parts).encode()).hexdigest()
    return f"{recipe.name}-seed{seed}-{digest[:6]}"


def run_digest(run: Run) -> str:
    """Return the SHA-256 of a finished run's weights.

    Raises:
        ModelError: they are missing.
    """
    file = run.folder / WEIGHTS
    try:
        return hashlib.sha256(file.read_bytes()).hexdigest()
    except OSError as error:
        raise _damaged(file, error) from error


def weights_file(named: str | Path) -> Path:
    """Return the file that holds the weights to start from.

    Args:
        named: a file; the folder of a finished run; a model folder, or the name of a model that ships.
    """
    folder = Path(named)
    if is_model(named):
        return find_model(str(named)) / MODEL_FILE
    return folder / WEIGHTS if (folder / WEIGHTS).is_file() else folder


def learned_classes(file: Path) -> LabelSet | None:
    """Return the classes of starting weights, from the card or the run beside them; None without either.

    Raises:
        ModelError: the card or the run cannot be read, or an ONNX file is not named like that of a model folder.
    """
    if file.suffix == Path(MODEL_FILE).suffix:
        if file.name != MODEL_FILE:
            raise ModelError(f"{file}: name the model folder that holds it as {MODEL_FILE}, beside its {CARD_FILE}.")
        return Card.read(file.parent).labels
    if file.name == WEIGHTS and is_run(file.parent):
        return LabelSet(tuple(Run.open(file.parent).environment["label_set"]))
    return None


def weights_digest(file: Path) -> str:
    """Return the SHA-256 of a file of starting weights.

    Raises:
        ModelError: it is missing.
    """
    if not file.is_file():
        raise ModelError(
            f"{file}: no such file; expected weights such as the {WEIGHTS} of a finished run, or a model "
            f"that ships: {', '.join(shipped_models())}."
        )
    return hashlib.sha256(file.read_bytes()).hexdigest()
