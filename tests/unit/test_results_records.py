"""Records of runs, and the tables in pages that are made from them."""

from __future__ import annotations

import csv
import hashlib
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from evaluated_run import evaluate_as, hundred, make_run, predictions_of

from mien.card import Card
from mien.errors import DataError
from mien.lab import results
from mien.lab.evaluation import write_results
from mien.lab.metrics import Report, report_of
from mien.lab.pages import results_tables
from mien.lab.pages.rewriting import write_tables
from mien.lab.predictions import Predictions, scored_as
from mien.lab.results import add, records
from mien.lab.scoring import score
from mien.labels import FER2013
from mien.preprocess import Preprocess


@pytest.fixture
def kept(repository, tmp_path):
    """Folder of records, and a function that makes an evaluated run for it."""
    folder, commit = repository

    def make(name, recipe="mien-small-first", right=60, splits=("PublicTest",), **environment):
        run = make_run(tmp_path / name, recipe, **{"commit": commit} | environment)
        for split in splits:
            evaluate_as(run, hundred(right, split=split, twins=10))
        return run

    return folder / tmp_path.name / "results", make


def test_a_record_holds_what_a_stranger_needs(kept):
    folder, make = kept
    assert add(make("run", "cnn8", splits=("PublicTest", "PrivateTest")), folder) == folder / "run"
    row = json.loads((folder / "run" / "run.json").read_text())
    assert row["run"] == "run" and row["recipe"]["name"] == "cnn8" and row["environment"]["seed"] == 0
    public = row["reports"]["PublicTest"]
    assert (public["full"]["n"], public["full"]["accuracy"]) == (100, 0.6)
    assert (public["twin_free"]["n"], public["twin_free"]["accuracy"]) == (90, pytest.approx(50 / 90))
    assert not {"calibration", "coverage_curve"} & public["full"].keys() and public["full"]["aurc"] is not None
    assert len(public["full"]["confusion"]) == 7
    assert [each["split"] for each in row["published"]] == ["PrivateTest", "PrivateTest", "PublicTest", "PublicTest"]
    assert row["published"][0]["difference"] == pytest.approx(0.6 - 0.6492)
    history = list(csv.DictReader((folder / "run" / "history.csv").open()))
    assert [float(line["train_accuracy"]) for line in history] == pytest.approx([0.2, 0.4, 0.6])
    assert {file.name for file in (folder / "run").iterdir()} == {
        "run.json", "history.csv", "predictions.csv"
    }  # fmt: skip


def test_a_record_holds_the_code_of_a_network_of_ones_own(kept):
    folder, make = kept
    run = make("run")
    for name in ("network.py", "network.blocks.py"):
        (run.folder / name).write_text(name)
    record = add(run, folder)
    assert {file.name: file.read_text() for file in record.glob("*.py")} == {
        "network.py": "network.py", "network.blocks.py": "network.blocks.py"
    }  # fmt: skip


def test_the_model_is_described(kept):
    folder, make = kept
    run = make("run")
    (run.folder / "model").mkdir()
    (run.folder / "model" / "model.onnx").write_bytes(b"")
    empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    Card(name="x", labels=FER2013, preprocess=Preprocess(), sha256=empty, parameters=123).write(run.folder / "model")
    evaluate_as(run, hundred(60), model_sha256=empty)
    assert json.loads((add(run, folder) / "run.json").read_text())["parameters"] == 123
    fitted = {"temperature": 1.2, "sharpening": 0.0, "uncertain_below": 0.0}
    evaluate_as(run, hundred(60), model_sha256=empty, confidence_fit=fitted)
    with pytest.raises(DataError, match="PublicTest is of the same model before it was recalibrated"):
        add(run, folder)
    evaluate_as(run, hundred(60), model_sha256=empty, confidence_fit=fitted | {"temperature": 1.0})
    add(run, folder)
    evaluate_as(run, hundred(60, split="PrivateTest"), model_sha256="of-the-float-model")
    with pytest.raises(
        DataError, match=r"report on PrivateTest is of another model file .SHA-256 of-the-float, now e3b"
    ):
        add(run, folder)


def test_adding_again_replaces_the_record(kept):
    folder, make = kept
    add(make("run"), folder)
    add(make("run", right=70), folder)
    (record,) = records(folder)
    assert record.row["reports"]["PublicTest"]["full"]["accuracy"] == 0.7


