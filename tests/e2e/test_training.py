"""The training loop on small sets of easy faces, in processes that are really killed and really two."""

import itertools
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from mien.errors import DataError, ModelError, RecipeError
from mien.lab import provenance, training
from mien.lab.averaging import average_runs
from mien.lab.data import FaceDataset
from mien.lab.evaluation import evaluate
from mien.lab.loss import losses_of, soft_targets_of
from mien.lab.nets import NETWORKS, build
from mien.lab.nets.input import InputLayer
from mien.lab.provenance import device_name
from mien.lab.recipe import (
    Augment,
    Distillation,
    Figure,
    Muon,
    NoAugment,
    OneCycle,
    OwnNet,
    Phase,
    Plateau,
    Progressive,
    Stopping,
    Validation,
)
from mien.lab.recipe.io import to_json
from mien.lab.recipe_book import recipes
from mien.lab.remarks import watched_faces
from mien.lab.run import ENVIRONMENT, WEIGHTS, Run, learned_classes, run_name
from mien.lab.schedule import rate_factor
from mien.lab.training import Progress, split_for_training, steps_an_epoch, train
from mien.labels import FER2013, FERPLUS, FOLDER, LabelSet
from mien.preprocess import Preprocess
from mien.recognizer import Recognizer

SMALL = replace(recipes["mien-small-first"], epochs=3, ema_decay=0.9)


