"""Narrowing: starting weights that make a narrower network approximate a wider one of the same depth."""

from __future__ import annotations

import math
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional as F

from mien.card import MODEL_FILE
from mien.errors import ModelError, RecipeError
from mien.lab.data import FaceDataset
from mien.lab.nets import NETWORKS
from mien.lab.nets.folded import read_model, settle, unfold
from mien.lab.nets.input import InputLayer
from mien.lab.nets.residual import ResidualNet
from mien.lab.recipe.io import nearest
from mien.recognizer import Recognizer
from mien.writing import replacing

FACES = 512
"""How many Training faces, evenly spaced, the narrower network is fitted to."""

PLACES = 20_000
"""How many positions in a layer's feature maps, drawn from all these faces, its filters are fitted to."""

RIDGE = 1e-3
"""Ridge penalty of the least-squares fit, as a share of the inputs' mean square."""

_Layer = tuple[Tensor, Tensor]  # filters (outputs, inputs, 3, 3) and biases, with normalisation folded in


@torch.no_grad()
def narrow(model: str | Path, network: str, data: FaceDataset, out: str | Path) -> Path:
    """Write starting weights for a narrower residual network.

    Each layer keeps the channels with the largest product of two norms: of the filters that write them and of the
    weights that read them (Li et al. 2017, Pruning filters, use only the first). Layers on both sides of a shortcut
    keep the same channels. Then the filters are fitted layer by layer, by least squares on Training faces, so that the
    narrow network reproduces the wide one's activations in these channels (He et al. 2017, Channel pruning).

    Args:
        model: folder or name of a model of a residual network, float or int8.
        network: name of a narrower one in `mien.lab.nets.NETWORKS` whose first layer has the same stride; the order
            of pooling and normalisation may differ.
        data: a data set with a Training split.
        out: a safetensors file, for ``--weights``. It lacks the last layer, which is then trained from scratch.

    Returns:
        `out`.

    Raises:
        ModelError: the model is no residual network of this depth and stride, is narrower, or `out` cannot be written.
        RecipeError: no residual network has this name.
    """
    source = Recognizer.load(model)
    preprocess = source.card.preprocess
    if network not in NETWORKS:
        raise RecipeError(f"network {network!r} is unknown; {nearest(network, NETWORKS)}")
    net = NETWORKS[network](preprocess, len(source.card.labels))
    if not isinstance(net, ResidualNet):
        raise RecipeError(f"network {network!r}: not a residual network; only these can be narrowed.")
    found = read_model(source.folder / MODEL_FILE)
    wide = [(weight, found[key.removesuffix("weight") + "bias"]) for key, weight in found.items() if weight.ndim == 4]
    convs = {name: module for name, module in net.named_modules() if isinstance(module, nn.Conv2d)}
    if len(wide) != len(convs) or any(len(conv.weight) > len(layer[0]) for conv, layer in zip(convs.values(), wide)):
        raise ModelError(f"{source.folder}: is not a residual network as deep as {network} and at least as wide.")
    _check_stride(source.folder, network, net.stem_stride)

    faces = data.training.faces
    crops = torch.from_numpy(preprocess.stack(list(faces[:: math.ceil(len(faces) / FACES)])))
    x = InputLayer(preprocess)(crops)
    kept = _choose(wide, found["classes.weight"], [len(conv.weight) for conv in convs.values()])
    layers = _fit(wide, kept, x, net.stem_stride)
    fitted: dict[str, Tensor] = {}
    for name, (weight, bias) in zip(convs, layers, strict=True):
        fitted |= {f"{name}.weight": weight, f"{name}.bias": bias}
    net.load_state_dict(unfold(net, fitted), strict=False)  # it lacks only the batch counters
    settle(net, x)
    state = {name: value.contiguous() for name, value in net.state_dict().items() if not name.startswith("classes.")}
    with replacing(Path(out)) as part:
        save_file(state, part)
    return Path(out)


