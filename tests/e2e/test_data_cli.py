"""`mien data`, as a user types it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner, Result

from mien import Recognizer, lab
from mien.cli import build_app
from mien.cli.data import app
from mien.errors import DataError
from mien.lab.data import PRIVATE, TRAINING, FaceDataset, draw_faces, read_fer2013, write_edition
from mien.lab.recipe import Validation
from mien.labels import FER2013, FERPLUS, FOLDER


@pytest.fixture(scope="module")
def drawn() -> FaceDataset:
    return draw_faces(per_class=2, seed=6)


@pytest.fixture(scope="module")
def table(drawn: FaceDataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("data") / "fer2013.csv"
    write_edition(drawn, path)
    return path


def mien_data(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(each) for each in arguments])


def test_check_prints_a_summary(table: Path) -> None:
    done = mien_data("check", table)
    assert done.exit_code == 0, done.output
    lines = [line.split() for line in done.stdout.splitlines()]
    assert "28 faces of 48 x 48 px" in done.stdout
    assert ["Training", *["2"] * 7, "14"] in lines
    assert ["twin-free", "14", "7", "7"] in lines
    assert "Training has 14 faces, FER2013 has 28,709." in done.stdout
    assert "broken images: 0" in done.stdout


def test_check_as_json_with_votes(drawn: FaceDataset, table: Path, tmp_path: Path) -> None:
    votes = tmp_path / "fer2013new.csv"
    header = "Usage,Image name,neutral,happiness,surprise,sadness,anger,disgust,fear,contempt,unknown,NF"
    nine = [[9 * (each == label) for each in range(8)] for label in drawn.training.relabel(FERPLUS).labels.tolist()]
    nine[-1] = [0] * 8
    lines = [["Training", "", *map(str, each), "0", str(9 - sum(each))] for each in nine]
    votes.write_text("\n".join([header, *map(",".join, lines)]) + "\n")
    done = mien_data("check", table, "--json", "--no-audit", "--votes", votes)
    facts = json.loads(done.stdout)
    assert facts["faces"] == 28
    assert facts["audit"] is None
    assert facts["ferplus_majority"] == {
        "labelled": 13, "no_votes": 14, "no_majority": 0, "unknown": 0, "not_a_face": 1,
    }  # fmt: skip


def broken_folder(drawn: FaceDataset, folder: Path) -> Path:
    write_edition(drawn, folder / "set")
    (folder / "set/train/sad/zz.jpg").write_bytes(b"")
    return folder / "set"


def test_check_of_a_broken_folder_reports_then_fails(drawn: FaceDataset, tmp_path: Path) -> None:
    done = mien_data("check", broken_folder(drawn, tmp_path), "--no-audit")
    assert "28 faces" in done.stdout and "broken images: 1" in done.stdout
    assert isinstance(done.exception, DataError)
    assert "train/sad/zz.jpg: empty file" in str(done.exception)


def test_check_of_nothing_but_broken_images_names_them(tmp_path: Path) -> None:
    (tmp_path / "set" / "train" / "happy").mkdir(parents=True)
    Image.new("RGB", (100, 80), "white").save(tmp_path / "set" / "train" / "happy" / "a.png")
    done = mien_data("check", tmp_path / "set")
    assert "train/happy/a.png: 100x80 px, expected 48x48" in str(done.exception)
    assert "`mien data convert --skip-broken`; `--resize` there scales faces of another size" in str(done.exception)


def test_convert_scales_the_middle_of_faces_of_ones_own(tmp_path: Path) -> None:
    (tmp_path / "own" / "train" / "Happy").mkdir(parents=True)
    wide = np.zeros((96, 192, 3), np.uint8)
    wide[:, 48:144] = 200  # the middle square
    Image.fromarray(wide).save(tmp_path / "own" / "train" / "Happy" / "a.png")
    done = mien_data("convert", tmp_path / "own", tmp_path / "own.csv", "--resize")
    assert (done.exit_code, done.stdout.strip()) == (0, f"{tmp_path / 'own.csv'}: 1 faces")
    assert mien_data("convert", tmp_path / "own.csv", tmp_path / "again.csv", "--resize").exit_code == 0
    assert (tmp_path / "again.csv").read_bytes() == (tmp_path / "own.csv").read_bytes()
    data = read_fer2013(tmp_path / "own.csv")
    assert data.faces.shape == (1, 48, 48) and (data.faces == 200).all()
    assert data.label_set.name(int(data.labels[0])) == "happy"


def test_convert_draws_a_test_of_faces_in_class_folders(drawn: FaceDataset, tmp_path: Path) -> None:
    write_edition(drawn.training, tmp_path / "faces")
    (tmp_path / "faces/train").rename(tmp_path / "crops")
    result = mien_data("convert", tmp_path / "crops", tmp_path / "mine.csv", "--test-fraction", 0.5)
    assert result.exit_code == 0, result.output
    mine = read_fer2013(tmp_path / "mine.csv")
    assert [len(mine.split(name)) for name in ("Training", "Test")] == [7, 7]


def test_stats_writes_a_page(table: Path, tmp_path: Path) -> None:
    done = mien_data("stats", table, "--save", tmp_path / "stats.html")
    assert (done.exit_code, done.stdout.strip()) == (0, str(tmp_path / "stats.html"))
    assert "<h1>FER2013: fer2013.csv</h1>" in (tmp_path / "stats.html").read_text()


def test_convert_there_and_back(table: Path, tmp_path: Path, drawn: FaceDataset) -> None:
    for source, target in ((table, "a.parquet"), (tmp_path / "a.parquet", "b.csv"), (tmp_path / "b.csv", "c.zip")):
        done = mien_data("convert", source, tmp_path / target)
        assert (done.exit_code, done.stdout.strip()) == (0, f"{tmp_path / target}: 28 faces")
        assert "count" not in done.stderr
    assert read_fer2013(tmp_path / "b.csv").fingerprint == drawn.fingerprint
    assert read_fer2013(tmp_path / "c.zip").label_set == FOLDER


def test_convert_chosen_splits(table: Path, tmp_path: Path) -> None:
    chosen = ("--split", TRAINING, "--split", PRIVATE)
    done = mien_data("convert", table, tmp_path / "a.csv", *chosen)
    told = "the CSV numbers its rows from 0 again, so FER+ votes no longer fit; a .parquet keeps the row numbers."
    assert (done.exit_code, done.stderr.count(told), done.stderr.count("\n")) == (0, 1, 1)
    assert told not in mien_data("convert", table, tmp_path / "a.parquet", *chosen).stderr
    assert read_fer2013(tmp_path / "a.csv").split_names() == [TRAINING, PRIVATE]
    done = mien_data("convert", table, tmp_path / "b.csv", "--split", "Test")
    assert "no split 'Test'; it has Training, PublicTest, PrivateTest" in str(done.exception)
    assert not (tmp_path / "b.csv").exists()


def test_convert_names_the_broken_images_it_leaves_out(drawn: FaceDataset, tmp_path: Path) -> None:
    folder = broken_folder(drawn, tmp_path)
    done = mien_data("convert", folder, tmp_path / "a.parquet")
    assert "1 images cannot be read" in str(done.exception)
    done = mien_data("convert", folder, tmp_path / "a.parquet", "--skip-broken")
    assert done.exit_code == 0
    assert "left out: train/sad/zz.jpg: empty file" in done.stderr
    assert len(read_fer2013(tmp_path / "a.parquet")) == 28


def test_images_that_are_not_read_are_told_wherever_faces_are_measured(drawn: FaceDataset, tmp_path: Path) -> None:
    write_edition(drawn, tmp_path / "set")
    (tmp_path / "set" / "publictest").rename(tmp_path / "set" / "dev")
    (tmp_path / "set" / "README.md").write_text("words")
    why = "because their names or folders are not those of faces, or a table is read instead"
    told = f"not read, {why}: 7 files (dev/angry/"
    done = CliRunner().invoke(build_app(), ["robust", "mien-nano", "--data", str(tmp_path / "set"), "--split", "dev"])
    assert told in done.stderr
    assert "no split 'dev'; it has Training, PrivateTest" in str(done.exception)
    done = mien_data("convert", tmp_path / "set", tmp_path / "a.csv")
    assert told.replace("7 files (", "8 files (README.md, ") in done.stderr


def test_a_class_order_on_the_command_line(tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    from mien.lab.data.write import _png

    image = {"bytes": _png(np.zeros((48, 48), np.uint8)), "path": "a.png"}
    pq.write_table(pa.table({"image": [image], "label": [1]}), tmp_path / "train.parquet")
    assert "--classes angry,disgust,..." in str(mien_data("check", tmp_path / "train.parquet").exception)
    done = mien_data("check", tmp_path / "train.parquet", "--no-audit", "--json", "--classes", "Fear,Happiness")
    assert json.loads(done.stdout)["splits"] == {"Training": {"fear": 0, "happy": 1}}
    done = mien_data("convert", tmp_path / "train.parquet", tmp_path / "a.csv", "--classes", "happy,contempt")
    assert "classes contempt are not in" in str(done.exception)
    assert [file.name for file in tmp_path.iterdir()] == ["train.parquet"]


def test_classes_of_ones_own_from_folders_to_a_model(drawn: FaceDataset, tmp_path: Path) -> None:
    """Folders of two classes, neither of them an expression that mien knows, train a network that answers with them."""
    for name, faces in (("Awake", drawn.faces[::2]), ("sleepy", drawn.faces[1::2])):
        (tmp_path / "faces" / name).mkdir(parents=True)
        for position, face in enumerate(faces):
            Image.fromarray(face).save(tmp_path / "faces" / name / f"{position}.png")
    converted = ("convert", tmp_path / "faces", tmp_path / "own.parquet", "--test-fraction", 0.5)
    assert "--classes awake,sleepy,..." in str(mien_data(*converted).exception)
    assert mien_data(*converted, "--classes", "sleepy,awake").exit_code == 0
    data = read_fer2013(tmp_path / "own.parquet")
    assert data.label_set.names == ("sleepy", "awake")
    own = replace(lab.recipes["mien-small-further"], name="own", epochs=1, validation=Validation(kind="none"))
    run = lab.train(own, data, seed=0, out=tmp_path, weights="mien-small")
    assert lab.evaluate(run, data).label_set == data.label_set
    assert Recognizer.load(run.export()).card.labels == data.label_set


def test_a_class_order_for_a_file_that_states_its_own(table: Path) -> None:
    assert mien_data("check", table, "--no-audit", "--classes", ",".join(FER2013)).exit_code == 0
    done = mien_data("check", table, "--no-audit", "--classes", "fear,happy")
    assert "has its own classes, angry, disgust, fear, happy, sad, surprise, neutral; leave" in str(done.exception)


def test_fetch_prints_where_the_data_lies(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("mien.lab.data.fetch_fer2013", lambda site: tmp_path / site)
    assert mien_data("fetch").stdout.strip() == str(tmp_path / "huggingface")
    assert mien_data("fetch", "kaggle").stdout.strip() == str(tmp_path / "kaggle")
    assert mien_data("fetch", "elsewhere").exit_code == 2