def easy_faces(n=140, seed=0):
    """Noise with a bright bar whose height tells the class."""
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % 7
    faces = rng.integers(0, 120, (n, 48, 48), dtype=np.uint8)
    for face, label in zip(faces, labels, strict=True):
        face[6 * label + 2 : 6 * label + 6, 8:40] = 255
    splits = np.array(["Training"] * (n * 5 // 7) + ["PublicTest"] * (n - n * 5 // 7))
    return FaceDataset(
        faces=faces, labels=labels.astype(np.int64), splits=splits, rows=np.arange(n).astype(str),
        label_set=FER2013, source="easy faces",
    )  # fmt: skip


class Tiny(torch.nn.Module):
    """No batch normalisation and no dropout: two processes must agree with one."""

    def __init__(self, preprocess, classes):
        super().__init__()
        self.conv = torch.nn.Conv2d(preprocess.channels, 8, 5, 4)
        self.out = torch.nn.Linear(8 * 11 * 11, classes)

    def forward(self, x):
        return self.out(torch.relu(self.conv(x)).flatten(1))


@pytest.fixture(autouse=True)
def tiny_network(monkeypatch):
    monkeypatch.setitem(NETWORKS, "tiny", Tiny)
    torch.set_num_threads(1)  # as the processes below have it, so that results agree to the last bit


TINY = replace(
    SMALL,
    network=OwnNet(name="tiny"),
    augment=NoAugment(),
    optimizer=replace(SMALL.optimizer, lr=0.02),
    batch_size=20,
    label_smoothing=0.0,
    epochs=8,
    ema_decay=0.0,
    validation=Validation(kind="PublicTest"),
)


def test_a_network_learns_easy_faces_and_leaves_a_run(tmp_path):
    shown = []
    run = train(TINY, easy_faces(), out=tmp_path, on_progress=shown.append)
    history = run.history()
    assert [row["epoch"] for row in history] == list(range(1, 9))
    assert history[0].keys() >= {"lr", "train_accuracy", "validation_loss", "images_per_second", "seconds"}
    assert history[-1]["validation_accuracy"] > 0.9
    assert history[-1]["train_loss"] < history[0]["train_loss"]
    environment = run.environment
    assert environment["finished"] and environment["epochs_run"] == 8
    assert environment["n_train"] == 100 and environment["n_validation"] == 40
    assert watched_faces(environment) == "40 faces of PublicTest"
    assert environment["device"] == device_name() not in ("", "cpu")
    assert environment["label_set"] == list(FER2013)
    assert (shown[-1].epoch, shown[-1].step, shown[-1].seconds_left) == (8, 5, 0)
    assert list((run.folder / "tensorboard").iterdir())
    again = Run.open(run.folder)
    assert again.recipe == TINY
    faces = torch.from_numpy(easy_faces().faces[:, None])
    assert (again.load_classifier()(faces).argmax(1).numpy() == easy_faces().labels).mean() > 0.9
    assert train(TINY, easy_faces(), out=tmp_path).folder == run.folder  # finished: nothing is trained again


def test_the_same_seed_gives_the_same_weights_and_another_does_not(tmp_path):
    weights = [
        load_file(train(replace(SMALL, epochs=1), easy_faces(), seed=seed, out=tmp_path / name).folder / WEIGHTS)
        for seed, name in [(1, "a"), (1, "b"), (2, "c")]
    ]
    assert all(torch.equal(weights[0][key], weights[1][key]) for key in weights[0])
    assert any(not torch.equal(weights[0][key], weights[2][key]) for key in weights[0])


SCRIPT = """
import sys
sys.path.insert(0, {here!r})
import torch
torch.set_num_threads(1)
from test_training import *
NETWORKS["tiny"] = Tiny
train({recipe}, easy_faces(), out={out!r}, precision="32")
"""


def start(recipe: str, out: Path, *launcher: str) -> subprocess.Popen:
    script = out.with_suffix(".py")
    script.write_text(SCRIPT.format(here=str(Path(__file__).parent), recipe=recipe, out=str(out)))
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    return subprocess.Popen([sys.executable, *launcher, str(script)], env=environment)


RECIPES = {
    "sharp": replace(SMALL, epochs=6, sam_rho=0.05),
    "growing": replace(SMALL, epochs=6, optimizer=Muon(lr=0.03), sizes=Progressive(first_px=24)),
}


@pytest.mark.parametrize("name", RECIPES)
def test_a_killed_training_resumes_to_the_same_weights(tmp_path, name):
    recipe = f"RECIPES[{name!r}]"
    unbroken = train(RECIPES[name], easy_faces(), out=tmp_path / "unbroken", precision="32")
    process = start(recipe, tmp_path / "killed")
    while not list((tmp_path / "killed").glob("*/checkpoint.pt")):
        assert process.poll() is None, "the training ended before it could be killed"
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    [folder] = (tmp_path / "killed").iterdir()
    assert not (folder / WEIGHTS).exists()
    assert start(recipe, tmp_path / "killed").wait() == 0
    expected, resumed = load_file(unbroken.folder / WEIGHTS), load_file(folder / WEIGHTS)
    assert all(torch.equal(expected[key], resumed[key]) for key in expected)
    assert [row["epoch"] for row in Run.open(folder).history()] == [1, 2, 3, 4, 5, 6]


def test_faces_grow_while_training_and_validation_sees_them_whole(tmp_path):
    sides = {"trained": [], "watched": []}

    class Watching(torch.nn.Linear):
        def __init__(self, preprocess, classes):
            super().__init__(1, classes)

        def forward(self, x):
            sides["trained" if self.training else "watched"].append(x.shape[-1])
            return super().forward(x.mean((1, 2, 3))[:, None])

    NETWORKS["tiny"] = Watching
    recipe = replace(TINY, epochs=4, sizes=Progressive(first_px=32, until_fraction=0.5))
    run = train(recipe, easy_faces(), out=tmp_path)
    assert [len(list(same)) for _, same in itertools.groupby(sides["trained"])] == [5, 5, 10]
    assert sorted(set(sides["trained"])) == [32, 40, 48]
    assert set(sides["watched"][1:]) == {48}  # the first is a look whether the network takes 32 px
    assert run.load_classifier().input.side == 48


def test_a_network_of_one_size_cannot_grow(tmp_path):
    with pytest.raises(RecipeError, match=r"network tiny cannot take faces of 24 px, only of 48; .*sizes=FullSize"):
        train(replace(TINY, sizes=Progressive(first_px=24)), easy_faces(), out=tmp_path)


def test_what_is_no_filter_learns_at_the_rate_of_all_else(tmp_path):
    recipe = replace(TINY, optimizer=Muon(lr=0.03, other_lr=0.0))  # no layer of the tiny network is one of filters
    run = train(recipe, easy_faces(), out=tmp_path)
    torch.manual_seed(0)
    start = Tiny(recipe.preprocess, 7).state_dict()
    trained = run.load_classifier().network.state_dict()
    assert all(torch.equal(start[key], trained[key]) for key in start)


def test_two_processes_train_as_one(tmp_path):
    one = train(TINY, easy_faces(), out=tmp_path / "one", precision="32")
    launcher = ("-m", "torch.distributed.run", "--nproc-per-node=2", "--standalone")
    assert start("TINY", tmp_path / "two", *launcher).wait() == 0
    two = Run.open(next((tmp_path / "two").iterdir()))
    assert two.environment["processes"] == 2
    expected, found = load_file(one.folder / WEIGHTS), load_file(two.folder / WEIGHTS)
    for key in expected:
        torch.testing.assert_close(found[key], expected[key], atol=1e-4, rtol=1e-4)
    assert two.history()[-1]["train_loss"] == pytest.approx(one.history()[-1]["train_loss"], rel=1e-3)


def test_the_first_process_decides_what_validation_says(tmp_path, monkeypatch):
    """Without a GPU each process has its own statistics of batch normalisation, and so another loss."""
    monkeypatch.setattr(training.Fabric, "broadcast", lambda self, own: (9.0, 0.5) if isinstance(own, tuple) else own)
    history = train(TINY, easy_faces(), out=tmp_path).history()
    assert {(row["validation_loss"], row["validation_accuracy"]) for row in history} == {(9.0, 0.5)}


def test_processes_that_do_not_share_a_folder_are_told(tmp_path, monkeypatch):
    run = train(TINY, easy_faces(), out=tmp_path, time_limit_s=0)
    monkeypatch.setattr(training.Fabric, "broadcast", lambda self, own: 3 if isinstance(own, int) else own)
    with pytest.raises(ModelError, match=f"{run.folder.name}: the processes resume from different epochs; --out must"):
        train(TINY, easy_faces(), out=tmp_path)


def test_a_finished_run_needs_no_checkpoint(tmp_path):
    run = train(TINY, easy_faces(), out=tmp_path)
    before = load_file(run.folder / WEIGHTS)
    (run.folder / "checkpoint.pt").write_bytes(b"PK cut off")
    assert train(TINY, easy_faces(), out=tmp_path, time_limit_s=0).finished
    (run.folder / "checkpoint.pt").unlink()
    again = train(TINY, easy_faces(), out=tmp_path, time_limit_s=0)
    assert again.finished
    assert all(torch.equal(value, before[key]) for key, value in load_file(again.folder / WEIGHTS).items())


def test_faces_are_learned_at_the_size_of_crops(tmp_path):
    recipe = replace(SMALL, epochs=1, preprocess=replace(SMALL.preprocess, crop_px=24))
    shown = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training, "augment_faces", lambda faces, *more: (shown.append(faces.shape[-1]), faces, faces)[1:])
        train(recipe, easy_faces(), out=tmp_path)
    assert set(shown) == {24}


@pytest.mark.parametrize(
    ("side", "input_px", "changed_at"),
    [("input", 64, 64), ("crop", 64, 48), ("crop", 48, 48), ("crop", 32, 32)],
)
def test_faces_are_changed_at_the_size_of_the_input_or_of_smaller_crops(tmp_path, side, input_px, changed_at):
    recipe = replace(
        SMALL,
        epochs=1,
        preprocess=replace(SMALL.preprocess, crop_px=48, input_px=input_px),
        augment=replace(SMALL.augment, side=side),
    )
    changed, taken = [], []
    augment, normalise = training.augment_faces, InputLayer.forward

    def watch_augment(*args):
        out = augment(*args)
        changed.extend(faces.shape[-1] for faces in out)
        return out

    def watch_input(layer, faces):
        out = normalise(layer, faces)
        taken.append(out.shape[-1])
        return out

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training, "augment_faces", watch_augment)
        patch.setattr(InputLayer, "forward", watch_input)
        train(recipe, easy_faces(), out=tmp_path)
    assert set(changed) == {changed_at}
    assert set(taken) == {input_px}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"stopping": Stopping(monitor="none", patience=1, keep="last")}, "need a monitor; set stopping.monitor"),
        ({"stopping": Stopping(monitor="none", patience=None, keep="best")}, "need a monitor; set stopping.monitor"),
        (
            {"validation": Validation(kind="none"), "schedule": Plateau(factor=0.1, patience=1)},
            "stopping or the learning rate depends on validation, but there is none .validation.kind=none.",
        ),
        (
            {"network": OwnNet(name="gelu-cnn"), "preprocess": Preprocess(input_px=16)},
            "network gelu-cnn cannot take faces of 16 px; set preprocess.input_px higher",
        ),
        (
            {"epochs": 2, "phases": tuple(Phase(epochs=1, trainable=part, lr=0.01) for part in ("all", "head"))},
            "phases: 'head' is for timm backbones; mien's own networks are trained as a whole",
        ),
    ],
)
def test_what_cannot_work_is_refused_before_anything_is_written(tmp_path, changes, message):
    with pytest.raises(RecipeError, match=message):
        train(replace(SMALL, **changes), easy_faces(), out=tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("seed", [-1, 2**63])
def test_a_seed_that_no_generator_takes_is_refused_before_anything_is_written(tmp_path, seed):
    with pytest.raises(RecipeError, match=rf"^seed {seed}; expected 0 to "):
        train(SMALL, easy_faces(), seed=seed, out=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_precision_is_refused():
    with pytest.raises(RecipeError, match=r"^precision '16'; expected 'auto', 'bf16' or '32'\.$"):
        training.precision_of("16")


def test_one_training_face_is_refused(tmp_path):
    data = easy_faces()
    one = data.take(np.flatnonzero(data.splits == "PublicTest")[:5])
    splits = np.array(["Training"] + ["PublicTest"] * 4)
    with pytest.raises(DataError, match="one Training face; training needs at least two"):
        train(SMALL, replace(one, splits=splits), out=tmp_path)


def test_a_second_training_of_the_same_is_refused_while_the_first_goes_on(tmp_path):
    refused = []

    def again(progress):
        if progress.epoch == 2 and not refused:
            with pytest.raises(ModelError, match="another process is training here"):
                train(TINY, easy_faces(), out=tmp_path)
            refused.append(progress)

    run = train(TINY, easy_faces(), out=tmp_path, on_progress=again)
    assert refused and run.finished and len(run.history()) == TINY.epochs
    assert train(TINY, easy_faces(), out=tmp_path).finished


def test_a_time_limit_stops_in_time_and_the_same_call_goes_on(tmp_path):
    run = train(TINY, easy_faces(), out=tmp_path, time_limit_s=0.0)
    assert not run.finished
    assert train(TINY, easy_faces(), out=tmp_path).finished


@pytest.mark.parametrize("edited", [True, False])
def test_a_training_that_goes_on_leaves_the_recipe_that_it_trained(tmp_path, edited):
    def interrupted(progress):
        if progress.epoch == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(TINY, easy_faces(), out=tmp_path, on_progress=interrupted)
    (file,) = tmp_path.glob("*/recipe.json")
    text = file.read_text()
    file.unlink()
    if edited:  # the model would be exported with what the training did not see
        other = replace(TINY, preprocess=replace(TINY.preprocess, mean=(0.1,)))
        file.write_text(to_json(other))
    assert train(TINY, easy_faces(), out=tmp_path).finished
    assert file.read_text() == text


def test_a_run_tells_by_which_code_and_how_it_went_on(tmp_path, monkeypatch):
    def interrupted(progress):
        if progress.epoch == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(provenance, "current_commit", lambda: "first+dirty")
    with pytest.raises(KeyboardInterrupt):
        train(TINY, easy_faces(), out=tmp_path, precision="32", on_progress=interrupted)
    monkeypatch.setattr(provenance, "current_commit", lambda: "second")
    run = train(TINY, easy_faces(), out=tmp_path, precision="bf16")
    environment = run.environment
    assert run.commits == ("first+dirty", "second")
    assert (environment["commit"], environment["precision"]) == ("first+dirty", "32-true")
    (session,) = environment["resumed"]
    assert (session["epoch"], session["commit"], session["precision"]) == (2, "second", "bf16-mixed")
    assert environment["epochs_run"] == TINY.epochs and environment["finished"]


def test_best_weights_are_kept_and_training_stops_early(tmp_path):
    stopping = Stopping(monitor="loss", patience=1, keep="best")
    recipe = replace(TINY, epochs=30, stopping=stopping, schedule=Plateau(factor=0.1, patience=1))
    data = easy_faces()
    # PublicTest labels are wrong on purpose: learning makes validation worse, the first epochs are the best
    wrong = np.where(data.splits == "PublicTest", (data.labels + 1) % 7, data.labels)
    run = train(recipe, replace(data, labels=wrong), out=tmp_path)
    history, environment = run.history(), run.environment
    assert environment["epochs_run"] == len(history) == environment["best_epoch"] + 1 < 30
    losses = [row["validation_loss"] for row in history]
    assert losses.index(min(losses)) == environment["best_epoch"] - 1
    faces, labels = torch.from_numpy(data.faces[:, None]), torch.from_numpy(wrong)
    watched = torch.from_numpy(data.splits == "PublicTest")
    loss = torch.nn.functional.cross_entropy(run.load_classifier()(faces)[watched], labels[watched])
    assert loss.item() == pytest.approx(min(losses), abs=0.02)  # bfloat16 while training


def test_frozen_phases_restart_the_rate(tmp_path):
    phases = (Phase(epochs=1, trainable="all", lr=0.01), Phase(epochs=2, trainable="all", lr=0.001))
    recipe = replace(TINY, epochs=3, phases=phases, schedule=OneCycle(up_fraction=0.2))
    run = train(recipe, easy_faces(), out=tmp_path)
    steps = 5  # an epoch
    ends = ((phases[0], steps - 1), (phases[1], steps - 1), (phases[1], 2 * steps - 1))  # the last steps of the epochs
    expected = [p.lr * rate_factor(recipe.schedule, step, p.epochs * steps, steps) for p, step in ends]
    assert [row["lr"] for row in run.history()] == pytest.approx(expected)
    assert len(set(expected)) == 3


def test_each_epoch_has_an_order_of_its_own_and_rare_classes_weigh_more(tmp_path, monkeypatch):
    seen, weights = [], []

    def watched(recipe, logits, targets, class_weights, taught):
        seen.append(targets.argmax(1).tolist())
        weights.append(class_weights.tolist())
        return losses_of(recipe, logits, targets, class_weights, taught)

    monkeypatch.setattr(training, "losses_of", watched)
    data = easy_faces()
    keep = (data.labels != 3) | (np.arange(len(data)) % 2 == 0)  # half of one class
    data = data.take(keep)
    train(replace(TINY, epochs=2, class_weights="balanced"), data, out=tmp_path)
    half = len(seen) // 2
    first, second = list(itertools.chain(*seen[:half])), list(itertools.chain(*seen[half:]))
    assert sorted(first) == sorted(second) and first != second
    counts = np.bincount(data.training.labels, minlength=7)
    assert weights[0] == pytest.approx((counts.sum() / (7 * counts)).tolist())


def test_phases_are_added_up_first_and_named_by_an_infinite_loss(tmp_path):
    phased = replace(TINY, epochs=1, phases=(Phase(epochs=1, trainable="all", lr=1e30),))
    with pytest.raises(RecipeError, match=r"its phases last 1 epochs, the recipe 2; set both .*phases\.0\.epochs"):
        train(replace(phased, epochs=2, network=OwnNet(name="none such")), easy_faces(), out=tmp_path)
    assert not list(tmp_path.iterdir())
    found = r"the loss became (nan|inf) in epoch 1, by step \d+ of 5, at learning rate .*\(--set phases\.0\.lr=\.\.\.\)"
    with pytest.raises(RecipeError, match=found):
        train(phased, easy_faces(), out=tmp_path)
    # one step an epoch: its training loss is that of the first weights, and finite
    one_step = replace(phased, batch_size=100, phases=(replace(phased.phases[0], lr=1e38),))
    found = (
        r"^mien-small-first: the validation loss became (nan|inf) in epoch 1\. .*\(--set phases\.0\.lr=\.\.\.\).*seed0"
    )
    with pytest.raises(RecipeError, match=found):
        train(one_step, easy_faces(), out=tmp_path)


def test_an_unwritable_folder_is_named(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ModelError, match=r"environment\.json: cannot be written .* then try again"):
        train(TINY, easy_faces(), out=tmp_path / "file")


@pytest.mark.parametrize("most", [300, 100_000])
def test_a_full_disk_leaves_the_earlier_checkpoint(tmp_path, most):
    resource = pytest.importorskip("resource", reason="Windows has no limit on a file's size")
    run = train(TINY, easy_faces(), out=tmp_path, time_limit_s=0.0)
    run.write_checkpoint({"finished": True, "epochs": 0})
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, before[1]))
    try:
        with pytest.raises(ModelError, match=r"checkpoint\.pt: cannot be written \(File too large\)"):
            run.write_checkpoint({"finished": True, "epochs": 1, "weights": torch.zeros(100_000)})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert run.read_checkpoint() == {"finished": True, "epochs": 0}
    assert not list(run.folder.glob("*.part"))


