"""Any timm network as a backbone, with our own head."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from mien.errors import ModelError, RecipeError
from mien.lab.nets import keras, torchvision
from mien.lab.nets.imported import is_imported
from mien.lab.nets.weights import load_weights, read_weights
from mien.lab.recipe import Backbone
from mien.lab.recipe.io import nearest
from mien.preprocess import Preprocess

KERAS_LAST_50 = ("layer3.4.conv2", "layer3.4.bn2", "layer3.4.conv3", "layer3.4.bn3", "layer3.5", "layer4")
"""The last 50 layers of Keras' ResNet-50 by their names in timm: all of stage 5 (32 layers), block 6 of stage 4 (10)
and the last 8 of its block 5, of which four have weights. Keras counts activations, additions and outputs as layers."""


class BackboneNet(nn.Module):
    """A timm network without its classifier, and the head that `Backbone` describes.

    Batch normalisation with frozen weights stays in evaluation mode even if the network is in training mode, as in
    Keras, so its mean and variance are frozen too.
    """

    def __init__(self, description: Backbone, backbone: nn.Module, preprocess: Preprocess, classes: int) -> None:
        super().__init__()
        self.description = description
        self.backbone = backbone
        units = self._count_features(preprocess)
        layers: list[nn.Module] = []
        for dense in description.dense:
            layers += [nn.Linear(units, dense), nn.ReLU()]
            if description.batch_norm:
                layers.append(keras.batch_norm_1d(dense) if description.keras_bn else nn.BatchNorm1d(dense))
            if description.dropout:
                layers.append(nn.Dropout(description.dropout))
            units = dense
        if not description.dense and description.dropout:
            layers.append(nn.Dropout(description.dropout))
        self.head = nn.Sequential(*layers, nn.Linear(units, classes))
        keras.initialise(self.head)

    def forward(self, x: Tensor) -> Tensor:
        """Return logits."""
        x = self.features(x)  # (N, F)
        logits: Tensor = self.head(x)
        return logits  # (N, K)

    def features(self, x: Tensor) -> Tensor:
        """Return the backbone's feature vectors ``(N, F)`` of its input ``(N, channels, input_px, input_px)``."""
        if self.description.pool == "avg":
            vectors: Tensor = self.backbone(x)  # timm's own pooling: averages of the last map
            return vectors  # (N, F)
        feature_map: Tensor = self.backbone.forward_features(x)  # type: ignore[operator]  # (N, C, H, W)
        return feature_map.flatten(1)  # (N, C * H * W)

    def train(self, mode: bool = True) -> BackboneNet:
        """Set the mode of all layers but frozen batch normalisation."""
        super().train(mode)
        for module in self.backbone.modules():
            if isinstance(module, _BatchNorm) and not any(weight.requires_grad for weight in module.parameters()):
                module.eval()
        return self

    def _count_features(self, preprocess: Preprocess) -> int:
        """Return F, from a forward pass."""
        device = next(self.backbone.parameters()).device
        size = (1, preprocess.channels, preprocess.input_px, preprocess.input_px)
        self.backbone.eval()
        try:
            with torch.no_grad():
                shape = self.features(torch.zeros(size, device=device)).shape
        except (AssertionError, RuntimeError) as error:
            raise RecipeError(
                f"network {self.description.name}: does not take {size[2]} px faces of {size[1]} channels ({error}). "
                "Change preprocess.input_px, or take another network."
            ) from error
        self.backbone.train()
        return int(shape[1])


def open_backbone(
    description: Backbone, preprocess: Preprocess, classes: int, weights: Path | None, pretrained: bool
) -> BackboneNet:
    """Build a network on a timm backbone.

    Args:
        description: the recipe's `network`.
        preprocess: gives the input's size and channels.
        classes: number of classes, K.
        weights: safetensors file to start from instead of timm's download; only the backbone of a run is used.
        pretrained: False leaves the weights random, whatever `description` says.

    Raises:
        RecipeError: timm has no such network, or it cannot take this input.
        ModelError: timm is not installed, or its weights cannot be loaded or do not fit.
    """
    if is_imported(description.name):
        raise RecipeError(
            f"network {description.name!r}: this recipe needs a timm backbone. For a custom network, "
            f"""--set 'network={{"kind": "OwnNet", "name": "{description.name}"}}'."""
        )
    timm = _import_timm()
    name, start = description.name, pretrained and description.weights == "imagenet"
    if not timm.is_model(name.partition(".")[0]):
        raise RecipeError(f"network {name!r}: timm has no such network; {_nearest_models(timm, name)}")
    download = start and weights is None
    try:
        backbone = timm.create_model(name, pretrained=download, num_classes=0, in_chans=preprocess.channels)
    except (OSError, RuntimeError) as error:
        if not download:
            raise RecipeError(f"network {name}: timm cannot build it ({error}).") from error
        raise ModelError(
            f"network {name}: timm's ImageNet weights cannot be loaded ({error}). Connect to the internet, give a file "
            "with --weights FILE.safetensors, or start at random with --set network.weights=none."
        ) from error
    if hasattr(backbone, "pre_logits"):
        backbone.pre_logits = nn.Identity()  # VGG's dense layers belong to ImageNet's classifier
    if start and weights is not None:
        load_weights(backbone, name, weights, _backbone_of(read_weights(weights)))
    if description.keras_bn:
        for module in backbone.modules():
            if isinstance(module, _BatchNorm):
                module.momentum = keras.MOMENTUM  # epsilon stays: ResNet-50 has 1.001e-5 in Keras, 1e-5 in timm
    return BackboneNet(description, backbone, preprocess, classes)


def _backbone_of(found: dict[str, Tensor]) -> dict[str, Tensor]:
    """The backbone's tensors by timm's names; the head of a run is dropped and starts at random."""
    of_a_run = {name.removeprefix("backbone."): value for name, value in found.items() if name.startswith("backbone.")}
    return of_a_run or found


def freeze(network: BackboneNet, what: str) -> None:
    """Train the head only (``"head"``), or the head and the last 50 layers of ResNet-50 (``"last50"``).

    Raises:
        RecipeError: ``"last50"`` of another network.
    """
    name = network.description.name
    if what == "last50" and name.partition(".")[0] != "resnet50":
        raise RecipeError(f"phases: last50 is for ResNet-50, but the network is {name}; use 'all' or 'head'.")
    network.backbone.requires_grad_(False)
    network.head.requires_grad_(True)
    if what == "last50":
        for part in KERAS_LAST_50:
            network.backbone.get_submodule(part).requires_grad_(True)


def _import_timm() -> ModuleType:
    torchvision.make_importable()
    try:
        import timm
    except ModuleNotFoundError as error:
        raise ModelError(  # with the pins, because a newer torchvision would install another torch
            "timm is not installed; ResNet, VGG and other backbones need it: pip install -c constraints.txt "
            "'.[lab,timm]' in a clone of mien."
        ) from error
    module: ModuleType = timm
    return module


def _nearest_models(timm: ModuleType, name: str) -> str:
    close = nearest(name, timm.list_models())
    return close if len(close) < 200 else "https://huggingface.co/timm lists them."