def test_a_record_of_another_run_of_the_same_name_is_not_replaced(kept):
    folder, make = kept
    file = add(make("run"), folder) / "run.json"
    before = file.read_bytes()
    other = make("elsewhere/run", right=70, started="2026-02-02T00:00:00+00:00")
    with pytest.raises(
        DataError,
        match=r"run.run.json: is the record of another run of this name \(started 2026-01-01.*\); rename the folder",
    ):
        add(other, folder)
    assert file.read_bytes() == before
    file.write_text("{")  # nothing is lost then
    assert records_accuracy(add(other, folder).parent) == [0.7]


def records_accuracy(folder):
    return [record.row["reports"]["PublicTest"]["full"]["accuracy"] for record in records(folder)]


def test_adding_again_leaves_no_predictions_of_an_earlier_model(kept):
    folder, make = kept
    add(make("run", splits=("PublicTest", "PrivateTest")), folder)
    again = make("run")
    for old in again.folder.glob("*-PrivateTest.*"):
        old.unlink()
    add(again, folder)
    assert not list((folder / "run").glob("predictions*"))


@pytest.mark.parametrize("tta", ["none", "flip"])
def test_predictions_of_a_record_are_scored_as_those_of_its_run(kept, tmp_path, tta):
    folder, make = kept
    run = make("run", "cnn8")
    unlabelled = predictions_of([-1, -1], [6, 1], split="PrivateTest")
    unlabelled.probabilities[0] = [1e-7, 0, 0, 0, 0.1, 0, 0.9 - 1e-7]
    report = replace(report_of(unlabelled), model="cnn8", tta=tta, train_accuracy=0.5, remarks=("Mind this.",))
    write_results(run.folder, unlabelled, report)
    add(run, folder)
    first, second = unlabelled.rows
    (tmp_path / "labels.csv").write_text(f"row,label\n{first},angry\n{second},disgust\n")
    name = scored_as("PrivateTest", tta)
    file = folder / "run" / f"predictions{name.removeprefix('PrivateTest')}.csv"
    scored = score(file, tmp_path / "labels.csv", out=tmp_path / "scored")
    assert (scored.split, scored.tta, scored.model, scored.train_accuracy) == ("PrivateTest", tta, "cnn8", 0.5)
    assert "Mind this." in scored.remarks and scored.provenance["recipe"]["name"] == "cnn8"
    assert Report.read(tmp_path / "scored" / f"report-{name}.json") == scored
    assert scored.full.log_loss < 10  # a probability that is rounded to 0 is not taken for impossible


def test_a_run_is_no_place_for_its_own_record(kept):
    """Its predictions were deleted as those of an earlier record."""
    folder, make = kept
    run = make(folder / "run", splits=("PublicTest", "PrivateTest"))
    before = {file.name: file.read_bytes() for file in run.folder.iterdir()}
    with pytest.raises(DataError, match=r"results.run: is the run itself; name another folder for records"):
        add(run, folder)
    assert {file.name: file.read_bytes() for file in run.folder.iterdir()} == before


def test_probabilities_are_rounded_and_still_predict_the_same(kept):
    folder, make = kept
    run = make("run")
    predictions = predictions_of([0, 1], [6, 1], split="PrivateTest")
    predictions.probabilities[0] = [
        0.40000004,
        0,
        0,
        0,
        0.1,
        0.09999888,
        0.40000008,
    ]  # first and last round to the same
    evaluate_as(run, predictions)
    add(run, folder)
    copied = Predictions.read(folder / "run" / "predictions.csv")
    assert copied.predicted.tolist() == [6, 1]
    assert copied.probabilities[0].tolist() == pytest.approx([0.4, 0, 0, 0, 0.1, 0.099999, 0.400001])
    assert np.abs(copied.probabilities - predictions.probabilities).max() < 2e-6


def test_predictions_with_mirror_images_are_kept_beside_the_others(kept):
    folder, make = kept
    run = make("run", splits=("PrivateTest",))
    predictions_of([0, 1], [6, 1], split="PrivateTest").write(run.folder / "predictions-PrivateTest-flip.csv")
    add(run, folder)
    assert Predictions.read(folder / "run" / "predictions-flip.csv").predicted.tolist() == [6, 1]
    assert len(Predictions.read(folder / "run" / "predictions.csv")) == 100


def test_many_predictions_are_left_out(kept, monkeypatch):
    folder, make = kept
    monkeypatch.setattr(results, "MOST_FACES", 99)
    add(make("run", splits=("PrivateTest",)), folder)
    assert not (folder / "run" / "predictions.csv").exists()


