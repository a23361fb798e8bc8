"""The rows: complete, consistent, and what the reports say."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from mien.errors import RecipeError
from mien.lab.recipe import Augment, Backbone, Recipe
from mien.lab.recipe_book import PUBLISHED, recipes

NAMES = (
    "resnet50-flatten",
    "cnn-64-512",
    "cnn-17m",
    "cnn-17m-aug",
    "vgg16-frozen",
    "resnet50-balanced",
    "resnet50-last50",
    "gelu-cnn",
    "gelu-cnn-nobn",
    "resnet50-scratch",
    "resnet50-imagenet",
    "cnn8",
)
PUBLISHED_FIGURES = {  # as the reports print them
    "resnet50-flatten": [("gap", "test", 0.18)],
    "cnn-64-512": [("gap", "test", 0.07)],
    "cnn-17m": [("accuracy", "train", 0.6558), ("accuracy", "validation", 0.5671)],
    "cnn-17m-aug": [("accuracy", "train", 0.5708), ("accuracy", "validation", 0.5914)],
    "vgg16-frozen": [("accuracy", "train", 0.5593), ("accuracy", "validation", 0.55)],
    "resnet50-balanced": [("accuracy", "train", 0.6261), ("accuracy", "validation", 0.608)],
    "resnet50-last50": [("accuracy", "train", 0.8), ("accuracy", "validation", 0.7001)],
    "gelu-cnn": [
        ("accuracy", "train", 0.982),
        ("accuracy", "validation", 0.5),
        ("accuracy", "train", 0.9682),
        ("accuracy", "validation", 0.5129),
    ],
    "gelu-cnn-nobn": [],
    "resnet50-scratch": [("accuracy", "test", 0.6294), ("loss", "test", 0.9717)],
    "resnet50-imagenet": [("accuracy", "test", 0.6372), ("loss", "test", 0.9715)],
    "cnn8": [("accuracy", "test", 0.6492), ("loss", "test", 0.9407)],
}


STATED = {  # fields, or parts of them, that a report states; what is not listed here has to be assumed
    "resnet50-flatten": "network.weights network.pool network.dense network.batch_norm network.dropout "
    "network.keras_bn preprocess.crop_px preprocess.input_px preprocess.color preprocess.mean augment.rotate_deg "
    "augment.flip optimizer.lr schedule.factor schedule.patience schedule.min_lr epochs batch_size validation.kind "
    "validation.fraction stopping.monitor stopping.patience",
    "cnn-64-512": "preprocess augment.rotate_deg augment.flip optimizer.lr schedule.factor schedule.patience "
    "schedule.min_lr epochs batch_size validation.kind validation.fraction stopping.monitor stopping.patience phases",
    "cnn-17m": "preprocess.crop_px preprocess.input_px preprocess.color preprocess.channels schedule.factor "
    "schedule.patience epochs batch_size validation.kind validation.fraction phases",
    "cnn-17m-aug": "preprocess augment.rotate_deg augment.shift_fraction augment.zoom_fraction augment.flip "
    "augment.fill schedule.factor schedule.patience schedule.min_delta epochs batch_size validation.kind "
    "validation.fraction phases",
    "vgg16-frozen": "network.weights preprocess.crop_px preprocess.color preprocess.channels preprocess.mean "
    "augment.rotate_deg augment.shift_fraction augment.zoom_fraction augment.flip augment.fill schedule.factor "
    "schedule.patience schedule.min_delta epochs batch_size stopping.monitor stopping.keep phases",
    "resnet50-balanced": "network.weights network.pool preprocess.crop_px preprocess.color preprocess.channels "
    "preprocess.mean augment.rotate_deg augment.shift_fraction augment.zoom_fraction augment.flip augment.fill "
    "schedule.factor schedule.patience schedule.min_delta class_weights stopping.monitor stopping.keep",
    "resnet50-last50": "network.weights network.pool preprocess.crop_px preprocess.input_px preprocess.color "
    "preprocess.mean epochs",
    "gelu-cnn": "preprocess.crop_px preprocess.input_px preprocess.color epochs phases",
    "gelu-cnn-nobn": "preprocess.crop_px preprocess.input_px preprocess.color phases",
    "resnet50-scratch": "preprocess.crop_px preprocess.input_px preprocess.color preprocess.channels epochs phases",
    "resnet50-imagenet": "network.weights network.pool preprocess.crop_px preprocess.input_px preprocess.color "
    "preprocess.channels epochs",
    "cnn8": "preprocess.crop_px preprocess.input_px preprocess.color epochs phases",
}
DECIDED = ("network", "preprocess", "augment", "optimizer", "schedule", "epochs", "batch_size", "class_weights")
DECIDED += ("validation", "stopping", "phases")
"""Fields that a report would state; it has no average of weights, SAM or smoothing if it names none."""


@pytest.mark.parametrize("name", NAMES)
def test_each_field_is_stated_or_assumed(name: str) -> None:
    told = {path.partition(".")[0] for path in (*STATED[name].split(), *recipes[name].assumed)}
    assert not {*DECIDED} - told, "neither stated by the report nor assumed"
    for path in STATED[name].split():
        value: Any = recipes[name]
        for part in path.split("."):
            value = getattr(value, part)


def test_twelve_rows_and_our_own() -> None:
    assert tuple(recipe.name for recipe in PUBLISHED) == NAMES
    assert tuple(recipes)[:12] == NAMES
    assert len(recipes) == len(list(recipes)) > 12
    assert all(recipes[name].name == name for name in recipes)
    assert "cnn8" in recipes
    assert "cnn9" not in recipes


@pytest.mark.parametrize("read", [recipes.__getitem__, recipes.get])
def test_an_unknown_name_tells_the_nearest(read: Any) -> None:
    with pytest.raises(RecipeError, match=r"recipe 'resnet50-last5' is unknown; did you mean 'resnet50-last50'"):
        read("resnet50-last5")
    with pytest.raises(RecipeError, match=r"^mien-small is a model that ships, not a recipe; `mien models mien-small`"):
        recipes["mien-small"]
    with pytest.raises(RecipeError, match=r"recipe 'vit' is unknown; did you mean 'vit-tiny'"):
        read("vit")
    with pytest.raises(RecipeError, match=r"recipe 'best' is unknown; expected one of resnet50-flatten, cnn-64-512, "):
        read("best")


def test_recipes_are_read_only() -> None:
    with pytest.raises(TypeError):
        recipes["cnn8"] = recipes["cnn-17m"]  # type: ignore[index]


@pytest.mark.parametrize("name", NAMES)
def test_published_figures(name: str) -> None:
    figures = recipes[name].published
    assert [(figure.metric, figure.split, figure.value) for figure in figures] == PUBLISHED_FIGURES[name]
    report = recipes[name].source.partition(",")[0]
    assert all(figure.place.startswith(f"{report}, ") for figure in figures)


@pytest.mark.parametrize("recipe", recipes.values(), ids=lambda recipe: recipe.name)
def test_whatever_is_assumed_is_a_field_of_the_row(recipe: Recipe) -> None:
    for path, reason in recipe.assumed.items():
        value: Any = recipe
        for name in path.split("."):
            assert name in {field.name for field in fields(value)}, f"{path}: no such field"
            value = getattr(value, name)
        assert reason.endswith(".")


@pytest.mark.parametrize("recipe", recipes.values(), ids=lambda recipe: recipe.name)
def test_fields_agree_with_each_other(recipe: Recipe) -> None:
    assert sum(phase.epochs for phase in recipe.phases) in (0, recipe.epochs)
    assert not recipe.phases or recipe.phases[0].lr == recipe.optimizer.lr
    watches = recipe.validation.kind != "none"
    assert watches or recipe.stopping.monitor == "none"
    assert (recipe.stopping.monitor == "none") == (recipe.stopping.keep == "last" and recipe.stopping.patience is None)
    pretrained = isinstance(recipe.network, Backbone) and recipe.network.weights == "imagenet"
    assert not pretrained or recipe.preprocess.channels == 3


@pytest.mark.parametrize("name", NAMES)
def test_reports_are_of_keras(name: str) -> None:
    recipe = recipes[name]
    assert recipe.optimizer.epsilon == 1e-7  # type: ignore[union-attr]
    if isinstance(recipe.augment, Augment):
        assert recipe.augment.fill == "nearest"
        assert recipe.augment.zoom_per_axis == (recipe.augment.zoom_fraction > 0)


def test_rows_that_watch_their_test_images_say_so() -> None:
    watching = [recipe for recipe in PUBLISHED if recipe.validation.kind == "Test"]
    assert {recipe.name for recipe in watching} == {
        "vgg16-frozen",
        "resnet50-balanced",
        "gelu-cnn",
        "gelu-cnn-nobn",
    }
    for recipe in watching:
        chosen = recipe.stopping.keep == "best"
        assert not chosen or "validate on its test images, and they choose the weights" in recipe.remark
        assert "test images" in recipe.assumed["validation"]


def test_recipes_need_no_torch() -> None:
    code = "import sys, mien.lab.recipe_book, mien.lab.pages.recipe_page; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


@pytest.mark.fer2013
def test_mean_and_deviation_are_those_of_the_training_faces(fer2013_path: Path) -> None:
    from mien.lab.data import read_fer2013

    faces = read_fer2013(fer2013_path).training.faces / 255
    for name in ("resnet50-scratch", "resnet50-imagenet", "cnn8"):
        p = recipes[name].preprocess
        assert p.mean == pytest.approx((faces.mean(),) * p.channels, abs=1e-4)
        assert p.std == pytest.approx((faces.std(),) * p.channels, abs=1e-4)
