"""docs/video.md: its commands and its Python run, on a drawn clip and with a model made by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from drawn_video import pan, write_video
from PIL import Image
from test_docs import ROOT, blocks, commands, parse_command, run_command
from tiny_model import write_tiny_model

import mien.recognizer
from mien.cli import build_app

PAGE = ROOT / "docs" / "video.md"


@pytest.fixture(autouse=True)
def folder_of_a_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A clip, a folder with a photo, and a model under the name of the one that ships."""
    write_tiny_model(tmp_path / "models" / mien.recognizer.DEFAULT_MODEL)
    monkeypatch.setattr(mien.recognizer, "_SHIPPED", tmp_path / "models")
    write_video(tmp_path / "clip.mp4", pan(8, px_per_frame=4), rate=4, sound_codec="aac", seconds_of_sound=2)
    (tmp_path / "photos").mkdir()
    Image.fromarray(np.asarray(pan(1)[0])).save(tmp_path / "photos" / "photo.png")
    monkeypatch.chdir(tmp_path)


def test_commands_run() -> None:
    app = build_app()
    for runs, code in blocks(PAGE, "bash"):
        for _, *words in (line for line in commands(code) if line[0] == "mien"):
            (run_command if runs else parse_command)(app, words)
    saved = {file.name for file in Path().glob("*.*")}
    assert saved >= {"annotated.mp4", "timeline.html", "timeline.png", "segments.srt"}


def test_python_runs(capsys: pytest.CaptureFixture[str]) -> None:
    names: dict[str, Any] = {}
    for runs, code in blocks(PAGE, "python"):
        source = compile(code, PAGE.name, "exec")
        if runs:
            exec(source, names)
    assert capsys.readouterr().out.count("happy") == 6  # four faces, a segment, a photo
    expected = mien.Analyses(names["video"].frames()).to_pandas()
    assert len(expected) == 4 and names["table"].equals(expected)
    assert Path("segments.csv").exists()
