"""How many replicas, and what happens when one dies or more come than were thought of: ``python -m bench.speed.scale``.
Each line is a run of the simulation in ``bench.speed.queueing``; ``--work`` is from ``bench.speed.costs``.
"""

from __future__ import annotations

import argparse
import math
import random
from collections.abc import Iterator
from dataclasses import replace

from bench.speed.queueing import Autoscaler, Cluster, Outcome, poisson, simulate

SHARE = 0.7
"""Of its cores that a replica should have work for."""


def replicas_for(rate: float, work: float, cores: float, share: float = SHARE) -> int:
    """How many carry ``rate`` pictures a second, of ``work`` core-seconds each.

    >>> replicas_for(10, 0.1, 4), replicas_for(1000, 0.1, 4), replicas_for(100_000, 0.1, 4)
    (1, 36, 3572)
    """
    return math.ceil(rate * work / cores / share)


def spread(work: float, count: int = 5000, seed: int = 5) -> list[float]:
    """Seconds of pictures of all sizes: log-normal about ``work``, one in a hundred above three times of it."""
    sigma, dice = 0.55, random.Random(seed)  # noqa: S311 - a simulation
    return [dice.lognormvariate(math.log(work) - sigma**2 / 2, sigma) for _ in range(count)]


def step(rate: float, seconds: float, at: float, times: float) -> Iterator[float]:
    """Arrivals of ``rate``, and from ``at`` on of ``times`` as much."""
    yield from poisson(rate, at)
    yield from (at + when for when in poisson(rate * times, seconds - at, seed=3))


def show(name: str, outcome: Outcome) -> None:
    p50, p99 = (1000 * outcome.percentile(share) for share in (50, 99))
    refused = f"refused {outcome.refused:6} ({100 * outcome.refusals:.1f} %)"
    print(f"  {name:40} p50 {p50:6.0f} ms  p99 {p99:6.0f} ms  {refused}  at most {outcome.most} replicas")


def table(rate: float, cluster: Cluster, work: float) -> None:
    seconds, times = 600.0, spread(work)
    scaler = Autoscaler(most=3 * cluster.replicas)
    print(f"{rate:g} a second: {cluster.replicas} replicas of {cluster.slots} slots on {cluster.cores:g} cores")
    show("steady", simulate(cluster, poisson(rate, seconds), times))
    show("one dies", simulate(cluster, poisson(rate, seconds), times, [seconds / 2]))
    show("twice as many, nobody added", simulate(cluster, step(rate, seconds, 60, 2), times))
    for start in (30.0, 120.0):
        scaled = replace(cluster, start=start, scaler=scaler)
        show(f"twice as many, autoscaled, {start:g} s to start", simulate(scaled, step(rate, seconds, 60, 2), times))


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--work", type=float, default=0.1, help="core-seconds of a picture")
    options.add_argument("--cores", type=float, default=4, help="of a replica, which has as many slots")
    options.add_argument("--queue", type=int, default=24)
    options.add_argument("--rates", type=float, nargs="+", default=[10, 100])
    options.add_argument("--only-count", type=float, nargs="*", default=[1000, 100_000], help="too many to simulate")
    asked = options.parse_args()
    for rate in asked.rates:
        count = max(2, replicas_for(rate, asked.work, asked.cores))
        table(rate, Cluster(count, int(asked.cores), asked.queue, asked.cores), asked.work)
    for rate in asked.only_count:
        print(f"{rate:g} a second: {replicas_for(rate, asked.work, asked.cores)} replicas, by {SHARE:.0%} of the cores")


if __name__ == "__main__":
    main()
