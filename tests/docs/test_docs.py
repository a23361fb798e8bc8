"""README and docs: their code runs, they name every command and public name, their links resolve."""

from __future__ import annotations

import re
import shlex
import shutil
import sys
import tomllib
import warnings
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import typer
from PIL import Image
from typer.testing import CliRunner

import mien
from mien import lab
from mien.cli import build_app
from mien.lab.data.ferplus import VOTE_COLUMNS
from mien.labels import FER2013, FERPLUS
from mien.recognizer import find_model

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]
NOTEBOOK = ROOT / "examples" / "first_steps.ipynb"
RUN = [ROOT / "README.md", ROOT / "docs" / "guide.md"]
BLOCK = re.compile(r"^(?P<notrun><!-- not run: [^\n]+ -->\n)?```(?P<language>\w+)\n(?P<code>.*?)^```$", re.M | re.S)
LINK = re.compile(r"(?<!\!)\[[^\]]*\]\(([^)\s]+)\)|!\[[^\]]*\]\(([^)\s]+)\)|<img[^>]+src=\"([^\"]+)\"")


def blocks(page: Path, language: str) -> list[tuple[bool, str]]:
    """Code blocks of a page: whether it is to be run, and the code."""
    found = BLOCK.finditer(page.read_text("utf-8"))
    return [(match["notrun"] is None, match["code"]) for match in found if match["language"] == language]


def commands(code: str) -> list[list[str]]:
    lines = code.replace("\\\n", " ").splitlines()
    return [words for line in lines if (words := shlex.split(line, comments=True))]


