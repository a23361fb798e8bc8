"""Custom networks: ``"module:name"`` of code that is installed or in the working directory."""

from __future__ import annotations

import hashlib
import importlib
import sys
from collections.abc import Callable
from copy import deepcopy
from functools import cache
from pathlib import Path
from traceback import extract_tb
from typing import Any, TypeVar, cast

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from mien.errors import MienError, ModelError, RecipeError
from mien.lab.nets.own_code import files_of
from mien.lab.nets.torchvision import make_importable
from mien.lab.recipe import Backbone, OwnNet
from mien.preprocess import Preprocess

T = TypeVar("T")

NETWORK = "network.py"
"""Name of a run's copy of the file that defines the network."""

BESIDE = 0.01
"""Change of a logit that another face in the batch may cause, relative to the largest: GPU kernels vary by batch."""


def is_imported(name: str) -> bool:
    """Return whether a network's name refers to a custom network."""
    return ":" in name


def import_network(name: str) -> Callable[[Preprocess, int], nn.Module]:
    """Return a function that builds a custom network.

    Args:
        name: ``"module:name"``, such as ``"my_net:MyNet"`` for the class or function MyNet in my_net.py.

    Raises:
        RecipeError: there is no such module or name, it fails, or it does not build a network.
    """
    maker = _maker(name)

    def build(preprocess: Preprocess, classes: int) -> nn.Module:
        try:
            network = _with_torchvision(lambda: maker(preprocess, classes))
        except MienError:
            raise
        except Exception as error:
            why = what_failed(error, name)
            called = "" if why.endswith(")") else "; it is called with (preprocess, classes)"
            raise RecipeError(f"network {name!r}: {why}{called}.") from error
        if not isinstance(network, nn.Module):
            kind = type(network).__name__
            raise RecipeError(f"network {name!r}: it returns a {kind}; expected a torch.nn.Module.")
        if any(is_lazy(parameter) for parameter in network.parameters()):  # they infer their shape from the first input
            face = torch.zeros(1, preprocess.channels, preprocess.input_px, preprocess.input_px)
            try:
                with torch.no_grad():
                    network.eval()(face)
            except Exception as error:
                raise _cannot_take(face, name, error) from error
            network.train()
        return network

    return build


def _with_torchvision(load: Callable[[], T]) -> T:
    """Run an import that may load timm, even if torchvision was built for another torch."""
    try:
        return load()
    except RuntimeError as error:
        if "torchvision::" not in str(error):
            raise
        make_importable()
        return load()


def what_failed(error: Exception, name: str) -> str:
    """Return the message of a custom network's error, and the line of its code that raised it."""
    files = {str(file) for file in files_of(_maker(name), name.partition(":")[0]).values()}
    lines = [frame for frame in extract_tb(error.__traceback__) if frame.filename in files]
    if not lines:
        return str(error).rstrip(".")
    return (
        f"{type(error).__name__}: {str(error).rstrip('.')} ({Path(lines[-1].filename).name}, line {lines[-1].lineno})"
    )


def check_network(
    network: nn.Module, name: str, face: tuple[int, int, int], outputs: int, device: torch.device
) -> None:
    """Check the outputs of a custom network in training mode and in evaluation mode.

    Args:
        network: made contiguous in place if it cannot take channels last, as one that reshapes by `view`.
        name: its name, for messages.
        face: shape of its input, ``(channels, side, side)``.
        outputs: how many logits it must return.
        device: where it is.

    Raises:
        RecipeError: it fails, or its output has another shape, is random, or depends on other faces in the batch.
    """
    faces = torch.zeros(2, *face, device=device)
    try:
        _check_output(network, name, faces, outputs)
    except RecipeError:
        cast(Any, network).to(memory_format=torch.contiguous_format)
        _check_output(network, name, faces, outputs)
    with torch.no_grad():
        shown = torch.linspace(-1, 1, faces[0].numel(), device=device).view_as(faces[:1])
        once, again = (deepcopy(network).eval()(shown) for _ in range(2))
        beside_another = deepcopy(network).eval()(torch.cat([shown, torch.ones_like(shown)]))[:1]
    if not torch.allclose(once, again, equal_nan=True):
        raise RecipeError(
            f"network {name!r} gives different outputs for the same face in evaluation mode; it must be deterministic "
            "there: write F.dropout(x, rate, self.training)."
        )
    if (once - beside_another).abs().max() > BESIDE * once.abs().max():
        raise RecipeError(
            f"network {name!r} gives different outputs for a face alone and in a batch in evaluation mode; it must not "
            "mix faces there, as attention without batch_first=True and BatchNorm2d(track_running_stats=False) do."
        )


