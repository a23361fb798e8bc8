"""Starting weights of a network from a local safetensors file, with the tensor names of several libraries."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from mien.errors import ModelError
from mien.lab.nets.folded import read_model

# The layers of ImageNet's 1000 classes, in timm, torchvision and EfficientNet-PyTorch; those of the face network; ours.
_CLASSIFIERS = ("fc.", "classifier.", "head.", "pre_logits.", "_fc.", "feats.", "gender.", "age.", "classes.")

# Layers of an EfficientNet-PyTorch block in execution order, which differs from that of their names.
_BLOCK = ("_expand_conv", "_bn0", "_depthwise_conv", "_bn1", "_se_reduce", "_se_expand", "_project_conv", "_bn2")
_WHOLE = ("_conv_stem", "_bn0", "_blocks", "_conv_head", "_bn1")

MODEL_SUFFIX = ".onnx"

_OF_A_RUN = "network."  # prefix of all names in a run's weights.safetensors

_SHOWN = 5


def read_weights(file: Path) -> dict[str, Tensor]:
    """Return the tensors of a safetensors or a model file by name; those of a run by their names in its network.

    Raises:
        ModelError: the file cannot be read.
    """
    if file.suffix == MODEL_SUFFIX:
        return read_model(file)
    try:
        found = load_file(file)
    except (OSError, SafetensorError) as error:
        remedy = "" if isinstance(error, OSError) else " safetensors.torch.save_file makes one of a state_dict()."
        raise ModelError(f"{file}: not a safetensors file that can be read ({error}).{remedy}") from error
    if all(key.startswith(_OF_A_RUN) for key in found):
        return {key.removeprefix(_OF_A_RUN): value for key, value in found.items()}
    return found


def load_weights(network: nn.Module, name: str, file: Path, found: dict[str, Tensor]) -> None:
    """Load a backbone's weights, in any float type.

    Names are timm's, torchvision's or EfficientNet-PyTorch's, or those of a run. A classifier in the file is ignored
    if the network has none of that name.

    Args:
        network: the backbone, without classifier.
        name: of the backbone, for messages.
        file: of the weights, for messages.
        found: the weights by name, as `read_weights` returns them.

    Raises:
        ModelError: keys or shapes are not the network's.
    """
    wanted = network.state_dict()
    found = {key: value for key, value in found.items() if key in wanted or not key.startswith(_CLASSIFIERS)}
    if "_conv_stem.weight" in found:
        found = _in_order(found, wanted, _efficientnet_position)
    elif "features.0.0.weight" in found and "features.0.0.weight" not in wanted:  # torchvision's MobileNetV2
        found = _in_order(found, wanted, _natural_position)
    _check(found, wanted, name, file)
    network.load_state_dict(found, strict=False)  # only batch counters may be missing, see _check


def _check(found: dict[str, Tensor], wanted: dict[str, Tensor], name: str, file: Path) -> None:
    """Raise a ModelError where keys or shapes differ."""
    missing = [key for key in wanted if key not in found and not key.endswith("num_batches_tracked")]
    unexpected = [key for key in found if key not in wanted]
    misshapen = [
        f"{key} {tuple(found[key].shape)} instead of {tuple(value.shape)}"
        for key, value in wanted.items()
        if key in found and found[key].shape != value.shape
    ]
    kinds = (("missing", missing), ("unexpected", unexpected), ("misshapen", misshapen))
    faults = [f"{len(keys)} {kind}: {_few(keys)}" for kind, keys in kinds if keys]
    if faults:
        raise ModelError(
            f"{file}: not the weights of {name}. Of {len(wanted)} tensors, {'; '.join(faults)}. "
            "Give a file of this network, in float, with timm's or torchvision's names."
        )


def _few(keys: list[str]) -> str:
    return ", ".join(keys[:_SHOWN]) + (", ..." if len(keys) > _SHOWN else "")


def _in_order(
    found: dict[str, Tensor], wanted: dict[str, Tensor], position: Callable[[str], tuple[int, ...]]
) -> dict[str, Tensor]:
    """Rename layers one to one in execution order, if their numbers agree."""
    theirs, ours = sorted(_layers(found), key=position), list(_layers(wanted))
    if len(theirs) != len(ours):
        return found
    names = dict(zip(theirs, ours, strict=True))
    renamed = ((key.rpartition("."), value) for key, value in found.items())
    return {f"{names[layer]}.{kind}": value for (layer, _, kind), value in renamed}


def _layers(keys: Iterable[str]) -> dict[str, None]:
    """The names of the layers that `keys` belong to, each once, in order."""
    return dict.fromkeys(key.rpartition(".")[0] for key in keys)


def _natural_position(layer: str) -> tuple[int, ...]:
    """``features.10.conv.1.0`` comes after ``features.2.conv.3``."""
    return tuple(int(number) for number in re.findall(r"\d+", layer))


def _efficientnet_position(layer: str) -> tuple[int, ...]:
    """``_blocks.0._bn1`` comes after ``_blocks.0._depthwise_conv``."""
    head, *block = layer.split(".")
    return (_WHOLE.index(head), *((int(block[0]), _BLOCK.index(block[1])) if block else ()))
