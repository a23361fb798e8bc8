"""Evaluation: predictions and report of one split, always through the exported model: what ships is measured."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from mien.card import Card
from mien.errors import DataError, ModelError
from mien.lab.data import PRIVATE, TRAINING, Audit, FaceDataset, audit, relabel_by_majority
from mien.lab.metrics import TTA, Report, report_of
from mien.lab.predictions import RECORD, Predictions, scored_as, views_of
from mien.lab.remarks import remarks_on, remarks_on_data
from mien.recognizer import Recognizer

if TYPE_CHECKING:
    from mien.lab.run import Run

BATCH_SIZE = 64
CROP_FRACTION = 11 / 12  # of the side, as 44 of 48 px


def silent(*_: object) -> None:
    """Show no progress."""


def evaluate(
    model: Run | Recognizer | str | Path,
    data: FaceDataset,
    split: str | None = None,
    *,
    tta: TTA = "none",
    majority: bool = False,
    out: str | Path | None = None,
    twins: Audit | None = None,
    on_progress: Callable[[str, int, int], None] = silent,
) -> Report:
    """Predict one split and measure the predictions.

    A run's network is exported first if it is not yet. Predictions and report go into the run's folder, the main
    figures into its model's card too; for any other model they are written only where `out` says.

    Args:
        model: a run, its folder, a model folder, the name of a shipped model, or a loaded recogniser.
        data: the whole data set: its Training split tells which faces have a twin there.
        split: what to evaluate; default PublicTest, or Test in the folder edition.
        tta: views that are averaged; those of a model that averages mirror images itself are called ``"flip"``.
        majority: measure against the majority of FER+ votes, not the labels; faces without one are left out.
        out: folder for ``predictions-SPLIT.csv`` and ``report-SPLIT.json``.
        twins: audit of `data` where it is at hand; making it takes half a minute for FER2013.
        on_progress: called with (what is done, steps done, steps in all).

    Raises:
        DataError: the data set lacks the split, or votes for its faces, or has a class that the model lacks.
        ModelError: there is no such model, it cannot be exported, or the results cannot be written.
    """
    faces = choose_split(data, split)
    run, recognizer = open_model(model, data)
    folder = Path(out) if out is not None else run.folder if run is not None else None
    if folder is not None:
        _make(folder)  # before the long work
    twin_free = find_twin_free(data, faces, twins, partial(on_progress, "looking for twins"))
    faces, twin_free, remark = _by_majority(faces, twin_free) if majority else (faces, twin_free, "")
    asked = tta
    if tta != "ten-crop" and recognizer.card.provenance.get("mirrored"):
        asked, tta = "none", "flip"  # which the model does itself
    predictions = predict_split(recognizer, faces, twin_free, asked, partial(on_progress, "predicting"))
    other_data = remarks_on_data(recognizer.card.provenance, data)
    report = _report(predictions, recognizer.card, run, tta, faces, remark, other_data)
    if folder is not None:
        write_results(folder, predictions, report)
    if run is not None and report.full is not None:
        from mien.lab.export import update_card_metrics  # needs torch, which a model folder does not

        update_card_metrics(recognizer.folder, report)
    return report


def score(predictions_csv: str | Path, labels_csv: str | Path, *, out: str | Path | None = None) -> Report:
    """Measure predictions whose labels became known later.

    What `evaluate` knew about the model is taken from the ``report-SPLIT.json`` beside the predictions, or from the
    ``run.json`` of a record, if there.

    Args:
        predictions_csv: as `evaluate` writes it.
        labels_csv: with the columns `row` and `label` (a word), one line for each line of the predictions.
        out: folder for the labelled predictions and the report.

    Raises:
        DataError: a file cannot be read, or their rows differ; names the rows.
        ModelError: the results cannot be written.
    """
    file = Path(predictions_csv)
    unlabelled = Predictions.read(file)
    if file.with_name(RECORD).is_file():
        unlabelled = replace(unlabelled, probabilities=_above_zero(unlabelled.probabilities))
    predictions = unlabelled.with_labels(Path(labels_csv))
    report = report_of(predictions)
    if known := _known(file, report_of(unlabelled)):
        outdated = remarks_on(unlabelled, known.provenance, known.tta)
        report = replace(
            known,
            n_scored=report.n_scored,
            full=report.full,
            twin_free=report.twin_free,
            data_fingerprint="",  # that of the faces with their labels is not known here
            remarks=(
                *(remark for remark in known.remarks if remark not in outdated),
                *remarks_on(predictions, known.provenance, known.tta),
            ),
        )
    if out is not None:
        write_results(Path(out), predictions, report)
    return report


def _above_zero(probabilities: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Give what a record has rounded to 0 half of its last decimal: 0 would count in log loss as all but impossible."""
    unit = 1e-4 if np.allclose(probabilities, probabilities.round(4), rtol=0, atol=1e-12) else 1e-6
    return np.maximum(probabilities, unit / 2)