def test_a_log_that_tensorboard_cannot_write_stops_no_training(tmp_path):
    pytest.importorskip("tensorboard")
    run = train(TINY, easy_faces(), out=tmp_path, time_limit_s=0.0)
    (run.folder / "tensorboard").write_text("in the way")
    assert train(TINY, easy_faces(), out=tmp_path).finished


def test_damaged_and_foreign_files_are_named(tmp_path):
    run = train(TINY, easy_faces(), out=tmp_path, time_limit_s=0.0)
    with pytest.raises(ModelError, match="the training has not finished"):
        run.load_classifier()
    (run.folder / "checkpoint.pt").write_bytes(b"PK cut off")
    with pytest.raises(
        ModelError, match=r"checkpoint\.pt: damaged \(\w+\)\. Restore a copy, or delete the run folder with"
    ):
        run.read_checkpoint()
    torch.save({"of": "something else"}, run.folder / "checkpoint.pt")
    with pytest.raises(ModelError, match=r"checkpoint\.pt: damaged \(KeyError\)"):
        run.read_checkpoint()
    (run.folder / WEIGHTS).write_bytes(b"nothing")
    with pytest.raises(ModelError, match="not the weights of mien-small-first"):
        run.load_classifier()
    with pytest.raises(ModelError, match=r"no recipe\.json; expected a run folder"):
        Run.open(tmp_path)