def test_unfinished_or_unevaluated_runs_are_refused(kept):
    folder, make = kept
    with pytest.raises(DataError, match="not finished, 3 of 105 epochs; resume it, then evaluate"):
        add(make("run", finished=False), folder)
    with pytest.raises(DataError, match="not evaluated; run `mien evaluate"):
        add(make("fresh", splits=()), folder)
    assert not folder.exists()


def test_a_report_on_other_predictions_than_lie_beside_it_is_refused(kept):
    folder, make = kept
    run = make("run")
    hundred(70).take(np.arange(40)).write(run.folder / "predictions-PublicTest.csv")
    with pytest.raises(DataError, match=r"40 faces, accuracy 100.00 %, but the report beside it has 100 faces"):
        add(run, folder)
    assert not (folder / "run" / "run.json").exists()


def test_code_that_nobody_can_check_out_is_refused(kept, tmp_path):
    folder, make = kept
    with pytest.raises(DataError, match="its commit is unknown; train from a clone"):
        add(make("a", commit="unknown"), folder)
    with pytest.raises(DataError, match=r"commit abc\+dirty: the code was changed after that commit"):
        add(make("b", commit="abc+dirty"), folder)
    with pytest.raises(DataError, match=r"commit abd\+dirty: the code was changed after that commit"):
        add(make("e", resumed=[{"commit": "abd+dirty"}]), folder)
    with pytest.raises(DataError, match=f"commit {'0' * 40} is not in the git repository that holds"):
        add(make("c", commit="0" * 40), folder)
    with pytest.raises(DataError, match="is not in the git repository that holds"):
        add(make("d"), tmp_path / "elsewhere")


def test_a_place_that_cannot_be_written_is_named(kept):
    folder, make = kept
    folder.mkdir(parents=True)
    (folder / "run").touch()
    with pytest.raises(DataError, match=r"results.run: the record cannot be written"):
        add(make("run"), folder)


@pytest.mark.parametrize("text", ["{", "[]", '{"schema": 99}', "{}", '{"schema": 1}'])
def test_a_broken_record_is_named(tmp_path, text):
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "run.json").write_text(text)
    with pytest.raises(DataError, match=r"run.run.json: not a record of this version of mien .*; add the run again"):
        records(tmp_path)
    predictions = predictions_of([0, 1], [6, 1])
    predictions.write(folder / "predictions.csv")
    (tmp_path / "labels.csv").write_text("row,label\n" + "".join(f"{row},sad\n" for row in predictions.rows))
    with pytest.raises(DataError, match=r"run.run.json: not a record of this version of mien"):
        score(folder / "predictions.csv", tmp_path / "labels.csv")


@pytest.mark.parametrize(
    ("place", "value", "words"),
    [
        (("environment", "seed"), None, "without environment.seed"),
        (("environment", "weights_sha256"), None, "without environment.weights_sha256"),
        (("environment", "epochs_run"), None, "without environment.epochs_run"),
        (("environment", "weights"), "file", "environment has one of weights and weights_sha256 without the other"),
        (("reports", "PublicTest"), "x", "reports.PublicTest is 'x'"),
        (("reports", "PublicTest", "full"), None, "without reports.PublicTest.full"),
        (("reports", "PublicTest", "gap"), "x", "reports.PublicTest.gap is 'x'"),
        (("reports", "PublicTest", "full", "accuracy"), None, "without reports.PublicTest.full.accuracy"),
        (("reports", "PublicTest", "twin_free", "n"), "90", "reports.PublicTest.twin_free.n is '90'"),
        (("reports", "PublicTest", "full", "confusion", 0), [1], "reports.PublicTest.full.confusion is not a square"),
        (("reports", "PublicTest", "right"), "ff", "reports.PublicTest.right does not have a bit for each of 100"),
        (("published", 0, "value"), None, "without published.0.value"),
        (("published", 0, "figure", "metric"), None, "without published.0.figure.metric"),
    ],
)
def test_a_damaged_field_of_a_record_is_named(kept, place, value, words):
    folder, make = kept
    file = add(make("run", "cnn8"), folder) / "run.json"
    row = json.loads(file.read_text())
    at = row
    for key in place[:-1]:
        at = at[key]
    if value is None:
        del at[place[-1]]
    else:
        at[place[-1]] = value
    file.write_text(json.dumps(row))
    with pytest.raises(DataError) as caught:
        records(folder)
    assert f"run.json: not a record of this version of mien ({words}" in str(caught.value)


