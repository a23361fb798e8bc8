"""Recipes as JSON, and changes of single fields: both checked against the dataclasses' own types."""

from __future__ import annotations

import difflib
import json
import math
import types
from collections.abc import Iterable
from dataclasses import MISSING, fields, is_dataclass, replace
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from mien.errors import RecipeError
from mien.lab.recipe import SCHEMA, Recipe

VARIANT = "-variant"
"""Ends the name of a recipe that `override` has changed."""


def to_json(recipe: Recipe) -> str:
    """Return the recipe as JSON, with its schema's number; where a field has several types, ``kind`` names one."""
    return json.dumps({"schema": SCHEMA, **_encode(recipe, Recipe)}, indent=2, allow_nan=False) + "\n"


def bare(recipe: Recipe) -> Recipe:
    """Return a recipe without what it says about itself: two that train the same become equal."""
    return replace(recipe, name="bare", source="", published=(), assumed={}, remark="")


def from_json(text: str) -> Recipe:
    """Read what `to_json` has written.

    Raises:
        RecipeError: it is not JSON, of another schema, or a field is unknown, missing or of the wrong type.
    """
    try:
        row = json.loads(text)
    except json.JSONDecodeError as error:
        raise RecipeError(f"recipe: not JSON ({error}).") from error
    if not isinstance(row, dict):
        raise RecipeError(f"recipe: found a {type(row).__name__}, expected a JSON object.")
    if row.get("schema") != SCHEMA:
        raise RecipeError(
            f"recipe: schema {row.get('schema')!r}, expected {SCHEMA}; it was written by another version of mien."
        )
    recipe = _decode({key: value for key, value in row.items() if key != "schema"}, Recipe, "recipe")
    assert isinstance(recipe, Recipe)
    return recipe


def override(recipe: Recipe, *changes: str) -> Recipe:
    """Return a variant of a recipe.

    A variant is another recipe: its name ends in ``-variant`` (unless the changes name it) and `published` is empty,
    so that its results are never printed against the source's.

    Args:
        recipe: what is changed; it stays as it is.
        changes: each ``path=value``, such as ``optimizer.lr=3e-4``, ``stopping.patience=none``, ``schedule=Cosine``,
            ``phases.0.lr=1e-4``; a value of several parts is written as JSON: ``network.dense=[128, 64]``.

    Raises:
        RecipeError: no such field (the message names the nearest), the value does not fit its type or is out of range,
            or nothing would use it.
    """
    variant, paths = recipe, []
    for change in changes:
        path, equals, text = change.partition("=")
        if not equals:
            raise RecipeError(f"{change!r}: expected FIELD=VALUE, such as optimizer.lr=3e-4.")
        names = path.strip().split(".")
        if names[0] == "published":
            raise RecipeError("published: holds the source's figures, which a variant has not; change another field.")
        variant = _replace(variant, names, text.strip(), path.strip())
        paths.append(path.strip())
    if variant.phases and "optimizer.lr" in paths:
        raise RecipeError(
            f"optimizer.lr: not used by {recipe.name}, which has phases with a learning rate each; set phases.0.lr."
        )
    if variant.name == recipe.name and not variant.name.endswith(VARIANT):
        variant = replace(variant, name=variant.name + VARIANT)
    return replace(variant, published=())


def nearest(name: str, known: Iterable[str]) -> str:
    """Return the end of a message about an unknown name: those that look like it, or else all there are."""
    known = list(known)
    close = difflib.get_close_matches(name, known, n=3)
    return f"did you mean {' or '.join(map(repr, close))}?" if close else f"expected one of {', '.join(known)}."


def _replace(holder: Any, names: list[str], text: str, path: str) -> Any:
    """Return `holder` with the field at `names` set to what `text` says."""
    name, *deeper = names
    if isinstance(holder, tuple):
        return _replace_item(holder, name, deeper, text, path)
    hints = _hints(type(holder)) if is_dataclass(holder) else {}
    if name not in hints:
        kind = type(holder).__name__
        raise RecipeError(f"{path}: {kind} has no field {name!r}; {nearest(name, hints) if hints else 'it has none.'}")
    value = _replace(getattr(holder, name), deeper, text, path) if deeper else _parse(text, hints[name], path)
    return replace(holder, **{name: value})


def _replace_item(items: tuple[Any, ...], name: str, deeper: list[str], text: str, path: str) -> Any:
    """Return `items` with a field of the one at place `name`, counted from 0, set to what `text` says."""
    if name not in map(str, range(len(items))) or not deeper:
        known = "it is empty" if not items else f"its items are 0 to {len(items) - 1}"
        raise RecipeError(f"{path}: {known}; expected LIST.ITEM.FIELD=VALUE, or the whole list as JSON.")
    place = int(name)
    return (*items[:place], _replace(items[place], deeper, text, path), *items[place + 1 :])


def _parse(text: str, hint: Any, path: str) -> Any:
    """Return the value that `text`, as typed by a user, has for a field of type `hint`."""
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
        value = text  # refused below, with what was expected
    if isinstance(value, float) and value.is_integer() and int in options and float not in options:
        value = int(value)  # 1e2 epochs
    return _decode(value, hint, path)


def _hints(kind: Any) -> dict[str, Any]:
    """Field name -> type of a dataclass."""
    return get_type_hints(kind)


def _options(hint: Any) -> tuple[Any, ...]:
    """The types that a value may have."""
    return get_args(hint) if get_origin(hint) in (types.UnionType, Union) else (hint,)


def _kinds(hint: Any) -> dict[str, Any]:
    """The dataclasses among them, by name."""
    return {option.__name__: option for option in _options(hint) if isinstance(option, type) and is_dataclass(option)}


def _encode(value: Any, hint: Any) -> Any:
    """Return `value`, of type `hint`, as JSON holds it."""
    if is_dataclass(value):
        kind = {"kind": type(value).__name__} if len(_options(hint)) > 1 else {}
        hints = _hints(type(value))
        return kind | {field.name: _encode(getattr(value, field.name), hints[field.name]) for field in fields(value)}
    if isinstance(value, tuple):
        return [_encode(item, get_args(hint)[0]) for item in value]
    return value


def _decode(value: Any, hint: Any, path: str) -> Any:
    """Return `value`, as JSON holds it, as the type `hint` has it; `path` is for messages."""
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
    """Return the object of one of `kinds` that `row` holds."""
    name = str(row.pop("kind", None)) if len(kinds) > 1 else next(iter(kinds))
    if name not in kinds:
        raise RecipeError(f"{path}: kind {name!r}, expected {' or '.join(kinds)}.")
    kind, hints = kinds[name], _hints(kinds[name])
    for key in row:
        if key not in hints:
            raise RecipeError(f"{path}: {name} has no field {key!r}; {nearest(key, hints)}")
    missing = [
        field.name
        for field in fields(kind)
        if field.name not in row and field.default is MISSING and field.default_factory is MISSING
    ]
    if missing:
        raise RecipeError(f"{path}: {name} needs {', '.join(missing)}.")
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