def test_a_broken_run_is_named(tmp_path):
    run = train(replace(TINY, epochs=1), easy_faces(), out=tmp_path)
    remedy = r"Run the same `mien train` again; if the run had finished, restore a copy or delete the folder first\."
    (run.folder / "history.jsonl").write_text('{"epoch": 1}\n{"epo')
    with pytest.raises(ModelError, match=rf"history\.jsonl: missing or damaged \(Unterminated .*\)\. {remedy}"):
        run.history()
    (run.folder / "history.jsonl").write_text("")
    with pytest.raises(ModelError, match=rf"history\.jsonl: missing or damaged \(it is empty\)\. {remedy}"):
        run.history()
    (run.folder / "history.jsonl").unlink()
    with pytest.raises(ModelError, match=rf"history\.jsonl: missing or damaged \(.*No such file.*\)\. {remedy}"):
        run.history()
    for text, found in (("{", "Expecting"), ("[]", "found a list, expected a JSON object"), ("{}", "it lacks seed")):
        (run.folder / "environment.json").write_text(text)
        with pytest.raises(ModelError, match=rf"environment\.json: missing or damaged \({found}.*\)\. {remedy}"):
            _ = run.finished
    (run.folder / "environment.json").unlink()
    with pytest.raises(ModelError, match=rf"environment\.json: missing or damaged \(.*No such file.*\)\. {remedy}"):
        _ = run.environment
    for content, found in ((b"{", "recipe: not JSON"), (b"\xff", "'utf-8' codec"), (b"[]", "recipe: found a list")):
        (run.folder / "recipe.json").write_bytes(content)
        with pytest.raises(ModelError, match=rf"recipe\.json: {found}.*\. Restore a copy, or delete the run folder"):
            Run.open(run.folder)


