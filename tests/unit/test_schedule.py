import math
from contextlib import nullcontext
from dataclasses import replace

import pytest

from mien.errors import RecipeError
from mien.lab.recipe import Constant, Cosine, OneCycle, Phase, Plateau, Progressive, Stopping, Validation
from mien.lab.recipe_book import recipes
from mien.lab.schedule import PlateauState, StoppingState, check_watching, phases_of, rate_factor, rate_field, side_at

SMALL = recipes["mien-small-first"]


def test_constant_and_plateau_leave_the_rate_alone():
    assert rate_factor(Constant(), 7, 10, 5) == 1.0
    assert rate_factor(Plateau(factor=0.1, patience=1), 7, 10, 5) == 1.0


def test_cosine_rises_linearly_then_falls_to_its_final_fraction():
    cosine = Cosine(warmup_epochs=1.0, final_fraction=0.1)
    factors = [rate_factor(cosine, step, 12, 4) for step in range(12)]
    assert factors[:4] == [0.25, 0.5, 0.75, 1.0]
    assert factors[4] == 1.0
    assert factors[8] == pytest.approx(0.1 + 0.9 * 0.5)  # half-way down
    assert rate_factor(cosine, 12, 12, 4) == pytest.approx(0.1)


def test_one_cycle_peaks_once_and_ends_at_zero():
    factors = [rate_factor(OneCycle(up_fraction=0.2), step, 10, 5) for step in range(11)]
    assert factors == [0.5, 1.0, 1.0, 0.875, 0.75, 0.625, 0.5, 0.375, 0.25, 0.125, 0.0]


def test_faces_grow_in_equal_steps_to_the_full_size():
    assert {side_at(SMALL, epoch) for epoch in range(SMALL.epochs)} == {48}
    growing = replace(SMALL, epochs=10, sizes=Progressive(first_px=24, step_px=8, until_fraction=0.6))
    assert [side_at(growing, epoch) for epoch in range(10)] == [24, 24, 32, 32, 40, 40, 48, 48, 48, 48]
    uneven = replace(SMALL, epochs=4, sizes=Progressive(first_px=30, step_px=12, until_fraction=0.5))
    assert [side_at(uneven, epoch) for epoch in range(4)] == [30, 42, 48, 48]


def test_plateau_follows_keras_rule():
    # ReduceLROnPlateau(factor=0.2, patience=2, min_delta=1e-4, min_lr=0.05) from 1.0, worked through by hand along
    # keras/callbacks/reduce_lr_on_plateau.py: an equal loss is no improvement, one of less than min_delta neither,
    # the wait starts anew after a reduction, min_lr bounds the rate
    plateau = Plateau(factor=0.2, patience=2, min_delta=1e-4, min_lr=0.05)
    table = [
        (1.0, 1.0),
        (1.0, 1.0),  # wait 1
        (0.99995, 0.2),  # wait 2: better by less than min_delta, so reduced here
        (0.9, 0.2),  # better
        (0.95, 0.2),  # wait 1
        (0.95, 0.05),  # wait 2: 0.04 would be below min_lr
        (0.95, 0.05),
        (0.95, 0.05),
    ]
    state = PlateauState()
    for loss, expected in table:
        state.update(plateau, loss, lr=1.0)
        assert state.factor == pytest.approx(expected)


def test_the_lowest_rate_is_one_of_the_optimizer_not_a_factor() -> None:
    state = PlateauState()
    for loss in (1.0, 1.0, 1.0):
        state.update(Plateau(factor=0.1, patience=1, min_lr=0.002), loss, lr=0.01)
    assert state.factor == pytest.approx(0.2)  # 0.001 would be below 0.002, which is 0.2 of 0.01


def test_an_equal_loss_is_no_improvement_without_a_least_one_either() -> None:
    state = PlateauState()
    for loss in (1.0, 1.0):
        state.update(Plateau(factor=0.1, patience=1, min_delta=0.0), loss, lr=0.01)
    assert state.factor == pytest.approx(0.1)


