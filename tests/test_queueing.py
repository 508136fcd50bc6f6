"""The simulation of docs/scaling.md, held against what queueing theory knows exactly."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.reliability.offered import Line, differences, measured
from bench.speed import costs, scale
from bench.speed.queueing import Autoscaler, Cluster, Outcome, poisson, simulate

from .support.docstrings import run_examples

LONG = 40_000.0


def test_examples() -> None:
    run_examples(costs)
    run_examples(scale)


def exponential(mean: float, count: int = 20_000) -> list[float]:
    dice = random.Random(3)  # noqa: S311
    return [dice.expovariate(1 / mean) for _ in range(count)]


def mean(outcome: Outcome) -> float:
    return sum(outcome.seconds) / len(outcome.seconds)


def erlang_c(servers: int, load: float) -> float:
    """Share of those who wait in M/M/c."""
    last = load**servers / math.factorial(servers) * servers / (servers - load)
    return last / (sum(load**n / math.factorial(n) for n in range(servers)) + last)


@pytest.mark.parametrize(("slots", "rate"), [(1, 0.5), (1, 0.8), (2, 1.4), (4, 3.2)])
def test_one_replica_is_m_m_c(slots: int, rate: float) -> None:
    cluster = Cluster(replicas=1, slots=slots, queue=10**6, cores=slots)
    found = simulate(cluster, poisson(rate, LONG), exponential(1.0))
    expected = 1 + erlang_c(slots, rate) / (slots - rate)
    assert mean(found) == pytest.approx(expected, rel=0.1)
    assert found.refused == 0


def test_a_place_that_is_taken_is_refused_as_erlang_b_says() -> None:
    cluster, load = Cluster(replicas=1, slots=3, queue=0, cores=3), 2.0
    found = simulate(cluster, poisson(load, LONG), exponential(1.0))
    shares = [load**n / math.factorial(n) for n in range(4)]
    assert found.refusals == pytest.approx(shares[3] / sum(shares), rel=0.05)


@pytest.mark.parametrize("work", [[1.0], exponential(1.0)], ids=["same", "spread"])
def test_shared_cores_are_processor_sharing_whatever_the_spread(work: list[float]) -> None:
    """M/G/1-PS: the mean time is work / (1 - load), however work is spread."""
    cluster = Cluster(replicas=1, slots=10**6, queue=0, cores=1)
    assert mean(simulate(cluster, poisson(0.6, LONG), work)) == pytest.approx(1 / 0.4, rel=0.1)


def test_a_quiet_cluster_answers_in_the_time_of_the_work() -> None:
    found = simulate(Cluster(), poisson(0.01, 10_000), [0.25])
    assert found.percentile(50) == pytest.approx(0.25) and found.percentile(99) == pytest.approx(0.25)


def test_an_overloaded_cluster_gives_what_it_can_and_refuses_the_rest() -> None:
    found = simulate(Cluster(replicas=2, slots=2, cores=2), poisson(16, 2_000), [0.5])
    assert found.rate == pytest.approx(8, rel=0.03) and found.refusals == pytest.approx(0.5, abs=0.03)


def test_replicas_on_one_machine_give_no_more_than_its_cores() -> None:
    apart, together = (
        simulate(Cluster(replicas=3, together=one), poisson(20, 500), [0.5]).rate for one in (False, True)
    )
    assert apart == pytest.approx(12, rel=0.05)
    assert together == pytest.approx(4, rel=0.15)


def test_requests_of_a_lost_replica_are_begun_anew_by_others() -> None:
    losses = [10.0 * n for n in range(1, 50)]
    found = simulate(Cluster(start=5), poisson(5, 500), [0.5], losses)
    assert found.moved > 0 and found.refused == 0
    quiet = simulate(Cluster(start=5), poisson(5, 500), [0.5])
    assert len(found.seconds) == len(quiet.seconds) and found.percentile(99) > quiet.percentile(99)


def test_when_nobody_is_left_all_are_refused_until_one_is_back() -> None:
    found = simulate(Cluster(replicas=1, start=50), poisson(1, 200), [0.1], [100.0])
    assert found.refused == pytest.approx(50, abs=20)


def test_an_autoscaler_ends_refusals_after_its_lag_and_no_sooner() -> None:
    scaler = Autoscaler(most=8)
    fixed, scaled, quick = (
        simulate(Cluster(replicas=1, queue=20, scaler=each, start=start), poisson(12, 1_000), [0.5])
        for each, start in ((None, 30), (scaler, 30), (scaler, 1))
    )
    assert fixed.most == 1 and 5 <= scaled.most <= 7, "12 a second × 0.5 s at 70 % of two slots each, and chance"
    assert fixed.refusals > 0.6 > 0.1 > scaled.refusals > quick.refusals > 0


def test_an_autoscaler_takes_away_what_is_not_wanted() -> None:
    burst = [n / 20 for n in range(20 * 200)] + [200 + n for n in range(4000)]
    scaler = Autoscaler(most=8, calm=60)
    found = simulate(Cluster(replicas=1, scaler=scaler), iter(burst), [0.5], [4000.0])
    assert found.most > 1 and found.refused > 0, "the last one dies alone, and nobody is there"


@settings(max_examples=50, deadline=None)
@given(
    st.integers(1, 4), st.integers(1, 3), st.integers(0, 5), st.floats(0.5, 20), st.lists(st.floats(0, 60), max_size=5)
)
def test_every_request_is_answered_or_refused_once(
    replicas: int, slots: int, queue: int, rate: float, losses: list[float]
) -> None:
    cluster = Cluster(replicas, slots, queue, start=3)
    arrivals = list(poisson(rate, 60))
    found = simulate(cluster, iter(arrivals), [0.05, 0.2, 1.0], losses)
    assert len(found.seconds) + found.refused == len(arrivals)
    assert all(seconds >= 0.049 for seconds in found.seconds)


def test_the_comparison_counts_what_came_back() -> None:
    real = measured([(200, 1.0)] * 97 + [(503, 0.1)] * 2 + [(0, 5.0)])
    assert (real.p50, real.refused, real.lost) == (1.0, 0.02, 1)
    assert differences(real, Line(1.5, 2.0, 0.0)).endswith("p50 +50%, p99 +100%, refused -2.0 points")
