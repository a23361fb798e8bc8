"""Mien's own recipes: of the models that ship, of the steps on the way to them, and of trials on record."""

from __future__ import annotations

from mien.lab.champions import nano, small
from mien.lab.recipe import Recipe

champions: dict[str, Recipe] = {recipe.name: recipe for recipe in (*small.ROWS, *nano.ROWS)}
"""The recipes by name."""
