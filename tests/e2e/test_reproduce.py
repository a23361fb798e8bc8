"""`mien reproduce` on a few drawn faces: trains, resumes, records, rewrites the page."""

from __future__ import annotations

import json
from dataclasses import make_dataclass, replace

import pytest
import torch
from small_run import tiny_network
from typer.testing import CliRunner

from mien.cli import build_app
from mien.errors import DataError, ModelError, RecipeError
from mien.lab.data import draw_faces, write_edition
from mien.lab.recipe import SGD, Augment, Cosine, Distillation, OwnNet, Phase, Progressive, Stopping
from mien.lab.recipe_book import FUTURE_WORK, PUBLISHED, recipes
from mien.lab.reproduction import jobs as reproduction
from mien.lab.reproduction import standing
from mien.lab.reproduction.jobs import is_done, multiply_adds, plan, reproduce, rows_named, weights_of
from mien.lab.reproduction.speed import PER_CLASS, _key, machine, training_seconds
from mien.lab.training import split_for_training

ROW = replace(recipes["cnn-17m"], network=OwnNet(name="tiny"), epochs=3, batch_size=32)
PHASE = Phase(epochs=3, trainable="all", lr=0.01)
AUGMENTED = Augment(flip=True)


@pytest.fixture
def place(repository, tmp_path, monkeypatch):
    """Folders for runs and results, where a tiny network takes the place of cnn-17m's."""
    folder, commit = repository
    monkeypatch.setattr(reproduction, "current_commit", lambda: commit)
    monkeypatch.setattr("mien.lab.provenance.current_commit", lambda: commit)
    monkeypatch.setattr("mien.lab.pages.reproduction.tables.PUBLISHED", (ROW,))
    monkeypatch.setattr(reproduction, "write_report", lambda runs, data, out: out.touch())  # has tests of its own
    monkeypatch.setattr("mien.lab.reproduction.speed.TOO_SOON_S", 0.0)
    monkeypatch.setitem(recipes._rows, "cnn-17m", ROW)
    torch.set_num_threads(1)
    results = folder / tmp_path.name / "results"
    (results.parent / "docs").mkdir(parents=True)
    (results.parent / "docs" / "page.md").write_text("<!-- generated: reproduced -->\n<!-- end -->\n")
    with tiny_network():
        yield {"out": tmp_path / "runs", "results": results}


@pytest.fixture(scope="module")
def faces():
    return draw_faces(8)


def states(outcomes):
    return [(outcome.job.row.name, outcome.job.seed, outcome.state) for outcome in outcomes]


def test_rows_are_recorded_once_and_the_page_is_rewritten(place, faces):
    begun = []
    outcomes = list(reproduce(plan([ROW], seeds=1), faces, **place, on_job=lambda job: begun.append(str(job))))
    assert states(outcomes) == [("cnn-17m", 0, "recorded")]
    assert begun == ["cnn-17m, seed 0"]
    run = place["out"] / next(place["results"].iterdir()).name
    assert {"report.html", "report-PublicTest.json", "predictions-PrivateTest.csv"} <= {f.name for f in run.iterdir()}
    page = (place["results"].parent / "docs" / "page.md").read_text()
    assert "| 3 of 3 | random | PublicTest, 7 faces |" in page
    assert states(reproduce(plan([ROW], seeds=2), faces, **place)) == [("cnn-17m", 1, "recorded")]
    (job,) = plan([ROW], seeds=1)
    assert is_done(job, faces, place["results"])
    assert not is_done(job, draw_faces(8, seed=1), place["results"])
    assert not is_done(replace(job, epochs=2), faces, place["results"])


def test_time_that_is_up_is_told_and_the_next_call_goes_on(place, faces):
    jobs = plan([ROW], seeds=1)
    assert states(reproduce(jobs, faces, **place, budget_s=0.0)) == [("cnn-17m", 0, "unfinished")]
    assert not place["results"].exists()
    assert states(reproduce(jobs, faces, **place)) == [("cnn-17m", 0, "recorded")]
    assert len(list(place["out"].iterdir())) == 1


