"""The command line as a whole: how it ends where something is missing, full or broken off."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

import mien
from mien import cli
from mien.errors import DataError


@pytest.mark.parametrize(
    ("module", "extra"),
    [("uvicorn", "serve"), ("torch.nn", "lab"), ("timm", "lab,timm"), ("litert_torch", "lab,litert")],
)
def test_a_missing_package_is_named_with_the_extra_that_brings_it(
    monkeypatch: pytest.MonkeyPatch, module: str, extra: str
) -> None:
    def needing() -> None:
        raise ModuleNotFoundError(name=module)

    monkeypatch.setattr(cli, "build_app", lambda: needing)
    with pytest.raises(SystemExit) as ended:
        cli.main()
    needs = f"{module} is not installed; this command needs it"
    pins = "" if "litert" in extra else " -c constraints.txt"
    torch_first = f"{pins} torch, then pip install{pins}" if "lab" in extra else ""
    assert ended.value.code == f"{needs}: pip install{torch_first} '.[{extra}]' in a clone of mien."


def test_it_can_be_broken_off_before_a_command_has_begun(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "build_app", interrupted)
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 130


def test_a_message_moves_no_cursor_and_keeps_its_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    def failing() -> None:
        raise DataError("a\x1b[2J.png: damaged.\nb\r.png: empty.")

    monkeypatch.setattr(cli, "build_app", lambda: failing)
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == "DataError: a\\x1b[2J.png: damaged.\nb\\r.png: empty."


def test_the_version() -> None:
    done = CliRunner().invoke(cli.build_app(), ["--version"])
    assert (done.exit_code, done.output) == (0, f"mien {mien.__version__}\n")


def test_another_missing_module_is_a_fault_of_mien(monkeypatch: pytest.MonkeyPatch) -> None:
    def needing() -> None:
        raise ModuleNotFoundError("No module named 'other'", name="other")

    monkeypatch.setattr(cli, "build_app", lambda: needing)
    with pytest.raises(ModuleNotFoundError, match="other"):
        cli.main()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a file that is always full")
def test_a_full_disk_is_one_line() -> None:
    with Path("/dev/full").open("w") as full:
        command = [sys.executable, "-m", "mien", "models"]
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr == "the disk is full: standard output is incomplete; free space, then try again.\n"


def test_the_lab_needs_no_import_of_its_own() -> None:
    code = "import mien, sys; assert 'mien.lab' not in sys.modules; print(mien.lab.Recipe.__name__)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "Recipe\n"


def test_names_are_there_to_complete() -> None:
    names = "{'analyze', 'Recognizer', '__version__'} <= set(dir(mien)), {'train', 'recipes'} <= set(dir(lab))"
    code = f"import mien; from mien import lab; print({names})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "True True\n"
