"""A cluster as queues: what happens to requests at a rate, when replicas die, and while an autoscaler makes up its
mind. Pure: no clock, no network, one seed. ``bench.speed.scale`` asks it.

A replica has ``slots`` at work and ``queue`` waiting, as the service has; the balancer asks the one with the fewest,
passes over full ones, and refuses when all are. A picture takes ``work`` seconds of a core that it has for itself; the
pictures at work on a machine share its ``cores``. A replica that dies leaves its requests to the others, and is back
after ``start`` seconds. ``bench.reliability.offered`` compares all that with real servers behind nginx.
"""

from __future__ import annotations

import heapq
import math
import random
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Autoscaler:
    """Looks every ``period`` seconds at how busy the slots were since, as Kubernetes' does by CPU: wants ``target`` of
    them busy, adds at once (a new replica serves after ``Cluster.start``), and takes one away after ``calm`` seconds of
    too many.
    """

    target: float = 0.7
    period: float = 15.0
    most: int = 10
    calm: float = 300.0


@dataclass(frozen=True)
class Cluster:
    """``cores``: of each machine; ``together``: all replicas are on one machine, as in a test. ``start``: seconds from
    the wish for a replica to its first request.
    """

    replicas: int = 3
    slots: int = 2
    queue: int = 64
    cores: float = 2.0
    together: bool = False
    start: float = 30.0
    scaler: Autoscaler | None = None


@dataclass
class Outcome:
    """``seconds`` of each answer; ``refused``: all replicas full; ``most``: replicas at once."""

    seconds: list[float] = field(default_factory=list)
    refused: int = 0
    moved: int = 0
    most: int = 0
    ended: float = 0.0

    @property
    def rate(self) -> float:
        return len(self.seconds) / self.ended if self.ended else 0.0

    @property
    def refusals(self) -> float:
        """Share of all requests."""
        return self.refused / max(1, self.refused + len(self.seconds))

    def percentile(self, share: float) -> float:
        """Seconds; not a number without an answer."""
        ordered = sorted(self.seconds)
        return ordered[min(len(ordered) - 1, int(share / 100 * len(ordered)))] if ordered else math.nan


def poisson(rate: float, seconds: float, seed: int = 1) -> Iterator[float]:
    """Times of arrivals."""
    dice, now = random.Random(seed), 0.0  # noqa: S311 - a simulation
    while (now := now + dice.expovariate(rate)) < seconds:
        yield now


@dataclass
class _Request:
    came: float
    work: float


class _Machine:
    """Its pictures share its cores evenly. ``turned``: seconds of work that a picture has had that was there always."""

    def __init__(self, cores: float) -> None:
        self.cores, self.turned, self.since = cores, 0.0, 0.0
        self.ends: list[tuple[float, int, _Replica, _Request]] = []

    def go_on(self, now: float) -> None:
        self.turned += (now - self.since) * self.speed
        self.since = now

    @property
    def speed(self) -> float:
        return min(1.0, self.cores / len(self.ends)) if self.ends else 1.0

    def next_end(self) -> float:
        return self.since + (self.ends[0][0] - self.turned) / self.speed if self.ends else math.inf


class _Replica:
    def __init__(self, machine: _Machine) -> None:
        self.machine, self.waiting, self.busy, self.busy_seconds = machine, deque[_Request](), 0, 0.0

    @property
    def held(self) -> int:
        return self.busy + len(self.waiting)