def test_a_row_that_fails_does_not_stop_the_others(place, faces):
    broken = replace(ROW, name="broken", optimizer=replace(ROW.optimizer, lr=1e30))
    outcomes = list(reproduce([*plan([broken], seeds=1), *plan([ROW], seeds=1)], faces, **place))
    assert [outcome.state for outcome in outcomes] == ["failed", "recorded"]
    assert "broken: the" in outcomes[0].told and "loss became" in outcomes[0].told


def test_code_without_a_commit_trains_nothing(place, faces, monkeypatch):
    monkeypatch.setattr(reproduction, "current_commit", lambda: "abc+dirty")
    with pytest.raises(DataError, match=r"mien reproduce: commit abc\+dirty: the code was changed"):
        next(reproduce(plan([ROW], seeds=1), faces, **place))
    assert not place["out"].exists()


def test_recipes_of_our_own_are_not_reproduced():
    assert rows_named(()) == [*PUBLISHED, *FUTURE_WORK]
    assert rows_named(("cnn8", "vit-tiny")) == [recipes["cnn8"], recipes["vit-tiny"]]
    for name in recipes.keys() - {row.name for row in (*PUBLISHED, *FUTURE_WORK)}:
        with pytest.raises(RecipeError, match=f"{name} is a recipe of mien's own.*train it with `mien train {name}`"):
            rows_named(("cnn8", name))
    with pytest.raises(RecipeError, match="recipe 'cnn9' is unknown"):
        rows_named(("cnn9",))


def test_cheap_rows_come_first_and_future_work_last():
    rows = [recipes[name] for name in ("efficientnet-b0", "cnn8", "cnn-64-512")]
    jobs = plan(rows, seeds=2)
    assert [(job.row.name, job.seed) for job in jobs] == [
        ("cnn-64-512", 0), ("cnn-64-512", 1), ("cnn8", 0), ("cnn8", 1), ("efficientnet-b0", 0), ("efficientnet-b0", 1)
    ]  # fmt: skip
    assert [job.epochs for job in plan(rows, seeds=1, epochs_at_most=60)] == [50, 60, 20]


def test_cost_counts_epochs_and_what_is_trained():
    row = recipes["cnn8"]
    assert multiply_adds(replace(row, epochs=300)) == pytest.approx(2 * multiply_adds(row))
    frozen = recipes["vgg16-frozen"]
    all_trained = replace(frozen, phases=())
    assert multiply_adds(all_trained) == pytest.approx(3 * multiply_adds(frozen))
    assert multiply_adds(frozen) / frozen.epochs == pytest.approx(15.4e9, rel=0.02)  # VGG16 at 224 px


def test_weights_are_found_by_the_networks_name(tmp_path):
    row = recipes["resnet50-imagenet"]
    assert weights_of(row, None) is None
    assert weights_of(row, tmp_path) is None
    assert weights_of(recipes["cnn8"], tmp_path / "file") is None
    assert weights_of(recipes["resnet50-scratch"], tmp_path / "file") is None
    assert weights_of(row, tmp_path / "file") == tmp_path / "file"
    (tmp_path / "resnet50_a.safetensors").touch()
    assert weights_of(row, tmp_path) == tmp_path / "resnet50_a.safetensors"
    (tmp_path / "resnet50_b.safetensors").touch()
    message = r"resnet50_a.safetensors, resnet50_b.safetensors could all be for resnet50-imagenet; rename one to"
    with pytest.raises(ModelError, match=message):
        weights_of(row, tmp_path)
    (tmp_path / "resnet50.tv_in1k.safetensors").touch()
    assert weights_of(row, tmp_path) == tmp_path / "resnet50.tv_in1k.safetensors"


