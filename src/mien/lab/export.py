"""Export: writes a finished run as a model folder, which is all that is needed to use the model."""

from __future__ import annotations

import hashlib
import importlib.metadata
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
    """Write a run's network as a model folder and check that it computes the same logits.

    If the run's folder already holds the same model, the new card keeps its calibration and figures, unless `data`
    recalibrates it. The target accuracy is that of the previous model in `out`, or else of the run's own.

    Args:
        run: a finished run.
        out: the model folder; default: ``model/``, or ``model-ferplus/`` with `votes`, in the run's folder.
        data: the data set that the run was trained on. With it, the exported model is also checked on real faces,
            and its confidence is calibrated on the faces held out for validation.
        votes: whether the model predicts the eight classes of FER+; calibrated to the majority of the votes in `data`.
        mirrored: whether the model averages its predictions for a face and its mirror image, in twice the time.
        name: name of the model; default: the recipe's, with ``-ferplus`` added for `votes`.
        licence: SPDX expression; default MIT, or ``LicenseRef-as-starting-weights`` if it started from others' weights.
        origin: source and licence of the starting weights, for the card.

    Returns:
        The model folder.

    Raises:
        ModelError: the run has not finished or was not trained on votes, the exported model differs from the trained
            one, or the folder cannot be written; an existing model there is kept.
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
        _with_calibration_of(_card_in(own), card).write(part)
        recognizer = Recognizer.load(part)
        _check(classifier, recognizer, data)
        if data is not None and (held := held_out_faces(run.recipe, run.environment, data)) is not None:
            held, target = with_majority(held) if votes else held, asked_accuracy(_card_in(folder), _card_in(own))
            calibrated(recognizer, held, target_accuracy=target).write(part)
    return folder


def ensure_exported(run: Run, data: FaceDataset | None = None) -> Path:
    """Return a run's own model folder, calibrated if possible with `data`.

    The model is exported if it is missing, and exported again, in float, if it is outdated or can be calibrated only
    now; it then stays mirrored, and keeps its name, licence and origin.
    """
    folder = run.folder / "model"
    if not (folder / MODEL_FILE).is_file():
        return export_run(run, data=data)
    card = Card.read(folder)
    known = card.provenance
    calibrates = data is not None and known["calibration"] is None and _can_calibrate(run.recipe, run.environment, data)
    if known["weights_sha256"] == run_digest(run) and not calibrates:
        return folder
    mirrored = bool(known.get("mirrored"))
    kept: dict[str, Any] = {"name": card.name, "licence": card.licence, "origin": known.get("origin")}
    return export_run(run, data=data, mirrored=mirrored, **kept)


def held_out_faces(recipe: Recipe, origin: Mapping[str, Any], data: FaceDataset) -> FaceDataset | None:
    """Return the Training faces that a run held out, on which its confidence can be calibrated.

    Faces with a twin among those that it was trained on are excluded, because the network has memorised them. Test
    splits are never used, even if one served for validation.

    Args:
        recipe: the recipe of the run.
        origin: a run's environment, or the provenance in a model's card.
        data: the data set that it was trained on.

    Returns:
        None if no faces were held out, if the starting weights were trained on some of them, or if the run was trained
        on other data.
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
    """Write a report's main figures into the card of the model that it measured.

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
        raise ModelError(f"{folder}: the report on {report.split} has no figures, because no face has a label.")
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
            "run": run.name,
            "recipe": recipe_io.to_row(run.recipe),
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


def _card_in(folder: Path) -> Card | None:
    """The card that an export replaces; None if it is missing or damaged."""
    try:
        return Card.read(folder)
    except ModelError:
        return None


def _with_calibration_of(earlier: Card | None, card: Card) -> Card:
    """Copy calibration and figures from the card of the run's own model, if that is the same model."""
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


def _check(classifier: Classifier | Mirrored, recognizer: Recognizer, data: FaceDataset | None) -> None:
    """Compare the network with its exported model on noise and, if `data` is given, on its first faces."""
    faces = noise_like(recognizer.card.preprocess)
    if data is not None:
        faces = np.concatenate([faces, recognizer.card.preprocess.stack(list(data.faces[:64]))])
    check_agreement(recognizer.card.name, classifier, faces, recognizer.logits(faces))
