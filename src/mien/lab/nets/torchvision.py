"""Import of torchvision with a torch that it was not built for."""

from __future__ import annotations

import importlib
import importlib.util

import torch

_declared: list[torch.library.Library] = []  # torch drops the operators with the object that declared them


def make_importable() -> None:
    """Import torchvision if it is installed, so that timm can.

    With another torch than it was built for (such as a CUDA build with torch for the CPU), its compiled operators do
    not load, and its import fails with "operator torchvision::nms does not exist". We need none of these operators;
    declared without a body, they let the import pass. See https://github.com/pytorch/pytorch/issues/122494.
    """
    if importlib.util.find_spec("torchvision") is None or _declared:
        return
    try:
        importlib.import_module("torchvision")
    except RuntimeError as error:
        if "torchvision::" not in str(error):
            raise
        library = torch.library.Library("torchvision", "DEF")  # type: ignore[no-untyped-call]
        for name in ("nms", "qnms"):
            library.define(  # type: ignore[no-untyped-call]
                f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"
            )
        _declared.append(library)
        importlib.import_module("torchvision")
