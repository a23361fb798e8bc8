"""Comparison of runs against figures worked out by hand."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace

import numpy as np
import pytest
from evaluated_run import evaluate_as, hundred, make_run, predictions_of, variant

from mien.card import Card
from mien.errors import DataError, ModelError
from mien.lab.comparison import compare
from mien.lab.data.origin import _TRAINING_VOTES, _TRAINING_VOTES_OF
from mien.lab.evaluated import read_evaluated
from mien.lab.evaluation import write_results
from mien.lab.metrics import report_of
from mien.lab.pages.comparison_tables import published_table, tables_of
from mien.lab.pages.report import write_charts, write_comparison, write_report
from mien.lab.published import WHILE_LEARNING, Beside, in_words
from mien.lab.recipe_book import recipes
from mien.lab.seeds import by_seed
from mien.labels import FER2013, FOLDER
from mien.recognizer import find_model


@pytest.fixture
def three_seeds(tmp_path):
    rights = {0: 60, 1: 70, 2: 62}
    return [evaluate_as(make_run(tmp_path / f"run{seed}", seed=seed), hundred(right)) for seed, right in rights.items()]


def beside(run, split="PublicTest"):
    return read_evaluated(run, split, "x").published


def test_runs_of_other_models_as_teachers_are_no_seeds_of_each_other() -> None:
    taught = [(0, "model-a"), (1, "model-a"), (2, "model-b"), (3, "cnn-seed0-abc"), (4, "cnn-seed1-def")]
    runs = [{"seed": seed, "data_fingerprint": "ab", "teachers": {name: ""}} for seed, name in taught]
    groups = by_seed(runs, kind=lambda run: "", environment=lambda run: run, labelled_splits=lambda run: 1)
    assert [list(group) for group in groups] == [[0, 1], [2], [3, 4]]


def test_teachers_in_another_order_are_the_same() -> None:
    orders = [("model-a", "model-b"), ("model-b", "model-a")]
    runs = [
        {"seed": seed, "data_fingerprint": "ab", "teachers": dict.fromkeys(names, "")}
        for seed, names in enumerate(orders)
    ]
    (group,) = by_seed(runs, kind=lambda run: "", environment=lambda run: run, labelled_splits=lambda run: 1)
    assert list(group) == [0, 1]


def test_of_two_runs_of_one_seed_the_first_is_kept_or_the_one_with_more_labelled_splits() -> None:
    runs = [{"seed": 0, "data_fingerprint": "ab", "name": name} for name in "abc"]
    splits = {"a": 1, "b": 1, "c": 2}
    for given, kept in ((runs[:2], "a"), (runs, "c"), (runs[::-1], "c")):
        (group,) = by_seed(given, lambda run: "", lambda run: run, lambda run: splits[run["name"]])
        assert [run["name"] for run in group.values()] == [kept]


def test_a_comparison_prints_its_tables(three_seeds):
    comparison = compare(three_seeds)
    text = str(comparison)
    assert text.startswith("Models on PublicTest\n====================\nmodel ")
    for table in tables_of(comparison):
        assert str(table) in text
    assert "\n\nRuns of one recipe\n" in text and "\n\nPairs on the same faces\n" in text


def test_models_stand_side_by_side(three_seeds):
    comparison = compare(three_seeds)
    assert comparison.split == "PublicTest"
    assert [entry.name for entry in comparison.entries] == [
        "mien-small-first seed 0",
        "mien-small-first seed 1",
        "mien-small-first seed 2",
    ]
    assert [entry.full.accuracy for entry in comparison.entries] == [0.6, 0.7, 0.62]
    figures = comparison.entries[0].figures()
    assert (figures["run"], figures["seed"], figures["n"], figures["twin_free_n"]) == ("run0", 0, 100, 100)
    assert figures["gap"] == pytest.approx(0.0)  # 60 % in training, 60 % here


def test_pairs_get_mcnemar_and_a_difference(three_seeds):
    pair = compare(three_seeds[:2]).pairs[0]
    assert (pair.a, pair.b) == ("mien-small-first seed 0", "mien-small-first seed 1")
    assert (pair.test.n10, pair.test.n01) == (0, 10)  # the second has ten more right, and none less
    assert pair.test.p_value == pytest.approx(2 / 2**10)  # exact: ten of ten on one side
    assert pair.difference.difference == pytest.approx(0.1)
    assert pair.difference.low < 0.1 < pair.difference.high


def other_model(folder, predictions, **report):
    """A folder as `mien evaluate MODEL --out FOLDER` writes it."""
    known = {"model": "theirs", "data_source": "faces.csv", "remarks": ("A remark.",)}
    write_results(folder, predictions, replace(report_of(predictions), **known | report))
    return folder


def test_the_results_of_another_model_stand_beside_runs(three_seeds, tmp_path):
    theirs = other_model(tmp_path / "evaluated", hundred(50))
    comparison = compare([*three_seeds[:2], theirs])
    assert [entry.name for entry in comparison.entries][2] == "theirs"
    pair = comparison.pairs[1]
    assert (pair.a, pair.b, pair.test.n10, pair.test.n01) == ("mien-small-first seed 0", "theirs", 10, 0)
    assert [row.names for row in comparison.seeds] == [("mien-small-first seed 0", "mien-small-first seed 1")]
    row = json.loads(comparison.to_json())["models"][2]
    assert (row["run"], row["recipe"], row["seed"], row["parameters"]) == ("evaluated", None, None, None)
    assert row["accuracy"] == 0.5 and row["gap"] is None
    assert "\ntheirs: A remark.\n" in str(comparison)


def test_scored_predictions_are_named_by_their_folder(three_seeds, tmp_path):
    theirs = other_model(tmp_path / "scored", hundred(50), model="")
    assert [entry.name for entry in compare([three_seeds[0], theirs]).entries] == ["mien-small-first seed 0", "scored"]


def test_a_comparison_needs_no_run(tmp_path):
    both = [other_model(tmp_path / name, hundred(right)) for name, right in (("a", 50), ("b", 60))]
    comparison = compare(both)
    assert [entry.name for entry in comparison.entries] == ["a", "b"]  # both models have one name
    page = write_comparison(comparison, tmp_path / "compare.html").read_text()
    assert "over the epochs of" not in page and "a</td>" in page


def test_the_parameters_of_a_model_that_ships_are_known(tmp_path):
    card = Card.read(find_model("mien-nano"))
    same = other_model(tmp_path / "a", hundred(50), model="mien-nano", model_sha256=card.sha256)
    another = other_model(tmp_path / "b", hundred(50), model="mien-nano", model_sha256="of another version")
    assert [entry.parameters for entry in compare([same, another]).entries] == [card.parameters, None]


def test_what_is_asked_of_another_model_names_its_command(three_seeds, tmp_path):
    theirs = other_model(tmp_path / "evaluated", hundred(50, split="Test"))
    with pytest.raises(DataError, match=r"run0: PublicTest; evaluated: Test\)"):
        compare([three_seeds[0], theirs])
    again = r"not on PublicTest; run `mien evaluate MODEL --split PublicTest --out .*evaluated`"
    with pytest.raises(DataError, match=again):
        compare([three_seeds[0], theirs], "PublicTest")


def test_a_model_that_ships_needs_its_results(three_seeds):
    remedy = r"^mien-nano: is a model that ships.* `mien compare` takes the folder of `mien evaluate mien-nano --out F"
    with pytest.raises(ModelError, match=remedy):
        compare([three_seeds[0], "mien-nano"])


def test_a_report_takes_runs_alone(three_seeds, tmp_path):
    theirs = other_model(tmp_path / "evaluated", hundred(50))
    what = r"evaluated: results of a model, not a run; only `mien compare` takes them"
    with pytest.raises(DataError, match=what):
        write_report([three_seeds[0], theirs], None, tmp_path / "report.html")
    with pytest.raises(DataError, match=what):
        write_charts([three_seeds[0], theirs], tmp_path / "charts")
    assert not (tmp_path / "report.html").exists() and not (tmp_path / "charts").exists()


def test_predictions_are_joined_by_row(three_seeds):
    run = three_seeds[1]
    order = np.random.default_rng(0).permutation(100)
    evaluate_as(run, hundred(70).take(order))
    assert compare(three_seeds[:2]).pairs[0].test.n10 == 0


def test_label_orders_are_crossed_by_name(three_seeds, tmp_path):
    first = hundred(60)
    positions = np.array(FER2013.positions_in(FOLDER))
    probabilities = np.empty_like(first.probabilities)
    probabilities[:, positions] = first.probabilities
    other = replace(first, labels=positions[first.labels], probabilities=probabilities, label_set=FOLDER)
    run = evaluate_as(make_run(tmp_path / "folder", seed=7), other)
    pair = compare([three_seeds[0], run]).pairs[0]
    assert (pair.test.n10, pair.test.n01, pair.test.p_value) == (0, 0, 1.0)


def test_runs_that_differ_in_more_than_the_seed_are_not_grouped(three_seeds, tmp_path):
    def run(name, seed, **environment):
        return evaluate_as(make_run(tmp_path / name, seed=seed, **environment), hundred(50))

    taught = run("taught", 3, teachers={"mien-small-seed0-123456": "a"})
    voted = run("voted", 4, votes_sha256="b")
    again = run("again", 0)
    (group,) = compare([*three_seeds, taught, voted, again]).seeds
    assert group.names == ("run0", "run1", "run2")
    evaluate_as(again, hundred(50, split="PrivateTest"))
    (group,) = compare([*three_seeds, again]).seeds
    assert group.names == ("again", "run1", "run2")  # of two of one seed the one with more labelled splits
    also_taught = run("also", 5, teachers={"mien-small-seed1-654321": "c"})  # by another seed's teacher
    assert [group.names for group in compare([taught, also_taught]).seeds] == [
        ("mien-small-first seed 3", "mien-small-first seed 5")
    ]


def test_votes_of_more_faces_than_training_are_those_of_training(tmp_path):
    copies = [*_TRAINING_VOTES_OF, _TRAINING_VOTES]
    runs = [make_run(tmp_path / str(seed), seed=seed, votes_sha256=votes) for seed, votes in enumerate(copies)]
    (group,) = compare([evaluate_as(run, hundred(50)) for run in runs]).seeds
    assert len(group.names) == 3


def test_runs_that_were_measured_with_mirror_images_alone(three_seeds, tmp_path):
    mirrored = make_run(tmp_path / "mirrored", seed=3)
    evaluate_as(mirrored, hundred(50, split="PublicTest-flip"))
    assert compare([mirrored]).split == "PublicTest-flip"
    with pytest.raises(DataError, match=r"run0: PublicTest; mirrored: PublicTest-flip"):
        compare([three_seeds[0], mirrored])
    with pytest.raises(DataError, match=r"run `mien evaluate .*run0 --split PublicTest --tta flip`"):
        compare([three_seeds[0], mirrored], "PublicTest-flip")


def test_seeds_of_one_recipe_are_grouped(three_seeds, tmp_path):
    other = evaluate_as(make_run(tmp_path / "other", "cnn8"), hundred(50))
    (group,) = compare([*three_seeds, other]).seeds
    assert group.recipe == "mien-small-first" and len(group.names) == 3
    assert (group.low, group.high) == (0.6, 0.7)
    assert group.mean == pytest.approx(0.64)
    assert group.twin_free_mean == pytest.approx(0.64)
    evaluate_as(three_seeds[1], replace(hundred(70), twin_free=None))
    (group,) = compare(three_seeds).seeds
    assert group.mean == pytest.approx(0.64) and group.twin_free_mean is None


def test_recipes_are_compared_over_the_seeds_that_both_have(three_seeds, tmp_path):
    rights = {0: 50, 1: 64, 2: 60, 5: 10}
    others = [
        evaluate_as(make_run(tmp_path / f"cnn{seed}", "cnn8", seed=seed), hundred(right))
        for seed, right in rights.items()
    ]
    comparison = compare([*three_seeds, *others])
    (pair,) = comparison.recipes
    assert (pair.a, pair.b, pair.seeds) == ("mien-small-first", "cnn8", (0, 1, 2))
    of_seeds = 4.3027 * 0.04 / 3**0.5  # Student's t of two degrees; the differences are -10, -6 and -2 points
    of_faces = 1.96 * ((18 * (1 / 3) ** 2 - 100 * 0.06**2) / 99 / 100) ** 0.5  # 18 faces differ, with one seed each
    half = np.hypot(of_seeds, of_faces)
    found = pair.difference
    assert (found.difference, found.low, found.high) == pytest.approx((-0.06, -0.06 - half, -0.06 + half), abs=1e-4)
    assert json.loads(comparison.to_json())["recipes"][0]["seeds"] == [0, 1, 2]
    table = next(table for table in tables_of(comparison) if table.title == "Recipes over their seeds")
    assert table.rows == (("mien-small-first", "cnn8", "0, 1, 2", "-6.0", "-16.3 to +4.3"),)
    assert compare([*three_seeds, others[0]]).recipes == ()  # one seed in common


def test_variants_of_one_name_are_told_apart_by_their_runs(tmp_path):
    runs = [
        evaluate_as(
            make_run(tmp_path / f"smooth{lr}-seed{seed}", variant("cnn8", label_smoothing=lr), seed=seed),
            hundred(50 + seed),
        )
        for lr in (0.1, 0.2)
        for seed in (0, 1)
    ]
    (pair,) = compare(runs).recipes
    assert (pair.a, pair.b) == ("smooth0.1-seed0", "smooth0.2-seed0")


def test_other_data_are_no_other_seed(three_seeds, tmp_path):
    other = evaluate_as(make_run(tmp_path / "other", seed=9, data_fingerprint="e" * 64), hundred(50))
    assert compare([three_seeds[0], other]).seeds == ()


def test_same_recipe_and_seed_are_told_apart_by_folder(tmp_path):
    runs = [evaluate_as(make_run(tmp_path / name), hundred(60)) for name in ("a", "b")]
    assert [entry.name for entry in compare(runs).entries] == ["a", "b"]
    runs = [evaluate_as(make_run(tmp_path / part / "run"), hundred(60)) for part in ("c", "d")]
    assert [entry.name for entry in compare(runs).entries] == [str(tmp_path / "c/run"), str(tmp_path / "d/run")]


def test_runs_may_be_named_by_folder(three_seeds):
    assert len(compare([str(run.folder) for run in three_seeds]).entries) == 3
    with pytest.raises(ModelError, match="expected a run folder"):
        compare([three_seeds[0].folder / "nowhere"])


def test_split_is_the_preferred_one_that_all_have(three_seeds, tmp_path):
    for run in three_seeds[:2]:
        evaluate_as(run, hundred(50, split="PrivateTest"))
    assert compare(three_seeds[:2]).split == "PublicTest"
    assert compare(three_seeds[:2], "PrivateTest").entries[1].full.accuracy == 0.5
    for run in three_seeds[:2]:
        evaluate_as(run, hundred(50, split="Test"))
    assert compare(three_seeds[:2]).split == "Test"  # as `evaluate` takes it where PublicTest stands beside it
    only_private = evaluate_as(make_run(tmp_path / "private", "cnn8"), hundred(50, split="PrivateTest"))
    assert compare([three_seeds[0], only_private]).split == "PrivateTest"


def test_nothing_to_compare_is_refused(three_seeds, tmp_path):
    with pytest.raises(DataError, match="no run is given"):
        compare([])
    with pytest.raises(DataError, match="given twice"):
        compare([three_seeds[0], three_seeds[0]])
    fresh = make_run(tmp_path / "fresh", "cnn8")
    with pytest.raises(DataError, match=r"run0: PublicTest; fresh: none"):
        compare([three_seeds[0], fresh])
    with pytest.raises(
        DataError, match=r"run0: evaluated on PublicTest, not on Test; run `mien evaluate .*run0 --split Test`"
    ):
        compare(three_seeds, "Test")


@pytest.mark.parametrize("split", [None, "PublicTest"])
def test_an_unfinished_run_is_named_at_once(three_seeds, tmp_path, split):
    half = make_run(tmp_path / "half", "cnn8", finished=False)
    found = r"half: not finished, 3 of \d+ epochs; run the same `mien train` again, then `mien evaluate .*half`\."
    with pytest.raises(DataError, match=found):
        compare([*three_seeds, half], split)


def test_a_split_without_labels_is_refused(tmp_path):
    unlabelled = replace(hundred(60, split="PrivateTest"), labels=np.full(100, -1))
    run = evaluate_as(make_run(tmp_path / "run"), unlabelled)
    with pytest.raises(DataError, match="no labelled split"):
        compare([run])
    with pytest.raises(DataError, match="PrivateTest has no labels, only predictions"):
        compare([run], "PrivateTest")


@pytest.mark.parametrize(
    ("kept", "found"),
    [
        (
            50,
            "49 faces, accuracy 100.00 %, but the report beside it has 100 faces, accuracy 60.00 %; one of the two is",
        ),
        (0, "columns ; expected"),
    ],
)
def test_predictions_that_were_cut_are_refused_though_all_runs_have_the_same(three_seeds, kept, found):
    again = r"Run `mien evaluate .*run0 --split PublicTest` again\."
    for run in three_seeds:
        file = run.folder / "predictions-PublicTest.csv"
        file.write_text("".join(file.read_text().splitlines(keepends=True)[:kept]))
    for runs in (three_seeds, three_seeds[:1]):
        with pytest.raises(DataError, match=rf"predictions-PublicTest.csv: {found}.*{again}"):
            compare(runs)


def test_predictions_of_another_evaluation_are_refused(three_seeds):
    for labels in (hundred(62), hundred(60, first_right=5)):
        labels.write(three_seeds[0].folder / "predictions-PublicTest.csv")
        with pytest.raises(DataError, match="one of the two is damaged"):
            compare(three_seeds)


def test_other_faces_are_refused(three_seeds, tmp_path):
    fewer = evaluate_as(make_run(tmp_path / "fewer", "cnn8"), hundred(60).take(np.arange(98)), data_source="b.csv")
    message = r"2 rows of PublicTest are only in the first, 0 only in the second \(read from faces.csv and b.csv\)"
    with pytest.raises(DataError, match=message):
        compare([three_seeds[0], fewer])
    relabelled = hundred(60)
    relabelled.labels[:3] = (relabelled.labels[:3] + 1) % 7
    other = evaluate_as(make_run(tmp_path / "relabelled", "cnn8"), relabelled)
    with pytest.raises(DataError, match="3 faces have different labels in the second"):
        compare([three_seeds[0], other])


def test_other_faces_of_the_same_rows_and_labels_are_refused(three_seeds, tmp_path):
    first, second = (
        evaluate_as(
            make_run(tmp_path / name, seed=seed), hundred(60), data_source=f"{name}.csv", data_fingerprint=name * 64
        )
        for seed, name in enumerate("ab")
    )
    message = (
        r"a and .*b were evaluated on different faces .* those of PublicTest in a.csv and in b.csv differ\. Evaluate"
    )
    for runs in ([first, second], [three_seeds[0], first, second]):  # of the first one the faces are not known
        with pytest.raises(DataError, match=message):
            compare(runs)
    assert compare([three_seeds[0], first]).pairs
    evaluate_as(second, hundred(60), data_source="copy.parquet", data_fingerprint="a" * 64)
    assert compare([first, second]).pairs


def test_figures_of_an_epoch_stand_beside_that_epoch_alone(tmp_path):
    history = [{"epoch": e, "train_accuracy": e / 100, "validation_accuracy": e / 200} for e in (49, 50, 51)]
    run = evaluate_as(make_run(tmp_path / "run", "gelu-cnn", history), hundred(60))
    found = [row for row in beside(run) if row.figure.epoch == 50]
    assert [(row.figure.split, row.value) for row in found] == [("train", 0.5), ("validation", 0.25)]


def test_a_published_bound_has_no_difference():
    (bound,) = (figure for figure in recipes["resnet50-last50"].published if figure.over)
    assert in_words(bound, 0.9)[1:] == ("90.00 %", "–", "–")


def test_accuracy_and_loss_on_the_source_s_own_split(tmp_path):
    run = evaluate_as(make_run(tmp_path / "run", "cnn8"), hundred(60, split="PrivateTest"))
    accuracy, loss = beside(run, "PrivateTest")
    assert (accuracy.value, accuracy.split, accuracy.n, accuracy.unlike) == (
        0.6,
        "PrivateTest",
        100,
        "the source measured on 3,589 faces, here 100",
    )
    assert accuracy.difference == pytest.approx(0.6 - 0.6492)
    # Wilson, 60 of 100: 0.5020 to 0.6906
    assert accuracy.difference_interval == pytest.approx((0.5020 - 0.6492, 0.6906 - 0.6492), abs=5e-5)
    # 60 faces of loss -ln 0.6, 40 of -ln (0.4 / 6)
    right, wrong = 0.510826, 2.708050
    mean = 0.6 * right + 0.4 * wrong
    assert loss.value == pytest.approx(mean, abs=1e-5)
    spread = ((60 * (right - mean) ** 2 + 40 * (wrong - mean) ** 2) / 99) ** 0.5
    assert loss.high - loss.value == pytest.approx(1.95996 * spread / 10, abs=1e-4)


def test_a_figure_beside_ours_is_kept_as_a_row(tmp_path):
    run = evaluate_as(make_run(tmp_path / "run", "cnn8"), hundred(60, split="PrivateTest"))
    accuracy, loss = beside(run, "PrivateTest")
    row, _ = json.loads(compare([run]).to_json())["published"]
    assert row.pop("name") == "cnn8 seed 0" and row["difference_interval"] == list(accuracy.difference_interval)
    assert Beside.from_row(row) == accuracy and Beside.from_row(loss.to_row()) == loss
    del row["figure"]["epoch"], row["figure"]["over"]  # as in older rows
    assert Beside.from_row(row) == accuracy


def test_another_split_is_not_like_for_like(tmp_path):
    run = evaluate_as(make_run(tmp_path / "run", "cnn8"), hundred(60))
    assert {row.unlike for row in beside(run)} == {"the source measured on PrivateTest, here on PublicTest"}
    run = evaluate_as(make_run(tmp_path / "gap", "cnn-64-512"), hundred(40, split="Test"))
    (gap,) = beside(run, "Test")
    assert gap.unlike == f"{WHILE_LEARNING}; the source measured on 7,178 faces, here 100"
    assert gap.value == pytest.approx(0.2) and gap.difference == pytest.approx(0.2 - 0.07)
    low, high = gap.difference_interval  # Wilson, 40 of 100: 0.3094 to 0.4980
    assert (low, high) == pytest.approx((0.6 - 0.4980 - 0.07, 0.6 - 0.3094 - 0.07), abs=5e-5)
    run = evaluate_as(run, hundred(40, split="Test"), train_accuracy=None)
    assert beside(run, "Test") == ()


def test_train_and_validation_come_from_training(tmp_path):
    run = evaluate_as(make_run(tmp_path / "run", "cnn-17m"), hundred(60))
    train, held_out, on_test = beside(run)
    assert (train.value, train.split, train.low, train.while_training) == (0.6, "Training", None, True)
    assert train.difference_interval is None
    assert (held_out.value, held_out.split, held_out.n, held_out.unlike) == (
        0.45,
        "20 % of Training",
        20,
        "the source watched 5,741 faces, here 20",
    )
    assert held_out.low == pytest.approx(0.2582, abs=5e-5)  # Wilson, 9 of 20
    assert on_test.value == 0.6
    assert on_test.unlike == "the source measured on 20 % of Training, here on PublicTest"
    run = evaluate_as(run, hundred(60), train_accuracy=None, validation_accuracy=None)
    assert [row.split for row in beside(run)] == ["PublicTest"]


def test_fewer_watched_faces_are_not_like_for_like(tmp_path):
    run = evaluate_as(make_run(tmp_path / "run", "vgg16-frozen"), hundred(60))
    assert beside(run)[1].unlike == "the source watched 7,178 faces, here 20"
    run = evaluate_as(make_run(tmp_path / "all", "vgg16-frozen", n_validation=7178), hundred(60))
    assert beside(run)[1].unlike == ""
    run = evaluate_as(make_run(tmp_path / "held-out", "cnn-17m", n_validation=5741), hundred(60))
    assert beside(run)[1].unlike == ""


def test_other_faces_to_learn_from_are_not_like_for_like(tmp_path):
    run = evaluate_as(make_run(tmp_path / "own", "cnn8", n_train=240), hundred(60, split="PrivateTest"))
    trained = "the source trained on 28,709 faces, here 240"
    assert {row.unlike for row in beside(run, "PrivateTest")} == {
        f"{trained}; the source measured on 3,589 faces, here 100"
    }
    run = evaluate_as(make_run(tmp_path / "part", "cnn-17m", n_train=240, n_validation=60), hundred(60))
    rows = beside(run)
    assert rows
    assert all(row.unlike.startswith("the source trained on 28,709 faces, here 300") for row in rows)


def test_with_several_views_it_never_stands_beside_published_figures(tmp_path):
    run = evaluate_as(make_run(tmp_path / "run", "cnn8"), hundred(60, split="PrivateTest"))
    assert beside(run, "PrivateTest")
    evaluate_as(run, hundred(60, split="PrivateTest"), tta="flip")
    assert not beside(run, "PrivateTest")


def test_a_variant_never_stands_beside_published_figures(tmp_path):
    changed = variant("cnn8", epochs=2)  # still has the name and the figures
    run = evaluate_as(make_run(tmp_path / "run", changed), hundred(60))
    entry = read_evaluated(run, "PublicTest", "mine")
    assert entry.published == ()
    table = published_table([entry])
    assert table.rows == ()
    assert table.notes == ("mine: differs from the recipe cnn8; not compared with its source's figures.",)


def test_tables_say_everything(three_seeds, tmp_path):
    remark = "The report validates on its test images."
    vgg = evaluate_as(make_run(tmp_path / "vgg", "vgg16-frozen"), hundred(50, twins=10), remarks=(remark,))
    models, seeds, pairs, published = tables_of(compare([*three_seeds[:2], vgg]))
    assert models.rows[0][0] == "mien-small-first seed 0"
    assert models.rows[0][2] == "60.00 % (50.2 to 69.1)"
    assert models.rows[2][3] == "44.44 % (34.6 to 54.7)"  # 40 of the 90 without a twin
    assert f"vgg16-frozen seed 0: {remark}" in models.notes
    assert seeds.rows == (("mien-small-first", "2", "65.00 %", "60.0 to 70.0", "65.00 %"),)
    assert seeds.notes == ("Two runs say little about the range; train three or more.",)
    assert pairs.rows[0][2] == "+10.0" and pairs.rows[0][4:7] == ("0", "10", "0.002")
    assert pairs.rows[1][6:] == ("0.002", "0.004")  # ten of ten too; of three pairs the second smallest
    assert pairs.rows[2][6:] == ("below 0.001", "below 0.001")  # twenty of twenty
    assert published.rows[0][3:5] == ("55.93 %", "60.00 %")
    assert published.rows[0][5] == "+4.1 [1]" and published.rows[1][5] == "-10.0 [2]"
    assert any(
        note.startswith("vgg16-frozen seed 0: The report seems to validate on its test images, and")
        for note in published.notes
    )
    assert published.notes[0].startswith(
        "[1] Not like for like: ours is the mean over the epoch, while it learned; how"
    )
    assert published.notes[1] == "[2] Not like for like: the source watched 7,178 faces, here 20."
    text = "\n".join(table.plain() for table in tables_of(compare([*three_seeds[:2], vgg])))
    assert "Beside the published figures" in text and "report 001, model 3" in text


def test_figures_as_json_and_csv(three_seeds):
    comparison = compare(three_seeds)
    parts = json.loads(comparison.to_json())
    assert parts["split"] == "PublicTest"
    assert [row["accuracy"] for row in parts["models"]] == [0.6, 0.7, 0.62]
    assert len(parts["pairs"]) == 3 and parts["seeds"][0]["high"] == 0.7
    rows = list(csv.DictReader(io.StringIO(comparison.to_csv())))
    assert [float(row["accuracy"]) for row in rows] == [0.6, 0.7, 0.62]
    assert rows[0]["parameters"] == ""


def test_figures_of_a_single_face_are_json(tmp_path):
    """The interval of its loss was infinite, which JSON has no word for."""
    text = compare([evaluate_as(make_run(tmp_path / "run", "cnn8"), predictions_of([0], [0]))]).to_json()
    assert "Infinity" not in text and "NaN" not in text


def test_faces_without_label_take_no_part(tmp_path):
    labels = [index % 7 for index in range(20)]
    runs = []
    for name, predicted in (("a", labels), ("b", [0] * 20)):
        predictions = predictions_of(labels, predicted)
        predictions.labels[10:] = -1
        runs.append(evaluate_as(make_run(tmp_path / name), predictions))
    pair = compare(runs).pairs[0]
    assert (pair.test.n10, pair.test.n01) == (8, 0)  # of labels 0 to 6, 0, 1, 2 the second has two right
