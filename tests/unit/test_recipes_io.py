"""Recipes as JSON, and changes of single fields."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

import pytest

from mien.errors import MienError, RecipeError
from mien.lab.recipe import Adam, Backbone, Constant, Cosine, NoAugment, Phase, Plateau, Recipe
from mien.lab.recipe.io import from_json, override, to_json
from mien.lab.recipe_book import recipes

CNN8 = recipes["cnn8"]
RESNET = recipes["resnet50-last50"]
VGG = replace(CNN8, network=Backbone(name="vgg16", weights="none"))


def changed(**fields: Any) -> str:
    return json.dumps(json.loads(to_json(CNN8)) | fields)


def test_json_is_tagged_and_numbered() -> None:
    row = json.loads(to_json(CNN8))
    assert row["schema"] == 1
    assert row["network"] == {"kind": "OwnNet", "name": "cnn8", "weights": "none"}
    assert row["schedule"] == {"kind": "Constant"}
    assert "kind" not in row["preprocess"]
    assert row["preprocess"]["mean"] == [0.5077]


def test_whole_numbers_stand_for_floats() -> None:
    assert from_json(changed(ema_decay=0)) == CNN8
    assert isinstance(from_json(changed(ema_decay=0)).ema_decay, float)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", r"recipe: not JSON \("),
        ("[" * 100_000, r"recipe: not JSON \("),
        ("[]", r"recipe: found a list, expected a JSON object"),
        ("{}", r"recipe: schema None, expected 1; it was written by another version of mien"),
        (changed(schema=2), r"recipe: schema 2, expected 1"),
        (changed(optimiser=1), r"recipe: Recipe has no field 'optimiser'; did you mean 'optimizer'\?"),
        (changed(network={"kind": "OwnNet", "nam": "x"}), r"recipe\.network: OwnNet has no field 'nam'; did you mean"),
        (changed(network={"kind": "Own"}), r"recipe\.network: kind 'Own', expected OwnNet or Backbone"),
        (changed(network={"name": "cnn8"}), r"recipe\.network: kind 'None', expected OwnNet or Backbone"),
        (changed(network={"kind": "OwnNet"}), r"recipe\.network: OwnNet needs name"),
        (changed(network="cnn8"), r"recipe\.network: found 'cnn8', expected OwnNet or Backbone"),
        (changed(epochs=1.5), r"recipe\.epochs: found 1\.5, expected integer"),
        (changed(epochs=True), r"recipe\.epochs: found True, expected integer"),
        (changed(name=3), r"recipe\.name: found 3, expected string"),
        (changed(sam_rho="a"), r"recipe\.sam_rho: found 'a', expected finite number"),
        (changed(sam_rho=float("nan")), r"recipe\.sam_rho: found nan, expected finite number"),
        (changed(sam_rho=float("inf")), r"recipe\.sam_rho: found inf, expected finite number"),
        (changed(class_weights="even"), r"recipe\.class_weights: found 'even', expected 'none' or 'balanced'"),
        (changed(assumed={"a": 1}), r"recipe\.assumed: found \{'a': 1\}, expected an object of strings"),
        (changed(phases=[1]), r"recipe\.phases\[0\]: found 1, expected Phase"),
        (changed(phases={}), r"recipe\.phases: found \{\}, expected a list of Phases"),
        (
            changed(optimizer={"kind": "Adam", "lr": 1, "betas": [0.9]}),
            r"recipe\.optimizer\.betas: found \[0\.9\], expected a list of 2 finite numbers",
        ),
        (
            changed(stopping={"monitor": "none", "patience": "7", "keep": "last"}),
            r"recipe\.stopping\.patience: found '7', expected integer or none",
        ),
    ],
)
def test_a_recipe_that_does_not_fit(text: str, message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        from_json(text)


def test_preprocessing_checks_itself() -> None:
    with pytest.raises(MienError, match="mean and std need 1 values each"):
        override(CNN8, "preprocess.mean=[0.5, 0.5]")


@pytest.mark.parametrize(
    ("change", "path", "value"),
    [
        ("optimizer.lr=3e-4", "optimizer.lr", 3e-4),
        ("optimizer.lr = 1", "optimizer.lr", 1.0),
        ("optimizer.lr=.001", "optimizer.lr", 0.001),
        ("epochs=2", "epochs", 2),
        ("epochs=1e2", "epochs", 100),
        ("augment.flip=false", "augment.flip", False),
        ("augment.flip=False", "augment.flip", False),
        ("stopping.patience=3", "stopping.patience", 3),
        ("stopping.patience=none", "stopping.patience", None),
        ("class_weights=balanced", "class_weights", "balanced"),
        ("validation.kind=none", "validation.kind", "none"),
        ("network.name=gelu-cnn", "network.name", "gelu-cnn"),
        ("schedule=Cosine", "schedule", Cosine()),
        ("schedule=Constant", "schedule", Constant()),
        ("augment=NoAugment", "augment", NoAugment()),
        ('schedule={"kind": "Plateau", "factor": 0.5, "patience": 2}', "schedule", Plateau(factor=0.5, patience=2)),
        ('optimizer={"kind": "Adam", "lr": 0.1}', "optimizer", Adam(lr=0.1)),
        ("optimizer.betas=[0.8, 0.99]", "optimizer.betas", (0.8, 0.99)),
        (
            'phases=[{"epochs": 1, "trainable": "all", "lr": 0.1}]',
            "phases",
            (Phase(epochs=1, trainable="all", lr=0.1),),
        ),
        ("phases=[]", "phases", ()),
        ("remark=a=b", "remark", "a=b"),
    ],
)
def test_override(change: str, path: str, value: Any) -> None:
    variant = override(CNN8, change)
    found: Any = variant
    for name in path.split("."):
        found = getattr(found, name)
    assert found == value
    assert type(found) is type(value)
    assert from_json(to_json(variant)) == variant


def test_only_the_named_field_changes() -> None:
    variant = override(RESNET, "network.dense=[128, 64]")
    assert isinstance(RESNET.network, Backbone)
    expected = replace(RESNET, network=replace(RESNET.network, dense=(128, 64)))
    assumed = {field: why for field, why in RESNET.assumed.items() if field != "network.dense"}
    remark = "A variant of resnet50-last50: network.dense=[128, 64]."
    assert variant == replace(expected, name="resnet50-last50-variant", published=(), assumed=assumed, remark=remark)


def test_a_variant_does_not_say_what_its_source_says_of_itself() -> None:
    variant = override(override(recipes["mien-nano-first"], "epochs=1"), "batch_size=32", "optimizer.lr=0.1")
    assert variant.remark == "A variant of mien-nano-first: epochs=1, batch_size=32, optimizer.lr=0.1."
    assert override(recipes["mien-nano-first"], "epochs=1", "remark=My own.").remark == "My own."
    kept = override(RESNET, "network.pool=flatten", "phases.0.lr=0.1", "schedule=Cosine").assumed
    assert RESNET.assumed.keys() - kept.keys() == {"phases", "schedule"}


def test_changes_that_fit_together_only() -> None:
    coloured = ["preprocess.mean=[0.5, 0.5, 0.5]", "preprocess.channels=3", "preprocess.std=[0.2, 0.2, 0.2]"]
    for changes in (coloured, coloured[::-1]):
        assert override(recipes["mien-small-first"], *changes).preprocess.channels == 3
    with pytest.raises(MienError, match="mean and std need 3 values each"):
        override(recipes["mien-small-first"], *coloured[:2])


def test_a_variant_is_another_recipe_without_published_figures() -> None:
    assert CNN8.published
    once = override(CNN8, "epochs=2")
    twice = override(once, "optimizer.lr=0.1")
    assert (once.name, once.published) == ("cnn8-variant", ())
    assert (twice.name, twice.published) == ("cnn8-variant", ())
    assert override(CNN8, "epochs=2", "name=mine").name == "mine"
    assert override(CNN8, "name=cnn8").name == "cnn8-variant"
    assert recipes["cnn8"].published


def test_changes_add_up() -> None:
    variant = override(CNN8, "schedule=Cosine", "schedule.warmup_epochs=5")
    assert variant.schedule == Cosine(warmup_epochs=5.0)


def test_a_field_of_a_phase_changes_alone() -> None:
    variant = override(RESNET, "phases.1.lr=0.5", "phases.0.trainable=all")
    first, second = RESNET.phases
    assert variant.phases == (replace(first, trainable="all"), replace(second, lr=0.5))


@pytest.mark.parametrize("changes", [["optimizer.lr=1"], ["optimizer.lr=1", "phases.0.lr=1"]])
def test_a_rate_that_phases_replace_is_refused(changes: list[str]) -> None:
    with pytest.raises(RecipeError, match=r"optimizer\.lr: not used by resnet50-last50, .* set phases\.0\.lr"):
        override(RESNET, *changes)
    assert override(RESNET, "optimizer.lr=1", "phases=[]").optimizer.lr == 1


@pytest.mark.parametrize(
    ("recipe", "changes", "needed", "with_it"),
    [
        (VGG, ["network.batch_norm=true"], "network.dense", "network.dense=[8]"),
        (CNN8, ["validation.fraction=0.3"], "validation.kind=holdout", "validation.kind=holdout"),
        (CNN8, ["validation.rule=grouped"], "validation.kind=holdout", "validation.kind=holdout"),
        (CNN8, ["stopping.min_delta=0.1"], "stopping.monitor", "stopping.monitor=loss"),
        (
            CNN8,
            ["augment.zoom_per_axis=true", "augment.zoom_fraction=0"],
            "augment.zoom_fraction",
            "augment.zoom_fraction=0.1",
        ),
        (CNN8, ["augment.soften_px=[8, 9]"], "augment.soften_rate", "augment.soften_rate=0.5"),
        (CNN8, ["augment.jpeg_quality=[8, 9]"], "augment.jpeg_rate", "augment.jpeg_rate=0.5"),
        (CNN8, ["augment.erase_area=[0.1, 0.2]"], "augment.erase_rate", "augment.erase_rate=0.5"),
        (CNN8, ["augment.mix_rate=0.5"], "augment.mixup_alpha or augment.cutmix_alpha", "augment.cutmix_alpha=1"),
        (CNN8, ["augment.erase_area=[0.1, 0.2]", "augment=NoAugment"], "augment.erase_rate", "augment.erase_rate=0.5"),
    ],
)
def test_a_change_of_what_is_not_used_is_refused(recipe: Recipe, changes: list[str], needed: str, with_it: str) -> None:
    path = changes[0].partition("=")[0]
    with pytest.raises(RecipeError, match=re.escape(f"{path}: changes nothing in {recipe.name} without {needed}; set")):
        override(recipe, *changes)
    assert override(recipe, changes[0], with_it).name == f"{recipe.name}-variant"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("phases.2.lr=1", r"phases\.2\.lr: its items are 0 to 1; expected LIST\.ITEM\.FIELD=VALUE, or the whole list"),
        ("phases.lr=1", r"phases\.lr: its items are 0 to 1; expected"),
        ("phases.0=1", r"phases\.0: its items are 0 to 1; expected"),
        ("phases.0.rate=1", r"phases\.0\.rate: Phase has no field 'rate'"),
        ("phases.0.lr=0", r"Phase\.lr: found 0\.0, expected more than 0"),
        ("network.dense.0=64", r"network\.dense\.0: its items are 0 to \d; expected .* the whole list as JSON"),
    ],
)
def test_a_change_of_a_list_that_does_not_fit(change: str, message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        override(RESNET, change)
    with pytest.raises(RecipeError, match=r"phases\.0\.lr: it is empty; expected"):
        override(CNN8, "phases.0.lr=1")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("epochs", r"'epochs': expected FIELD=VALUE, such as optimizer\.lr=3e-4"),
        ("optimiser.lr=1", r"optimiser\.lr: Recipe has no field 'optimiser'; did you mean 'optimizer'\?"),
        ("lr=3", r"lr: Recipe has no field 'lr'; did you mean 'optimizer\.lr'\?"),
        ("patience=3", r"patience: Recipe has no field 'patience'; did you mean 'stopping\.patience'\?"),
        ("kind=none", r"kind: Recipe has no field 'kind'; did you mean 'validation\.kind'\?"),
        ("optimizer.learning=1", r"optimizer\.learning: Adam has no field 'learning'; expected one of lr, betas, eps"),
        ("optimizer.momentum=1", r"optimizer\.momentum: Adam has no field 'momentum'; expected one of lr"),
        ("epochs.x=1", r"epochs\.x: int has no field 'x'; it has none"),
        ("=1", r"'=1': expected FIELD=VALUE, such as optimizer\.lr=3e-4"),
        ("optimizer.=1", r"'optimizer\.=1': expected FIELD=VALUE"),
        (
            "schedule.kind=cosine",
            r"""schedule\.kind: to choose another kind, .*: --set 'schedule=\{"kind": "Cosine"\}', with those""",
        ),
        ("schedule.kind=slow", r"expected one of Constant, Plateau, Cosine, OneCycle\."),
        ("epochs.kind=1", r"epochs\.kind: int has no field 'kind'"),
        ("optimizer.lr=fast", r"optimizer\.lr: found 'fast', expected finite number"),
        ("optimizer.lr=NaN", r"optimizer\.lr: found nan, expected finite number"),
        ("epochs=2.5", r"epochs: found 2\.5, expected integer"),
        ("epochs=", r"epochs: found '', expected integer"),
        ("augment.flip=7", r"augment\.flip: found 7, expected true or false"),
        ("class_weights=even", r"class_weights: found 'even', expected 'none' or 'balanced'"),
        ("schedule=Plateau", r"schedule: Plateau needs factor, patience"),
        ("schedule=Linear", r"schedule: found 'Linear', expected Constant or Plateau or Cosine or OneCycle"),
        ("published=[]", r"published: holds the source's figures, which are dropped from every variant; leave it out"),
    ],
)
def test_a_change_that_does_not_fit(change: str, message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        override(CNN8, change)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("batch_size=0", r"Recipe\.batch_size: found 0, expected 2 or more"),
        ("batch_size=-5", r"Recipe\.batch_size: found -5, expected 2 or more"),
        ("epochs=0", r"Recipe\.epochs: found 0, expected 1 or more"),
        ("label_smoothing=2", r"Recipe\.label_smoothing: found 2\.0, expected 0 or more, less than 1"),
        ("ema_decay=2", r"Recipe\.ema_decay: found 2\.0, expected 0 or more, less than 1"),
        ("sam_rho=-1", r"Recipe\.sam_rho: found -1\.0, expected 0 or more"),
        ("votes_weight=-1", r"Recipe\.votes_weight: found -1\.0, expected 0 or more"),
        ("name=../x", r"Recipe\.name: found '\.\./x', expected letters a to z, digits, '\.', '_' and '-' only"),
        ("name=", r"Recipe\.name: found '', expected letters a to z"),
        ("preprocess.crop_px=0", r"preprocess\.crop_px: found 0, expected an integer from 1"),
        ("optimizer.lr=-1", r"Adam\.lr: found -1\.0, expected more than 0"),
        ("optimizer.betas=[0.9, 1]", r"Adam\.betas: found \(0\.9, 1\.0\), expected 0 or more, less than 1"),
        ('optimizer={"kind": "SGD", "lr": 1, "momentum": 1}', r"SGD\.momentum: found 1\.0, expected 0 or more, less"),
        ('optimizer={"kind": "SGD", "lr": 1, "momentum": 0}', r"SGD\.nesterov: found True without momentum; expected"),
        ('optimizer={"kind": "Muon", "lr": 0}', r"Muon\.lr: found 0\.0, expected more than 0"),
        ('schedule={"kind": "Plateau", "factor": 0, "patience": 1}', r"Plateau\.factor: found 0\.0, expected more"),
        ('schedule={"kind": "Cosine", "warmup_epochs": -1}', r"Cosine\.warmup_epochs: found -1\.0, expected 0 or more"),
        ('schedule={"kind": "OneCycle", "up_fraction": 2}', r"OneCycle\.up_fraction: found 2\.0, expected 0 to 1"),
        ("augment.soften_px=[0, 0]", r"Augment\.soften_px: found \(0, 0\), expected 1 or more"),
        ("augment.jpeg_quality=[0, 50]", r"Augment\.jpeg_quality: found \(0, 50\), expected 1 to 100"),
        ("augment.soften_px=[9, 8]", r"Augment\.soften_px: found \(9, 8\), expected the smaller value first"),
        ("augment.contrast=1.5", r"Augment\.contrast: found 1\.5, expected 0 to 1"),
        ("augment.mixup_alpha=-1", r"Augment\.mixup_alpha: found -1\.0, expected 0 or more"),
        ("augment.mix_rate=1.5", r"Augment\.mix_rate: found 1\.5, expected 0 to 1"),
        ("validation.fraction=-0.1", r"Validation\.fraction: found -0\.1, expected 0 to 1"),
        ("stopping.patience=0", r"Stopping\.patience: found 0, expected 1 or more"),
        ('phases=[{"epochs": 0, "trainable": "all", "lr": 0.1}]', r"Phase\.epochs: found 0, expected 1 or more"),
        (
            'distillation={"kind": "Distillation", "weight": 2, "temperature": 1, "faces": "same"}',
            r"Distillation\.weight: found 2\.0, expected 0 to 1",
        ),
        (
            'distillation={"kind": "Distillation", "weight": 1, "temperature": 1, "faces": "plain", '
            '"teachers_a_step": 2}',
            r"Distillation\.teachers_a_step: found 2 with faces=.plain., for which all teachers predict once",
        ),
        (
            'sizes={"kind": "Progressive", "first_px": 100}',
            r"Progressive\.first_px: found 100, expected at most preprocess\.input_px, 48",
        ),
        ('sizes={"kind": "Progressive", "first_px": 0}', r"Progressive\.first_px: found 0, expected 1 or more"),
        (
            'network={"kind": "Backbone", "name": "resnet50", "weights": "none", "dropout": 1}',
            r"Backbone\.dropout: found 1\.0, expected 0 or more, less than 1",
        ),
    ],
)
def test_a_change_out_of_range(change: str, message: str) -> None:
    with pytest.raises(MienError, match=message):
        override(CNN8, change)


def test_a_number_made_in_code_is_finite() -> None:
    with pytest.raises(RecipeError, match=r"Adam\.lr: found inf, expected more than 0"):
        Adam(lr=float("inf"))
