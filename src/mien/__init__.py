"""Read facial expressions in photos, and (`mien.lab`) train and compare recognisers.

>>> import mien
>>> for face in mien.analyze("group.jpg").faces:
...     print(face.box, face.expression.label, face.expression.confidence)

What is predicted is an *expression*: the label that raters give to a picture, not what a person feels.
"""

from __future__ import annotations

import importlib
import os
from typing import TYPE_CHECKING, Any

from mien.errors import DataError as DataError
from mien.errors import InputError as InputError
from mien.errors import MienError as MienError
from mien.errors import ModelError as ModelError
from mien.errors import RecipeError as RecipeError

if TYPE_CHECKING:
    from mien.analysis import Analyzer as Analyzer
    from mien.analysis import analyze as analyze
    from mien.card import Card as Card
    from mien.explanation import Explanation as Explanation
    from mien.explanation import explain as explain
    from mien.faces.detect import Face as Face
    from mien.faces.detect import YuNet as YuNet
    from mien.labels import LabelSet as LabelSet
    from mien.media.frames import Frame as Frame
    from mien.media.frames import FrameSource as FrameSource
    from mien.preprocess import Preprocess as Preprocess
    from mien.recognizer import Expression as Expression
    from mien.recognizer import Recognizer as Recognizer
    from mien.recognizer import shipped_models as shipped_models
    from mien.records import Analyses as Analyses
    from mien.records import Analysis as Analysis
    from mien.records import AnalyzedFace as AnalyzedFace
    from mien.timeline import Segment as Segment
    from mien.timeline import segments as segments
    from mien.timeline import write_segments as write_segments
    from mien.video import AnalyzedFrame as AnalyzedFrame
    from mien.video import VideoAnalysis as VideoAnalysis
    from mien.video import VideoFace as VideoFace
    from mien.video import analyze_video as analyze_video
    from mien.video_saving import save_video as save_video

__version__ = "0.1.0"

# From 1.29 on, onnxruntime reports its use to Microsoft and keeps a number that stands for the user in a file, unless
# it finds this when it is first imported; what can be called afterwards comes too late (its Privacy.md).
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

# name -> module; each is imported when it is first asked for, so that `import mien` stays quick
_PLACES = {
    "Analyses": "records",
    "Analysis": "records",
    "AnalyzedFace": "records",
    "AnalyzedFrame": "video",
    "Analyzer": "analysis",
    "Card": "card",
    "Explanation": "explanation",
    "Expression": "recognizer",
    "Face": "faces.detect",
    "Frame": "media.frames",
    "FrameSource": "media.frames",
    "LabelSet": "labels",
    "Preprocess": "preprocess",
    "Recognizer": "recognizer",
    "Segment": "timeline",
    "VideoAnalysis": "video",
    "VideoFace": "video",
    "YuNet": "faces.detect",
    "analyze": "analysis",
    "analyze_video": "video",
    "explain": "explanation",
    "save_video": "video_saving",
    "segments": "timeline",
    "shipped_models": "recognizer",
    "write_segments": "timeline",
}
__all__ = ["DataError", "InputError", "MienError", "ModelError", "RecipeError", *_PLACES]


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


def __getattr__(name: str) -> Any:
    if name == "lab":  # so that `import mien` is enough for it, too
        return importlib.import_module("mien.lab")
    if name not in _PLACES:
        raise AttributeError(f"module 'mien' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"mien.{_PLACES[name]}"), name)
    globals()[name] = value
    return value
