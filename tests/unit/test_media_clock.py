"""Times that step back in a file."""

from __future__ import annotations

import pytest

from mien.media.clock import RisingClock


@pytest.mark.parametrize("jump_s", [0.0, 0.5])
def test_times_go_on_where_a_recording_begins_anew(jump_s: float) -> None:
    clock = RisingClock(jump_s)
    shown = [clock.at(time_s, 0.1) for time_s in [5.0, 5.1, 5.2, 0.0, 0.1, 0.2]]
    assert shown == pytest.approx([5.0, 5.1, 5.2, 5.3, 5.4, 5.5])
    assert clock.end_s == pytest.approx(5.6)


def test_sound_that_steps_back_a_little_goes_on_at_once() -> None:
    clock = RisingClock()
    assert [clock.at(time_s, 0.1) for time_s in (0.0, 0.1, 0.05, 0.15)] == pytest.approx([0.0, 0.1, 0.2, 0.3])


def test_a_length_that_is_stated_too_short_is_taken_from_the_step_before() -> None:
    clock = RisingClock()
    assert [clock.at(time_s, 0.0) for time_s in (0.0, 0.4, 0.8, 0.0)] == pytest.approx([0.0, 0.4, 0.8, 1.2])


def test_badly_stated_times_do_not_add_up() -> None:
    clock = RisingClock(jump_s=0.5)
    shown = [clock.at(time_s, 0.04) for time_s in [0.0, 0.08, 0.04, 0.12, 0.2, 0.16, 0.24]]
    assert shown == pytest.approx([0.0, 0.08, 0.08, 0.12, 0.2, 0.2, 0.24])


def test_equal_times_do_not_step_back() -> None:
    clock = RisingClock()
    assert [clock.at(time_s, 0.1) for time_s in (0.0, 0.1, 0.1, 0.2)] == [0.0, 0.1, 0.1, 0.2]


def test_a_part_that_lasts_longer_than_a_step_is_waited_for() -> None:
    clock = RisingClock()
    assert [clock.at(*part) for part in ((0.0, 0.1), (0.1, 2.0), (0.0, 0.1))] == pytest.approx([0.0, 0.1, 2.1])


def test_a_recording_of_three_parts() -> None:
    clock = RisingClock(jump_s=0.5)
    shown = [clock.at(time_s, 1.0) for time_s in (0.0, 1.0, 0.0, 1.0, 0.0, 1.0)]
    assert shown == pytest.approx([0.0, 1.0, 2.0, 3.0, 4.0, 5.0])


def test_the_longest_step_is_kept() -> None:
    clock, longest = RisingClock(), []
    for time_s in (5.0, 5.25, 6.0, 6.5):
        clock.at(time_s, 0.1)
        longest.append(clock.longest_s)
    assert longest == [0.0, 0.25, 0.75, 0.75]