@pytest.fixture(scope="module")
def files_of_a_user(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files that the docs speak of: FER2013 (drawn here) in two editions, and photos."""
    from skimage import data as photos

    folder = tmp_path_factory.mktemp("user")
    faces = lab.draw_faces(per_class=16, seed=0)
    rows = ["emotion,pixels,Usage"]
    with zipfile.ZipFile(folder / "archive.zip", "w") as archive:
        for number, ((face, label), split) in enumerate(zip(faces, faces.splits, strict=True)):
            rows.append(f"{label},{' '.join(map(str, face.ravel()))},{split}")
            part = "train" if split == "Training" else "test"
            with archive.open(f"{part}/{faces.label_set.name(label)}/{number}.png", "w") as file:
                Image.fromarray(face).save(file, "png")
    (folder / "fer2013.csv").write_text("\n".join(rows) + "\n")
    answers = np.eye(10, dtype=int)[faces.relabel(FERPLUS).labels]  # ten raters, all of one mind
    votes = [f"{split},,{','.join(map(str, 10 * row))}" for split, row in zip(faces.splits, answers, strict=True)]
    (folder / "fer2013new.csv").write_text("\n".join([f"Usage,Image name,{','.join(VOTE_COLUMNS)}", *votes]) + "\n")
    cameras = [f"{row},{('left', 'right')[row % 2]}" for row in range(len(faces))]
    (folder / "groups.csv").write_text("\n".join(["row,group", *cameras]) + "\n")
    for part in ("train", "test"):  # faces of one's own, in colour, of any size
        for number, (face, label) in enumerate(lab.draw_faces(20, seed=1, size_px=60).training):
            (folder / "crops" / part / FER2013.name(label)).mkdir(parents=True, exist_ok=True)
            Image.fromarray(face).convert("RGB").save(folder / "crops" / part / FER2013.name(label) / f"{number}.png")
    Image.fromarray(faces.faces[0]).resize((90, 90)).save(folder / "face.png")
    shutil.copytree(find_model("mien-small"), folder / "models" / "mien-small")
    (folder / "photos").mkdir()
    Image.fromarray(np.asarray(photos.astronaut())).save(folder / "photo.jpg", quality=95)
    shutil.copy(folder / "photo.jpg", folder / "photos" / "astronaut.jpg")
    return folder


@pytest.fixture
def folder_of_a_user(files_of_a_user: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each page starts in a folder of its own, with these files."""
    shutil.copytree(files_of_a_user, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    for page in RUN:
        for _, code in blocks(page, "python"):
            if named := re.match(r"# (\w+)\.py\n", code):  # a file that the page asks for
                (tmp_path / f"{named[1]}.py").write_text(code, "utf-8")
                monkeypatch.delitem(sys.modules, named[1], raising=False)


@pytest.fixture(autouse=True)
def no_warnings() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the libraries below; the tests of the parts look at ours
        yield


def run_command(app: typer.Typer, words: list[str]) -> None:
    """Run a `mien` command as a shell would start it; a training is cut short."""
    expanded: list[str] = []
    for word in words:
        expanded += sorted(map(str, Path().glob(word))) if "*" in word else [word]
    if words[0] == "train" and "--epochs" not in words:
        expanded += ["--epochs", "1"]
    expanded, file = (expanded[:-2], expanded[-1]) if ">" in expanded else (expanded, None)
    done = CliRunner().invoke(app, expanded)
    assert done.exit_code == 0, f"mien {shlex.join(words)}\n{done.output}\n{done.exception!r}"
    if file:
        Path(file).write_text(done.stdout)


def parse_command(app: typer.Typer, words: list[str]) -> None:
    """Check that a command with these arguments exists, without running it."""
    command, name = typer.main.get_command(app), "mien"
    while hasattr(command, "commands"):
        name, *words = words
        command = command.commands[name]
    command.make_context(name, words)


def check_other(words: list[str]) -> None:
    """Check what can be checked of a line that is not a `mien` command."""
    if words[0] == "make":
        assert re.search(rf"^{words[1]}:", (ROOT / "Makefile").read_text("utf-8"), re.M), words
    elif words[:2] == ["pip", "install"]:
        extras = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["optional-dependencies"]
        for found in re.findall(r"\[([\w,]+)\]", " ".join(words)):
            assert set(found.split(",")) <= extras.keys(), words
    else:
        assert words[0] in {"git", "cd", "torchrun", "tensorboard", "export", "python", "python3", "pip"}, words


@pytest.mark.usefixtures("folder_of_a_user")
@pytest.mark.parametrize("page", RUN, ids=lambda page: page.name)
def test_commands_run(page: Path) -> None:
    app = build_app()
    for runs, code in blocks(page, "bash"):
        for words in commands(code):
            if words[0] != "mien":
                check_other(words)
            elif runs and words[1] != "demo":  # `make demo` runs it
                run_command(app, words[1:])
            else:
                parse_command(app, words[1:])


@pytest.mark.usefixtures("folder_of_a_user")
@pytest.mark.parametrize("page", RUN, ids=lambda page: page.name)
def test_python_runs(page: Path) -> None:
    names: dict[str, object] = {"__name__": "__main__"}
    for runs, code in blocks(page, "python"):
        source = compile(code, f"{page.name}, python block", "exec")
        if runs:
            exec(source, names)


def command_paths(command: Any, path: str = "mien") -> Iterator[str]:
    children = getattr(command, "commands", None)
    if children is None:
        yield path
    else:
        for name, child in children.items():
            yield from command_paths(child, f"{path} {name}")


def test_every_command_is_documented() -> None:
    guide = (ROOT / "docs" / "guide.md").read_text("utf-8")
    missing = [path for path in command_paths(typer.main.get_command(build_app())) if path not in guide]
    assert not missing


@pytest.mark.parametrize("module", [mien, lab], ids=lambda module: module.__name__)
def test_every_public_name_is_documented(module: object) -> None:
    guide = (ROOT / "docs" / "guide.md").read_text("utf-8")
    short = module.__name__.rpartition(".")[2]  # mien.analyze, lab.train
    missing = [name for name in module.__all__ if not re.search(rf"\b{short}\.{name}\b", guide)]
    assert not missing


def anchors(page: Path) -> set[str]:
    heads = re.findall(r"^#+ (.+)$", page.read_text("utf-8"), re.M)
    return {re.sub(r"[^\w\- ]", "", head.lower()).strip().replace(" ", "-") for head in heads}


@pytest.mark.parametrize("page", [*PAGES, ROOT / "results" / "README.md", NOTEBOOK], ids=lambda page: page.name)
def test_links_resolve(page: Path) -> None:
    broken = []
    for match in LINK.finditer(page.read_text("utf-8")):
        link = next(filter(None, match.groups()))
        if link.startswith(("https://", "mailto:")):
            continue
        path, _, anchor = link.partition("#")
        target = page if path == "" else page.parent / path
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(link)
    assert not broken


def test_the_tree_in_the_readme_exists_and_is_whole() -> None:
    tree = next(code for _, code in blocks(ROOT / "README.md", "text") if code.startswith("src/mien/"))
    parents: list[str] = []
    named = set()
    for line in tree.splitlines():
        assert len(line) <= 140, line
        names = re.split(r"\s{2,}", line.strip())[0].split()
        depth = (len(line) - len(line.lstrip())) // 2
        for name in names:
            path = ROOT.joinpath(*parents[:depth], name)
            assert path.exists(), line
            named.add(path)
        parents[depth:] = [names[0]]
    package = ROOT / "src" / "mien"
    modules = {file for folder in (package, package / "lab") for file in folder.glob("[!_]*.py")}
    packages = {file.parent for place in ("*", "lab/*") for file in package.glob(f"{place}/__init__.py")}
    assert not {str(path.relative_to(ROOT)) for path in (modules | packages) - named}
