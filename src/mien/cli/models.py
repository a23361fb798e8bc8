"""`mien models`."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from mien.card import Card

Model = Annotated[str | None, typer.Option(help="A model folder, or the name of a shipped model; default: mien-small.")]


def models(
    name: Annotated[str | None, typer.Argument(help="A shipped model, or a model folder: print its card.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON: one card, or a list of all.")] = False,
) -> None:
    """List the shipped models, or print the card of one."""
    from mien.card import MODEL_FILE, Card
    from mien.recognizer import DEFAULT_MODEL, find_model, shipped_models

    folders = [find_model(each) for each in ([name] if name is not None else shipped_models())]
    cards = [Card.read(folder) for folder in folders]
    if as_json:
        rows: list[dict[str, Any]] = [asdict(card) | {"labels": list(card.labels)} for card in cards]
        typer.echo(json.dumps(rows if name is None else rows[0], indent=2))
    elif name is not None:
        typer.echo("\n".join(_card_lines(cards[0])))
    else:
        for folder, card in zip(folders, cards, strict=True):
            default = "  (default)" if folder.name == DEFAULT_MODEL else ""
            megabytes = (folder / MODEL_FILE).stat().st_size / 1e6
            size = f"{card.parameters:,} parameters, {megabytes:.1f} MB"
            typer.echo(f"{folder.name}{default}: {len(card.labels)} classes, {size}")
            typer.echo("\n".join(f"  {line}" for line in _figures(card)))


def _card_lines(card: Card) -> list[str]:
    p = card.preprocess
    return [
        f"name        {card.name}",
        f"classes     {', '.join(card.labels)}",
        f"input       {p.color}, {p.crop_px} px",
        f"parameters  {card.parameters:,}",
        *(["output      the mean for a face and its mirror image"] if card.provenance.get("mirrored") else []),
        f"confidence  temperature {card.temperature:.3f}, sharpening {card.sharpening:.3f}, "
        f"uncertain below {card.uncertain_below:.2f}",
        *_accepted(card),
        f"licence     {card.licence}",
        *([f"origin      {origin}"] if (origin := card.provenance.get("origin")) else []),
        *_trained(card.provenance),
        *(f"measured    {line}" for line in _figures(card)),
        *(f"limit       {limit}" for limit in card.limits),
    ]


def _trained(provenance: dict[str, Any]) -> list[str]:
    """Recipe, seed, commit and the recipe's remark; a card made by hand may lack them."""
    try:
        recipe, seed, commit = provenance["recipe"], provenance["seed"], provenance["commit"]
        remark = [f"            {recipe['remark']}"] if recipe.get("remark") else []
        return [f"trained     recipe {recipe['name']}, seed {seed}, commit {commit[:7]}", *remark]
    except (AttributeError, KeyError, TypeError):
        return ["trained     the card does not say how"]


def _accepted(card: Card) -> list[str]:
    """The share of the calibration faces that the threshold accepts."""
    fitted = card.provenance.get("calibration")
    if not isinstance(fitted, dict) or not {"coverage", "n", "faces", "target_accuracy"} <= fitted.keys():
        return []
    faces, aim = f"of {fitted['n']:,} faces ({fitted['faces']})", f"{100 * fitted['target_accuracy']:g}%"
    if not fitted["coverage"]:
        return [f"accepted    none {faces}, because no threshold reaches {aim} right"]
    return [f"accepted    {fitted['coverage']:.1%} {faces}, at least {aim} of them right"]


def _figures(card: Card) -> list[str]:
    """One line for each split that the model was measured on: ``PublicTest: 67.73 % (...) of 3,589, twin-free ...``."""
    lines = []
    for split, figures in card.metrics.items():
        parts = []
        for name, part in (("", figures.get("full")), ("twin-free ", figures.get("twin_free"))):
            if part is not None:
                accuracy, low, high = (100 * part[key] for key in ("accuracy", "accuracy_low", "accuracy_high"))
                parts.append(f"{name}{accuracy:.2f} % ({low:.1f} to {high:.1f}) of {part['n']:,}")
        lines += [f"{_measured_on(split, card)}: {', '.join(parts)}"] if parts else []
    return lines


def _measured_on(split: str, card: Card) -> str:
    """``PublicTest``, ``PublicTest, FER+ majority``, ``PublicTest, mirrored``."""
    from mien.labels import FERPLUS

    majority = ", FER+ majority" if card.labels == FERPLUS else ""
    return split.removesuffix("-flip") + majority + (", mirrored" if split.endswith("-flip") else "")