def _known(predictions_csv: Path, unlabelled: Report) -> Report | None:
    """Return the report on predictions before they had labels: their own, or what a record keeps of it."""
    earlier = predictions_csv.with_name(predictions_csv.name.replace("predictions", "report")).with_suffix(".json")
    if earlier.is_file():
        return Report.read(earlier)
    record = predictions_csv.with_name(RECORD)
    if not record.is_file():
        return None
    row = json.loads(record.read_text(encoding="utf-8"))
    tta = views_of(predictions_csv)[1]
    kept = row["reports"][scored_as(PRIVATE, tta)]
    names = ("model", "model_sha256", "train_accuracy", "validation_accuracy", "data_source")
    return replace(
        unlabelled,
        tta=tta,
        provenance={"recipe": row["recipe"], "weights": row["weights"], **row["environment"]},
        remarks=tuple(kept["remarks"]),
        **{name: kept[name] for name in names},
    )


def predict(
    recognizer: Recognizer,
    faces: npt.NDArray[np.uint8],
    tta: TTA = "none",
    on_progress: Callable[[int, int], None] = silent,
) -> npt.NDArray[np.float64]:
    """Return calibrated probabilities ``(N, K)`` of faces ``(N, H, W)`` uint8, averaged over the views of `tta`."""
    probabilities = np.empty((len(faces), len(recognizer.card.labels)))
    for start in range(0, len(faces), BATCH_SIZE):
        batch = faces[start : start + BATCH_SIZE]
        each = [recognizer.probabilities(recognizer.card.preprocess.stack(list(view))) for view in views(batch, tta)]
        probabilities[start : start + len(batch)] = np.mean(each, axis=0)
        on_progress(start + len(batch), len(faces))
    return probabilities


