"""The recipes: twelve rows from five published reports, a file a report; their future work; and mien's own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from mien.errors import MienError, RecipeError
from mien.lab.recipe import Recipe
from mien.lab.recipe.io import from_json, nearest
from mien.lab.recipe_book import further, nano, small, speedruns, students, teachers
from mien.lab.recipe_book.future_work import (
    CONVNEXT_TINY,
    DENSENET_121,
    EFFICIENTNET_B0,
    EFFICIENTNET_LITE0,
    INCEPTION_V3,
    VIT_TINY,
)
from mien.lab.recipe_book.report_000 import CNN_64_512, RESNET50_FLATTEN
from mien.lab.recipe_book.report_001 import CNN_17M, CNN_17M_AUG, RESNET50_BALANCED, VGG16_FROZEN
from mien.lab.recipe_book.report_002 import RESNET50_LAST50
from mien.lab.recipe_book.report_003 import GELU_CNN, GELU_CNN_NOBN
from mien.lab.recipe_book.report_004 import CNN8, RESNET50_IMAGENET, RESNET50_SCRATCH
from mien.recognizer import shipped_models

__all__ = ["FUTURE_WORK", "OWN", "PUBLISHED", "SPEEDRUNS", "Recipes", "find_recipe", "recipes"]

PUBLISHED = (
    RESNET50_FLATTEN,
    CNN_64_512,
    CNN_17M,
    CNN_17M_AUG,
    VGG16_FROZEN,
    RESNET50_BALANCED,
    RESNET50_LAST50,
    GELU_CNN,
    GELU_CNN_NOBN,
    RESNET50_SCRATCH,
    RESNET50_IMAGENET,
    CNN8,
)
"""The rows of the reports."""

FUTURE_WORK = (EFFICIENTNET_B0, EFFICIENTNET_LITE0, DENSENET_121, INCEPTION_V3, CONVNEXT_TINY, VIT_TINY)
"""Networks that the reports name and have not trained."""

OWN = (*small.ROWS, *nano.ROWS, *teachers.ROWS, *students.ROWS, *further.ROWS)
"""Mien's own: of the models that ship, of the steps on the way to them, and of trials on record."""

SPEEDRUNS = speedruns.ROWS
"""Mien's own short ones."""


class Recipes(Mapping[str, Recipe]):
    """Recipes by name, in order; read only."""

    def __init__(self, *rows: Recipe) -> None:
        self._rows = {row.name: row for row in rows}

    def __getitem__(self, name: str) -> Recipe:
        """Return a recipe.

        Raises:
            RecipeError: there is none of that name; the message names the nearest.
        """
        if name in self._rows:
            return self._rows[name]
        if name in shipped_models():
            raise RecipeError(
                f"{name} is a model that ships, not a recipe; `mien models {name}` says by which it was trained, and "
                f"--weights {name} goes on from it."
            )
        raise RecipeError(f"recipe {name!r} is unknown; {nearest(name, self._rows)}")

    def __repr__(self) -> str:
        return f"Recipes({', '.join(self._rows)})"

    def __contains__(self, name: object) -> bool:
        return name in self._rows

    def __iter__(self) -> Iterator[str]:
        return iter(self._rows)

    def __len__(self) -> int:
        return len(self._rows)


def find_recipe(named: str | Path) -> Recipe:
    """Return a recipe by its name, or one of your own from a JSON file, as ``mien recipes NAME --json`` prints it.

    Raises:
        RecipeError: there is none of that name; or the file cannot be read, is no recipe, has the name of one of mien's
            that it differs from, or a source's figures.
    """
    file = Path(named)
    if file.suffix.lower() != ".json":
        if str(named) not in recipes and (meant := Path(f"{named}.json")).is_file():
            raise RecipeError(f"recipe {str(named)!r} is unknown; the file of your own is {meant}.")
        return recipes[str(named)]
    try:
        recipe = from_json(file.read_text(encoding="utf-8-sig"))
    except OSError as error:
        reason = error.strerror or error
        raise RecipeError(f"{file}: {reason}; expected a recipe as `mien recipes NAME --json` prints it.") from error
    except (UnicodeDecodeError, MienError) as error:  # `Preprocess` raises an InputError
        raise RecipeError(f"{file}: {error}") from error
    if recipe in recipes.values():
        return recipe
    if recipe.name in recipes:
        raise RecipeError(f"{file}: differs from mien's own {recipe.name}; give it another name.")
    if recipe.published:
        raise RecipeError(
            f"{file}: published holds a source's figures, which a recipe of your own does not have; empty it: []."
        )
    return recipe


recipes = Recipes(*PUBLISHED, *FUTURE_WORK, *OWN, *SPEEDRUNS)
"""All recipes, by name."""
