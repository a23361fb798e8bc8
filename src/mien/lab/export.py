"""Export: from a finished run to a model folder, which is all that is needed to use the model."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from mien.card import MODEL_FILE, Card
from mien.errors import ModelError
from mien.lab.agreement import check_agreement, noise_like
from mien.lab.calibrate import NOT_CALIBRATED, asked_accuracy, calibrated
from mien.lab.data import PUBLIC, TRAINING, FaceDataset, audit, has_learned_from, with_majority
from mien.lab.data.split import held_out
from mien.lab.metrics import Metrics, Report
from mien.lab.nets import count_parameters
from mien.lab.nets.input import Classifier, Mirrored
from mien.lab.onnx_graph import OPSET, to_onnx
from mien.lab.predictions import scored_as
from mien.lab.recipe import Recipe
from mien.lab.recipe import io as recipe_io
from mien.lab.run import Run, run_digest
from mien.labels import FERPLUS, LabelSet
from mien.recognizer import Recognizer
from mien.writing import writing

LIMITS = (
    "It predicts the expression that people who look at the picture would name, not what the person feels.",
    "Made for cropped, roughly frontal faces; other views, covered faces and small faces are read worse.",
    "Classes differ in accuracy, and differences between groups of people have not been measured.",
    "Not for decisions about people.",
)


def export_run(
    run: Run,
    out: Path | None = None,
    *,
    data: FaceDataset | None = None,
    votes: bool = False,
    mirrored: bool = False,
    name: str | None = None,
    licence: str | None = None,
    origin: str | None = None,
) -> Path:
    """Write a run's network as a model folder and check that it computes the same.

    If the run's folder holds the same model already, the new card keeps its calibration and figures, unless `data`
    calibrates it anew. The target accuracy is that of the model in `out` before, or else of the run's own.

    Args:
        run: a finished run.
        out: the model folder; default ``model/``, with `votes` ``model-ferplus/``, in the run's folder.
        data: the data set that the run was trained on. With it, the exported model is also checked on real faces,
            and the faces held out for validation calibrate its confidence.
        votes: whether it answers with the eight classes of FER+; it is then calibrated to the majority of the votes.
        mirrored: whether the model itself averages its answers to a face and its mirror image, in twice the time.
        name: of the model; default the recipe's, with `votes` and ``-ferplus``.
        licence: SPDX expression; default MIT, or ``LicenseRef-as-starting-weights`` if it started from others' weights.
        origin: whose weights the training started from, and under which licence; for the card.

    Returns:
        The model folder.

    Raises:
        ModelError: the run has not finished, has not learned votes, the exported model differs from the trained one,
            or the folder cannot be written; an earlier model there stays as it is.
    """
    ending = "-ferplus" if votes else ""
    own = run.folder / f"model{ending}"
    folder = own if out is None else out
    plain = run.load_classifier("votes" if votes else "labels")
    classifier = Mirrored(plain) if mirrored else plain
    with writing(folder) as part:
        (part / MODEL_FILE).write_bytes(content := to_onnx(classifier, run.recipe.preprocess).SerializeToString())
        labels = FERPLUS if votes else LabelSet(tuple(run.environment["label_set"]))
        card = _describe(run, classifier, name or run.recipe.name + ending, labels, content, licence, origin)
        _with_what_is_known(_known(own), card).write(part)
        recognizer = Recognizer.load(part)
        _compare(classifier, recognizer, data)
        if data is not None and (held := held_out_faces(run.recipe, run.environment, data)) is not None:
            held, asked = with_majority(held) if votes else held, asked_accuracy(_known(folder), _known(own))
            calibrated(recognizer, held, target_accuracy=asked).write(part)
    return folder


def ensure_exported(run: Run, out: Path | None = None) -> Path:
    """Return a run's own model folder, exported unless it holds these weights, float or int8; with `out`, a new one."""
    folder = run.folder / "model"
    if out is None and (folder / MODEL_FILE).is_file() and _is_of(run, Card.read(folder)):
        return folder
    return export_run(run, out)


def _is_of(run: Run, card: Card) -> bool:
    return bool(card.provenance["weights_sha256"] == run_digest(run))


def ensure_calibrated(run: Run, data: FaceDataset) -> Path:
    """Return a run's exported model.

    It is exported if it is missing, and again, in float, if it is outdated or can be calibrated only now; it then stays
    mirrored, and keeps its name, licence and origin.
    """
    folder = run.folder / "model"
    if not (folder / MODEL_FILE).is_file():
        return export_run(run, data=data)
    card = Card.read(folder)
    known = card.provenance
    calibrates = known["calibration"] is None and _can_calibrate(run.recipe, run.environment, data)
    if _is_of(run, card) and not calibrates:
        return folder
    mirrored = bool(known.get("mirrored"))
    kept: dict[str, Any] = {"name": card.name, "licence": card.licence, "origin": known.get("origin")}
    return export_run(run, data=data, mirrored=mirrored, **kept)


