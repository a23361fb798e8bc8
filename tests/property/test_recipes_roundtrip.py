"""What is written is what is read."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mien.lab.recipe import Recipe
from mien.lab.recipe.io import from_json, override, to_json
from mien.lab.recipe_book import recipes
from mien.lab.schedule import phases_of, rate_field

ROWS = st.sampled_from(list(recipes.values()))


@pytest.mark.parametrize("recipe", recipes.values(), ids=lambda recipe: recipe.name)
def test_every_recipe_survives_json(recipe: Recipe) -> None:
    assert from_json(to_json(recipe)) == recipe
    assert repr(from_json(to_json(recipe))) == repr(recipe)  # 1 == 1.0, but not in words


@given(ROWS, st.floats(0, exclude_min=True, allow_nan=False, allow_infinity=False))
def test_any_learning_rate_survives_override_and_json(recipe: Recipe, lr: float) -> None:
    variant = override(recipe, f"{rate_field(recipe, 0)}={lr!r}")
    assert phases_of(variant)[0][0].lr == lr
    assert from_json(to_json(variant)) == variant


@given(ROWS, st.text())
def test_any_text_survives_override_and_json(recipe: Recipe, text: str) -> None:
    variant = override(recipe, f"remark={text}")
    assert variant.remark == text.strip()
    assert from_json(to_json(variant)) == variant


@given(ROWS, st.lists(st.integers(1, 10**6), max_size=4))
def test_any_list_survives_override_and_json(recipe: Recipe, dense: list[int]) -> None:
    network = f'{{"kind": "Backbone", "name": "resnet50", "weights": "none", "dense": {dense}}}'
    variant = override(recipe, f"network={network}")
    assert variant.network.dense == tuple(dense)  # type: ignore[union-attr]
    assert from_json(to_json(variant)) == variant
