"""docs/recipes.md and the command that lists recipes."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from mien.cli import build_app
from mien.cli.recipes import recipes as command
from mien.errors import RecipeError
from mien.lab.nets import torchvision
from mien.lab.recipe import Figure
from mien.lab.recipe.io import from_json, to_json
from mien.lab.recipe.words import figure_in_words
from mien.lab.recipe_book import recipes

PAGE = Path(__file__).resolve().parents[2] / "docs" / "recipes.md"


def run(*words: str) -> str:
    app = typer.Typer()
    app.command()(command)
    done = CliRunner().invoke(app, words)
    if done.exception is not None:
        raise done.exception
    return done.stdout


def names_in(lines: list[str]) -> list[str]:
    return [word for word in (line.split(" ")[0] for line in lines) if word in recipes]


def needs_timm() -> None:
    torchvision.make_importable()
    pytest.importorskip("timm", reason="needs the extra timm")


def test_the_page_is_what_the_command_writes() -> None:
    needs_timm()
    assert PAGE.read_text("utf-8") == run("--markdown"), "stale: mien recipes --markdown > docs/recipes.md"


def test_the_page_has_every_row_and_every_assumption() -> None:
    page = PAGE.read_text("utf-8")
    for recipe in recipes.values():
        assert f"\n## {recipe.name}\n" in page
        assert all(f"* `{field}`: {reason}\n" in page for field, reason in recipe.assumed.items())
    assert "| [cnn-17m](#cnn-17m) | cnn-17m | 17,044,871 | 48x48x1 | 10 |" in page


def test_list() -> None:
    lines = run().splitlines()
    assert lines[0] == "Published systems"
    assert lines[1].split() == ["recipe", "network", "input", "epochs", "published"]
    assert names_in(lines) == list(recipes)
    row = next(line for line in lines if line.startswith("vgg16-frozen"))
    assert row.split()[1:8] == ["vgg16.tv_in1k,", "imagenet", "48", "to", "224x224x3", "100", "train"]
    assert "validation 55 %" in row


@pytest.mark.parametrize(
    ("name", "needs"),
    [
        ("vit-tiny", "ImageNet's weights"),
        ("mien-small-first", "nothing"),
        ("mien-wide", "--votes"),
        ("mien-small-faces-96", "--weights --votes --teacher"),
    ],
)
def test_what_a_row_needs(name: str, needs: str) -> None:
    assert next(line for line in run().splitlines() if line.startswith(f"{name} ")).rstrip().endswith(f"  {needs}")


def test_list_with_parameters() -> None:
    needs_timm()
    lines = run("--parameters").splitlines()
    assert lines[1].split()[2] == "parameters"
    counts = {line.split(" ")[0]: line for line in lines}
    assert " 17,044,871 " in counts["cnn-17m-aug"]
    assert " 26,219,527 " in counts["vgg16-frozen"]  # dense layers only
    assert " 17,463,303 " in counts["resnet50-last50"]  # the second phase


def test_one_in_full() -> None:
    lines = run("resnet50-last50").splitlines()
    assert lines[0] == "name            resnet50-last50"
    assert "                Phase(epochs=20, trainable='last50', lr=0.0001)" in lines
    assert "                validation accuracy 70.01 % (report 002, Model Prediction)" in lines
    assert {line.split()[0] for line in lines if not line.startswith(" ")} >= {"optimizer", "assumed", "sam_rho"}
    assert "augment         Augment(rotate_deg=10.0, zoom_fraction=0.1, zoom_per_axis=True, flip=True)" in run("cnn8")
    assert run("cnn8", "--parameters").splitlines()[-1] == "parameters      4,718,407"
    assert f"{recipes['resnet50-last50']}\n" == run("resnet50-last50")  # in Python, `print` says the same
    assert repr(recipes).startswith("Recipes(resnet50-flatten, cnn-64-512, ")


def test_json() -> None:
    assert from_json(run("cnn8", "--json")) == recipes["cnn8"]
    rows = json.loads(run("--json"))
    assert [from_json(json.dumps(row)) for row in rows] == list(recipes.values())
    assert to_json(recipes["cnn8"]) == run("cnn8", "--json")


def test_an_unknown_recipe() -> None:
    with pytest.raises(RecipeError, match="recipe 'cnn9' is unknown; did you mean 'cnn8'"):
        run("cnn9")


@pytest.mark.parametrize(
    ("figure", "words"),
    [
        (Figure(metric="accuracy", split="test", value=0.6492, place=""), "test accuracy 64.92 %"),
        (Figure(metric="accuracy", split="train", value=0.8, place="", exact=False), "train accuracy about 80 %"),
        (Figure(metric="loss", split="test", value=0.94, place=""), "test loss 0.9400"),
        (Figure(metric="gap", split="test", value=0.07, place=""), "train - test accuracy 7 points"),
    ],
)
def test_figures_in_words(figure: Figure, words: str) -> None:
    assert figure_in_words(figure) == words
    assert "about" in figure_in_words(replace(figure, exact=False))


def test_a_narrow_terminal_shows_names_in_full(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")  # a terminal, for rich
    monkeypatch.setenv("COLUMNS", "80")
    text = re.sub(r"\x1b\[[0-9;]*m", "", run())
    assert names_in(text.splitlines()) == [*recipes] and "  network  " not in text
    assert "validation 70.01 %" in " ".join(text.split())


@pytest.mark.parametrize(("name", "parameters"), [("cnn-17m", 17_044_871), ("cnn8", 4_718_407)])
def test_layers_are_listed_in_order_with_shapes_and_parameters(name: str, parameters: int) -> None:
    lines = run(name, "--layers").splitlines()
    assert lines[0] == f"{name}: {parameters:,} parameters"
    layers = [re.split(r"\s{2,}", line) for line in lines[3:]]
    assert sum(int(count.replace(",", "")) for *_, count in layers) == parameters
    assert layers[0][1:] == ["InputLayer", "1 x 48 x 48", "0"]
    assert layers[1][1] == "Conv2d"
    assert layers[-1][2] == "7"


def test_layers_need_a_name() -> None:
    done = CliRunner().invoke(build_app(), ["recipes", "--layers"])
    assert done.exit_code == 2 and "needs the name of a recipe" in done.output


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["cnn8", "--layers", "--json"], "--layers and --json print different things"),
        (["--parameters", "--markdown"], "--parameters and --markdown print different things"),
        (["cnn8", "--markdown"], "prints all recipes; leave out the name"),
    ],
)
def test_options_that_exclude_each_other(options: list[str], message: str) -> None:
    done = CliRunner().invoke(build_app(), ["recipes", *options])
    assert done.exit_code == 2 and message in done.output
