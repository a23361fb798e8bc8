"""Joining: one model folder from several; its network answers the mean of their probabilities."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mien.card import MODEL_FILE, Card
from mien.errors import ModelError
from mien.lab.calibrate import NOT_CALIBRATED
from mien.lab.onnx_graph import OPSET
from mien.lab.provenance import current_commit
from mien.recognizer import Recognizer
from mien.writing import writing

if TYPE_CHECKING:
    from onnx import ModelProto


def join_models(models: Sequence[str | Path], out: str | Path, *, name: str) -> Path:
    """Write one model whose probabilities are the mean of its members' uncalibrated ones, all with the same weight.

    It is as large and as slow as its members together. Its confidence is not calibrated, as what one member held out
    another may have learned: calibrate it on a test split that none has seen (`recalibrate`).

    Args:
        models: model folders, or names of models that ship; float, int8 or mirrored. The new model has the first one's
            order of classes.
        out: the new model folder.
        name: of the new model.

    Returns:
        The new model folder.

    Raises:
        ModelError: there are fewer than two models, one is named twice, they differ in labels, crops or the version
            of their operators, or the folder cannot be written.
    """
    members = [Recognizer.load(model) for model in models]
    if len(members) < 2:
        raise ModelError(f"joining takes at least two models, {len(members)} named.")
    first = members[0]
    if len({member.folder.resolve() for member in members}) < len(members):
        raise ModelError("a model is named twice; it would count twice in the mean.")
    for member in members[1:]:
        for what, mine, others in (
            ("labels", _labels(member.card), _labels(first.card)),
            ("crops", _crops(member.card), _crops(first.card)),
        ):
            if mine != others:
                raise ModelError(f"{member.folder}: {what} {mine}, those of {first.folder} are {others}.")
    out = Path(out)
    with writing(out) as part:
        orders = [first.card.labels.positions_in(member.card.labels) for member in members]
        content = _joined([member.folder / MODEL_FILE for member in members], orders)
        (part / MODEL_FILE).write_bytes(content.SerializeToString())
        _describe([member.card for member in members], name, part).write(part)
        Recognizer.load(part)  # refuses what does not fit its card
    return out


def _labels(card: Card) -> str:
    return ", ".join(sorted(card.labels))


def _crops(card: Card) -> str:
    """How the model wants its faces cropped, in words."""
    p = card.preprocess
    return f"{p.color}, {p.crop_px} px, margin {p.margin_fraction:g}"


def _joined(files: Sequence[Path], orders: Sequence[tuple[int, ...]]) -> ModelProto:
    """The members' networks side by side on the same faces, and the mean behind them.

    Args:
        files: the members.
        orders: for each member, where the new model's classes stand among its own.
    """
    import onnx
    from onnx import TensorProto, compose, helper, numpy_helper

    opened = [onnx.load(file) for file in files]
    sets = [{each.domain: each.version for each in model.opset_import} for model in opened]
    for file, operators in zip(files, sets, strict=True):
        if operators[""] != sets[0][""]:
            raise ModelError(
                f"{file}: ONNX operators {operators['']}, {files[0]} has {sets[0]['']}; export both again."
            )
    if sets[0][""] < OPSET:
        raise ModelError(f"{files[0]}: ONNX operators {sets[0]['']}, joining takes {OPSET} or later; export all again.")
    nodes, values, logs = [], [numpy_helper.from_array(np.array([0], np.int64), "axis")], []
    for number, (model, order) in enumerate(zip(opened, orders, strict=True)):
        graph = compose.add_prefix(model, f"member{number}/").graph
        answer = graph.output[0].name
        logs.append(f"{answer}/log")
        nodes += [
            helper.make_node("Identity", ["faces"], [graph.input[0].name]),
            *graph.node,
            helper.make_node("Gather", [answer, f"{answer}/order"], [f"{answer}/ordered"], axis=1),
            helper.make_node("LogSoftmax", [f"{answer}/ordered"], [f"{answer}/flat"], axis=1),
            helper.make_node("Unsqueeze", [f"{answer}/flat", "axis"], [logs[-1]]),
        ]
        values += [*graph.initializer, numpy_helper.from_array(np.array(order, np.int64), f"{answer}/order")]
    nodes += [
        helper.make_node("Concat", logs, ["logs"], axis=0),  # (members, N, K)
        # the logarithm of the sum, not of the mean: the difference is the same for all classes, so softmax drops it
        helper.make_node("ReduceLogSumExp", ["logs", "axis"], ["logits"], keepdims=0),  # (N, K)
    ]
    logits = helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["N", len(orders[0])])
    graph = helper.make_graph(nodes, "mean", [opened[0].graph.input[0]], [logits], values)
    operators = {domain: version for each in sets for domain, version in each.items()}
    model = helper.make_model(
        graph,
        opset_imports=[helper.make_opsetid(domain, version) for domain, version in operators.items()],
        ir_version=max(model.ir_version for model in opened),
    )
    onnx.checker.check_model(model, full_check=True)
    return model


def _describe(members: Sequence[Card], name: str, folder: Path) -> Card:
    """The card of the joined model in `folder`, not calibrated."""
    first = members[0]
    seeds = dict.fromkeys(str(member.provenance.get("seed")) for member in members)
    provenance = {
        "recipe": {"name": f"mean of {', '.join(map(_recipe_name, members))}"},
        "seed": ", ".join(seeds),
        "commit": current_commit(),
        "mirrored": all(member.provenance.get("mirrored") for member in members),
        "calibration": None,
        "members": [{"name": member.name, "sha256": member.sha256, **member.provenance} for member in members],
    }
    licences = dict.fromkeys(member.licence for member in members)
    limits = [limit for member in members for limit in member.limits]
    return Card(
        name=name,
        labels=first.labels,
        preprocess=first.preprocess,
        sha256=hashlib.sha256((folder / MODEL_FILE).read_bytes()).hexdigest(),
        parameters=sum(member.parameters for member in members),
        provenance=provenance,
        licence=" AND ".join(licences),
        limits=tuple(dict.fromkeys([*limits, NOT_CALIBRATED])),
    )


def _recipe_name(card: Card) -> str:
    """The name of the recipe that trained a model; the model's own if its card, made by hand, does not say."""
    recipe = card.provenance.get("recipe")
    return str(recipe.get("name", card.name)) if isinstance(recipe, dict) else card.name
