"""The lab: train, evaluate, compare and export recognisers. Needs the extra ``lab``.

>>> from mien import lab
>>> data = lab.read_fer2013("archive.zip")
>>> run = lab.train(lab.recipes["cnn8"], data, seed=0, out="runs")
>>> print(lab.compare_published(lab.evaluate(run, data)))
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mien.lab.averaging import average_runs as average_runs
    from mien.lab.calibrate import recalibrate as recalibrate
    from mien.lab.comparison import compare as compare
    from mien.lab.compress import quantize as quantize
    from mien.lab.data import FaceDataset as FaceDataset
    from mien.lab.data import audit as audit
    from mien.lab.data import draw_faces as draw_faces
    from mien.lab.data import fetch_fer2013 as fetch_fer2013
    from mien.lab.data import join_votes as join_votes
    from mien.lab.data import read_fer2013 as read_fer2013
    from mien.lab.data import write_edition as write_edition
    from mien.lab.ensembles import ensemble as ensemble
    from mien.lab.evaluation import evaluate as evaluate
    from mien.lab.export import export_run as export_run
    from mien.lab.joining import join_models as join_models
    from mien.lab.litert import write_litert as write_litert
    from mien.lab.metrics import Report as Report
    from mien.lab.narrowing import narrow as narrow
    from mien.lab.pages.data_page import write_stats_page as write_stats_page
    from mien.lab.pages.report import write_charts as write_charts
    from mien.lab.pages.report import write_report as write_report
    from mien.lab.pages.suspects_page import write_suspects as write_suspects
    from mien.lab.predictions import Predictions as Predictions
    from mien.lab.published import compare_published as compare_published
    from mien.lab.recipe import Recipe as Recipe
    from mien.lab.recipe_book import find_recipe as find_recipe
    from mien.lab.recipe_book import recipes as recipes
    from mien.lab.robust import Robustness as Robustness
    from mien.lab.robust import robustness as robustness
    from mien.lab.run import Run as Run
    from mien.lab.scoring import score as score
    from mien.lab.suspects import Suspects as Suspects
    from mien.lab.suspects import find_suspects as find_suspects
    from mien.lab.training import train as train

# name -> module, imported on first use because torch takes a second. No module may share the name of its export:
# importing `mien.lab.train` would replace the function by the module.
_PLACES = {
    "FaceDataset": "data",
    "Predictions": "predictions",
    "Recipe": "recipe",
    "Report": "metrics",
    "Robustness": "robust",
    "Run": "run",
    "Suspects": "suspects",
    "audit": "data",
    "average_runs": "averaging",
    "compare": "comparison",
    "compare_published": "published",
    "draw_faces": "data",
    "ensemble": "ensembles",
    "evaluate": "evaluation",
    "export_run": "export",
    "fetch_fer2013": "data",
    "find_recipe": "recipe_book",
    "find_suspects": "suspects",
    "join_models": "joining",
    "join_votes": "data",
    "narrow": "narrowing",
    "quantize": "compress",
    "read_fer2013": "data",
    "recalibrate": "calibrate",
    "recipes": "recipe_book",
    "robustness": "robust",
    "score": "scoring",
    "train": "training",
    "write_edition": "data",
    "write_litert": "litert",
    "write_charts": "pages.report",
    "write_report": "pages.report",
    "write_stats_page": "pages.data_page",
    "write_suspects": "pages.suspects_page",
}
__all__ = [*_PLACES]


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module 'mien.lab' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"mien.lab.{_PLACES[name]}"), name)
    globals()[name] = value
    return value
