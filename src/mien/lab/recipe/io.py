"""Recipes as JSON, and overrides of single fields: both checked against the dataclasses' own types."""

from __future__ import annotations

import difflib
import json
import math
import types
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import MISSING, fields, is_dataclass, replace
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from mien.errors import RecipeError
from mien.lab.recipe import SCHEMA, Recipe

RECIPE = "recipe.json"
"""Name of a run's recipe file; a folder that has it is a run."""

VARIANT = "-variant"
"""Ends the name of a recipe that `override` has changed."""
_IS_VARIANT = "A variant of "

_ONLY_WITH: dict[str, tuple[str, Callable[[Any], object]]] = {
    "network.batch_norm": ("network.dense", lambda network: network.dense),
    "augment.zoom_per_axis": ("augment.zoom_fraction", lambda augment: augment.zoom_fraction),
    "augment.soften_px": ("augment.soften_rate", lambda augment: augment.soften_rate),
    "augment.jpeg_quality": ("augment.jpeg_rate", lambda augment: augment.jpeg_rate),
    "augment.erase_area": ("augment.erase_rate", lambda augment: augment.erase_rate),
    "augment.mix_rate": (
        "augment.mixup_alpha or augment.cutmix_alpha",
        lambda augment: augment.mixup_alpha or augment.cutmix_alpha,
    ),
    "validation.fraction": ("validation.kind=holdout", lambda validation: validation.kind == "holdout"),
    "validation.rule": ("validation.kind=holdout", lambda validation: validation.kind == "holdout"),
    "stopping.min_delta": ("stopping.monitor", lambda stopping: stopping.monitor != "none"),
}
"""Fields without effect on their own: what each of them needs, and whether a recipe's part has it."""


def is_run(named: str | Path) -> bool:
    """Return whether a path is the folder of a run."""
    return (Path(named) / RECIPE).is_file()


def to_json(recipe: Recipe) -> str:
    """Return the recipe as JSON, see `to_row`."""
    return json.dumps(to_row(recipe), indent=2, allow_nan=False) + "\n"


def to_row(recipe: Recipe) -> dict[str, Any]:
    """Return the recipe ready for JSON, with its schema's number; where a field has several types, `kind` names one."""
    return {"schema": SCHEMA, **_encode(recipe, Recipe)}


def bare(recipe: Recipe) -> Recipe:
    """Return a recipe without its descriptive fields: two that train alike become equal."""
    return replace(recipe, name="bare", source="", published=(), assumed={}, remark="")


def from_json(text: str) -> Recipe:
    """Read what `to_json` has written.

    Raises:
        RecipeError: it is not JSON, of another schema, or a field is unknown, missing or of the wrong type.
    """
    try:
        row = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise RecipeError(f"recipe: not JSON ({error}).") from error
    return from_row(row)


def from_row(row: Any) -> Recipe:
    """Read what `to_row` has returned.

    Raises:
        RecipeError: as `from_json` raises it.
    """
    if not isinstance(row, dict):
        raise RecipeError(f"recipe: found a {type(row).__name__}, expected a JSON object.")
    if row.get("schema") != SCHEMA:
        raise RecipeError(
            f"recipe: schema {row.get('schema')!r}, expected {SCHEMA}; it was written by another version of mien."
        )
    recipe: Recipe = _decode({key: value for key, value in row.items() if key != "schema"}, Recipe, "recipe")
    return recipe


def override(recipe: Recipe, *changes: str) -> Recipe:
    """Return a variant of a recipe.

    A variant is another recipe: its name ends in ``-variant`` and its remark lists the changes (unless they set name or
    remark), assumptions about changed fields are dropped, and `published` is empty, so that its results are never
    compared with the source's.

    Args:
        recipe: the original, which is not modified.
        changes: each ``path=value``, such as ``optimizer.lr=3e-4``, ``stopping.patience=none``, ``schedule=Cosine``,
            ``phases.0.lr=1e-4``; a value of several parts is written as JSON: ``network.dense=[128, 64]``.

    Raises:
        RecipeError: no such field (the message names the nearest), the value does not fit its type or is out of range,
            or the field would have no effect.
    """
    row, paths = _encode(recipe, Recipe), []
    for change in changes:
        path, equals, text = change.partition("=")
        names = path.strip().split(".")
        if not equals or not all(names):
            raise RecipeError(f"{change!r}: expected FIELD=VALUE, such as optimizer.lr=3e-4.")
        if names[0] == "published":
            raise RecipeError(
                "published: holds the source's figures, which are dropped from every variant; leave it out."
            )
        _set(row, Recipe, names, text.strip(), path.strip())
        paths.append(path.strip())
    variant: Recipe = _decode(row, Recipe, "recipe")  # all changes at once, as some are valid only together
    _refuse_unused(variant, recipe.name, paths)
    if changes and "remark" not in paths:  # the original's may not apply to the variant
        begun = f"{recipe.remark[:-1]}, " if recipe.remark.startswith(_IS_VARIANT) else f"{_IS_VARIANT}{recipe.name}: "
        variant = replace(variant, remark=f"{begun}{', '.join(map(str.strip, changes))}.")
    if variant.name == recipe.name and not variant.name.endswith(VARIANT):
        variant = replace(variant, name=variant.name + VARIANT)
    assumed = {field: why for field, why in variant.assumed.items() if not _is_changed(field, paths)}
    return replace(variant, published=(), assumed=assumed)


