"""Two trainings in one folder: the second is refused, and nothing of the first is lost."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from mien.errors import ModelError
from mien.lab.locking import alone_in
from mien.writing import locked

pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows has no locks of this kind")


def test_a_folder_is_for_one_at_a_time(tmp_path: Path) -> None:
    with alone_in(tmp_path / "run"):
        with (
            pytest.raises(ModelError, match="run: another process is training here; wait for it"),
            alone_in(tmp_path / "run"),
        ):
            pass
        with alone_in(tmp_path / "other"):
            pass
        (tmp_path / "run" / "recipe.json").touch()
    with alone_in(tmp_path / "run"):
        assert (tmp_path / "run" / "recipe.json").exists()


def test_a_folder_in_which_nothing_was_written_is_gone(tmp_path: Path) -> None:
    with alone_in(tmp_path / "run"):
        assert (tmp_path / "run").is_dir()
    assert not (tmp_path / "run").exists()


def test_what_goes_wrong_inside_is_not_hidden(tmp_path: Path) -> None:
    with pytest.raises(PermissionError, match="mine"), alone_in(tmp_path / "run"):
        raise PermissionError("mine")
    with alone_in(tmp_path / "run"):
        pass


def test_only_the_first_process_of_a_training_locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with alone_in(tmp_path / "run"):
        monkeypatch.setenv("RANK", "1")
        with alone_in(tmp_path / "run"):
            pass


def test_a_place_that_cannot_be_a_folder_is_left_to_whoever_writes(tmp_path: Path) -> None:
    (tmp_path / "run").touch()
    with alone_in(tmp_path / "run"):
        pass
    assert (tmp_path / "run").is_file()


def test_a_folder_that_another_process_has_just_replaced_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "run"
    place.mkdir()

    def replaced(*_: object) -> None:
        place.rename(tmp_path / "before")
        place.mkdir()

    monkeypatch.setattr("fcntl.flock", replaced)
    with pytest.raises(ModelError, match="taken"), locked(place, ModelError("taken")):
        pass
