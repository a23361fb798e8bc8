"""LiteRT, formerly TensorFlow Lite: a model as one file for apps on phones and small boards."""

from __future__ import annotations

import hashlib
import importlib.metadata
import warnings
from collections.abc import Callable
from contextlib import redirect_stdout
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from mien.card import MODEL_FILE, Card
from mien.errors import ModelError
from mien.lab.agreement import check_agreement, noise_like
from mien.lab.export import ensure_exported
from mien.lab.nets import build
from mien.lab.nets.folded import read_model, unfold
from mien.lab.nets.input import Classifier, Mirrored
from mien.lab.nets.mobilenet_v1 import MobileNetV1
from mien.lab.nets.residual import ResidualNet
from mien.lab.recipe import io as recipe_io
from mien.lab.run import Run
from mien.labels import FERPLUS
from mien.recognizer import Recognizer
from mien.writing import writing

LITERT_FILE = "model.tflite"


def write_litert(model: Run | str | Path, out: str | Path, *, weights: Literal["int8", "float"] = "int8") -> Path:
    """Write a model for LiteRT: ``model.tflite``, and a ``card.json`` that says how to use it.

    Input and output are those of ``model.onnx``, for one face at a time: uint8 ``(1, planes, crop_px, crop_px)`` in,
    logits float32 ``(1, K)`` out. A mirrored model stays mirrored. Needs the extra ``litert``.

    Args:
        model: a finished run; or a model folder or the name of a shipped model, if its network is one of
            ``residual-*`` or ``mobilenet-v1-*``. 8-bit weights are dequantised; the network computes in float.
        out: the new folder.
        weights: how weights are stored: ``"int8"``, with a scale for each output channel, takes a quarter of the size
            of ``"float"``.

    Returns:
        The new folder.

    Raises:
        ModelError: the run has not finished, the network cannot be read from the model folder, the file's logits
            differ from the network's, `out` is a model folder, or it cannot be written.
    """
    out = Path(out)
    if (out / MODEL_FILE).exists():
        raise ModelError(f"{out}: is a model folder, whose card would be overwritten; name a new folder.")
    card, classifier = opened(model)
    faces = noise_like(card.preprocess)
    with writing(out) as part:
        file = part / LITERT_FILE
        _convert(classifier, torch.from_numpy(faces[:1]), file)
        logits_of = open_litert(file)
        check_agreement(card.name, classifier, faces, np.concatenate([logits_of(face[None]) for face in faces]))
        if weights == "int8":
            _store_in_8_bits(file)
        _describe(card, file, weights).write(part)
    return out


def opened(model: Run | str | Path) -> tuple[Card, Classifier | Mirrored]:
    """Return a model's card, and its network in float and evaluation mode.

    Args:
        model: as for `write_litert`.

    Raises:
        ModelError: the run has not finished, or the network cannot be read from the model folder.
    """
    if isinstance(model, Run) or recipe_io.is_run(model):
        run = model if isinstance(model, Run) else Run.open(model)
        classifier, card = run.load_classifier(), Card.read(ensure_exported(run))
    else:
        recognizer = Recognizer.load(model)
        classifier, card = _network_of(recognizer.card, recognizer.folder), recognizer.card
    return card, (Mirrored(classifier) if card.provenance.get("mirrored") else classifier).eval()


def _network_of(card: Card, folder: Path) -> Classifier:
    """The network of a model folder, with the weights of ``model.onnx`` as float."""
    found = read_model(folder / MODEL_FILE)
    if "recipe" not in card.provenance:
        raise ModelError(f"{folder}: its card does not name the network; only mien's own models can be converted.")
    recipe = recipe_io.from_row(card.provenance["recipe"])
    labels, outputs = len(card.labels), len(found.get("classes.weight", card.labels))
    classifier = build(recipe.network, recipe.preprocess, outputs, pretrained=False)
    network = classifier.network
    if not isinstance(network, (MobileNetV1, ResidualNet)):
        raise ModelError(
            f"{folder}: its network {recipe.network.name} cannot be read from {MODEL_FILE}; give the run instead."
        )
    classes = {key: value for key, value in found.items() if key.startswith("classes.")}
    network.load_state_dict(unfold(network, found) | classes)
    classifier.answers = slice(outputs - labels, None) if card.labels == FERPLUS else slice(labels)
    return classifier


def _convert(classifier: Classifier | Mirrored, face: Tensor, file: Path) -> None:
    import litert_torch

    with warnings.catch_warnings(), redirect_stdout(StringIO()):  # it prints each step
        warnings.simplefilter("ignore")  # the converter uses deprecated functions of torch
        litert_torch.convert(classifier, (face,)).export(str(file))


def open_litert(file: Path) -> Callable[[npt.NDArray[np.uint8]], npt.NDArray[np.float32]]:
    """Return a function from a face ``(1, planes, crop_px, crop_px)`` to logits ``(1, K)``, on one thread."""
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(str(file), num_threads=1)
    interpreter.allocate_tensors()
    (tensor_in,), (tensor_out,) = interpreter.get_input_details(), interpreter.get_output_details()

    def logits_of(face: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        interpreter.set_tensor(tensor_in["index"], face)
        interpreter.invoke()
        logits: npt.NDArray[np.float32] = interpreter.get_tensor(tensor_out["index"])
        return logits

    return logits_of


def _store_in_8_bits(file: Path) -> None:
    from ai_edge_quantizer import quantizer, recipe

    maker = quantizer.Quantizer(str(file))
    maker.load_quantization_recipe(recipe.weight_only_wi8_afp32())
    smaller = file.with_suffix(".int8")
    with redirect_stdout(StringIO()):
        maker.quantize().export_model(str(smaller))
    file.write_bytes(smaller.read_bytes())  # not moved: the quantizer makes its file executable
    smaller.unlink()


def _describe(card: Card, file: Path, weights: str) -> Card:
    """The card of the file, without figures, because they were measured on the ONNX model."""
    made = {
        "of_sha256": card.sha256,
        "weights": weights,
        "converted_with": {name: importlib.metadata.version(name) for name in ("litert-torch", "ai-edge-quantizer")},
    }
    sha256 = hashlib.sha256(file.read_bytes()).hexdigest()
    return replace(card, sha256=sha256, metrics={}, provenance=card.provenance | {"litert": made})