def test_speed_is_measured_once_for_all_lengths(tmp_path, monkeypatch):
    monkeypatch.setattr(
        "mien.lab.reproduction.speed.PER_CLASS", (8, 16)
    )  # the second is tried: the first is done too soon
    cache = tmp_path / "runs" / ".speeds.json"
    cache.parent.mkdir()
    cache.write_text(json.dumps({machine(): "damaged"}))
    with tiny_network():
        seconds = training_seconds(ROW, cache)
    (kept,) = json.loads(cache.read_text()).values()
    assert seconds == pytest.approx(3 * kept[next(iter(kept))])
    monkeypatch.setattr("mien.lab.reproduction.speed.train", None)  # a second measurement would fail
    assert training_seconds(replace(ROW, name="short", epochs=1), cache) == pytest.approx(seconds / 3)


@pytest.mark.parametrize("change", [
    {"remark": "r", "source": "s", "assumed": {"epochs": "not stated"}, "published": ()},
    {"label_smoothing": 0.3, "class_weights": "balanced", "schedule": Cosine(), "optimizer": SGD(lr=0.3, momentum=0.5)},
    {"stopping": Stopping(monitor="accuracy", patience=9, keep="best")},
    {"network": replace(ROW.network, weights="file")},
], ids=lambda change: next(iter(change)))  # fmt: skip
def test_what_takes_no_time_is_not_measured_again(change):
    row = replace(ROW, optimizer=SGD(lr=0.1))
    assert _key(replace(row, **change), PHASE) == _key(row, PHASE)


@pytest.mark.parametrize("change", [
    {"network": OwnNet(name="residual-nano")}, {"batch_size": 64}, {"augment": replace(AUGMENTED, flip=False)},
    {"preprocess": replace(ROW.preprocess, input_px=96)}, {"optimizer": SGD(lr=ROW.optimizer.lr)},
    {"validation": replace(ROW.validation, fraction=0.1)}, {"ema_decay": 0.9}, {"sam_rho": 0.05},
    {"sizes": Progressive(first_px=32)},
], ids=lambda change: next(iter(change)))  # fmt: skip
def test_what_takes_time_is_measured(change):
    row = replace(ROW, augment=AUGMENTED)
    assert _key(replace(row, **change), PHASE) != _key(row, PHASE)
    assert _key(row, replace(PHASE, trainable="head")) != _key(row, PHASE)


def test_a_field_that_is_new_to_all_recipes_leaves_what_was_measured():
    younger = make_dataclass("Augment", [("swirl_deg", float, 0.0)], bases=(Augment,), frozen=True, kw_only=True)
    row = replace(ROW, augment=AUGMENTED)
    assert _key(replace(row, augment=younger(flip=True)), PHASE) == _key(row, PHASE)
    assert _key(replace(row, augment=younger(flip=True, swirl_deg=9.0)), PHASE) != _key(row, PHASE)


@pytest.mark.parametrize("row", [*PUBLISHED, *FUTURE_WORK], ids=lambda row: row.name)
def test_speed_needs_no_teachers_and_votes(row):
    assert not isinstance(row.distillation, Distillation) and not row.votes_weight


@pytest.mark.parametrize("row", [*PUBLISHED, *FUTURE_WORK], ids=lambda row: row.name)
def test_speed_needs_no_more_faces_than_are_drawn(row):
    training, validation = split_for_training(row, draw_faces(PER_CLASS[0]), seed=0)
    assert len(training) and (validation is None or len(validation))


