"""Starting weights from a model file, in which batch normalisation is folded into the preceding convolutions."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from mien.errors import ModelError
from mien.labels import FERPLUS, LabelSet

_LAYERS = ("Conv", "Gemm")
_FOLLOW = ("BatchNormalization", "Mul")  # of a network whose normalisation the export could not fold
_PARTS = ("classifier.", "network.")  # prefixes of a network's tensor names in its model file


def read_model(file: Path) -> dict[str, Tensor]:
    """Return the weights and biases of a model's convolutions and of its last layer, in float.

    8-bit integers are scaled back to float; their rounding error remains.

    Args:
        file: ``model.onnx`` of a model folder.

    Returns:
        Tensors by their names in the network; each convolution has a bias that includes its batch normalisation.

    Raises:
        ModelError: the file cannot be read, or holds several networks, or one whose normalisation is not folded.
    """
    import onnx
    from onnx import numpy_helper

    try:
        graph = onnx.load(file).graph
    except Exception as error:  # protobuf's own, and OSError
        raise ModelError(f"{file}: not an ONNX file that can be read ({error}).") from error
    arrays = {one.name: numpy_helper.to_array(one) for one in graph.initializer}
    for node in graph.node:
        if node.op_type == "DequantizeLinear" and node.input[0] in arrays:
            integers, scale, zero = (arrays[name].astype(np.float32) for name in node.input)
            shape = [-1] + [1] * (integers.ndim - 1) if scale.ndim else []  # a scale for each output channel
            arrays[node.output[0]] = (integers - zero.reshape(shape)) * scale.reshape(shape)
    if any(node.op_type in _FOLLOW for node in graph.node):
        raise ModelError(f"{file}: its normalisation is not folded; start from the weights of its run instead.")
    found: dict[str, Tensor] = {}
    for node in graph.node:
        if node.op_type in _LAYERS:
            name = _own_name(node.input[1])
            if "/" in name:  # as in what `mien join` writes
                raise ModelError(f"{file}: joined from several networks; start from one of them.")
            if len(node.input) < 3 or not {*node.input[1:3]} <= arrays.keys():
                raise ModelError(f"{file}: not one network of mien's own, such as those that ship.")
            found |= {
                f"{name}.{kind}": torch.from_numpy(arrays[key].astype(np.float32))
                for kind, key in zip(("weight", "bias"), node.input[1:3], strict=True)
            }
    return found


def _own_name(weight: str) -> str:
    for part in _PARTS:
        weight = weight.removeprefix(part)
    return weight.removesuffix("_DequantizeLinear_Output").removesuffix(".weight")


def unfold(network: nn.Module, found: dict[str, Tensor]) -> dict[str, Tensor]:
    """Move the bias of each convolution to the batch normalisation after it, which gets no scale.

    Args:
        network: its modules must be in execution order; `settle` must be called before it is trained.
        found: as `read_model` returns it.

    Returns:
        The network's whole state, equivalent to the model except for the last layer, which stays the network's own.
    """
    state = with_own_classes(network, found)
    bias: Tensor | None = None
    for name, module in network.named_modules():
        if isinstance(module, nn.Conv2d):
            bias = state.pop(f"{name}.bias", None) if module.bias is None else None
        elif isinstance(module, nn.BatchNorm2d):
            zeros = torch.zeros(module.num_features)
            state[f"{name}.weight"], state[f"{name}.bias"] = zeros + 1, zeros if bias is None else bias
            state[f"{name}.running_mean"], state[f"{name}.running_var"] = zeros, zeros + (1 - module.eps)
    return state


@torch.no_grad()
def settle(network: nn.Module, x: Tensor) -> None:
    """Initialise batch normalisation with the statistics of `x`, without changing any prediction.

    In evaluation mode the network gives the same outputs as before, for any input; in training mode each layer is
    normalised as it was before its normalisation was folded.

    Args:
        network: its normalisation must still be the identity plus a bias; changed in place.
        x: ``(N, channels, input_px, input_px)``, a few hundred faces, as output by the input layer.
    """

    def take(norm: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        assert isinstance(norm, nn.BatchNorm2d)
        mean, var = inputs[0].mean((0, 2, 3)), inputs[0].var((0, 2, 3))
        fit = {"running_mean": mean, "running_var": var}
        fit |= {"weight": (var + norm.eps).sqrt(), "bias": mean + norm.bias}
        norm.load_state_dict(fit, strict=False)  # all but the count of batches

    norms = [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]
    hooks = [norm.register_forward_pre_hook(take) for norm in norms]
    learning = network.training
    network.eval()(x)
    network.train(learning)
    for hook in hooks:
        hook.remove()


def with_own_classes(network: nn.Module, found: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return a file's tensors with the last layer replaced by the network's own, for `adopt_rows`."""
    if not isinstance(getattr(network, "classes", None), nn.Linear):
        return found  # a custom network, whose rows cannot be matched to classes
    return found | {name: value for name, value in network.state_dict().items() if name.startswith("classes.")}


@torch.no_grad()
def adopt_rows(layer: nn.Linear, found: dict[str, Tensor], known: LabelSet, labels: LabelSet) -> None:
    """Initialise the last layer with the rows of classes of the same names, if it has as many inputs.

    Args:
        layer: outputs `labels`, then the eight classes of FER+ if it also learns votes; changed in place.
        found: starting weights by name.
        known: the classes of their last layer, which FER+'s may follow.
        labels: of the data that the network is trained on now.
    """
    weight, bias = found.get("classes.weight"), found.get("classes.bias")
    if weight is None or weight.shape[1] != layer.in_features:
        return
    outputs = len(weight)
    voted = known == FERPLUS or outputs > len(known)
    first = outputs - len(known) if known == FERPLUS else 0  # FER+'s classes are the last outputs, after the labels
    rows = [(own, first + other) for own, other in enumerate(labels.positions_in(known)) if other >= 0]
    if voted and layer.out_features > len(labels):
        rows += [(len(labels) + at, outputs - len(FERPLUS) + at) for at in range(len(FERPLUS))]
    for own, other in rows:
        layer.weight[own] = weight[other]
        if bias is not None and layer.bias is not None:
            layer.bias[own] = bias[other]
