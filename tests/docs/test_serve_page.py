"""The curl examples of docs/serve.md give answers."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tiny_model import write_tiny_model
from typer.main import get_command

from mien.cli import build_app

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "serve.md").read_text("utf-8")


@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")
def test_the_curl_examples_are_answered(tmp_path: Path) -> None:
    from serving import running
    from skimage import data

    from mien.serve.app import create_app

    pytest.importorskip("av", reason="needs PyAV, extra `video`")
    from drawn_video import pan, write_video

    write_video(tmp_path / "clip.mp4", pan(4))
    Image.fromarray(np.asarray(data.astronaut())).save(tmp_path / "photo.jpg")
    commands = re.findall(r"^curl .+$", PAGE, re.M)
    assert len(commands) == 8
    with running(create_app(write_tiny_model(tmp_path / "tiny"), token="t")) as client:
        for command in commands:
            line = command.replace("http://127.0.0.1:8000", client.url)
            if "Authorization" not in line:
                line = line.replace("curl ", "curl -H 'Authorization: Bearer t' ", 1)
            environment = {"MIEN_TOKEN": "t", "PATH": "/usr/local/bin:/usr/bin:/bin"}
            done = subprocess.run(
                ["bash", "-c", line.replace("curl ", "curl --fail --silent ", 1)],
                cwd=tmp_path,
                env=environment,
                capture_output=True,
                check=False,
            )
            assert done.returncode == 0, line
            if "clip" in line:
                assert [json.loads(frame)["frame"] for frame in done.stdout.splitlines()] == [0, 3]
            if "analyze" in line:
                example = re.search(r"```json\n(.+?)```", PAGE, re.S)
                answer, shown = json.loads(done.stdout), json.loads(example[1])
                assert answer.keys() == shown.keys()
                assert answer["faces"][0].keys() == shown["faces"][0].keys()


def test_the_table_of_speed_is_what_was_measured() -> None:
    measured = json.loads((ROOT / "benchmarks" / "results" / "serve_throughput.json").read_text("utf-8"))
    rows = [
        f"| {row['photo']} | {row['clients']} | {row['photos_per_second']} | {row['server_cpu_ms_per_photo']} |"
        for row in measured["rows"]
    ]
    assert "\n".join(rows) in PAGE
    assert f"load average of {measured['load_average_at_end']:.0f}" in " ".join(PAGE.split())


def test_the_options_exist_with_the_defaults_that_the_page_names() -> None:
    options = {name: option for option in get_command(build_app()).commands["serve"].params for name in option.opts}
    assert (
        set(re.findall(r"--[a-z][\w-]+", re.sub(r"```.*?```", "", PAGE, flags=re.S))) - {"--json", "--csv", "--camera"}
        <= options.keys()
    )
    named = {
        "--timeout-s": 30,
        "--max-upload-mb": 20,
        "--max-megapixels": 50,
        "--max-video-mb": 200,
        "--max-photos": 32,
    }
    for option, default in named.items():
        assert options[option].default == default
        assert str(default) in next(line for line in PAGE.splitlines() if f"`{option}`" in line)
