"""Evaluation: predictions and report of one split, always by the exported model, the one that users run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, get_args

import numpy as np
import numpy.typing as npt

from mien.card import Card
from mien.errors import DataError, ModelError
from mien.lab.data import TRAINING, FaceDataset, audit, check_dataset, relabel_by_majority
from mien.lab.groups import measure_groups, read_groups
from mien.lab.metrics import Report, report_of
from mien.lab.predictions import TTA, Predictions, predictions_file, report_file, scored_as
from mien.lab.recipe.io import is_run
from mien.lab.remarks import remarks_on_data, remarks_on_faces, remarks_on_model
from mien.recognizer import Recognizer

if TYPE_CHECKING:
    from mien.lab.run import Run

BATCH_SIZE = 64
CROP_FRACTION = 11 / 12  # of the side: 44 of 48 px


def silent(*_: object) -> None:
    """Show no progress."""


def evaluate(
    model: Run | Recognizer | str | Path,
    data: FaceDataset,
    split: str | None = None,
    *,
    tta: TTA = "none",
    majority: bool = False,
    groups: str | Path | None = None,
    out: str | Path | None = None,
    on_progress: Callable[[str, int, int], None] = silent,
) -> Report:
    """Predict one split and measure the predictions.

    A run's network is exported first if necessary. Predictions and report go into the run's folder, and the main
    figures also into its model's card. With `out`, and for any other model, results are written only to `out`.

    Args:
        model: a run, its folder, a model folder, the name of a shipped model, or a loaded recogniser.
        data: the whole data set; its Training split shows which faces have a twin there.
        split: the split to evaluate; default: the only split, else Test, else PublicTest.
        tta: views to average. A mirrored model averages two itself; the files then say ``flip``.
        majority: measure against the majority of FER+ votes instead of the labels; faces without one are left out.
        groups: CSV with the columns `row` and `group`; each group of faces is measured too (`Report.groups`).
        out: folder for ``predictions-SPLIT.csv`` and ``report-SPLIT.json``.
        on_progress: called with (what is being done, steps done, steps in total).

    Raises:
        DataError: the data set lacks the split, votes for its faces, or a class of the model; or the run already has a
            report on other faces or labels, which `out` keeps; or the groups cannot be read, see `read_groups`.
        ModelError: there is no such model, it cannot be exported, or the results cannot be written.
    """
    faces = choose_split(data, split)
    run, recognizer = open_model(model, data)
    kept_by = run if out is None else None
    folder = _make_folder(out if kept_by is None else kept_by.folder)  # before the long computation
    asked, tta = _asked_and_averaged(tta, recognizer.card)
    labelled, where, remark = _by_majority(faces) if majority else (faces, slice(None), "")
    if kept_by is not None:
        _refuse_other_faces(kept_by, tta, labelled)
    relabelled = labelled.relabel(recognizer.card.labels)  # before the long computation, as it may be refused
    grouped = None if groups is None else (read_groups(Path(groups), data, labelled), Path(groups).name)
    twin_free = find_twin_free(data, faces, partial(on_progress, "looking for twins"))
    twin_free = None if twin_free is None else twin_free[where]
    predictions = predict_split(recognizer, relabelled, twin_free, asked, partial(on_progress, "predicting"))
    report = _report(predictions, recognizer.card, run, tta, labelled, remark, data)
    if grouped is not None:
        report = replace(report, groups=measure_groups(predictions, *grouped, recognizer.card.uncertain_below))
    _write_all(folder, predictions, report, None if kept_by is None else recognizer.folder)
    return report


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
    """Yield the views ``(N, h, w)`` to average of faces ``(N, H, W)``; the recogniser resizes them."""
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
    """Write ``predictions-SPLIT.csv`` and ``report-SPLIT.json``; with averaged views, ``-SPLIT-flip`` and so on.

    Raises:
        ModelError: the folder cannot be written.
    """
    name = scored_as(report.split, report.tta)
    _make_folder(folder)
    predictions.write(predictions_file(folder, name))
    report.write(report_file(folder, name))


def _write_all(folder: Path | None, predictions: Predictions, report: Report, model_folder: Path | None) -> None:
    """Write the results to `folder`, and the main figures into the card of a run's own model, if there are such."""
    if folder is not None:
        write_results(folder, predictions, report)
    if model_folder is not None and report.full is not None:
        from mien.lab.export import update_card_metrics  # needs torch; a model folder does not

        update_card_metrics(model_folder, report)


def _make_folder(folder: str | Path | None) -> Path | None:
    if folder is None:
        return None
    try:
        Path(folder).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ModelError(f"{folder}: cannot be created ({error}); choose another --out.") from error
    return Path(folder)


def open_model(model: Run | Recognizer | str | Path, data: FaceDataset) -> tuple[Run | None, Recognizer]:
    """Open the model to evaluate; exporting a run may need `data`."""
    if isinstance(model, Recognizer):
        return None, model
    if isinstance(model, str | Path) and not is_run(model):
        return None, Recognizer.load(model)
    from mien.lab.export import ensure_exported  # needs torch; a model folder does not
    from mien.lab.run import Run

    run = Run.open(model) if isinstance(model, str | Path) else model
    return run, Recognizer.load(ensure_exported(run, data))