def _check_output(network: nn.Module, name: str, faces: Tensor, outputs: int) -> None:
    for learning, shown in ((False, faces[:1]), (True, faces)):
        when = " in training mode" if learning else ""
        try:
            with torch.no_grad():
                answer = deepcopy(network).train(learning)(shown)  # a copy, as normalisation updates its statistics
        except Exception as error:
            raise _cannot_take(faces, name, error, when) from error
        if (shape := tuple(getattr(answer, "shape", ()))) != (len(shown), outputs):
            found = shape or f"a {type(answer).__name__}"
            raise RecipeError(
                f"network {name!r} returns {found} for {len(shown)} face{'s' * learning}{when}, expected "
                f"({len(shown)}, {outputs}): a logit for each class."
            )


def _cannot_take(faces: Tensor, name: str, error: Exception, when: str = "") -> RecipeError:
    return RecipeError(f"network {name!r} cannot take faces of {faces.shape[-1]} px{when}: {what_failed(error, name)}.")


def _maker(name: str) -> Callable[..., object]:
    module, _, attribute = name.partition(":")
    if (here := str(Path.cwd())) not in sys.path:
        sys.path.append(here)  # last, so that it hides no installed module
    if not module or module.startswith("."):
        raise RecipeError(f"network {name!r}: the module is missing; expected MODULE:NAME, such as my_net:MyNet.")
    try:
        found = _with_torchvision(lambda: importlib.import_module(module))
    except ModuleNotFoundError as error:
        if error.name is None or not f"{module}.".startswith(f"{error.name}."):
            raise  # the module exists, but something that it imports does not
        plain = module.removesuffix(".py").strip("/").replace("/", ".")
        example = "my_net:MyNet for MyNet in my_net.py" if plain == module else f"{plain}:{attribute}"
        raise RecipeError(
            f"network {name!r}: no module {error.name} in {here} or among what is installed; expected MODULE:NAME, "
            f"such as {example}."
        ) from error
    if not hasattr(found, attribute):
        file = getattr(found, "__file__", None)  # it may be an installed module of the same name
        raise RecipeError(
            f"network {name!r}: module {module!r} has no attribute {attribute!r}; expected MODULE:NAME, such as "
            f"my_net:MyNet{f' ({module} is {file})' if file else ''}."
        )
    maker: Callable[..., object] = getattr(found, attribute)
    if not callable(maker):
        raise RecipeError(f"network {name!r}: found {type(maker).__name__}; expected a class or a function.")
    return maker


def network_sources(network: OwnNet | Backbone) -> dict[str, bytes]:
    """Return the files that define a custom network; none for one of mien's or timm's.

    They are the file with its class or function, and those beside it that it imports.

    Returns:
        Their contents by their file names in a run, `NETWORK` first.

    Raises:
        RecipeError: there is no such module or name, or no file, as in a notebook.
    """
    return _sources(_maker(network.name), network.name) if is_imported(network.name) else {}


@cache
def _sources(maker: Callable[..., object], name: str) -> dict[str, bytes]:
    """The files as first read, because later edits do not run in this process."""
    files = files_of(maker, name.partition(":")[0])
    if not files:
        raise RecipeError(f"network {name!r}: no file defines it; put it into a file, so that a run can keep a copy.")
    first, *others = files
    kept = {first: NETWORK} | {other: f"{Path(NETWORK).stem}.{other}.py" for other in others}
    return {kept[module]: file.read_bytes() for module, file in files.items()}


def source_digest(network: OwnNet | Backbone) -> str | None:
    """Return the SHA-256 of the code that defines a custom network; None for one of mien's or timm's."""
    sources = sorted(network_sources(network).items())
    lines = [f"{name} {hashlib.sha256(content).hexdigest()}\n" for name, content in sources]
    return hashlib.sha256("".join(lines).encode()).hexdigest() if lines else None


def check_unchanged(network: OwnNet | Backbone, digest: str | None, folder: Path) -> None:
    """Check that the code of a custom network is the code that a run was trained with.

    Args:
        network: of the run.
        digest: from `source_digest` at the time of training.
        folder: of the run.

    Raises:
        ModelError: it is not, or cannot be found.
    """
    files = sorted(folder.glob(f"{Path(NETWORK).stem}*.py"), key=lambda file: (file.name != NETWORK, file.name))
    kept = ", ".join(map(str, files))
    try:
        now = source_digest(network)
    except RecipeError as error:
        raise ModelError(f"{folder}: {error} Its code is kept as {kept}.") from error
    if now != digest:
        raise ModelError(
            f"{folder}: the code that defines {network.name} has changed since this was trained; put it back as "
            f"{kept} {'has' if len(files) == 1 else 'have'} it, or train again."
        )