def test_the_list_says_where_it_stands(place, faces, monkeypatch):
    monkeypatch.setattr(standing, "training_seconds", lambda recipe, *_: 40_000.0 * recipe.epochs)
    list(reproduce(plan([ROW], seeds=1, epochs_at_most=1), faces, **place))
    list(reproduce(plan([ROW], seeds=1), faces, **place, budget_s=0.0))
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    lines = list(standing.standing(plan([ROW, recipes["resnet50-imagenet"]], seeds=2), place["out"], place["results"]))
    assert lines[:3] == [
        "row                epochs      done                                          one seed takes  missing",
        "cnn-17m            3 of 3      1 of 3 epochs, seed 0; seed 0 after 0 epochs  33.3 h          a GPU",
        "resnet50-imagenet  150 of 150  –                                             1666.7 h        "
        "weights resnet50.tv_in1k: timm downloads them, or --weights; a GPU",
    ]
    assert str(place["out"] / ".speeds.json") in lines[4]  # hidden from `mien compare runs/*`


def test_a_row_is_listed_as_soon_as_its_speed_is_known(place, monkeypatch):
    def seconds(recipe, kept, on_measuring):
        if recipe.name == "cnn-17m":
            return 100.0
        on_measuring()
        raise KeyboardInterrupt

    monkeypatch.setattr(standing, "training_seconds", seconds)
    words = ["reproduce", "cnn8", "cnn-17m", "--list", "--out", str(place["out"]), "--results", str(place["results"])]
    listed = CliRunner().invoke(build_app(), words)
    assert [line.split()[0] for line in listed.stdout.splitlines()] == ["row", "cnn-17m"]
    assert listed.stderr.startswith("measuring cnn8\n")


@pytest.mark.parametrize(("seconds", "words"), [(40, "40 s"), (150, "2 min"), (1500, "25 min"), (27_000, "7.5 h")])
def test_durations_in_words(seconds, words):
    assert standing.in_words(seconds) == words


def test_the_command(place, faces, tmp_path):
    data = tmp_path / "drawn.parquet"
    write_edition(faces, data)
    words = ["reproduce", "cnn-17m", "--data", str(data), "--seeds", "1", "--epochs-at-most", "1"]
    words += ["--out", str(place["out"]), "--results", str(place["results"])]
    stopped = CliRunner().invoke(build_app(), [*words, "--budget", "0s"])
    assert stopped.exit_code == 0
    assert (
        "cnn-17m, seed 0, 1 of 3 epochs: unfinished: time is up after 0 of 1 epochs\nthe same command resumes"
        in stopped.stderr
    )
    done = CliRunner().invoke(build_app(), words)
    assert done.exit_code == 0
    (folder,) = place["results"].iterdir()
    assert done.stdout.split() == [str(folder)]
    assert folder.name.startswith("cnn-17m-1-of-3-epochs-seed0-")
    listed = CliRunner().invoke(build_app(), [*words, "--list"])
    assert "1 of 3  1 of 3 epochs, seed 0" in listed.stdout
    assert "measuring cnn-17m" in listed.stderr


def test_the_command_says_what_failed(place, faces, tmp_path, monkeypatch):
    data = tmp_path / "drawn.parquet"
    write_edition(faces, data)
    monkeypatch.setitem(recipes._rows, "cnn-17m", replace(ROW, optimizer=replace(ROW.optimizer, lr=1e30)))
    words = ["reproduce", "cnn-17m", "--data", str(data), "--seeds", "1"]
    done = CliRunner().invoke(build_app(), [*words, "--out", str(place["out"]), "--results", str(place["results"])])
    assert done.exit_code == 1
    assert "cnn-17m, seed 0: failed: cnn-17m: the" in done.stderr


def test_training_needs_data():
    done = CliRunner().invoke(build_app(), ["reproduce", "cnn8"])
    assert done.exit_code == 2
    assert "training needs --data; --list does not" in done.stderr


def test_ctrl_c_is_told(place, faces, tmp_path, monkeypatch):
    data = tmp_path / "drawn.parquet"
    write_edition(faces, data)

    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(reproduction, "train", interrupted)
    words = ["reproduce", "cnn-17m", "--data", str(data), "--out", str(place["out"])]
    done = CliRunner().invoke(build_app(), [*words, "--results", str(place["results"])])
    assert done.exit_code == 130
    assert "stopped; the same command resumes" in done.stderr