def test_a_folder_becomes_a_run_only_with_its_environment(tmp_path, monkeypatch):
    def killed(run):
        raise KeyboardInterrupt

    monkeypatch.setattr(Run, "write_recipe", killed)
    with pytest.raises(KeyboardInterrupt):
        train(TINY, easy_faces(), out=tmp_path)
    [folder] = tmp_path.iterdir()
    assert [file.name for file in folder.iterdir()] == ["environment.json"]


def test_missing_starting_weights_are_named_before_anything_is_written(tmp_path):
    recipe = replace(SMALL, network=replace(SMALL.network, weights="file"))
    with pytest.raises(ModelError, match=r"nofile\.safetensors: no such file; expected weights such as the weights\."):
        train(recipe, easy_faces(), out=tmp_path, weights=tmp_path / "nofile.safetensors")
    assert not list(tmp_path.iterdir())


def test_training_needs_labels_and_the_split_it_watches():
    data = easy_faces()
    with pytest.raises(DataError, match=r"3 Training faces have no label, such as row .0.; label them"):
        labels = data.labels.copy()
        labels[:3] = -1
        split_for_training(TINY, replace(data, labels=labels), 0)
    with pytest.raises(
        DataError, match=r"validates on PublicTest, which has no labelled face here; the data set has Training"
    ):
        split_for_training(TINY, data.training, 0)
    assert split_for_training(replace(TINY, validation=Validation(kind="none")), data, 0)[1] is None


def test_test_is_the_split_of_that_name_or_else_the_two_that_it_is_made_of():
    data, recipe = easy_faces(), replace(TINY, validation=Validation(kind="Test"))
    assert split_for_training(recipe, data, 0)[1].split_names() == ["PublicTest"]
    splits = data.splits.astype("<U11")
    splits[splits == "PublicTest"] = ["PublicTest"] * 10 + ["PrivateTest"] * 20 + ["Training"] * 10
    both = split_for_training(recipe, replace(data, splits=splits), 0)[1]
    assert (len(both), both.split_names()) == (30, ["PublicTest", "PrivateTest"])
    splits[splits == "PrivateTest"] = "Test"
    alone = split_for_training(recipe, replace(data, splits=splits), 0)[1]
    assert (len(alone), alone.split_names()) == (20, ["Test"])
    with pytest.raises(
        DataError, match="validates on Test, which has no labelled face here; the data set has Training"
    ):
        split_for_training(recipe, data.training, 0)


@pytest.mark.parametrize(("faces", "processes", "steps"), [(41, 1, 1), (42, 1, 2), (43, 2, 1), (44, 2, 2), (2, 2, 1)])
def test_no_process_gets_a_last_batch_of_one_face(faces, processes, steps):
    assert steps_an_epoch(faces, 40, processes) == steps


@pytest.mark.skipif(os.name == "nt", reason="Windows has no umask")
def test_the_umask_says_who_may_read_a_run(tmp_path):
    before = os.umask(0o027)
    try:
        run = train(replace(TINY, epochs=1), easy_faces(), out=tmp_path)
    finally:
        os.umask(before)
    assert {oct(file.stat().st_mode & 0o777) for file in run.folder.iterdir() if file.is_file()} == {"0o640"}


def with_votes(data):
    """Eight of ten raters agree with the label, in FER+'s order of the classes."""
    votes = np.zeros((len(data), 10), np.uint8)
    votes[np.arange(len(data)), data.relabel(FERPLUS).labels] = 8
    votes[:, 7] += 2
    return replace(data, votes=votes)


def test_votes_are_learned_beside_the_labels(tmp_path):
    run = train(replace(TINY, votes_weight=0.5), with_votes(easy_faces()), out=tmp_path)
    faces = torch.from_numpy(easy_faces().faces[:, None])
    answers = {name: run.load_classifier(name)(faces) for name in ("labels", "votes", "all")}
    assert [logits.shape[1] for logits in answers.values()] == [7, 8, 15]
    assert torch.equal(torch.cat([answers["labels"], answers["votes"]], 1), answers["all"])
    majority = easy_faces().relabel(FERPLUS).labels
    assert (answers["votes"].argmax(1).numpy() == majority).mean() > 0.9
    assert len(run.environment["votes_sha256"]) == 64
    with pytest.raises(ModelError, match=r"recipe mien-small-first does not train on FER\+ votes"):
        train(TINY, easy_faces(), out=tmp_path).load_classifier("votes")


