"""Networks of one's own: ``"module:name"`` of code that can be imported or lies in the working directory."""

from __future__ import annotations

import hashlib
import importlib
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path

from torch import nn

from mien.errors import RecipeError
from mien.lab.recipe import Backbone, OwnNet
from mien.preprocess import Preprocess


def is_imported(name: str) -> bool:
    """Return whether a network's name is that of code of one's own."""
    return ":" in name


def import_network(name: str) -> Callable[[Preprocess, int], nn.Module]:
    """Return what builds a network of one's own.

    Args:
        name: ``"module:name"``, such as ``"my_net:MyNet"`` for the class or function MyNet in my_net.py.

    Raises:
        RecipeError: there is no such module or name, or what it builds is not a network.
    """
    maker = _maker(name)

    def build(preprocess: Preprocess, classes: int) -> nn.Module:
        try:
            network = maker(preprocess, classes)
        except TypeError as error:
            raise RecipeError(f"network {name!r}: {error}; it is called with (preprocess, classes).") from error
        if not isinstance(network, nn.Module):
            kind = type(network).__name__
            raise RecipeError(f"network {name!r}: it gives a {kind}; expected a torch.nn.Module.")
        return network

    return build


def _maker(name: str) -> Callable[..., object]:
    module, _, attribute = name.partition(":")
    if (here := str(Path.cwd())) not in sys.path:
        sys.path.append(here)  # behind all else, so that it hides nothing
    try:
        maker: Callable[..., object] = getattr(importlib.import_module(module), attribute)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{module}.".startswith(f"{error.name}."):
            raise  # it is there, and lacks one that it imports itself
        raise RecipeError(
            f"network {name!r}: no module {error.name} in {here} or among what is installed; expected MODULE:NAME, "
            "such as my_net:MyNet for MyNet in my_net.py."
        ) from error
    except (ValueError, AttributeError) as error:  # no name of a module; no such attribute
        raise RecipeError(f"network {name!r}: {error}; expected MODULE:NAME, such as my_net:MyNet.") from error
    if not callable(maker):
        raise RecipeError(f"network {name!r}: found {type(maker).__name__}; expected a class or a function.")
    return maker


def network_source(network: OwnNet | Backbone) -> bytes | None:
    """Return the file that defines a network of one's own; None for one of mien's or timm's.

    Raises:
        RecipeError: there is no such module or name, or no file, as in a notebook.
    """
    if not is_imported(network.name):
        return None
    return _source(_maker(network.name), network.name)


@cache
def _source(maker: Callable[..., object], name: str) -> bytes:
    """The file as it was when it was first asked for: what is edited later does not run before it is imported anew."""
    module = getattr(maker, "__module__", name.partition(":")[0])
    file = getattr(sys.modules[module], "__file__", None)
    if file is None:
        raise RecipeError(f"network {name!r}: no file defines it, by which a run could tell it; put it into one.")
    return Path(file).read_bytes()


def source_digest(network: OwnNet | Backbone) -> str | None:
    """Return the SHA-256 of the file that defines a network of one's own; None for one of mien's or timm's."""
    source = network_source(network)
    return None if source is None else hashlib.sha256(source).hexdigest()
