"""The shapes of the API's answers, for its OpenAPI description."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from mien.serve.access import TOKEN_WANTED
from mien.serve.limits import Limits
from mien.serve.upload import FIELD

_FACE: dict[str, Any] = {
    "box": [170.53, 64.21, 274.02, 206.9],
    "score": 0.9312,
    "landmarks": [[199.1, 119.4], [245.0, 116.2], [226.3, 146.8], [206.8, 170.1], [246.1, 167.0]],
    "expression": {
        "label": "happy",
        "confidence": 0.91,
        "uncertain": False,
        "probabilities": {
            "angry": 0.01,
            "disgust": 0.0,
            "fear": 0.01,
            "happy": 0.91,
            "sad": 0.01,
            "surprise": 0.02,
            "neutral": 0.04,
        },
    },
}


FRAME_LINE = (
    json.dumps(
        {
            "source": "<video>",
            "frame": 0,
            "time_s": 0.0,
            "size": [512, 512],
            "failed": None,
            "model": "mien-small",
            "faces": [{"track": 0, **_FACE, "raw_probabilities": _FACE["expression"]["probabilities"]}],
        }
    )
    + "\n"
)
"""An example of a line about a video's frame."""

METRICS_TEXT = """# HELP mien_requests_total Requests answered.
# TYPE mien_requests_total counter
mien_requests_total{path="/v1/analyze",status="200"} 12.0
"""
"""An example of what Prometheus reads."""


class _Answer(BaseModel):
    model_config = ConfigDict(extra="forbid")


class ExpressionAnswer(_Answer):
    """What raters would call the expression, as the model guesses it; not what the person feels."""

    label: str = Field(description="The most probable class.")
    confidence: float = Field(ge=0, le=1, description="Its calibrated probability.")
    uncertain: bool = Field(description="Whether the confidence is below the threshold in the model's card.")
    probabilities: dict[str, float] = Field(description="Probability of each class; they sum to 1.")


class FaceAnswer(_Answer):
    """A face; px of the photo as it is seen, (0, 0) is the upper left corner."""

    box: tuple[float, float, float, float] = Field(description="x0, y0, x1, y1; may reach outside the photo.")
    score: float | None = Field(description="The detector's, 0 to 1.")
    landmarks: list[tuple[float, float]] | None = Field(
        description="The person's right eye, left eye, nose tip, right and left corner of the mouth."
    )
    expression: ExpressionAnswer


class PhotoAnswer(_Answer):
    """A photo and its faces, the highest detection score first."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "source": "group.jpg",
                "size": [512, 512],
                "model": "mien-small",
                "faces": [_FACE],
            }
        }
    )

    source: str = Field(description="The name in the upload; `<photo>` where it has none.")
    size: tuple[int, int] | None = Field(description="Width and height, px.")
    failed: None = Field(None, description="Always null here: failures have a status and an `error`.")
    model: str
    faces: list[FaceAnswer]


class ErrorAnswer(_Answer):
    """Why there is no answer."""

    model_config = ConfigDict(json_schema_extra={"example": {"error": "<photo>: is empty, 0 bytes."}})

    error: str


class HealthAnswer(_Answer):
    """The server answers."""

    model_config = ConfigDict(json_schema_extra={"example": {"status": "ok"}})

    status: str


class LimitsAnswer(_Answer):
    """What the server refuses."""

    upload_bytes: int
    pixels: int
    photos: int = Field(description="Photos uploading, waiting or being analysed at one time.")
    seconds: float = Field(description="Longest upload of a photo; its analysis may take as long again.")
    video_bytes: int
    video_upload_seconds: float


class ModelAnswer(_Answer):
    """The model in use."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "mien": "0.1.0",
                "card": {"name": "mien-small", "labels": list(_FACE["expression"]["probabilities"])},
                "limits": dataclasses.asdict(Limits()),
            }
        }
    )

    mien: str = Field(description="Version of mien.")
    card: dict[str, Any] = Field(description="The model's card: labels, preprocessing, metrics, provenance, limits.")
    limits: LimitsAnswer


_FILE: dict[str, Any] = {"type": "string", "format": "binary"}
PHOTO_BODY = {
    "required": True,
    "content": {
        **{kind: {"schema": _FILE} for kind in ("image/jpeg", "image/png", "image/webp", "application/octet-stream")},
        "multipart/form-data": {"schema": {"type": "object", "required": [FIELD], "properties": {FIELD: _FILE}}},
    },
}
VIDEO_BODY = {
    "required": True,
    "content": {kind: {"schema": _FILE} for kind in ("video/mp4", "video/webm", "application/octet-stream")},
}
OR_NO_TOKEN: dict[str, Any] = {"security": [{}]}
"""Added to the token, which a server may be without."""
_REFUSALS = {
    401: ("The token is missing or wrong.", TOKEN_WANTED),
    403: (
        "The server has no token, and the request is from or for another machine, through a proxy, or from another web "
        "page.",
        "this server has no token and answers its own page only, not 'https://example.org'; start it with a token, and "
        "with --allow-origin for that page.",
    ),
    408: ("The upload took too long.", "the upload took more than 30 s."),
    413: ("Too many bytes or pixels.", "the upload is too large; at most 20 MB are accepted here."),
    422: ("The file cannot be read, or is not what is asked for.", "<photo>: is empty, 0 bytes."),
    429: (
        "Too many photos are waiting, another video is being read, or several are being uploaded; `Retry-After` says "
        "in how many seconds to try again.",
        "32 photos are waiting or being analysed, no more are accepted; try again soon.",
    ),
    501: ("PyAV, which reads videos, is not installed.", "reading video needs PyAV, which is not installed: ..."),
    503: ("The server stopped during the upload.", "<video>: the server stops."),
    504: (
        "The analysis took too long.",
        "<photo>: the analysis took more than 30 s; send a smaller photo, or try later.",
    ),
}


def refusals(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Describe refusals, each with an example."""
    return {
        status: {
            "description": _REFUSALS[status][0],
            "model": ErrorAnswer,
            "content": {"application/json": {"example": {"error": _REFUSALS[status][1]}}},
        }
        for status in statuses
    }


LINES = (
    "A JSON object on each line: a frame, like the answer of `/v1/analyze` for a photo, with `frame` and `time_s`, and "
    "for each face `track`, the same number as long as it is seen, and `raw_probabilities`, before smoothing. A last "
    "line with `error` says where reading the video failed."
)