class _Run:
    def __init__(self, cluster: Cluster, arrivals: Iterator[float], work: Sequence[float], seed: int) -> None:
        self.cluster, self.work, self.dice = cluster, work, random.Random(seed)  # noqa: S311
        self.now, self.number, self.outcome = 0.0, 0, Outcome()
        self.arrivals, self.next_arrival = arrivals, next(arrivals, math.inf)
        self.timers: list[tuple[float, int, str]] = []
        self.shared = _Machine(cluster.cores)
        self.replicas: list[_Replica] = []
        self.coming, self.calm_since, self.looked = 0, 0.0, 0.0
        for _ in range(cluster.replicas):
            self._add()
        if cluster.scaler:
            self._at(cluster.scaler.period, "look")

    def _at(self, when: float, what: str) -> None:
        self.number += 1
        heapq.heappush(self.timers, (when, self.number, what))

    def _add(self) -> None:
        self.replicas.append(_Replica(self.shared if self.cluster.together else _Machine(self.cluster.cores)))
        self.outcome.most = max(self.outcome.most, len(self.replicas))

    def run(self, losses: Sequence[float]) -> Outcome:
        for when in losses:
            self._at(when, "loss")
        while self._step():
            pass
        self.outcome.ended = self.now
        return self.outcome

    def _step(self) -> bool:
        """The next thing that happens; False when no request is left."""
        machine = min((each.machine for each in self.replicas), key=_Machine.next_end, default=self.shared)
        timer = self.timers[0][0] if self.timers else math.inf
        self._pass_to(when := min(self.next_arrival, machine.next_end(), timer))
        if when == math.inf:
            return False
        if when == self.next_arrival:
            self._ask(_Request(when, self.dice.choice(self.work)))
            self.next_arrival = next(self.arrivals, math.inf)
        elif when == timer:
            self._timer(heapq.heappop(self.timers)[2])
        else:
            self._end(machine)
        return self.next_arrival < math.inf or any(each.held for each in self.replicas)

    def _pass_to(self, when: float) -> None:
        if when < math.inf:
            for each in self.replicas:
                each.busy_seconds += each.busy * (when - self.now)
            self.now = when

    def _ask(self, request: _Request) -> None:
        cluster = self.cluster
        free = [each for each in self.replicas if each.held < cluster.slots + cluster.queue]
        if not free:
            self.outcome.refused += 1
            return
        chosen = min(free, key=lambda each: each.held)
        chosen.waiting.append(request)
        self._begin(chosen)

    def _begin(self, replica: _Replica) -> None:
        machine = replica.machine
        machine.go_on(self.now)
        while replica.waiting and replica.busy < self.cluster.slots:
            request = replica.waiting.popleft()
            replica.busy += 1
            self.number += 1
            heapq.heappush(machine.ends, (machine.turned + request.work, self.number, replica, request))

    def _end(self, machine: _Machine) -> None:
        machine.go_on(self.now)
        _, _, replica, request = heapq.heappop(machine.ends)
        replica.busy -= 1
        self.outcome.seconds.append(self.now - request.came)
        self._begin(replica)

    def _timer(self, what: str) -> None:
        if what == "loss":
            self._lose()
        elif what == "back":
            self.coming -= 1
            self._add()
        else:
            self._look()

    def _lose(self, begun_anew: bool = True) -> None:
        """The longest there dies; what it had is asked of the others."""
        if not self.replicas:
            return
        lost = self.replicas.pop(0)
        lost.machine.go_on(self.now)
        at_work = [end[3] for end in lost.machine.ends if end[2] is lost]
        lost.machine.ends = [end for end in lost.machine.ends if end[2] is not lost]
        heapq.heapify(lost.machine.ends)
        if begun_anew:
            self._come()
        for request in (*at_work, *lost.waiting):
            self.outcome.moved += 1
            self._ask(request)

    def _come(self) -> None:
        self.coming += 1
        self._at(self.now + self.cluster.start, "back")

    def _look(self) -> None:
        scaler, there = self.cluster.scaler, len(self.replicas) + self.coming
        assert scaler is not None
        spent = sum(each.busy_seconds for each in self.replicas) / scaler.period / self.cluster.slots
        for each in self.replicas:
            each.busy_seconds = 0.0
        wanted = min(scaler.most, max(self.cluster.replicas, math.ceil(spent / scaler.target)))
        for _ in range(wanted - there):
            self._come()
        self.calm_since = self.calm_since if wanted < there else self.now
        if self.now - self.calm_since >= scaler.calm:
            self._lose(begun_anew=False)
            self.calm_since = self.now
        self._at(self.now + scaler.period, "look")


def simulate(
    cluster: Cluster, arrivals: Iterator[float], work: Sequence[float], losses: Sequence[float] = (), seed: int = 2
) -> Outcome:
    """``arrivals`` in seconds, ascending; ``work``: seconds of pictures, which are drawn from; ``losses``: when a
    replica dies."""
    return _Run(cluster, arrivals, work, seed).run(losses)