def _refuse_unused(variant: Recipe, name: str, paths: Iterable[str]) -> None:
    """Refuse changes without effect, once all changes of the recipe `name` are made."""
    for path in paths:
        if path == "optimizer.lr" and variant.phases:
            raise RecipeError(
                f"optimizer.lr: not used by {name}, which has phases with a learning rate each; set phases.0.lr."
            )
        if path not in _ONLY_WITH:
            continue
        (needed, has_it), (part, field) = _ONLY_WITH[path], path.split(".")
        whole = getattr(variant, part)  # of another kind if that was set too
        if not (hasattr(whole, field) and has_it(whole)):
            raise RecipeError(f"{path}: changes nothing in {name} without {needed}; set that too, or leave this out.")


def nearest(name: str, known: Iterable[str]) -> str:
    """Return the end of a message about an unknown name: names that resemble or contain it, or else all."""
    known = list(known)
    close = difflib.get_close_matches(name, known, n=3) or [one for one in known if name and name in one][:3]
    return f"did you mean {' or '.join(map(repr, close))}?" if close else f"expected one of {', '.join(known)}."


def _is_changed(field: str, paths: Iterable[str]) -> bool:
    """Whether one of the changes concerns a field, a part of it, or the whole that it is part of."""
    return any(f"{path}.".startswith(f"{field}.") or f"{field}.".startswith(f"{path}.") for path in paths)


def _set(row: Any, hint: Any, names: list[str], text: str, path: str) -> None:
    """Set the field at `names` of `row`, JSON of type `hint`, to the value of `text`."""
    name, *deeper = names
    if isinstance(row, list):
        if name not in map(str, range(len(row))) or not deeper:
            known = "it is empty" if not row else f"its items are 0 to {len(row) - 1}"
            raise RecipeError(f"{path}: {known}; expected LIST.ITEM.FIELD=VALUE, or the whole list as JSON.")
        _set(row[int(name)], get_args(hint)[0], deeper, text, path)
        return
    kind = _kind_of(row, hint)
    hints = get_type_hints(kind)
    if name == "kind" and name not in hints and len(kinds := _kinds(hint)) > 1:
        whole = path.removesuffix(".kind")
        asked = {each.lower(): each for each in kinds}.get(text.lower(), kind.__name__)
        raise RecipeError(
            f"{path}: to choose another kind, set the whole field: --set "
            f"""'{whole}={{"kind": "{asked}"}}', with those of its fields that differ from the defaults; """
            f"expected one of {', '.join(kinds)}."
        )
    if name not in hints:
        in_parts = [f"{part}.{name}" for part in hints if name in get_type_hints(_kind_of(row[part], hints[part]))]
        known = nearest(name, hints) if hints else "it has none."
        if in_parts:
            known = f"did you mean {' or '.join(map(repr, in_parts))}?"
        raise RecipeError(f"{path}: {kind.__name__} has no field {name!r}; {known}")
    if deeper:
        _set(row[name], hints[name], deeper, text, path)
    else:
        row[name] = _encode(_parse(text, hints[name], path), hints[name])


def _kind_of(row: Any, hint: Any) -> type:
    """The dataclass of `row`, JSON of type `hint`; the type of `row` if it holds none."""
    kinds = _kinds(hint) if isinstance(row, dict) else {}
    kind: type = kinds[row["kind"]] if len(kinds) > 1 else next(iter(kinds.values()), type(row))
    return kind