def test_a_record_whose_recipe_is_of_another_mien_is_named(kept):
    folder, make = kept
    file = add(make("run"), folder) / "run.json"
    row = json.loads(file.read_text())
    file.write_text(json.dumps(row | {"recipe": row["recipe"] | {"later": 1}}))
    (record,) = records(folder)
    with pytest.raises(
        DataError, match=r"run.run.json: not a record of this version of mien .*'later'.*; add the run again"
    ):
        _ = record.recipe


@pytest.mark.parametrize("text", [None, "epoch,train_loss\n1,x\n", "step,train_loss\n1,2\n"])
def test_a_broken_history_is_named(kept, text):
    folder, make = kept
    history = add(make("run"), folder) / "history.csv"
    history.unlink()
    if text is not None:
        history.write_text(text)
    (record,) = records(folder)
    with pytest.raises(DataError, match=r"run.history.csv: not the history of a record .*; add the run again"):
        record.history()


def test_predictions_of_the_oldest_records_are_scored(kept, tmp_path):
    """They do not say whether their weights are int8."""
    folder, make = kept
    run = make("run", "cnn8", splits=("PrivateTest",))
    record = add(run, folder) / "run.json"
    row = json.loads(record.read_text())
    del row["weights"]
    record.write_text(json.dumps(row))
    rows = Predictions.read(record.with_name("predictions.csv")).rows
    (tmp_path / "labels.csv").write_text("row,label\n" + "".join(f"{row},happy\n" for row in rows))
    report = score(record.with_name("predictions.csv"), tmp_path / "labels.csv")
    assert report.n_scored == len(rows) and report.provenance["recipe"]["name"] == "cnn8"


def page_with(folder, *names):
    page = folder / "page.md"
    blocks = "\n".join(f"<!-- generated: {name} -->\nold\n<!-- end -->\n\nkept {name}\n" for name in names)
    page.write_text(f"# Head\n\n{blocks}")
    return page


def test_tables_are_filled_and_checked(kept):
    folder, make = kept
    for seed, right in enumerate((60, 70)):
        add(make(f"run{seed}", "cnn8", right, splits=("PublicTest", "PrivateTest"), seed=seed), folder)
    page = page_with(folder.parent, "results", "seeds", "published")
    with pytest.raises(DataError, match="a generated table is out of date; run `mien results tables`"):
        write_tables([page], folder, check=True)
    assert "old" in page.read_text()
    assert write_tables([page], folder) == [page]
    text = page.read_text()
    assert "old" not in text and "kept seeds" in text and text.startswith("# Head")
    line = "[run1](results/run1/run.json) | float | one view | 100 | 70.00 % (60.4 to 78.1) | 66.67 % (56.4 to 75.5) |"
    assert text.count(line) == 2  # once for each split
    assert text.index("**PublicTest**") < text.index("**PrivateTest**")
    assert "| cnn8 | PublicTest | one view | 2 | 65.00 % | 60.0 to 70.0 | 61.11 % |" in text
    assert "| test accuracy, report 004, section III | PrivateTest | 64.92 % | 60.00 % | -4.9 (-14.7 to +4.1) |" in text
    assert "| no: the source measured on PrivateTest, here on PublicTest |" in text
    assert "* cnn8: The report's test split is the challenge's second one, PrivateTest." in text
    assert write_tables([page], folder, check=True) == []


def test_seeds_with_other_teachers_or_of_one_number_are_not_seeds(kept):
    folder, make = kept
    for name, seed, teacher in (("a", 0, "large-seed0"), ("b", 0, "large-seed1"), ("c", 1, "small-seed0")):
        add(make(name, "cnn8", seed=seed, teachers={teacher: "0"}), folder)
    page = page_with(folder.parent, "seeds")
    write_tables([page], folder)
    assert "None yet." in page.read_text()
    add(make("d", "cnn8", 70, seed=1, teachers={"large-seed2": "0"}), folder)
    write_tables([page], folder)
    assert "| cnn8 | PublicTest | one view | 2 | 65.00 % | 60.0 to 70.0 |" in page.read_text()