def choose_split(data: FaceDataset, split: str | None) -> FaceDataset:
    """Return the faces of `split`; default: all if there is only one split, else Test or PublicTest."""
    check_dataset(data)
    if split is not None:
        return data.split(split)
    return data if len(data.split_names()) == 1 else data.test


def find_twin_free(
    data: FaceDataset, faces: FaceDataset, on_progress: Callable[[int, int], None]
) -> npt.NDArray[np.bool_] | None:
    """Return which faces of one split of `data` have no twin in Training; None without a Training split."""
    if TRAINING not in data.split_names():
        return None
    new: npt.NDArray[np.bool_] = audit(data, on_progress).twin_free[data.splits == faces.splits[0]]
    return new


def predict_split(
    recognizer: Recognizer,
    faces: FaceDataset,
    twin_free: npt.NDArray[np.bool_] | None,
    tta: TTA,
    on_progress: Callable[[int, int], None],
) -> Predictions:
    """Predict the faces of one split, averaged over the views of `tta`; classes are in the model's order."""
    return Predictions(
        rows=faces.rows,
        labels=faces.labels,
        probabilities=predict(recognizer, faces.faces, tta, on_progress),
        label_set=faces.label_set,
        split=str(faces.splits[0]),
        twin_free=twin_free,
    )


def _asked_and_averaged(tta: TTA, card: Card) -> tuple[TTA, TTA]:
    """Return the views to pass to the model, and all averaged views, including those that it averages itself."""
    if tta not in get_args(TTA):
        raise DataError(f"tta {tta!r}; expected {', '.join(map(repr, get_args(TTA)))}.")
    mirrored = tta != "ten-crop" and card.provenance.get("mirrored")
    return ("none", "flip") if mirrored else (tta, tta)


def _refuse_other_faces(run: Run, tta: TTA, faces: FaceDataset) -> None:
    """Refuse to replace a run's report by one on other faces or labels, if it is readable and has figures."""
    file = report_file(run.folder, scored_as(str(faces.splits[0]), tta))
    try:
        earlier = Report.read(file)
    except DataError:
        return
    if earlier.full is not None and earlier.data_fingerprint not in ("", faces.fingerprint):
        raise DataError(
            f"{file}: was measured on other faces or labels, those of {earlier.data_source}; to keep both, use --out "
            "FOLDER, or delete it and the predictions beside it."
        )


def other_faces(a: Report | None, b: Report | None) -> str:
    """Describe a difference between the faces of two reports on the same rows; empty if none is known.

    Every CSV numbers its rows from 0. Copies of FER2013 with the same pixels and order of classes have one fingerprint.
    """
    if a is None or b is None or a.data_fingerprint == b.data_fingerprint:
        return ""
    if "" in (a.data_fingerprint, b.data_fingerprint):
        return ""
    return (
        f"were evaluated on different faces with the same rows: those of {a.split} in {a.data_source} and in "
        f"{b.data_source} differ."
    )


def _by_majority(faces: FaceDataset) -> tuple[FaceDataset, npt.NDArray[np.bool_], str]:
    """Return the faces that have a majority, labelled with it, a mask of them, and a remark on the others."""
    relabelled = relabel_by_majority(faces)
    known = relabelled.data.labels >= 0
    if not known.any():
        raise DataError(f"{faces.source}: no face of {faces.splits[0]} has FER+ votes with a majority.")
    remark = (
        f"Labels are the majority of the FER+ votes, single votes dropped: {relabelled.labelled:,} of {len(faces):,} "
        f"faces. Left out: {relabelled.no_majority:,} without a majority, {relabelled.unknown:,} unknown, "
        f"{relabelled.not_a_face:,} not a face, {relabelled.no_votes:,} without votes."
    )
    return relabelled.data.take(known), known, remark


def _report(
    predictions: Predictions,
    card: Card,
    run: Run | None,
    tta: TTA,
    faces: FaceDataset,
    on_faces: str,
    data: FaceDataset,
) -> Report:
    """Measure the predictions for `faces` of `data` and add the model, the data and the remarks."""
    kept = {} if run is None else run.kept_epoch()
    return replace(
        report_of(predictions),
        model=card.name,
        model_sha256=card.sha256,
        confidence_fit=card.confidence_fit,
        tta=tta,
        train_accuracy=kept.get("train_accuracy"),
        validation_accuracy=kept.get("validation_accuracy"),
        data_source=Path(faces.source).name,
        data_fingerprint=faces.fingerprint,
        provenance=card.provenance,
        remarks=(
            *filter(None, [on_faces]),
            *remarks_on_model(predictions.split, card.provenance, tta, data),
            *remarks_on_faces(predictions),
            *remarks_on_data(card.provenance, data),
        ),
    )
