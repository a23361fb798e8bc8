"""Joining: one model folder from several, whose network computes the mean of their probabilities."""

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
    """Write one model that averages the uncalibrated probabilities of its members, with equal weights.

    It is as large and as slow as its members together. Its confidence is not calibrated, because one member may have
    been trained on faces that another held out: calibrate it on a test split that none was trained on (`recalibrate`).

    Args:
        models: model folders, or names of shipped models; float, int8 or mirrored. Classes are in the order of the
            first one.
        out: the new model folder.
        name: name of the new model.

    Returns:
        The new model folder.

    Raises:
        ModelError: there are fewer than two models, one is given twice, they differ in labels, crops or the version
            of their operators, or the folder cannot be written.
    """
    members = [Recognizer.load(model) for model in models]
    if len(members) < 2:
        raise ModelError(f"joining needs at least two models; {len(members)} given.")
    first = members[0]
    if len({member.folder.resolve() for member in members}) < len(members):
        raise ModelError("a model is given twice; it would count twice in the mean.")
    for member in members[1:]:
        for what, mine, others in (
            ("labels", _labels(member.card), _labels(first.card)),
            ("crops", _crops(member.card), _crops(first.card)),
        ):
            if mine != others:
                raise ModelError(f"{member.folder}: its {what} are {mine}, those of {first.folder} are {others}.")
    out = Path(out)
    with writing(out) as part:
        orders = [first.card.labels.positions_in(member.card.labels) for member in members]
        content = _joined([member.folder / MODEL_FILE for member in members], orders)
        (part / MODEL_FILE).write_bytes(content.SerializeToString())
        _describe([member.card for member in members], name, part).write(part)
        Recognizer.load(part)  # checks that network and card fit
    return out


def _labels(card: Card) -> str:
    return ", ".join(sorted(card.labels))


def _crops(card: Card) -> str:
    """How the model's faces are cropped, in words."""
    p = card.preprocess
    return f"{p.color}, {p.crop_px} px, margin {p.margin_fraction:g}"


def _joined(files: Sequence[Path], orders: Sequence[tuple[int, ...]]) -> ModelProto:
    """The members' networks in parallel on the same faces, followed by their mean.

    Args:
        files: ONNX files of the members.
        orders: for each member, the positions of the new model's classes among its own.
    """
    import onnx
    from onnx import TensorProto, compose, helper, numpy_helper

    opened = [onnx.load(file) for file in files]
    sets = [{each.domain: each.version for each in model.opset_import} for model in opened]
    for file, operators in zip(files, sets, strict=True):
        if operators[""] != sets[0][""]:
            raise ModelError(
                f"{file}: has ONNX opset {operators['']}, {files[0]} has {sets[0]['']}; export both again."
            )
    if sets[0][""] < OPSET:
        raise ModelError(f"{files[0]}: has ONNX opset {sets[0]['']}, joining needs {OPSET} or later; export all again.")
    nodes, values, logs = [], [numpy_helper.from_array(np.array([0], np.int64), "axis")], []
    for number, (model, order) in enumerate(zip(opened, orders, strict=True)):
        graph = compose.add_prefix(model, f"member{number}/").graph
        output = graph.output[0].name
        logs.append(f"{output}/log")
        nodes += [
            helper.make_node("Identity", ["faces"], [graph.input[0].name]),
            *graph.node,
            helper.make_node("Gather", [output, f"{output}/order"], [f"{output}/ordered"], axis=1),
            helper.make_node("LogSoftmax", [f"{output}/ordered"], [f"{output}/flat"], axis=1),
            helper.make_node("Unsqueeze", [f"{output}/flat", "axis"], [logs[-1]]),
        ]
        values += [*graph.initializer, numpy_helper.from_array(np.array(order, np.int64), f"{output}/order")]
    nodes += [
        helper.make_node("Concat", logs, ["logs"], axis=0),  # (members, N, K)
        # the logarithm of the sum instead of the mean: they differ by a constant, which softmax removes
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
    """The name of the recipe that trained a model, or the model's own if its card, made by hand, names none."""
    recipe = card.provenance.get("recipe")
    return str(recipe.get("name", card.name)) if isinstance(recipe, dict) else card.name