def held_out_faces(recipe: Recipe, origin: Mapping[str, Any], data: FaceDataset) -> FaceDataset | None:
    """Return the faces that a training held out of Training, to which its confidence can be fitted.

    Those with a twin among the faces that it learned are left out: the network knows them by heart. Test splits are
    never taken, even if the training watched one.

    Args:
        recipe: of the training.
        origin: a run's environment, or the provenance in a model's card.
        data: what it has learned from.

    Returns:
        None if it held out none, or some that its starting weights had learned, or if it learned from other data.
    """
    if not _can_calibrate(recipe, origin, data):
        return None
    training = data.training
    held = held_out(training, recipe.validation, origin["seed"])
    twin_free = audit(replace(training, splits=np.where(held, PUBLIC, TRAINING))).twin_free
    return training.take(held & twin_free)


def _can_calibrate(recipe: Recipe, origin: Mapping[str, Any], data: FaceDataset) -> bool:
    held_out = recipe.validation.kind == "holdout" and not origin.get("n_validation_learned")
    return held_out and has_learned_from(origin, data)


def update_card_metrics(folder: Path, report: Report) -> None:
    """Put a report's main figures into the card of the model that it measured.

    Raises:
        ModelError: the report is of another model, or of a split without labels.
    """
    card = Card.read(folder)
    if report.model_sha256 != card.sha256:
        raise ModelError(
            f"{folder}: the report on {report.split} measured another model (SHA-256 {report.model_sha256[:12]}, here "
            f"{card.sha256[:12]}); evaluate this one."
        )
    if report.full is None:
        raise ModelError(f"{folder}: the report on {report.split} has no figures, as no face there has a label.")
    name = scored_as(report.split, report.tta)
    figures = {
        "data_fingerprint": report.data_fingerprint,
        "full": _main_figures(report.full),
        "twin_free": report.twin_free and _main_figures(report.twin_free),
    }
    replace(card, metrics=card.metrics | {name: figures}).write(folder)


def _main_figures(metrics: Metrics) -> dict[str, Any]:
    names = ("n", "accuracy", "accuracy_low", "accuracy_high", "balanced_accuracy", "macro_f1", "log_loss", "ece")
    classes = {c.name: {"n": c.support, "recall": c.recall, "precision": c.precision} for c in metrics.per_class}
    return {name: getattr(metrics, name) for name in names} | {"per_class": classes}


def _describe(
    run: Run,
    classifier: Classifier | Mirrored,
    name: str,
    labels: LabelSet,
    content: bytes,
    licence: str | None,
    origin: str | None,
) -> Card:
    environment = run.environment
    fingerprints = ("data_fingerprint", "training_fingerprint")
    known = ("seed", "commit", *fingerprints, "data_source", "weights", "n_validation_learned", "versions", "resumed")
    exporters = {name: importlib.metadata.version(name) for name in ("torch", "onnx", "onnxscript", "onnxruntime")}
    return Card(
        name=name,
        labels=labels,
        preprocess=run.recipe.preprocess,
        sha256=hashlib.sha256(content).hexdigest(),
        parameters=count_parameters(classifier),
        provenance={
            "run": run.folder.name,
            "recipe": json.loads(recipe_io.to_json(run.recipe)),
            **{key: environment[key] for key in known if key in environment},
            **({} if origin is None else {"origin": origin}),
            "weights_sha256": run_digest(run),
            "mirrored": isinstance(classifier, Mirrored),
            "opset": OPSET,
            "exported_with": exporters,
            "calibration": None,
        },
        licence=licence or ("LicenseRef-as-starting-weights" if run.has_foreign_weights else "MIT"),
        limits=(*LIMITS, NOT_CALIBRATED),
    )


def _known(folder: Path) -> Card | None:
    """The card that an export replaces; None if there is none, or a damaged one."""
    try:
        return Card.read(folder)
    except ModelError:
        return None


def _with_what_is_known(earlier: Card | None, card: Card) -> Card:
    """Take calibration and figures from the card of the run's own model, if that is the same model."""
    if earlier is None or earlier.sha256 != card.sha256:
        return card
    return replace(
        card,
        temperature=earlier.temperature,
        sharpening=earlier.sharpening,
        uncertain_below=earlier.uncertain_below,
        metrics=earlier.metrics,
        provenance=card.provenance | {"calibration": earlier.provenance["calibration"]},
        limits=earlier.limits,
    )


def _compare(classifier: Classifier | Mirrored, recognizer: Recognizer, data: FaceDataset | None) -> None:
    """Compare the network with its exported model on noise, and on the first faces of the data set if there is one."""
    faces = noise_like(recognizer.card.preprocess)
    if data is not None:
        faces = np.concatenate([faces, recognizer.card.preprocess.stack(list(data.faces[:64]))])
    check_agreement(recognizer.card.name, classifier, faces, recognizer.logits(faces))
