"""Recognizer: a model folder loaded for use. Face crops in, expressions out; onnxruntime."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from mien.card import CARD_FILE, MODEL_FILE, Card
from mien.checking import check_number
from mien.errors import InputError, ModelError
from mien.faces.align import MAX_CROP_PX, crop_face, whole

if TYPE_CHECKING:
    import onnxruntime

DEFAULT_MODEL = "mien-small"
"""Name of the shipped model that is used when none is named."""

LEAST_DOUBT = 1e-9
"""Least doubt of a face in `calibrated_softmax`: without any, its temperature would be 0."""

_SHIPPED = Path(__file__).with_name("models")

_PRODUCT = (
    b'\x08\x08:[\n\x18\n\x01a\n\x01b\x12\x01c"\rMatMulInteger\x12\x00Z\x13\n\x01a\x12\x0e\n\x0c\x08\x02\x12\x08\n\x02\x08\x01\n\x02'
    b"\x08\x02Z\x13\n\x01b\x12\x0e\n\x0c\x08\x03\x12\x08\n\x02\x08\x02\n\x02\x08\x01b\x13\n\x01c\x12\x0e\n\x0c\x08\x06\x12\x08\n\x02\x08\x01\n"
    b"\x02\x08\x01B\x04\n\x00\x10\x12"
)
"""An ONNX file: c = MatMulInteger(a, b), of uint8 (1, 2) and int8 (2, 1)."""


@dataclass(frozen=True)
class Expression:
    """What raters would call a face's expression, as a model guesses it; not what the person feels.

    Attributes:
        label: the most probable class.
        confidence: its calibrated probability.
        probabilities: class name -> probability, in the order of the label set.
        uncertain: whether `confidence` is below the card's threshold.
    """

    label: str
    confidence: float
    probabilities: dict[str, float] = field(hash=False)
    uncertain: bool

    @property
    def marked_label(self) -> str:
        """The label, with a question mark where it is uncertain."""
        return self.label + ("?" if self.uncertain else "")


def shipped_models() -> list[str]:
    """Return the names of the models that ship with the package."""
    return sorted(file.parent.name for file in _SHIPPED.glob(f"*/{MODEL_FILE}"))


def is_model(named: str | Path) -> bool:
    """Return whether `named` is the name of a shipped model or the path of a model folder."""
    return str(named) in shipped_models() or (Path(named) / CARD_FILE).is_file()


def softmax(logits: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    """Return the probabilities ``(N, K)`` float64 that logits stand for."""
    powers = np.exp(logits.astype(np.float64) - logits.max(axis=1, keepdims=True))
    probabilities: npt.NDArray[np.float64] = powers / powers.sum(axis=1, keepdims=True)
    return probabilities


def calibrated_softmax(
    logits: npt.NDArray[np.float32], temperature: float, sharpening: float
) -> npt.NDArray[np.float64]:
    """Return ``softmax(logits / T)``, ``(N, K)`` float64, with a temperature for each face.

    ``T = temperature * (1 - p) ** sharpening``, where p is the largest of ``softmax(logits)``. No face gets another
    label. Networks that learned from softened labels are underconfident where they are right and overconfident where
    they guess; a positive `sharpening` corrects both, which no single temperature can.
    """
    others = 1 - softmax(logits).max(axis=1, keepdims=True)
    temperatures = temperature * np.maximum(others, LEAST_DOUBT) ** sharpening
    return softmax(logits.astype(np.float64) / temperatures)


class Recognizer:
    """A model folder, ready for use; a copy, as for another process, is loaded from that folder again.

    Attributes:
        card: its card.
        folder: where it was loaded from.
    """

    def __init__(
        self, card: Card, folder: Path, session: onnxruntime.InferenceSession, threads: int | None = None
    ) -> None:
        self.card = card
        self.folder = folder
        self._session = session
        self._threads = threads

    def __repr__(self) -> str:
        return f"Recognizer({self.card.name!r}, folder={str(self.folder)!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        model = self.folder.name if self.folder.parent == _SHIPPED else self.folder.absolute()
        return partial(Recognizer.load, threads=self._threads), (model,)

    @classmethod
    def load(cls, model: str | Path | None = None, *, threads: int | None = None) -> Recognizer:
        """Open a model.

        Args:
            model: the name of a shipped model, a model folder, or None for the shipped default. Write ``./name`` for a
                folder that has the name of a shipped model.
            threads: CPU threads for one batch; None leaves the choice to onnxruntime.

        Raises:
            InputError: `threads` is below 1.
            ModelError: there is no such model, or its folder is damaged.
        """
        if threads is not None:
            check_number("threads", threads, 1, whole=True)
        folder = find_model(model)
        card = Card.read(folder)
        return cls(card, folder, _open(folder / MODEL_FILE, card, threads), threads)

    def logits(self, faces: npt.NDArray[np.uint8], batch_size: int = 64) -> npt.NDArray[np.float32]:
        """Run the model.

        Args:
            faces: ``(N, planes, crop_px, crop_px)`` uint8, as `Preprocess.stack` makes them.
            batch_size: faces that are run together; memory grows with it, not with N.

        Returns:
            ``(N, K)`` float32.

        Raises:
            InputError: the faces have another shape or type, or `batch_size` is below 1.
        """
        p = self.card.preprocess
        check_number("batch_size", batch_size, 1, whole=True)
        if not isinstance(faces, np.ndarray) or faces.dtype != np.uint8:
            raise InputError(f"faces: {getattr(faces, 'dtype', type(faces).__name__)}; expected an array of uint8.")
        if faces.shape[1:] != (p.planes, p.crop_px, p.crop_px):
            expected = f"(N, {p.planes}, {p.crop_px}, {p.crop_px})"
            raise InputError(f"faces: shape {faces.shape}; expected {expected}, as card.preprocess.stack makes it.")
        logits = np.empty((len(faces), len(self.card.labels)), np.float32)
        for start in range(0, len(faces), batch_size):
            batch = faces[start : start + batch_size]
            (logits[start : start + len(batch)],) = self._session.run(["logits"], {"faces": batch})
        return logits

    def probabilities(self, faces: npt.NDArray[np.uint8], batch_size: int = 64) -> npt.NDArray[np.float64]:
        """Return calibrated probabilities ``(N, K)`` float64 of faces as `logits` takes them; rows sum to 1."""
        return calibrated_softmax(self.logits(faces, batch_size), self.card.temperature, self.card.sharpening)

    def predict(
        self, crops: Sequence[npt.NDArray[np.uint8]] | npt.NDArray[np.uint8], batch_size: int = 64
    ) -> list[Expression]:
        """Read the expressions of face crops, each ``(H, W)`` grey or ``(H, W, 3)`` RGB uint8 of any size.

        One that is not square becomes so by repeating its edge pixels, as `mien.analyze` does with ``crops=True``.

        Raises:
            InputError: a crop has another type or shape; names its index. Or it is a single one, not a list, or
                `batch_size` is below 1.
        """
        check_number("batch_size", batch_size, 1, whole=True)
        if not isinstance(crops, Sequence | np.ndarray):
            raise InputError(f"crops: found {type(crops).__name__}; expected a list of arrays.")
        shape = getattr(crops, "shape", None)
        if shape is not None and (len(shape) < 3 or shape[2:] in ((1,), (3,))):
            raise InputError(f"shape {shape}: is one face; give a list, predict([face])[0].")
        found: list[Expression] = []
        for start in range(0, len(crops), batch_size):
            faces = self.card.preprocess.stack([_squared(crop) for crop in crops[start : start + batch_size]])
            found += self.expressions(self.probabilities(faces, batch_size))
        return found

    def expressions(self, probabilities: npt.NDArray[np.float64]) -> list[Expression]:
        """Turn probabilities ``(N, K)`` into expressions."""
        names = self.card.labels.names
        best = probabilities.argmax(axis=1).tolist()
        return [
            Expression(
                names[label], row[label], dict(zip(names, row, strict=True)), row[label] < self.card.uncertain_below
            )
            for label, row in zip(best, probabilities.tolist(), strict=True)
        ]


def _squared(crop: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """A crop made square, and not too large; anything else as it is, for `Preprocess.stack` to refuse."""
    is_array = isinstance(crop, np.ndarray) and crop.dtype == np.uint8 and crop.size
    is_crop = is_array and (crop.ndim == 2 or crop.shape[2:] == (3,))
    if not is_crop or crop.shape[0] == crop.shape[1] <= MAX_CROP_PX:
        return crop
    return crop_face(crop, whole(crop))


def find_model(model: str | Path | None = None) -> Path:
    """Return a model's folder, among the shipped ones if `model` is a plain name; None is the shipped default.

    Raises:
        ModelError: there is none; says which models ship and how to make one.
    """
    if isinstance(model, str) and not model:
        raise ModelError("an empty path to a model; is the variable that it came from set?")
    shipped = shipped_models()
    name = DEFAULT_MODEL if model is None else model
    if name in shipped:
        return _SHIPPED / name
    if model is not None and os.path.isdir(model):  # noqa: PTH112  # Path's raises on long names
        return Path(model)
    if str(name) in shipped:  # a Path
        return _SHIPPED / name
    found = f"the default model {name!r} is not in this installation" if model is None else f"{model}: no such folder"
    nearest = get_close_matches(str(name), shipped, n=1)
    meant = f"; did you mean {nearest[0]!r}?" if nearest else "."
    raise ModelError(
        f"{found}{meant} Models that ship: {', '.join(shipped) or 'none'}. Make one with `mien train` and "
        "`mien export RUN --out FOLDER`, and name its folder."
    )


@cache
def _sums_overflow() -> bool:
    """Whether onnxruntime cuts sums of products of 8-bit integers off at 16 bits here, as on x86 without VNNI.

    See https://onnxruntime.ai/docs/performance/model-optimizations/quantization.html, on U8S8.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(_PRODUCT, options, providers=["CPUExecutionProvider"])
    (found,) = session.run(["c"], {"a": np.full((1, 2), 255, np.uint8), "b": np.full((2, 1), 127, np.int8)})
    return int(found[0, 0]) != 2 * 255 * 127


