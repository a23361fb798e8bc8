"""The shapes of the API's answers, for its OpenAPI description."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

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
    """A photo and its faces, the surest detection first."""

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


class LimitsAnswer(_Answer):
    """What the server refuses."""

    upload_bytes: int
    pixels: int
    photos: int = Field(description="Photos that are uploaded, waiting or in work at one moment.")
    seconds: float = Field(description="For the upload of a photo, and once more for its analysis.")
    video_bytes: int
    video_upload_seconds: float


class ModelAnswer(_Answer):
    """The model in use."""

    mien: str = Field(description="Version of mien.")
    card: dict[str, Any] = Field(description="The model's card: labels, preprocessing, metrics, provenance, limits.")
    limits: LimitsAnswer
