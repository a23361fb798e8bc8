"""A model folder made by hand: bright faces are happy, dark ones sad, and nothing was trained."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
from onnx import TensorProto, helper, numpy_helper, save

from mien.card import Card
from mien.labels import FER2013, LabelSet
from mien.preprocess import Preprocess


def write_tiny_model(
    folder: Path, *, uncertain_below: float = 0.0, margin_fraction: float = 0.0, labels: LabelSet = FER2013
) -> Path:
    weights = np.zeros((1, len(FER2013)), np.float32)
    weights[0, FER2013.index("happy")], weights[0, FER2013.index("sad")] = 0.05, -0.05
    graph = helper.make_graph(
        [
            helper.make_node("Cast", ["faces"], ["values"], to=TensorProto.FLOAT),
            helper.make_node("ReduceMean", ["values", "axes"], ["means"], keepdims=0),
            helper.make_node("Gemm", ["means", "weights", "bias"], ["logits"]),
        ],
        "tiny",
        [helper.make_tensor_value_info("faces", TensorProto.UINT8, ["n", 1, 48, 48])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["n", len(FER2013)])],
        [
            numpy_helper.from_array(np.array([2, 3]), "axes"),
            numpy_helper.from_array(weights, "weights"),
            numpy_helper.from_array(-128 * weights[0], "bias"),
        ],
    )
    folder.mkdir(parents=True)
    save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9), folder / "model.onnx")
    Card(
        name="tiny",
        labels=labels,  # seven
        preprocess=Preprocess(margin_fraction=margin_fraction),
        sha256=hashlib.sha256((folder / "model.onnx").read_bytes()).hexdigest(),
        parameters=7,
        uncertain_below=uncertain_below,
    ).write(folder)
    return folder