def views(faces: npt.NDArray[np.uint8], tta: TTA) -> Iterator[npt.NDArray[np.uint8]]:
    """Yield the views of faces ``(N, H, W)`` that are averaged, as ``(N, h, w)``; the recogniser resizes them."""
    whole = [faces]
    if tta == "ten-crop":
        side = round(faces.shape[1] * CROP_FRACTION)
        far = faces.shape[1] - side
        corners = [(0, 0), (0, far), (far, 0), (far, far), (far // 2, far // 2)]
        whole = [faces[:, top : top + side, left : left + side] for top, left in corners]
    for view in whole:
        yield view
        if tta != "none":
            yield view[:, :, ::-1]


def write_results(folder: Path, predictions: Predictions, report: Report) -> None:
    """Write ``predictions-SPLIT.csv`` and ``report-SPLIT.json``; with augmentation, ``-SPLIT-flip`` and so on.

    Raises:
        ModelError: the folder cannot be written.
    """
    name = scored_as(report.split, report.tta)
    _make(folder)
    predictions.write(folder / f"predictions-{name}.csv")
    report.write(folder / f"report-{name}.json")


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ModelError(f"{folder}: cannot be made ({error}); choose another --out.") from error


def is_run(model: str | Path) -> bool:
    """Return whether a folder is a run's, without loading torch as `Run` does."""
    return (Path(model) / "recipe.json").is_file()


def open_model(model: Run | Recognizer | str | Path, data: FaceDataset) -> tuple[Run | None, Recognizer]:
    """Open what is to be evaluated; `data` may be needed to export a run."""
    if isinstance(model, Recognizer):
        return None, model
    if isinstance(model, str | Path) and not is_run(model):
        return None, Recognizer.load(model)
    from mien.lab.export import model_folder  # needs torch, which a model folder does not
    from mien.lab.run import Run

    run = Run.open(model) if isinstance(model, str | Path) else model
    return run, Recognizer.load(model_folder(run, data))


def choose_split(data: FaceDataset, split: str | None) -> FaceDataset:
    """Return the faces of `split`; by default all if they are of one split, else PublicTest or Test."""
    if split is not None:
        return data.split(split)
    return data if len(data.split_names()) == 1 else data.test


def find_twin_free(
    data: FaceDataset, faces: FaceDataset, twins: Audit | None, on_progress: Callable[[int, int], None]
) -> npt.NDArray[np.bool_] | None:
    """Return which faces of one split of `data` have no twin in its Training split; None if it has none."""
    if TRAINING not in data.split_names():
        return None
    new: npt.NDArray[np.bool_] = (twins or audit(data, on_progress)).twin_free[data.splits == faces.splits[0]]
    return new


def predict_split(
    recognizer: Recognizer,
    faces: FaceDataset,
    twin_free: npt.NDArray[np.bool_] | None,
    tta: TTA,
    on_progress: Callable[[int, int], None],
) -> Predictions:
    """Predict the faces of one split, averaged over the views of `tta`; their labels are crossed by name."""
    labels = recognizer.card.labels
    return Predictions(
        rows=faces.rows,
        labels=faces.relabel(labels).labels,  # before the long work, as it may be refused
        probabilities=predict(recognizer, faces.faces, tta, on_progress),
        label_set=labels,
        split=str(faces.splits[0]),
        twin_free=twin_free,
    )


def _by_majority(
    faces: FaceDataset, twin_free: npt.NDArray[np.bool_] | None
) -> tuple[FaceDataset, npt.NDArray[np.bool_] | None, str]:
    """Return the faces that have a majority, with that label, their part of `twin_free`, and a remark on the others."""
    relabelled = relabel_by_majority(faces)
    known = relabelled.data.labels >= 0
    if not known.any():
        raise DataError(f"{faces.source}: no face of {faces.splits[0]} has FER+ votes with a majority.")
    remark = (
        f"Labels are the majority of the FER+ votes, single votes dropped: {relabelled.labelled:,} of {len(faces):,} "
        f"faces. Left out: {relabelled.no_majority:,} without a majority, {relabelled.unknown:,} unknown, "
        f"{relabelled.not_a_face:,} not a face, {relabelled.no_votes:,} without votes."
    )
    return relabelled.data.take(known), None if twin_free is None else twin_free[known], remark


def _report(
    predictions: Predictions,
    card: Card,
    run: Run | None,
    tta: TTA,
    faces: FaceDataset,
    on_faces: str,
    on_data: tuple[str, ...],
) -> Report:
    """Measure the predictions and note what they were made with and on."""
    kept = {} if run is None else run.kept_epoch()
    return replace(
        report_of(predictions),
        model=card.name,
        model_sha256=card.sha256,
        tta=tta,
        train_accuracy=kept.get("train_accuracy"),
        validation_accuracy=kept.get("validation_accuracy"),
        data_source=Path(faces.source).name,
        data_fingerprint=faces.fingerprint,
        provenance=card.provenance,
        remarks=(
            *filter(None, [on_faces]),
            *remarks_on(predictions, card.provenance, tta),
            *on_data,
        ),
    )