@pytest.mark.parametrize("faces", ["same", "undamaged", "plain"])
def test_a_student_learns_from_a_teacher_what_the_labels_do_not_say(tmp_path, faces):
    teacher = train(TINY, easy_faces(), out=tmp_path / "teacher")
    data = easy_faces()
    wrong = replace(data, labels=np.where(data.splits == "Training", 0, data.labels))
    recipe = replace(TINY, distillation=Distillation(weight=1.0, temperature=1.0, faces=faces))
    student = train(recipe, wrong, out=tmp_path / "student", teachers=[teacher.folder])
    assert student.history()[-1]["validation_accuracy"] > 0.9
    assert list(student.environment["teachers"]) == [teacher.folder.name]
    assert student.folder.name != run_name(recipe, wrong, 0)
    assert run_name(recipe, wrong, 0, None, student.environment["teachers"]) == student.folder.name


def test_a_student_learns_from_a_model_folder_as_from_the_run_that_it_was_made_from(tmp_path):
    teacher = train(TINY, easy_faces(), out=tmp_path / "teacher")
    model = teacher.export()
    recipe = replace(TINY, distillation=Distillation(weight=1.0, temperature=1.0, faces="plain"))
    shown: list[Progress] = []
    by_run = train(recipe, easy_faces(), out=tmp_path, teachers=[teacher])
    by_model = train(recipe, easy_faces(), out=tmp_path, teachers=[model], on_progress=shown.append)
    assert [(each.epoch, each.step, each.steps) for each in shown[:2]] == [(0, 100, 100), (1, 1, 5)]  # teachers first
    assert by_run.folder != by_model.folder
    assert by_model.environment["teachers"] == {"mien-small-first": Recognizer.load(model).card.sha256}
    ours, theirs = (load_file(run.folder / WEIGHTS) for run in (by_run, by_model))
    for name, value in ours.items():
        torch.testing.assert_close(value, theirs[name], atol=2e-2, rtol=0)
    same = replace(recipe, distillation=replace(recipe.distillation, faces="same"))
    assert train(same, easy_faces(), out=tmp_path, teachers=["mien-nano", Path("mien-small")]).finished


def test_a_student_of_colours_learns_from_a_model_folder(tmp_path):
    colours = replace(TINY, epochs=1, preprocess=Preprocess(color="rgb", channels=3, mean=(0.5,) * 3, std=(0.5,) * 3))
    model = train(colours, easy_faces(), out=tmp_path).export(tmp_path / "model")
    student = replace(colours, name="student", distillation=Distillation(weight=0.5, temperature=1.0, faces="plain"))
    assert train(student, easy_faces(), out=tmp_path, teachers=[model]).finished


@pytest.mark.parametrize("faces", ["same", "plain"])
def test_a_teacher_of_the_other_order_of_classes_is_heard_by_name(tmp_path, faces):
    voted = with_votes(easy_faces())
    teacher = train(replace(TINY, votes_weight=0.5), voted, out=tmp_path / "teacher")
    data = easy_faces().relabel(FOLDER)
    assert data.label_set.names != teacher.environment["label_set"]
    wrong = replace(data, labels=np.where(data.splits == "Training", 0, data.labels), votes=voted.votes)
    distillation = Distillation(weight=1.0, temperature=1.0, faces=faces)
    recipe = replace(TINY, distillation=distillation, votes_weight=0.5)
    student = train(recipe, wrong, out=tmp_path / "student", teachers=[teacher])
    assert student.history()[-1]["validation_accuracy"] > 0.9
    answers = student.load_classifier("votes")(torch.from_numpy(data.faces[:, None])).argmax(1).numpy()
    assert (answers == data.relabel(FERPLUS).labels).mean() > 0.9


def test_teachers_that_do_not_fit_are_refused(tmp_path):
    taught = replace(TINY, distillation=Distillation(weight=0.5, temperature=2.0, faces="same"))
    teacher = train(TINY, easy_faces(), out=tmp_path)
    with pytest.raises(RecipeError, match=r"learns from teachers; name finished runs or models \(--teacher"):
        train(taught, easy_faces(), out=tmp_path)
    with pytest.raises(RecipeError, match="learns from labels alone; leave out the teachers"):
        train(TINY, easy_faces(), out=tmp_path, teachers=[teacher])
    with pytest.raises(
        ModelError,
        match=r"the teacher has the classes angry, .*; easy faces has neutral, happy, .*with the same classes",
    ):
        train(taught, easy_faces().relabel(FERPLUS), out=tmp_path, teachers=[teacher])
    unfinished = train(TINY, easy_faces(), seed=1, out=tmp_path, time_limit_s=0)
    with pytest.raises(ModelError, match="a teacher must have finished its training"):
        train(taught, easy_faces(), out=tmp_path, teachers=[unfinished])
    with pytest.raises(
        RecipeError, match=r"mien-small-first: .*mien-small-first-seed0-.* are the same teacher; name it once"
    ):
        train(taught, easy_faces(), out=tmp_path, teachers=[teacher, teacher.folder])
    another = train(TINY, easy_faces(), seed=2, out=tmp_path)
    namesake = shutil.copytree(another.folder, tmp_path / "other" / teacher.folder.name)
    with pytest.raises(RecipeError, match=r"are both called mien-small-first-seed0-.*; rename one of the runs"):
        train(taught, easy_faces(), out=tmp_path, teachers=[teacher, namesake])
    coloured = replace(taught, preprocess=Preprocess(color="rgb", channels=3, mean=(0.5,) * 3, std=(0.25,) * 3))
    with pytest.raises(
        ModelError, match="mien-nano: the teacher takes faces of 1 planes, mien-small-first has 3; use a"
    ):
        train(coloured, easy_faces(), out=tmp_path, teachers=["mien-nano"])
    with pytest.raises(ModelError, match=r"nobody: no such teacher; expected a finished run, a model folder, or"):
        train(taught, easy_faces(), out=tmp_path, teachers=[tmp_path / "nobody"])


