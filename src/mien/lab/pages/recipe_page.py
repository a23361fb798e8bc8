"""Recipes in words: the table of all of them, and docs/recipes.md."""

from __future__ import annotations

from typing import Any

from mien.lab.recipe import Backbone, Distillation, Recipe
from mien.lab.recipe.words import fields_in_words, figure_in_words
from mien.lab.recipe_book import FUTURE_WORK, OWN, PUBLISHED, SPEEDRUNS, recipes
from mien.lab.tables import Table

_GROUPS = (
    ("Published systems", PUBLISHED),
    ("Networks that the reports name as future work", FUTURE_WORK),
    ("Our own: models that ship, steps on the way to them, trials on record", OWN),
    ("Our own, short", SPEEDRUNS),
)

_INTRO = """\
# Recipes

<!-- Written by `mien recipes --markdown > docs/recipes.md`. -->

A recipe is one row that defines what is trained and how. A report states most of its row. Values that it leaves out are
listed under *assumed*, with the reason. Techniques that it never mentions, such as label smoothing, are off. All five
reports used Keras, so Keras' defaults fill the gaps (batch normalisation with momentum 0.99 and epsilon 1e-3,
Glorot-uniform weights, Adam with epsilon 1e-7).

Report 001 shows its layers only in figures. A public notebook has the same results to the last digit, the same number
of parameters and the same class weights, so the rows of that report follow it where the report is silent:
<https://github.com/sahiltambe/Deep-Learning-for-Real-Time-Emotion-Recognition>. Report 003 uses the convolutions of
its reference 11, also a notebook ("Facial Emotion Recognition using Keras Tensorflow", Hackers Realm).

*Published* figures are the reports' own, not results of mien; each report's remark says what they were measured on.
*Needs* lists the options of `mien train` that a row requires. *Parameters* counts those that any phase trains, with 7
classes. `mien recipes NAME` prints a row, `mien train NAME --set optimizer.lr=3e-4` changes it. A changed recipe is a
new one: its name ends in `-variant` and it has no published figures.

`validation=Validation(kind='Test')` validates on the split Test, all test images of the folder edition. In an edition
without such a split it uses the same faces, PublicTest and PrivateTest. `mien train` prints which faces it used.

`resnet50` here is timm's, which equals torchvision's. Keras' version has 26,560 biases in its convolutions, which the
batch normalisation after each makes redundant: 23,587,712 parameters without the classes, of which 53,120 are means
and variances, against timm's 23,508,032 trained parameters + 53,120 means and variances.

Recipes that start from ImageNet download timm's weights or take a file: `--weights FILE.safetensors`, with the tensor
names of timm, torchvision or EfficientNet-PyTorch. Weights need the normalisation that they were trained with; the
recipe's `preprocess` states the one it applies. If a report fed inputs in [0, 1] to ImageNet weights, its recipe does
too.
"""


def tables(parameters: bool = False) -> dict[str, list[dict[str, str]]]:
    """Return the recipes of each group by its title, each as a row of texts by column.

    Published systems have a column with their figures, the others one with the options of `mien train` that they need.

    Args:
        parameters: add a column with the number of trained parameters; needs torch.
    """
    return {
        title: [
            {
                "recipe": recipe.name,
                "network": _network(recipe),
                **({"parameters": f"{count_trained(recipe):,}"} if parameters else {}),
                "input": _input(recipe),
                "epochs": str(recipe.epochs),
                **({"published": _final_figures(recipe) or "none"} if rows is PUBLISHED else {"needs": _needs(recipe)}),
            }
            for recipe in rows
        ]
        for title, rows in _GROUPS
    }


def _needs(recipe: Recipe) -> str:
    """The options of `mien train` that a recipe requires."""
    network = recipe.network
    options = (
        ("ImageNet's weights", isinstance(network, Backbone) and network.weights == "imagenet"),
        ("--weights", network.weights == "file"),
        ("--votes", recipe.votes_weight > 0),
        ("--teacher", isinstance(recipe.distillation, Distillation)),
    )
    return " ".join(option for option, needed in options if needed) or "nothing"


def _final_figures(recipe: Recipe) -> str:
    figures = [figure_in_words(figure) for figure in recipe.published if figure.epoch is None]
    return "; ".join(figures).replace("accuracy ", "")


def page() -> str:
    """Return docs/recipes.md."""
    lines = [_INTRO.rstrip()]
    for title, rows in tables(parameters=True).items():
        cells = [(f"[{row['recipe']}](#{row['recipe']})", *list(row.values())[1:]) for row in rows]
        lines += ["", f"{title}:", "", Table(title, tuple(rows[0]), tuple(cells), text_columns=len(rows[0])).markdown()]
    for recipe in recipes.values():
        lines += ["", f"## {recipe.name}", "", f"{recipe.source[0].upper()}{recipe.source[1:]}."]
        if recipe.remark:
            lines += ["", recipe.remark]
        stated = tuple(
            (name, "<br>".join(value) if isinstance(value, list) else value)
            for name, value in fields_in_words(recipe)
            if name not in ("name", "source", "remark", "assumed")
        )
        lines += ["", Table(recipe.name, ("field", "value"), stated, text_columns=2).markdown()]
        if recipe.assumed:
            lines += ["", "Assumed:", ""]
            lines += [f"* `{name}`: {reason}" for name, reason in recipe.assumed.items()]
    return "\n".join(lines) + "\n"


def count_trained(recipe: Recipe) -> int:
    """Return how many parameters any phase of the recipe trains at most, with 7 classes."""
    import torch

    from mien.lab.nets import build, count_parameters, set_trainable

    with torch.device("meta"):  # shapes without data, which is fast
        classifier = build(recipe.network, recipe.preprocess, classes=7, pretrained=False)
    counts = []
    for what in [phase.trainable for phase in recipe.phases] or ["all"]:
        set_trainable(classifier, what)
        counts.append(count_parameters(classifier))
    return max(counts)


def layer_table(recipe: Recipe) -> Table:
    """Return the layers of a recipe's network in execution order, with 7 classes.

    Each line has the layer's name in the network, its kind, its output shape for one face, and its parameters.
    """
    import torch

    from mien.lab.nets import build, count_parameters

    p = recipe.preprocess
    lines: list[tuple[str, str, str, str]] = []
    with torch.device("meta"), torch.no_grad():  # shapes without data, which is fast
        classifier = build(recipe.network, p, classes=7, pretrained=False).eval()
        for name, module in classifier.named_modules():
            if next(module.children(), None) is None:

                def note(module: Any, _: Any, out: Any, name: str = name) -> None:
                    out = out if hasattr(out, "shape") else out[0]  # a recurrent layer also returns its state
                    shape = " x ".join(map(str, out.shape[1:]))
                    lines.append((name, type(module).__name__, shape, f"{count_parameters(module):,}"))

                module.register_forward_hook(note)
        classifier(torch.zeros(1, p.planes, p.crop_px, p.crop_px, dtype=torch.uint8))
    return Table(
        f"{recipe.name}: {count_parameters(classifier):,} parameters",
        ("layer", "kind", "output shape", "parameters"),
        tuple(lines),
        text_columns=3,
    )


def _network(recipe: Recipe) -> str:
    network = recipe.network
    return f"{network.name}, {network.weights}" if isinstance(network, Backbone) else network.name


def _input(recipe: Recipe) -> str:
    p = recipe.preprocess
    enlarged = f"{p.crop_px} to " if p.crop_px != p.input_px else ""
    return f"{enlarged}{p.input_px}x{p.input_px}x{p.channels}"
