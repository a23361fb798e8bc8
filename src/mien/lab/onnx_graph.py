"""Convert networks to ONNX, which does not need the code that defines them."""

from __future__ import annotations

import warnings
from copy import deepcopy
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from mien.errors import ModelError, RecipeError
from mien.lab.agreement import difference, noise_like
from mien.lab.nets.input import Classifier, Mirrored
from mien.preprocess import Preprocess

if TYPE_CHECKING:
    from onnx import ModelProto

OPSET = 18
"""ONNX operator set: torch's exporter writes it without conversion, and every current runtime supports it."""


def to_onnx(classifier: Classifier | Mirrored, preprocess: Preprocess) -> ModelProto:
    """Return the network as ONNX: ``faces`` uint8 ``(N, planes, crop_px, crop_px)`` in, ``logits`` ``(N, K)`` out.

    N is free. Batch normalisation that follows a convolution is folded into it.

    Raises:
        ModelError: ONNX cannot hold the network.
    """
    import onnx

    faces = torch.zeros(2, preprocess.planes, preprocess.crop_px, preprocess.crop_px, dtype=torch.uint8)
    try:
        with warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter("ignore")  # the exporter itself uses deprecated functions of torch
            program = torch.onnx.export(
                _foldable(classifier.eval()),
                (faces,),
                input_names=["faces"],
                output_names=["logits"],
                opset_version=OPSET,
                dynamo=True,
                dynamic_shapes={"faces": {0: torch.export.Dim("N")}},
                external_data=False,
                verbose=False,
            )
    except torch.onnx.OnnxExporterError as error:  # of a user's own network
        why = str(error.__cause__ or error).strip().partition("\n")[0].rstrip(".")
        raise ModelError(
            f"torch cannot export it to ONNX, the format in which mien stores and evaluates networks: {why}. Its "
            "control flow may depend on the shape of its input, but not on its values."
        ) from error
    assert program is not None  # None only without dynamo
    model = program.model_proto
    for part in (model, model.graph, *model.graph.node, *model.graph.value_info):
        del part.metadata_props[:]  # stack traces, with paths of the exporting machine
    onnx.checker.check_model(model, full_check=True)
    return model


def _foldable(classifier: nn.Module) -> nn.Module:
    """Return a copy that pools last where possible, so that each normalisation directly follows its convolution.

    Max pooling and batch normalisation commute unless a scale is negative.
    """
    copied = deepcopy(classifier)
    for module in copied.modules():
        if type(module) is not nn.Sequential:  # a subclass may use its layers differently
            continue
        match list(module):  # not children(), which lists a repeated layer once
            case [nn.Conv2d() as conv, nn.MaxPool2d() as pool, nn.BatchNorm2d() as norm, nn.ReLU() as relu] if (
                norm.weight is None or not (norm.weight < 0).any()
            ):
                for at, child in enumerate((conv, norm, relu, pool)):
                    module[at] = child
    return copied


def check_exportable(classifier: Classifier, preprocess: Preprocess, name: str) -> None:
    """Check before training that a user's own network gives the same logits in ONNX.

    Args:
        classifier: left unchanged.
        preprocess: defines its input.
        name: of the network, for the message.

    Raises:
        RecipeError: torch cannot export it, onnxruntime cannot run it, or the logits of one or several faces differ.
    """
    copied = deepcopy(classifier).cpu().eval()
    try:
        content = to_onnx(copied, preprocess).SerializeToString()
    except ModelError as error:
        raise RecipeError(f"network {name!r}: {error}") from error
    noise = noise_like(preprocess)
    for faces in (noise[:1], noise):
        worst, allowed = difference(copied, faces, _run(content, faces, name))
        if not worst <= allowed:
            raise RecipeError(
                f"network {name!r}: in ONNX, the format in which mien stores and evaluates networks, a logit differs "
                f"by {worst:.2g}. Remove one layer at a time to find the cause, and write that layer differently."
            )


def _run(content: bytes, faces: npt.NDArray[np.uint8], name: str) -> npt.NDArray[np.float32]:
    """Logits of `faces`, computed by onnxruntime."""
    import onnxruntime

    try:
        session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
        logits: npt.NDArray[np.float32] = session.run(["logits"], {"faces": faces})[0]
    except Exception as error:  # onnxruntime's exceptions have no common base
        why = str(error).strip().partition("\n")[0]
        raise RecipeError(f"network {name!r}: onnxruntime, which runs mien's models, cannot run it: {why}.") from error
    return logits