def test_teachers_see_faces_before_they_are_damaged(tmp_path, monkeypatch):
    teacher = train(replace(TINY, epochs=1), easy_faces(), out=tmp_path)
    seen: list[torch.Tensor] = []
    monkeypatch.setattr(
        training, "soft_targets_of", lambda _, faces, *rest: (seen.append(faces), soft_targets_of(_, faces, *rest))[1]
    )
    erased = Augment(erase_rate=1.0, erase_area=(0.9, 1.0), mixup_alpha=1.0)
    for faces in ("same", "undamaged"):
        distillation = Distillation(weight=0.5, temperature=2.0, faces=faces)
        train(
            replace(TINY, name=faces, epochs=1, augment=erased, distillation=distillation), easy_faces(),
            out=tmp_path / faces, teachers=[teacher],
        )  # fmt: skip
    half = len(seen) // 2
    bars = [(torch.cat(part) > 0.98).float().mean(0)[0, 8:40, 12:36].mean() for part in (seen[:half], seen[half:])]
    assert bars[0] < 0.03 < bars[1]  # a bar is white, as one pixel in fifty of the noise is


def test_each_step_hears_as_many_teachers_as_the_recipe_says(tmp_path, monkeypatch):
    teachers = [train(replace(TINY, epochs=1), easy_faces(), seed=seed, out=tmp_path) for seed in range(3)]
    heard: list[list[bytes]] = []

    def listening(answering, *rest):
        heard.append([each.state_dict()["network.out.weight"].numpy().tobytes() for each in answering])
        return soft_targets_of(answering, *rest)

    monkeypatch.setattr(training, "soft_targets_of", listening)
    distillation = Distillation(weight=0.5, temperature=2.0, faces="same", teachers_a_step=2)
    recipe = replace(TINY, distillation=distillation)
    train(recipe, easy_faces(), out=tmp_path / "student", teachers=teachers)
    assert all(len(set(names)) == 2 for names in heard)
    assert len({name for names in heard for name in names}) == 3
    with pytest.raises(RecipeError, match="each step uses 2 teachers, but 1 are given; name more"):
        train(recipe, easy_faces(), out=tmp_path, teachers=teachers[:1])


def test_teachers_of_which_one_knows_no_votes_teach_the_labels_alone(tmp_path, monkeypatch):
    data = replace(easy_faces(), votes=8 * np.eye(10, dtype=np.uint8)[easy_faces().labels])
    votes = replace(TINY, name="votes", epochs=1, votes_weight=0.5)
    teachers = [train(each, data, out=tmp_path) for each in (votes, replace(TINY, epochs=1))]
    taught: list[int] = []
    monkeypatch.setattr(
        training,
        "soft_targets_of",
        lambda *given: (taught.append((found := soft_targets_of(*given)).shape[1]), found)[1],
    )
    student = replace(votes, distillation=Distillation(weight=0.5, temperature=2.0, faces="same", teachers_a_step=1))
    train(student, data, out=tmp_path / "both", teachers=teachers)
    assert set(taught) == {7}
    taught.clear()
    train(student, data, out=tmp_path / "one", teachers=teachers[:1])
    assert set(taught) == {15}


def test_a_network_goes_on_from_a_run_and_their_weights_are_averaged(tmp_path):
    first = train(replace(SMALL, epochs=1), easy_faces(), out=tmp_path)
    further = replace(SMALL, name="further", epochs=1, network=replace(SMALL.network, weights="file"))
    second = train(further, easy_faces(), out=tmp_path, weights=first.folder / WEIGHTS)
    assert not second.has_foreign_weights  # they are of a run from random weights
    other = train(further, easy_faces(), seed=1, out=tmp_path, weights=first.folder / WEIGHTS)
    learned = [run.environment["n_validation_learned"] for run in (first, second, other)]
    assert learned[:2] == [0, 0] and 0 < learned[2] <= other.environment["n_validation"]
    mean = average_runs([first, second.folder], "mean", tmp_path)
    assert (
        mean.finished
        and mean.recipe.name == "mean"
        and mean.environment["averaged"].keys()
        == {
            first.folder.name,
            second.folder.name,
        }
    )
    a, b, c = (load_file(run.folder / WEIGHTS) for run in (first, second, mean))
    assert not torch.equal(a["network.classes.weight"], b["network.classes.weight"])
    assert torch.allclose((a["network.classes.weight"] + b["network.classes.weight"]) / 2, c["network.classes.weight"])
    assert mean.load_classifier()(torch.zeros(1, 1, 48, 48)).shape == (1, 7)
    for known in ("started", "best_epoch", "seconds"):
        assert known in second.environment and known not in mean.environment
    assert not mean.has_foreign_weights
    first.write_json(ENVIRONMENT, first.environment | {"foreign_weights": True, "commit": "a" * 40})
    second.write_json(ENVIRONMENT, second.environment | {"commit": "b" * 40})
    foreign = average_runs([Run.open(first.folder), Run.open(second.folder)], "foreign", tmp_path)
    assert foreign.has_foreign_weights and foreign.environment["averaged_commits"] == ["a" * 40, "b" * 40]
    report = evaluate(mean, easy_faces())
    assert (report.train_accuracy, report.validation_accuracy, report.gap) == (None, None, None)  # of no training


