"""The networks: one architecture per file."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Literal

from torch import Tensor, nn

from mien.errors import RecipeError
from mien.lab.nets.cnn8 import CNN8
from mien.lab.nets.cnn_17m import CNN17M
from mien.lab.nets.cnn_64_512 import CNN64To512
from mien.lab.nets.folded import adopt_rows, unfold, with_own_classes
from mien.lab.nets.folded import settle as settle_norms
from mien.lab.nets.gelu_cnn import GeluCNN
from mien.lab.nets.imported import import_network, is_imported
from mien.lab.nets.input import Classifier
from mien.lab.nets.mobilenet_v1 import MobileNetV1
from mien.lab.nets.residual import ResidualNet
from mien.lab.nets.timm import BackboneNet, freeze, open_backbone
from mien.lab.nets.weights import MODEL_SUFFIX, load_weights, read_weights
from mien.lab.recipe import Backbone, OwnNet
from mien.lab.recipe.io import nearest
from mien.labels import LabelSet
from mien.preprocess import Preprocess

__all__ = ["NETWORKS", "adopt_classes", "build", "count_parameters", "set_trainable", "settle", "synchronised"]

NETWORKS: dict[str, Callable[[Preprocess, int], nn.Module]] = {
    "cnn8": CNN8,
    "cnn-17m": CNN17M,
    "cnn-64-512": CNN64To512,
    "gelu-cnn": GeluCNN,
    "gelu-cnn-nobn": partial(GeluCNN, batch_norm=False),
    "mobilenet-v1": MobileNetV1,
    "mobilenet-v1-normed": partial(MobileNetV1, batch_norm=True),
    "mobilenet-v1-short-normed": partial(MobileNetV1, batch_norm=True, blocks=11),
    "mobilenet-v1-nano-normed": partial(MobileNetV1, batch_norm=True, blocks=6, last_width=176, dropout=0.1),
    "residual-nano": partial(ResidualNet, widths=(16, 32, 48, 72), dropout=0.1),
    "residual-nano-full": partial(ResidualNet, widths=(16, 32, 48, 72), stem_stride=1, dropout=0.1),
    "residual-nano-full-pool-first": partial(
        ResidualNet, widths=(16, 32, 48, 72), stem_stride=1, dropout=0.1, pool_first=True
    ),
    "residual-nano-even": partial(ResidualNet, widths=(24, 40, 56, 60), stem_stride=1, dropout=0.1, pool_first=True),
    "residual-pico": partial(ResidualNet, widths=(8, 16, 24, 40), dropout=0.0),
    "residual-slim": partial(ResidualNet, widths=(28, 56, 104, 208), stem_stride=1, pool_first=True),
    "residual-small": ResidualNet,
    "residual-small-pool-first": partial(ResidualNet, pool_first=True),
    "residual-small-full": partial(ResidualNet, stem_stride=1),
    "residual-medium": partial(ResidualNet, widths=(32, 64, 128, 256), stem_stride=1),
    "residual-large": partial(ResidualNet, widths=(64, 128, 256, 384), dropout=0.3),
    "residual-large-pool-first": partial(ResidualNet, widths=(64, 128, 256, 384), dropout=0.3, pool_first=True),
    "residual-wide": partial(ResidualNet, widths=(64, 128, 256, 384), stem_stride=1, dropout=0.3),
}
"""Our own networks by name: ``(preprocess, classes) -> module``, input ``(N, channels, input_px, input_px)``."""


def build(
    network: OwnNet | Backbone,
    preprocess: Preprocess,
    classes: int,
    weights: Path | None = None,
    pretrained: bool = True,
) -> Classifier:
    """Build a recipe's `network` with its starting weights.

    Args:
        network: an own network, or a timm backbone with our head.
        preprocess: gives the input's size and channels.
        classes: number of outputs, K.
        weights: file of starting weights: safetensors, or for our own networks also an exported model; the last layer
            of these starts at random until `adopt_classes`; None = timm's own, downloaded.
        pretrained: False skips the starting weights, for a network whose trained weights are loaded next.

    Returns:
        A classifier: faces ``(N, planes, crop_px, crop_px)`` in, logits ``(N, K)`` out.

    Raises:
        RecipeError: the network is unknown, or cannot take this input.
        ModelError: the weights cannot be loaded, or do not fit; the message names the keys.
    """
    if weights is not None and network.weights == "none":
        change = "add --set network.weights=imagenet" if isinstance(network, Backbone) else "leave the file out"
        raise RecipeError(f"--weights {weights}: in this recipe {network.name} starts at random; {change}.")
    if isinstance(network, Backbone):
        return Classifier(preprocess, open_backbone(network, preprocess, classes, weights, pretrained))
    if is_imported(network.name):
        module = import_network(network.name)(preprocess, classes)
    elif network.name in NETWORKS:
        module = NETWORKS[network.name](preprocess, classes)
    else:
        raise RecipeError(f"network {network.name!r} is unknown; {nearest(network.name, NETWORKS)}")
    if network.weights == "file" and pretrained:
        if weights is None:
            raise RecipeError(
                f"network {network.name}: starts from trained weights; give them with --weights: mien-small or another "
                "model, a run, or FILE.safetensors."
            )
        if isinstance(module, MobileNetV1):
            module.load_trunk(weights)
        elif isinstance(module, ResidualNet) and weights.suffix == MODEL_SUFFIX:
            load_weights(module, network.name, weights, unfold(module, read_weights(weights)))
            module.settled = False
        else:
            load_weights(module, network.name, weights, with_own_classes(module, read_weights(weights)))
    return Classifier(preprocess, module)


def settle(classifier: Classifier, faces: Tensor) -> None:
    """Initialise batch normalisation that the starting weights lack, with statistics of `faces`.

    Args:
        classifier: as `build` returns it; changed in place if it has such normalisation.
        faces: ``(N, planes, H, W)`` uint8, a few hundred.
    """
    network = classifier.network
    if isinstance(network, (MobileNetV1, ResidualNet)) and not network.settled:
        settle_norms(network, classifier.input(faces))
        network.settled = True


def adopt_classes(classifier: Classifier, weights: Path, known: LabelSet, labels: LabelSet) -> None:
    """Initialise the last layer with the starting weights of classes of the same names.

    Args:
        classifier: as `build` returns it; changed in place, if it is one of our own networks.
        weights: the file that it was built with.
        known: the classes that these weights were trained on.
        labels: of the data that it is trained on now.

    Raises:
        RecipeError: the classes differ, and the last layer of a custom network cannot be matched by name.
    """
    last = getattr(classifier.network, "classes", None)
    if isinstance(last, nn.Linear):  # all of `NETWORKS`
        adopt_rows(last, read_weights(weights), known, labels)
    elif known != labels and not isinstance(classifier.network, BackboneNet):
        raise RecipeError(
            f"{weights}: trained on {', '.join(known)}; the data have {', '.join(labels)}, in this order. Classes "
            "can be matched by name only if the network's last layer is a torch.nn.Linear named self.classes."
        )


def synchronised(classifier: Classifier) -> Classifier:
    """Synchronise the statistics of batch normalisation across GPUs; layers are replaced in place."""
    if any(isinstance(layer, nn.SyncBatchNorm) for layer in classifier.modules()):
        return classifier
    convert = nn.SyncBatchNorm.convert_sync_batchnorm
    if isinstance(classifier.network, BackboneNet):  # torch's function would drop the activation in timm's layers
        from timm.layers.norm_act import convert_sync_batchnorm as convert
    classifier.network = convert(classifier.network)  # type: ignore[no-untyped-call]
    return classifier


def count_parameters(module: nn.Module) -> int:
    """Return the number of trainable parameters."""
    return sum(parameter.numel() for parameter in module.parameters() if parameter.requires_grad)


def set_trainable(classifier: Classifier, what: Literal["all", "head", "last50"]) -> None:
    """Freeze and unfreeze layers; frozen batch normalisation also keeps its statistics, even in training mode.

    Args:
        classifier: as `build` returns it; changed in place, as is the mode of its batch normalisation.
        what: as `mien.lab.recipe.Phase.trainable`; layers that a custom network froze itself stay frozen.

    Raises:
        RecipeError: the network has no part of that name.
    """
    if isinstance(classifier.network, BackboneNet):
        if what == "all":
            classifier.requires_grad_(True)
        else:
            freeze(classifier.network, what)
    elif what != "all":
        raise RecipeError(f"phases: {what!r} is for timm backbones; mien's own networks are trained as a whole, 'all'.")
    classifier.train(classifier.training)