def test_stopping_keeps_the_best_epoch_and_waits():
    stopping = Stopping(monitor="loss", patience=2, keep="best")
    state = StoppingState()
    outcome = []
    for epoch, loss in enumerate([1.0, 0.8, 0.9, 0.8]):
        better = state.update(stopping, epoch, loss, accuracy=0.5)
        outcome.append((better, state.stops(stopping)))
    assert outcome == [(True, False), (True, False), (False, False), (False, True)]
    assert state.best_epoch == 1


def test_stopping_takes_no_epoch_for_better_by_less_than_asked():
    stopping = Stopping(monitor="loss", patience=3, keep="best", min_delta=0.125)
    state = StoppingState()
    assert [state.update(stopping, e, loss, None) for e, loss in enumerate([1.0, 0.9, 0.875, 0.8])] == [
        True,
        False,
        False,  # by just as much
        True,  # since the best one
    ]


def test_stopping_on_accuracy_wants_it_to_rise():
    stopping = Stopping(monitor="accuracy", patience=None, keep="best")
    state = StoppingState()
    assert [state.update(stopping, e, None, a) for e, a in enumerate([0.5, 0.6, 0.4])] == [True, True, False]
    assert not state.stops(stopping)


@pytest.mark.parametrize(
    ("stopping", "schedule", "held_out", "message"),
    [
        (("none", 1, "last"), Constant(), "holdout", "need a monitor; set stopping.monitor"),
        (("none", None, "best"), Constant(), "holdout", "need a monitor; set stopping.monitor"),
        (("none", None, "last"), Plateau(factor=0.1, patience=1), "none", "depends on validation, but there is none"),
        (("loss", None, "last"), Constant(), "none", "depends on validation, but there is none"),
        (("none", None, "last"), Constant(), "none", None),
        (("loss", 1, "best"), Plateau(factor=0.1, patience=1), "holdout", None),
    ],
)
def test_what_watches_validation_needs_it(stopping, schedule, held_out, message):
    fields = dict(zip(("monitor", "patience", "keep"), stopping, strict=True))
    kept = replace(SMALL, stopping=Stopping(**fields), schedule=schedule, validation=Validation(kind=held_out))
    with nullcontext() if message is None else pytest.raises(RecipeError, match=message):
        check_watching(kept)


def test_without_monitor_every_epoch_counts():
    state = StoppingState()
    stopping = Stopping(monitor="none", patience=None, keep="last")
    assert all(state.update(stopping, epoch, None, None) for epoch in range(3))
    assert state.best_epoch == 2
    assert math.isinf(state.best)


def test_phases_say_where_each_epoch_belongs():
    head, rest = Phase(epochs=2, trainable="head", lr=0.1), Phase(epochs=1, trainable="all", lr=0.01)
    assert phases_of(replace(SMALL, epochs=3, phases=(head, rest))) == [(head, 0), (head, 0), (rest, 2)]
    [(only, start)] = phases_of(replace(SMALL, epochs=1, phases=()))
    assert (only.trainable, only.lr, start) == ("all", SMALL.optimizer.lr, 0)


def test_the_field_of_an_epochs_learning_rate():
    phases = (Phase(epochs=2, trainable="head", lr=0.1), Phase(epochs=1, trainable="all", lr=0.01))
    recipe = replace(SMALL, epochs=3, phases=phases)
    assert [rate_field(recipe, epoch) for epoch in range(3)] == ["phases.0.lr", "phases.0.lr", "phases.1.lr"]
    assert rate_field(SMALL, 2) == "optimizer.lr"


def test_phases_must_add_up():
    with pytest.raises(RecipeError, match=r"its phases last 2 epochs, the recipe 3; set both"):
        phases_of(replace(SMALL, epochs=3, phases=(Phase(epochs=2, trainable="all", lr=0.1),)))


@pytest.mark.parametrize(("warmup", "fits"), [(0.9, True), (1.0, False), (2.0, False)])
def test_warming_up_ends_within_the_shortest_phase(warmup, fits):
    phases = (Phase(epochs=3, trainable="head", lr=0.1), Phase(epochs=1, trainable="all", lr=0.01))
    recipe = replace(SMALL, epochs=4, phases=phases, schedule=Cosine(warmup_epochs=warmup))
    if fits:
        assert len(phases_of(recipe)) == 4
    else:
        with pytest.raises(RecipeError, match=rf"warm-up of {warmup:g} epochs does not fit a phase of 1; set schedule"):
            phases_of(recipe)
