"""facial-emotion-recognition: the predictions of its network, without its detector and the rest of the package."""

from __future__ import annotations

from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path

import numpy as np
import torch
from worker import run

found = find_spec("facial_emotion_recognition")
assert found is not None and found.origin is not None
package = Path(found.origin).parent  # importing it whole would need facenet-pytorch, which finds the faces
spec = spec_from_file_location("networks", package / "networks.py")
assert spec is not None and spec.loader is not None
networks = module_from_spec(spec)
spec.loader.exec_module(networks)

NAMES = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")  # `EmotionRecognition.emotions`
network = networks.NetworkV2(in_c=1, nl=32, out_f=7)
network.load_state_dict(torch.load(package / "model" / "model.pkl", map_location="cpu")["network"])
network.eval()


def name(file: str) -> dict[str, list[str]]:
    """The expressions of raw faces of 48 x 48 px, preprocessed as in `EmotionRecognition`."""
    faces = torch.from_numpy(np.fromfile(file, np.uint8).reshape(-1, 1, 48, 48))
    with torch.no_grad():
        answers = torch.cat([network((batch / 255 - 0.5) / 0.5) for batch in faces.split(64)])
    return {"names": [NAMES[at] for at in answers.argmax(1).tolist()]}


run(names=name)
