"""Records beside the rows that they have trained: whole, shortened, or from a stand-in's weights."""

from __future__ import annotations

from dataclasses import replace

import pytest
from evaluated_run import evaluate_as, hundred, make_run, predictions_of

from mien.lab import results
from mien.lab.published import WEIGHTS_OF, is_row_of_source, stand_in
from mien.lab.recipe import Cosine, Phase
from mien.lab.recipe_book import recipes
from mien.lab.results import add, records
from mien.lab.trained_rows import same_training, shortened, trained_rows


@pytest.fixture
def keep(tmp_path, monkeypatch):
    """Record a run of a recipe, and return all records."""
    monkeypatch.setattr(results, "check_commit", lambda *_: None)

    def keep_run(recipe, right=60, split="PublicTest", predictions=None, **environment):
        run = make_run(tmp_path / f"run{len(list(tmp_path.iterdir()))}", recipe, **environment)
        add(evaluate_as(run, predictions or hundred(right, split=split, twins=10)), tmp_path / "results")
        return records(tmp_path / "results")

    return keep_run


def test_a_shortened_row_is_another_recipe_without_figures():
    short = shortened(recipes["cnn8"], 5)
    assert (short.name, short.epochs, short.published) == ("cnn8-5-of-150-epochs", 5, ())
    assert replace(short, name="cnn8", epochs=150, published=recipes["cnn8"].published) == recipes["cnn8"]
    assert shortened(recipes["cnn8"], 150) is recipes["cnn8"]
    assert shortened(recipes["cnn8"], 200) is recipes["cnn8"]


def test_a_row_whose_notes_were_put_otherwise_is_still_the_row():
    row = recipes["cnn-17m"]
    assert is_row_of_source(replace(row, assumed={"epochs": "put otherwise"}, remark="so is this"))
    for other in (
        replace(row, epochs=9),
        replace(row, name="mine"),
        replace(row, published=()),
        replace(row, ema_decay=0.9),
    ):
        assert not is_row_of_source(other)


def test_warming_up_keeps_its_share() -> None:
    schedule = shortened(recipes["efficientnet-b0"], 2).schedule
    assert isinstance(schedule, Cosine) and schedule.warmup_epochs == pytest.approx(0.1)


@pytest.mark.parametrize(("epochs", "lengths"), [(29, [10, 19]), (12, [4, 8]), (6, [2, 4]), (4, [1, 3]), (2, [1, 1])])
def test_phases_are_shortened_alike(epochs, lengths):
    head, last = shortened(recipes["resnet50-last50"], epochs).phases
    assert [head.epochs, last.epochs] == lengths
    assert (head.trainable, last.trainable) == ("head", "last50")


def test_a_phase_that_comes_to_no_epoch_is_left_out():
    assert shortened(recipes["resnet50-last50"], 1).phases == (Phase(epochs=1, trainable="last50", lr=1e-4),)


def test_words_do_not_change_a_training_but_numbers_do():
    row = recipes["cnn8"]
    assert same_training(row, replace(row, name="x", source="x", remark="x", assumed={}, published=()))
    assert not same_training(row, replace(row, batch_size=65))


def test_seeds_stand_together_and_whole_rows_first(keep):
    row = recipes["cnn-17m"]
    keep(shortened(row, 2), seed=0)
    keep(shortened(row, 5), seed=0)
    keep(replace(row, batch_size=2))
    keep(row, 70, seed=1)
    found = trained_rows(row, keep(replace(row, remark="Reworded."), 60, seed=0))
    assert [(trained.epochs, trained.whole, list(trained.seeds)) for trained in found] == [
        (10, True, [0, 1]),
        (5, False, [0]),
        (2, False, [0]),
    ]
    accuracy = found[0].accuracy("full")
    assert (accuracy.each, accuracy.mean, accuracy.n) == ((0.6, 0.7), pytest.approx(0.65), 100)
    assert accuracy.interval == pytest.approx((0.5525, 0.7364), abs=5e-5)  # Wilson, 65 of 100
    assert found[0].accuracy("twin_free").each == pytest.approx((50 / 90, 60 / 90))


