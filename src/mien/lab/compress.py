"""Quantisation: a model folder whose network computes in 8-bit integers, smaller and faster than in float."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import onnxruntime

from mien.card import MODEL_FILE, Card
from mien.errors import ModelError
from mien.lab.calibrate import calibrated
from mien.lab.data import FaceDataset, has_learned_from, with_majority
from mien.lab.export import held_out_faces
from mien.lab.recipe import io as recipe_io
from mien.recognizer import Recognizer
from mien.writing import writing

if TYPE_CHECKING:
    from onnx import GraphProto, NodeProto

RANGE_FACES = 512
"""How many faces set the ranges of activations; 128 and 2,048 gave models equally close to the float one."""

BATCH_SIZE = 64

_LAYERS = ("Conv", "Gemm", "MatMul")
_FLOAT = ("Softmax", "InstanceNormalization", "LayerNormalization")
"""Operators that stay in float, as do products of activations: 256 levels are too few for attention."""


def quantize(model: str | Path, data: FaceDataset, out: str | Path) -> Path:
    """Write an int8 version of a float model.

    Weights become 8-bit integers with a scale for each output channel; activations become 8-bit integers over their
    range on Training faces. The normalisation of the faces and the first and last layers stay in float. So does a
    depthwise layer right after the first: it causes most of what MobileNets lose in int8, and is hardly slower in
    float. In imported networks, softmax, instance and layer normalisation and products of activations stay in float
    too. Confidence is recalibrated on the held-out faces of the training; the card has no figures until the new model
    is evaluated.

    Args:
        model: the folder of a float model.
        data: the data set that the model was trained on, with the FER+ votes if the model predicts their classes; its
            test splits are not used.
        out: the new model folder; it may be that of `model`.

    Returns:
        The new model folder.

    Raises:
        DataError: the data set lacks the votes.
        ModelError: the model is already quantised, joined from several, trained on other data, or has no layer
            between its first and its last; or the folder cannot be written.
    """
    source = Recognizer.load(model)
    known = source.card.provenance
    if "quantization" in known:
        raise ModelError(f"{source.folder}: already quantised; give the float model that it was made from.")
    if "members" in known:
        raise ModelError(f"{source.folder}: joined from several models; quantise each of them, then join the results.")
    if not has_learned_from(known, data):
        raise ModelError(
            f"{source.folder}: trained on {known.get('data_source', 'unknown data')}, not on the Training split of "
            f"{Path(data.source).name}; give the data that the model was trained on."
        )
    recipe = recipe_io.from_row(known["recipe"])
    held_out = held_out_faces(recipe, known, data)
    faces = source.card.preprocess.stack(list(_draw_range_faces(data.training, held_out)))
    if held_out is not None and source.card.labels != data.label_set:  # it predicts the classes of FER+
        held_out = with_majority(held_out)
    out = Path(out)
    with writing(out) as part:
        _write_int8(source.folder / MODEL_FILE, part / MODEL_FILE, faces)
        _describe(source.card, part, len(faces)).write(part)
        recognizer = Recognizer.load(part)
        card = recognizer.card if held_out is None else calibrated(recognizer, held_out)
        same = recognizer.logits(faces).argmax(axis=1) == source.logits(faces).argmax(axis=1)
        card.provenance["quantization"]["same_label"] = float(same.mean())
        card.write(part)
    return out


def _draw_range_faces(training: FaceDataset, held_out: FaceDataset | None) -> npt.NDArray[np.uint8]:
    """Draw the faces that set the ranges, none of which calibrates the confidence."""
    candidates = training if held_out is None else training.take(~np.isin(training.rows, held_out.rows))
    chosen = np.random.default_rng(0).permutation(len(candidates))[:RANGE_FACES]
    return candidates.faces[np.sort(chosen)]


def _write_int8(source: Path, target: Path, faces: npt.NDArray[np.uint8]) -> None:
    """Quantise an ONNX file; `faces` ``(N, planes, crop_px, crop_px)`` set the ranges of activations.

    The settings are those that onnxruntime's documentation recommends for x86 and for which its kernels are fast
    (https://onnxruntime.ai/docs/performance/model-optimizations/quantization.html).
    """
    import onnx
    from onnxruntime.quantization import CalibrationMethod, QuantFormat, QuantType, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    prepared = target.with_name("prepared.onnx")
    quant_pre_process(source, prepared, skip_symbolic_shape=True)  # needed for transformers only
    batches = ({"faces": faces[start : start + BATCH_SIZE]} for start in range(0, len(faces), BATCH_SIZE))
    quantize_static(
        prepared,
        target,
        SimpleNamespace(get_next=lambda: next(batches, None)),
        quant_format=QuantFormat.QDQ,
        per_channel=True,
        activation_type=QuantType.QUInt8,  # x86 kernels take more than twice as long with signed ones
        weight_type=QuantType.QInt8,
        nodes_to_exclude=_float_nodes(source.parent, onnx.load(prepared).graph),
        calibrate_method=CalibrationMethod.MinMax,
    )
    prepared.unlink()
    onnx.checker.check_model(target, full_check=True)


def _float_nodes(folder: Path, graph: GraphProto) -> list[str]:
    """Names of the nodes that stay in float.

    They are all nodes up to the first layer, or up to a depthwise one right after it; all from the last layer on; those
    of `_FLOAT`; and products of activations.

    Raises:
        ModelError: there is no layer between the first and the last.
    """
    weights = {each.name for each in graph.initializer}
    products = [node for node in graph.node if node.op_type == "MatMul" and not weights & {*node.input}]
    layers = [at for at, node in enumerate(graph.node) if node.op_type in _LAYERS and node not in products]
    if len(layers) < 3:
        raise ModelError(
            f"{folder}: {len(layers)} layers. The first and the last stay in float, so int8 needs at least three; use "
            "the float model."
        )
    first = layers[1] if _is_grouped(graph.node[layers[1]]) and len(layers) > 3 else layers[0]
    sensitive = [node for node in graph.node if node.op_type in _FLOAT or node in products]
    return [node.name for node in (*graph.node[: first + 1], *sensitive, *graph.node[layers[-1] :])]


def _is_grouped(node: NodeProto) -> bool:
    return any(attribute.name == "group" and attribute.i > 1 for attribute in node.attribute)


def _describe(source: Card, folder: Path, range_faces: int) -> Card:
    """Return the card of the int8 model in `folder`, not calibrated yet."""
    quantization: dict[str, Any] = {
        "kind": "int8",
        "of_sha256": source.sha256,
        "range_faces": range_faces,
        "onnxruntime": onnxruntime.__version__,
    }
    return replace(
        source,
        sha256=hashlib.sha256((folder / MODEL_FILE).read_bytes()).hexdigest(),
        metrics={},
        provenance=source.provenance | {"quantization": quantization},
    )
