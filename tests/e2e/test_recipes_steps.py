"""Every published recipe, and those of future work, takes two steps, at a size that a slow core can do."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch.nn import functional as F

from mien.lab.nets import build, set_trainable, torchvision
from mien.lab.recipe import Backbone, Recipe
from mien.lab.recipe_book import FUTURE_WORK, PUBLISHED

torchvision.make_importable()
pytest.importorskip("timm", reason="needs the extra timm")


INPUT_PX = {"inception-v3": 80, "vit-tiny": 224}
"""The smallest that the network takes, where it is above 48."""


@pytest.mark.parametrize("recipe", (*PUBLISHED, *FUTURE_WORK), ids=lambda recipe: recipe.name)
def test_two_steps(recipe: Recipe) -> None:
    torch.manual_seed(0)
    small = replace(recipe.preprocess, input_px=INPUT_PX.get(recipe.name, 48))
    network = recipe.network
    if isinstance(network, Backbone) and network.name.startswith("vgg16"):
        network = replace(network, name="vgg11")  # the same blocks with half the convolutions
    classifier = build(network, small, classes=7, pretrained=False).train()
    faces = torch.randint(0, 256, (4, 1, 48, 48), dtype=torch.uint8)
    labels = torch.tensor([0, 2, 4, 6])
    for what in [phase.trainable for phase in recipe.phases] or ["all"]:
        set_trainable(classifier, what)
        weights = [weight for weight in classifier.parameters() if weight.requires_grad]
        frozen = [w.detach().clone() for w in classifier.parameters() if not w.requires_grad]
        optimizer = torch.optim.Adam(weights, lr=1e-4, eps=1e-7)
        first = [weight.detach().clone() for weight in weights]
        for _ in range(2):
            loss = F.cross_entropy(classifier(faces), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            assert torch.isfinite(loss)
        assert all(not torch.equal(new, old) for new, old in zip(weights, first, strict=True))
        still = [w for w in classifier.parameters() if not w.requires_grad]
        assert all(torch.equal(new, old) for new, old in zip(still, frozen, strict=True))
