"""`mien models`: the shipped models, and the card of any."""

from __future__ import annotations

import itertools
import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tiny_model import write_tiny_model
from typer.testing import CliRunner

import mien
from mien.card import Card
from mien.cli import build_app

SHIPPED = Path(mien.__file__).with_name("models")


def run(*words: str) -> str:
    result = CliRunner().invoke(build_app(), ["models", *words])
    assert result.exit_code == 0, result.output
    return result.stdout


def test_every_shipped_model_is_listed_with_its_figures() -> None:
    lines = run().splitlines()
    for name in mien.shipped_models():
        card = Card.read(SHIPPED / name)
        ((at, line),) = [
            (at, line) for at, line in enumerate(lines) if line.startswith((f"{name}:", f"{name}  (default)"))
        ]
        assert f"{card.parameters:,} parameters" in line
        below = list(itertools.takewhile(lambda line: line.startswith(" "), lines[at + 1 :]))
        for figures in card.metrics.values():
            assert any(f": {100 * figures['full']['accuracy']:.2f} %" in line for line in below)
    assert {line.partition(":")[0].strip() for line in lines if line.startswith(" ")} == {
        "PublicTest",
        "PublicTest, mirrored",
        "PublicTest, FER+ majority",
        "PublicTest, FER+ majority, mirrored",
    }
    assert next(line for line in lines if "(default)" in line).startswith("mien-small")


def test_a_card_in_words_and_as_json(tmp_path: Path) -> None:
    folder = shutil.copytree(SHIPPED / "mien-small", tmp_path / "mine")
    card = Card.read(folder)
    text = run(str(folder))
    assert f"licence     {card.licence}" in text and f"uncertain below {card.uncertain_below:.2f}" in text
    fitted = card.provenance["calibration"]
    accepted = (
        f"accepted    {100 * fitted['coverage']:.1f}% of {fitted['n']:,} faces ({fitted['faces']}), at least 80% of"
    )
    assert accepted in text
    assert all(f"limit       {limit}" in text for limit in card.limits)
    assert f"\n            {card.provenance['recipe']['remark']}\n" in text
    assert json.loads(run(str(folder), "--json"))["sha256"] == card.sha256
    assert [row["name"] for row in json.loads(run("--json"))] == [
        Card.read(SHIPPED / name).name for name in mien.shipped_models()
    ]
    replace(card, provenance=card.provenance | {"calibration": None}).write(folder)
    assert "accepted" not in run(str(folder))


def test_a_card_made_by_hand_need_not_say_where_it_is_from(tmp_path: Path) -> None:
    folder = write_tiny_model(tmp_path / "tiny")
    card = Card.read(folder)
    text = run(str(folder))
    assert "trained     the card does not say how" in text and "accepted" not in text and "measured" not in text
    replace(card, provenance={"recipe": 3, "calibration": {"n": 7}}, metrics={"Test": {"n": 3}}).write(folder)
    assert run(str(folder)) == text


@pytest.mark.parametrize("recipe", ["cnn8", None, ["cnn8"], 3, {}, {"name": "cnn8"}])
def test_a_card_whose_recipe_is_of_another_form(tmp_path: Path, recipe: Any) -> None:
    folder = write_tiny_model(tmp_path / "tiny")
    replace(Card.read(folder), provenance={"recipe": recipe, "seed": 0, "commit": "0123456789"}).write(folder)
    known = isinstance(recipe, dict) and recipe
    expected = "recipe cnn8, seed 0, commit 0123456" if known else "the card does not say how"
    assert f"trained     {expected}\n" in run(str(folder))