def _open(file: Path, card: Card, threads: int | None) -> onnxruntime.InferenceSession:
    """Open a model file and check that it takes and gives what its card says."""
    import onnxruntime  # here, because `import mien` must stay quick
    from onnxruntime.capi import onnxruntime_pybind11_state as ort_errors

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 0 if threads is None else threads  # 0 = as many as there are cores
    # else threads that wait for the next batch keep cores busy that decoder and detector need
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    if _sums_overflow():
        options.add_session_config_entry("session.x64quantprecision", "1")  # slower there, but right
    try:
        session = onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
    except (
        *(ort_errors.Fail, ort_errors.InvalidArgument, ort_errors.InvalidGraph, ort_errors.InvalidProtobuf),
        ort_errors.NotImplemented,
    ) as error:
        raise ModelError(
            f"{file}: onnxruntime {onnxruntime.__version__} cannot run it ({error}); upgrade onnxruntime or export the "
            "model again."
        ) from error
    p = card.preprocess
    border = [*session.get_inputs(), *session.get_outputs()]
    found = [(end.name, end.type, end.shape[1:]) for end in border]
    expected = [
        ("faces", "tensor(uint8)", [p.planes, p.crop_px, p.crop_px]),
        ("logits", "tensor(float)", [len(card.labels)]),
    ]
    if found != expected:
        raise ModelError(f"{file}: takes and gives {found}, its card describes {expected}; export the model again.")
    for end in border:
        if isinstance(end.shape[0], int):
            fixed = f"the number of {end.name} is fixed to {end.shape[0]}"
            raise ModelError(f"{file}: {fixed}; export the model with a free first dimension.")
    return session