def test_of_two_records_of_one_seed_the_one_with_more_labelled_splits_counts(kept):
    folder, make = kept
    add(make("a", "cnn8", 60, seed=0), folder)
    add(make("b", "cnn8", 70, seed=0, splits=("PublicTest", "PrivateTest")), folder)
    add(make("c", "cnn8", 70, seed=1), folder)
    page = page_with(folder.parent, "seeds")
    write_tables([page], folder)
    assert "| cnn8 | PublicTest | one view | 2 | 70.00 % | 70.0 to 70.0 |" in page.read_text()


def test_augmented_evaluations_stand_apart(kept):
    folder, make = kept
    run = make("run", "cnn8")
    for part, kind in (("predictions", "csv"), ("report", "json")):
        file = run.folder / f"{part}-PublicTest.{kind}"
        file.with_name(f"{part}-PublicTest-flip.{kind}").write_text(
            file.read_text().replace('"tta": "none"', '"tta": "flip"')
        )
    add(run, folder)
    page = page_with(folder.parent, "results", "seeds", "published")
    write_tables([page], folder)
    assert page.read_text().count("| flip |") == 1
    assert "| cnn8 | PublicTest | 2 |" not in page.read_text()
    assert page.read_text().count("no: the source") == 2  # accuracy and loss, of the evaluation without it


def test_splits_without_labels_have_no_line(kept):
    folder, make = kept
    run = make("run")
    predictions = hundred(60, split="PrivateTest")
    predictions.labels[:] = -1
    evaluate_as(run, predictions)
    add(run, folder)
    page = page_with(folder.parent, "results")
    write_tables([page], folder)
    assert "PublicTest" in page.read_text() and "PrivateTest" not in page.read_text()


def test_without_records_the_page_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr(results_tables, "shipped_models", list)
    page = page_with(tmp_path, "results", "seeds", "published", "shipped", "classes")
    write_tables([page], tmp_path / "results")
    assert page.read_text().count("None yet.") == 5


def test_shipped_models_are_described_by_their_cards(tmp_path, monkeypatch):
    rates = {"n": 100, "accuracy": 0.6, "accuracy_low": 0.502, "accuracy_high": 0.691, "ece": 0.0214}
    rates["per_class"] = {
        "happy": {"n": 9, "recall": 0.777, "precision": 0.5},
        "contempt": {"n": 0, "recall": 0.0, "precision": 0.0},
    }
    origin = {"commit": "0123456789", "seed": 3, "calibration": {"coverage": 0.667}}
    card = Card(
        name="small", labels=FER2013, preprocess=Preprocess(), sha256="", parameters=1_234_567,
        metrics={"PublicTest": {"full": rates, "twin_free": None}}, provenance=origin,
    )  # fmt: skip

    (tmp_path / "model.onnx").write_bytes(bytes(1_540_000))
    card = replace(card, sha256=hashlib.sha256(bytes(1_540_000)).hexdigest())
    card.write(tmp_path)
    monkeypatch.setattr(results_tables, "shipped_models", lambda: ["small"])
    monkeypatch.setattr(results_tables, "find_model", lambda name: tmp_path)
    page = page_with(tmp_path, "shipped", "classes")
    write_tables([page], tmp_path)
    assert "| small | PublicTest | – | – | – | 78 / 50 | – | – | – | – |" in page.read_text()
    line = "| 100 | 60.00 % (50.2 to 69.1) | – | 0.021 | {} | 1,234,567 | 1.5 | 3 | 0123456 |"
    assert f"| small | PublicTest, FER2013 {line.format('67 %')}" in page.read_text()
    replace(card, provenance=origin | {"calibration": None}).write(tmp_path)
    write_tables([page], tmp_path)
    assert line.format("–") in page.read_text()


def test_pages_that_cannot_be_filled_are_named(tmp_path):
    page = tmp_path / "page.md"
    with pytest.raises(DataError, match=r"page.md: cannot be read"):
        write_tables([page], tmp_path)
    start, end = "<!-- generated: results -->\n", "<!-- end -->\n"
    for text in (start, end, start + start + end, start + end + end):
        page.write_text(text)
        with pytest.raises(DataError, match=r"page.md: a <!-- generated: NAME --> has no <!-- end -->"):
            write_tables([page], tmp_path)
    page.write_text("<!-- generated: nonsense -->\n<!-- end -->\n")
    with pytest.raises(DataError, match="no table is called 'nonsense'; there are results, seeds, published, shipped"):
        write_tables([page], tmp_path)
    page.write_text("nothing generated\n")
    assert write_tables([page], Path("nowhere")) == []
