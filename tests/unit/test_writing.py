"""Files and model folders are written whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from tiny_model import write_tiny_model

from mien.card import Card
from mien.errors import DataError, InputError, ModelError
from mien.writing import replacing, write_text, writing


def full_disk(handle: int) -> None:
    raise OSError(28, "No space left on device")


def test_a_full_disk_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "report.json"
    file.write_text("old")
    monkeypatch.setattr(os, "fsync", full_disk)
    with (
        pytest.raises(DataError, match=r"report\.json: cannot be written .*No space left.*before is intact"),
        replacing(file, DataError) as part,
    ):
        part.write_text("new")
    assert file.read_text() == "old" and list(tmp_path.iterdir()) == [file]


def test_a_text_is_written_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "new" / "deeper" / "names.csv"
    write_text("\u00e9\udce9\n", file)  # the second is no letter, but may stand in a file's name
    assert file.read_bytes() == b"\xc3\xa9\\udce9\n"
    monkeypatch.setattr(os, "fsync", full_disk)
    with pytest.raises(InputError, match=r"names\.csv: cannot be written \(No space left on device\)\. .*is intact"):
        write_text("new", file)
    assert file.read_bytes() == b"\xc3\xa9\\udce9\n"


def test_a_card_survives_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write_tiny_model(tmp_path / "tiny")
    card = Card.read(folder)
    monkeypatch.setattr(os, "fsync", full_disk)
    with pytest.raises(ModelError, match=r"card\.json: cannot be written"):
        card.write(folder)
    assert Card.read(folder) == card


def test_an_interrupted_write_leaves_what_was_there(tmp_path: Path) -> None:
    file = tmp_path / "a"
    file.write_text("old")
    with pytest.raises(KeyboardInterrupt), replacing(file) as part:
        part.write_text("half of the n")
        raise KeyboardInterrupt
    assert file.read_text() == "old" and list(tmp_path.iterdir()) == [file]


def test_what_a_killed_process_left_does_not_get_into_a_model(tmp_path: Path) -> None:
    (tmp_path / "model.part").mkdir()
    (tmp_path / "model.part" / "prepared.onnx").touch()
    with writing(tmp_path / "model") as part:
        (part / "model.onnx").touch()
    assert [file.name for file in (tmp_path / "model").iterdir()] == ["model.onnx"]
    assert not (tmp_path / "model.part").exists()


def test_a_model_may_be_written_to_the_working_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    with writing(Path()) as part:  # as of ``--out .``
        (part / "model.onnx").touch()
    assert [file.name for file in tmp_path.rglob("*")] == ["here", "model.onnx"]


def test_a_model_is_written_to_where_a_link_leads(tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "real")
    for _ in range(2):  # where there was nothing, and where there was
        with writing(link) as part:
            (part / "model.onnx").touch()
    assert link.is_symlink() and [file.name for file in (tmp_path / "real").iterdir()] == ["model.onnx"]


def test_a_model_of_the_other_kind_keeps_its_card(tmp_path: Path) -> None:
    (tmp_path / "model.tflite").touch()
    (tmp_path / "card.json").write_text("old")
    with (
        pytest.raises(ModelError, match=r"holds a model\.tflite, whose card would be overwritten; name another folder"),
        writing(tmp_path) as part,
    ):
        (part / "model.onnx").touch()
        (part / "card.json").write_text("new")
    assert (tmp_path / "card.json").read_text() == "old" and not (tmp_path / "model.onnx").exists()


def test_a_link_stays_and_what_it_leads_to_is_replaced(tmp_path: Path) -> None:
    link = tmp_path / "link.csv"
    link.symlink_to(tmp_path / "disk" / "real.csv")
    for text in ("new", "newer"):  # where there was nothing, and where there was
        write_text(text, link)
        assert link.is_symlink() and (tmp_path / "disk" / "real.csv").read_text() == text
    assert len(list(tmp_path.rglob("*.*"))) == 2