def _parse(text: str, hint: Any, path: str) -> Any:
    """Return the value of `text`, as typed by a user, for a field of type `hint`."""
    options = _options(hint)
    if text in _kinds(hint):
        return _decode({"kind": text}, hint, path)
    if type(None) in options and text.lower() == "none":
        return None
    if str in options or get_origin(hint) is Literal:
        return _decode(text, hint, path)
    try:
        value = json.loads(text.lower() if bool in options else text)
    except json.JSONDecodeError:
        value = text  # refused below, with the expected type
        if float in options:
            with suppress(ValueError):
                value = float(text)  # such as .001, which JSON writes as 0.001
    if isinstance(value, float) and value.is_integer() and int in options and float not in options:
        value = int(value)  # 1e2 epochs
    return _decode(value, hint, path)


def _options(hint: Any) -> tuple[Any, ...]:
    """The types that a value may have."""
    return get_args(hint) if get_origin(hint) in (types.UnionType, Union) else (hint,)


def _kinds(hint: Any) -> dict[str, Any]:
    """The dataclasses among the types of a value, by name."""
    return {option.__name__: option for option in _options(hint) if isinstance(option, type) and is_dataclass(option)}


def _encode(value: Any, hint: Any) -> Any:
    """Return `value`, of type `hint`, as JSON."""
    if is_dataclass(value):
        kind = {"kind": type(value).__name__} if len(_options(hint)) > 1 else {}
        hints = get_type_hints(type(value))
        return kind | {field.name: _encode(getattr(value, field.name), hints[field.name]) for field in fields(value)}
    if isinstance(value, tuple):
        return [_encode(item, get_args(hint)[0]) for item in value]
    return value


def _decode(value: Any, hint: Any, path: str) -> Any:
    """Return the JSON `value` converted to the type `hint`; `path` is for messages."""
    options = _options(hint)
    if isinstance(value, dict) and (kinds := _kinds(hint)):
        return _decode_dataclass(dict(value), kinds, path)
    if isinstance(value, list) and get_origin(hint) is tuple:
        items = get_args(hint)
        if items[-1] is Ellipsis:
            items = (items[0],) * len(value)
        if len(items) == len(value):
            return tuple(_decode(item, kind, f"{path}[{i}]") for i, (item, kind) in enumerate(zip(value, items)))
    elif get_origin(hint) is dict and isinstance(value, dict):
        if all(isinstance(item, str) for item in value.values()):
            return value
    elif get_origin(hint) is Literal:
        if value in get_args(hint):
            return value
    elif type(value) in options:
        if not isinstance(value, float) or math.isfinite(value):
            return value
    elif float in options and type(value) is int:
        return float(value)
    raise RecipeError(f"{path}: found {value!r}, expected {_words(hint)}.")


def _decode_dataclass(row: dict[str, Any], kinds: dict[str, Any], path: str) -> Any:
    """Return the JSON `row` as an object of one of `kinds`."""
    name = str(row.pop("kind", None)) if len(kinds) > 1 else next(iter(kinds))
    if name not in kinds:
        raise RecipeError(f"{path}: kind {name!r}, expected {' or '.join(kinds)}.")
    kind, hints = kinds[name], get_type_hints(kinds[name])
    for key in row:
        if key not in hints:
            raise RecipeError(f"{path}: {name} has no field {key!r}; {nearest(key, hints)}")
    missing = [
        field.name
        for field in fields(kind)
        if field.name not in row and field.default is MISSING and field.default_factory is MISSING
    ]
    if missing:
        stated = "".join(f', "{field}": ...' for field in missing)
        raise RecipeError(f'{path}: {name} needs {", ".join(missing)}; as JSON: {{"kind": "{name}"{stated}}}.')
    return kind(**{key: _decode(item, hints[key], f"{path}.{key}") for key, item in row.items()})


def _words(hint: Any) -> str:
    """A type in words, for messages."""
    options = _options(hint)
    if len(options) > 1:
        return " or ".join(map(_words, options))
    if get_origin(hint) is Literal:
        return " or ".join(map(repr, get_args(hint)))
    if get_origin(hint) is tuple:
        items = get_args(hint)
        count = "" if items[-1] is Ellipsis else f"{len(items)} "
        return f"a list of {count}{_words(items[0])}s"
    if get_origin(hint) is dict:
        return "an object of strings"
    words = {int: "integer", float: "finite number", str: "string", bool: "true or false", type(None): "none"}
    return words.get(hint) or str(hint.__name__)