def test_of_two_stand_ins_the_one_of_more_seeds_comes_first(keep):
    row = recipes["resnet50-imagenet"]
    for seed, weights in ((0, "a"), (0, "b"), (1, "b"), (0, "c")):
        found = keep(row, seed=seed, weights=f"{weights}.safetensors", weights_sha256=weights * 64)
    assert [list(trained.seeds) for trained in trained_rows(row, found)] == [[0, 1], [0], [0]]


def test_a_part_that_is_not_known_of_one_seed_has_no_accuracy(keep):
    row = recipes["cnn-17m"]
    keep(row, seed=0)
    (trained,) = trained_rows(row, keep(row, seed=1, predictions=replace(hundred(70), twin_free=None)))
    assert trained.accuracy("full").each == (0.6, 0.7)
    assert trained.accuracy("twin_free") is None and trained.accuracy("twins") is None


def test_classes_without_faces_have_no_recall(keep):
    row = recipes["cnn-17m"]
    few = predictions_of([0, 0, 0, 1, 1], [0, 0, 1, 1, 3])
    (trained,) = trained_rows(row, keep(row, predictions=few))
    assert {name: (each.each, each.n) for name, each in trained.recalls.items()} == {
        "angry": ((pytest.approx(2 / 3),), 3),
        "disgust": ((0.5,), 2),
    }


def test_other_weights_stand_apart_and_only_the_named_ones_are_whole(keep):
    row = recipes["resnet50-imagenet"]
    keep(row, weights="other.safetensors", weights_sha256="a" * 64)
    found = trained_rows(row, keep(row, weights="resnet50.tv_in1k.safetensors", weights_sha256="b" * 64))
    assert [(trained.whole, trained.stand_in) for trained in found] == [(True, None), (False, "other.safetensors")]


def test_known_weights_under_another_name_are_the_named_ones(keep):
    ((sha256, network),) = WEIGHTS_OF.items()
    row = recipes["efficientnet-lite0"]
    assert row.network.name == network
    found = trained_rows(row, keep(row, weights="other.safetensors", weights_sha256=sha256))
    assert [(trained.whole, trained.stand_in) for trained in found] == [(True, None)]
    assert stand_in(recipes["efficientnet-b0"], "other.safetensors", sha256) == "other.safetensors"


def test_a_stand_in_is_not_like_for_like(keep):
    weights = {"weights": "other.safetensors", "weights_sha256": "0123456789"}
    (record,) = keep(recipes["resnet50-imagenet"], split="PrivateTest", **weights)
    said = {line["unlike"] for line in record.row["published"]}
    started = "started from other.safetensors in place of resnet50.tv_in1k"
    assert said == {f"{started}; the source measured on 3,589 faces, here 100"}


def test_a_split_that_one_seed_lacks_is_not_taken(keep):
    row = recipes["cnn-17m"]
    keep(row, seed=0, split="PrivateTest")
    (trained,) = trained_rows(row, keep(row, seed=1))
    assert trained.split is None
    assert trained.accuracy("full") is None


def test_a_seed_counts_once_with_the_record_that_has_more_labelled_splits(keep, tmp_path):
    row = recipes["cnn-17m"]
    keep(row, 60, seed=0)
    both = evaluate_as(make_run(tmp_path / "both", row, seed=0, data_fingerprint="other"), hundred(60))
    evaluate_as(both, hundred(70, split="PrivateTest"))
    add(both, tmp_path / "results")
    keep(row, 60, seed=0)
    found = records(tmp_path / "results")
    for record in found:
        record.row["environment"]["training_fingerprint"] = "same"
    (trained,) = trained_rows(row, found)
    assert len(found) == 3 and [record.folder.name for record in trained.records] == ["both"]


def test_a_mean_of_runs_is_no_training_of_the_row(keep):
    keep(recipes["mien-small-first"])
    found = keep(replace(recipes["mien-small-first"], name="mean"), averaged={"a": "1", "b": "2"})
    (trained,) = trained_rows(recipes["mien-small-first"], found)
    assert len(found) == 2 and len(trained.records) == 1