def _check_stride(folder: Path, network: str, wanted: int) -> None:
    """Refuse a model whose first convolution has a different stride than the narrower network's."""
    import onnx

    first = next(node for node in onnx.load(folder / MODEL_FILE).graph.node if node.op_type == "Conv")
    found = next((each.ints[0] for each in first.attribute if each.name == "strides"), 1)
    if found != wanted:
        raise ModelError(
            f"{folder}: its first layer has stride {found}, that of {network} has {wanted}; choose a network with the "
            "same stride."
        )


def _choose(wide: list[_Layer], classes: Tensor, widths: list[int]) -> list[Tensor]:
    """The outputs that each layer keeps, in ascending order; `widths` says how many."""
    kept: dict[int, Tensor] = {}
    for writers, readers in _channels(len(wide)):
        read = [wide[at][0].transpose(0, 1) if at < len(wide) else classes.T for at in readers]
        importance = _norms([wide[at][0] for at in writers]) * _norms(read)
        kept |= dict.fromkeys(writers, importance.topk(widths[writers[0]]).indices.sort().values)
    return [kept[at] for at in range(len(wide))]


def _channels(layers: int) -> list[tuple[list[int], list[int]]]:
    """The layers that write each set of channels, and those that read it; the index `layers` is the classifier."""
    sets = [([0], [1])]
    for opens in range(1, layers, 3):  # a stage: its first convolution, and two with a shortcut
        sets += [([opens, opens + 2], [opens + 1, opens + 3]), ([opens + 1], [opens + 2])]
    return sets


def _norms(weights: list[Tensor]) -> Tensor:
    """The norm of all weights of each channel, the first dimension."""
    norms: Tensor = torch.cat([weight.flatten(1) for weight in weights], dim=1).norm(dim=1)
    return norms


def _fit(wide: list[_Layer], kept: list[Tensor], x: Tensor, stride: int) -> list[_Layer]:
    """The narrow network's layers, fitted from first to last.

    Args:
        wide: the layers of the wide network.
        kept: the outputs that the narrow network keeps of each layer.
        x: ``(N, channels, input_px, input_px)``, outputs of the input layer.
        stride: stride of the first layer.
    """
    weight, bias = wide[0]
    narrow = [(weight[kept[0]], bias[kept[0]])]  # exact, as no input is missing
    a, b = F.relu(_conv(x, wide[0], stride)), F.relu(_conv(x, narrow[0], stride))  # activations of both
    for opens in range(1, len(wide), 3):
        target = _conv(a, wide[opens])
        narrow.append(_least_squares(b, target[:, kept[opens]]))
        a, b = F.max_pool2d(F.relu(target), 2), F.max_pool2d(F.relu(_conv(b, narrow[opens])), 2)
        target = _conv(a, wide[opens + 1])
        narrow.append(_least_squares(b, target[:, kept[opens + 1]]))
        inner_a, inner_b = F.relu(target), F.relu(_conv(b, narrow[opens + 1]))
        target = a + _conv(inner_a, wide[opens + 2])
        narrow.append(_least_squares(inner_b, target[:, kept[opens]] - b))
        a, b = F.relu(target), F.relu(b + _conv(inner_b, narrow[opens + 2]))
    return narrow


def _conv(x: Tensor, layer: _Layer, stride: int = 1) -> Tensor:
    return F.conv2d(x, *layer, stride=stride, padding=1)


def _least_squares(x: Tensor, target: Tensor) -> _Layer:
    """The filters and biases that best map `x` ``(N, inputs, H, W)`` to `target` ``(N, outputs, H, W)``."""
    _, inputs, height, width = x.shape
    draw = torch.Generator().manual_seed(0)
    places = torch.randperm(len(x) * height * width, generator=draw)[:PLACES]
    face, row, column = places // (height * width), places // width % height, places % width
    around = F.pad(x, (1, 1, 1, 1)).unfold(2, 3, 1).unfold(3, 3, 1)[face, :, row, column].flatten(1)  # (P, inputs * 9)
    around = F.pad(around, (0, 1), value=1.0)  # for the bias
    square = around.T @ around
    square += RIDGE * square.diagonal().mean() * torch.eye(len(square))
    solved = torch.linalg.solve(square, around.T @ target[face, :, row, column])  # (inputs * 9 + 1, outputs)
    return solved[:-1].T.reshape(-1, inputs, 3, 3), solved[-1]
