"""Two days of 50 simulated feeds: the policy misses next to nothing, and knows what it missed (P4)."""

from __future__ import annotations

import random

from benchmarks.simulated_week import START, Publisher, follow, simulate


def test_two_days_of_fifty_feeds_are_caught_and_every_loss_is_a_gap() -> None:
    found = simulate(50, 2, seed=3)
    everything = found["all"]
    assert everything["items"] > 1000
    assert everything["caught"] >= 0.99, found
    assert everything["lost_without_a_gap"] == 0, found
    assert everything["requests_to_fixed"] <= 0.6, found
    assert everything["busy_delay_median_s"] < 300, found


def test_a_window_that_rolls_over_between_two_polls_is_lost_and_recorded() -> None:
    assert START.hour == 0
    flood = tuple(40_000.0 + n for n in range(200))
    publisher = Publisher("flood", (-500_000.0, -400_000.0, *flood), 10, is_dated=True)
    followed = follow(publisher, 1, random.Random(1))
    lost = followed.lost(1)
    assert len(lost) >= 150
    assert all(followed.is_recorded(number) for number in lost)


def test_a_server_that_says_304_for_ever_costs_a_day_and_no_item() -> None:
    arrivals = (-200_000.0, -100_000.0, *(float(at) for at in range(5_000, 172_800, 7_000)))
    for lies_anew in (False, True):
        liar = Publisher("liar", arrivals, 20, is_dated=True, lies=True, lies_anew=lies_anew)
        followed = follow(liar, 2, random.Random(2))
        delays = [followed.announced[n] - arrivals[n] for n in followed.due(2)]
        assert followed.lost(2) == []
        assert max(delays) <= 1.3 * 86_400
        # Once it was caught, on the first day, it is asked for its body each time.
        assert max(delays[len(delays) * 2 // 3 :]) <= 4 * 3_600