def test_classes_go_on_by_name_from_a_run(tmp_path):
    run = train(replace(SMALL, epochs=1, votes_weight=0.5), with_votes(easy_faces()), out=tmp_path)
    learned = load_file(run.folder / WEIGHTS)["network.classes.weight"]
    still = replace(SMALL, network=replace(SMALL.network, weights="file"), epochs=1, augment=NoAugment())
    still = replace(still, name="still", optimizer=replace(SMALL.optimizer, lr=1e-12), votes_weight=0.0)
    own = LabelSet((*FOLDER, "asleep"))
    went_on = load_file(train(still, easy_faces().relabel(own), out=tmp_path, weights=run.folder).folder / WEIGHTS)[
        "network.classes.weight"
    ]
    for label, name in enumerate(FOLDER):
        torch.testing.assert_close(went_on[label], learned[FER2013.index(name)], atol=1e-4, rtol=0)
    assert (went_on[7] - learned[:, None]).abs().amax(-1).min() > 1e-3
    bare = shutil.copy(run.folder / WEIGHTS, tmp_path / "bare.safetensors")
    assert learned_classes(bare) is None  # nothing says which they are
    drawn = build(still.network, still.preprocess, 7, bare).network.classes.weight
    assert (drawn[:, None] - learned[None, :7]).abs().amax(-1).min() > 1e-3


def test_what_cannot_be_averaged_is_refused(tmp_path):
    run = train(TINY, easy_faces(), out=tmp_path)
    with pytest.raises(ModelError, match="averaging needs at least two runs; 1 given"):
        average_runs([run], "mean", tmp_path)
    with pytest.raises(ModelError, match="was trained on different faces than"):
        average_runs([run, train(TINY, easy_faces(seed=1), out=tmp_path)], "mean", tmp_path)
    with pytest.raises(ModelError, match="a run is given twice"):
        average_runs([run, run.folder], "mean", tmp_path)
    with pytest.raises(ModelError, match=r"its network or preprocessing differs from that of"):
        average_runs(
            [run, train(replace(SMALL, epochs=1, validation=TINY.validation), easy_faces(), out=tmp_path)],
            "mean",
            tmp_path,
        )
    with pytest.raises(ModelError, match="not finished; finish its training first"):
        average_runs([train(TINY, easy_faces(), seed=1, out=tmp_path, time_limit_s=0), run], "mean", tmp_path)


def test_the_mean_of_runs_tells_their_commits(tmp_path, monkeypatch):
    runs = []
    for seed, commit in enumerate(("first", "second+dirty")):
        monkeypatch.setattr(provenance, "current_commit", lambda commit=commit: commit)
        out = tmp_path / str(seed)
        runs.append(train(replace(TINY, epochs=seed + 1), easy_faces(), out=out))
    monkeypatch.setattr("mien.lab.averaging.current_commit", lambda: "third")
    assert average_runs(runs, "mean", tmp_path).commits == ("third", "first", "second+dirty")


def test_the_mean_of_runs_has_no_published_figures(tmp_path):
    figures = (Figure(metric="accuracy", split="test", value=0.7, place="a report"),)
    runs = [train(replace(TINY, epochs=epochs, published=figures), easy_faces(), out=tmp_path) for epochs in (1, 2)]
    assert average_runs(runs, "tiny", tmp_path).recipe.published == ()


def test_lost_weights_of_a_finished_run_are_said_to_be(tmp_path):
    run = train(TINY, easy_faces(), out=tmp_path)
    evaluate(run, easy_faces())
    (run.folder / WEIGHTS).unlink()
    for use in (run.load_classifier, run.export, lambda: evaluate(run, easy_faces())):
        with pytest.raises(ModelError, match=r"weights\.safetensors: missing or damaged .* restore a copy"):
            use()


def test_a_last_batch_of_one_face_is_left_out(tmp_path):
    data = easy_faces()
    count = int((data.splits == "Training").sum()) - 1
    recipe = replace(TINY, validation=Validation(kind="none"), batch_size=count)
    shown: list[training.Progress] = []
    train(recipe, data, out=tmp_path, on_progress=shown.append)
    assert [(progress.step, progress.steps) for progress in shown] == [(1, 1)] * recipe.epochs
    assert shown[-1].seconds_left == 0


def test_weights_of_others_are_remembered_over_runs_that_go_on(tmp_path):
    start = replace(SMALL, epochs=1, network=replace(SMALL.network, weights="file"))
    (tmp_path / "theirs").mkdir()
    at_random = train(replace(SMALL, epochs=1), easy_faces(), out=tmp_path)
    theirs = shutil.copy(at_random.folder / WEIGHTS, tmp_path / "theirs")
    first = train(start, easy_faces(), out=tmp_path, weights=theirs)
    second = train(start, easy_faces(), out=tmp_path, weights=first.folder / WEIGHTS)
    assert first.has_foreign_weights and second.has_foreign_weights


def test_runs_with_other_held_out_faces_are_not_averaged(tmp_path):
    first = train(replace(SMALL, epochs=1), easy_faces(), out=tmp_path)
    other = replace(SMALL, epochs=1, validation=replace(SMALL.validation, fraction=0.2))
    with pytest.raises(ModelError, match="held out different faces than"):
        average_runs([first, train(other, easy_faces(), out=tmp_path)], "mean", tmp_path)
    with pytest.raises(ModelError, match="its seed differs from that of"):
        average_runs([first, train(replace(SMALL, epochs=1), easy_faces(), seed=1, out=tmp_path)], "mean", tmp_path)


def test_other_votes_are_another_training():
    recipe, data = replace(TINY, votes_weight=0.5), with_votes(easy_faces())
    fewer = replace(data, votes=data.votes // 2)
    assert run_name(recipe, data, 0) != run_name(recipe, fewer, 0)
    assert run_name(TINY, data, 0) == run_name(TINY, fewer, 0)  # which does not learn them


def test_starting_weights_are_asked_for(tmp_path):
    recipe = replace(SMALL, network=replace(SMALL.network, weights="file"))
    with pytest.raises(RecipeError, match=r"residual-small: starts from trained weights; give them with --w"):
        train(recipe, easy_faces(), out=tmp_path)
