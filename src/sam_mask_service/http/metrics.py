"""What the service counts, in Prometheus' text format. Labels take values from fixed sets only: route templates, codes,
steps.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, get_args

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.metrics_core import GaugeMetricFamily
from prometheus_client.process_collector import ProcessCollector

from ..doors.netguard import FetchFailed
from ..engines import Engines, State
from ..errors import ImagesUnreachable, JobsUnreachable, ServiceError, SourceTimeout
from ..jobs import DELIVERIES, STATES
from ..models.registry import SAMS
from ..segment.segmenter import Segmenter

if TYPE_CHECKING:
    from ..jobs import Jobs, JobStore
    from ..service import Service

CONTENT_TYPE = CONTENT_TYPE_LATEST
DEVICES = ("cpu", "cuda", "mps", "intel-gpu", "torch-cpu")
_SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)


class Metrics:
    """One registry per service, so that several services in one process (tests) do not mix."""

    def __init__(self, service: Service) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        reg = self.registry
        self.requests = Counter(
            "sam_mask_requests_total", "Requests by endpoint and code.", ["endpoint", "code"], registry=reg
        )
        self.seconds = Histogram(
            "sam_mask_request_seconds", "Seconds from head to last byte.", ["endpoint"], buckets=_SECONDS, registry=reg
        )
        self.steps = Histogram("sam_mask_step_seconds", "Seconds by step.", ["step"], buckets=_SECONDS, registry=reg)
        self.faces = Counter("sam_mask_faces_total", "Faces found.", registry=reg)
        self.fetch_failures = Counter(
            "sam_mask_fetch_failures_total", "Failed fetches by reason.", ["reason"], registry=reg
        )
        self.warnings = Counter(
            "sam_mask_warnings_total", "Answers with a warning, by its code.", ["code"], registry=reg
        )
        self.images_failures = Counter(
            "sam_mask_images_failures_total", "Times that the store of uploads did not answer.", registry=reg
        )
        self.jobs_failures = Counter(
            "sam_mask_jobs_failures_total", "Times that the store of jobs did not answer.", registry=reg
        )
        self._watch(service)

    def _watch(self, service: Service) -> None:
        """Gauges that look at the service when they are read."""
        engines = service.engines
        readings: dict[str, tuple[str, Callable[[], float]]] = {
            "sam_mask_at_work": ("Pictures at work.", lambda: service.gate.busy),
            "sam_mask_queue_depth": ("Requests that wait for a slot.", lambda: service.gate.waiting),
            "sam_mask_fetches": ("Fetches under way.", lambda: service.reader.slots.used),
            "sam_mask_ready": ("1 when the next request would be served.", lambda: service.ready()[0]),
            "sam_mask_encoder_batches": ("Batches that a card encoded.", lambda: sum(_batches(engines).values())),
            "sam_mask_encoder_pictures": (
                "Pictures in them.",
                lambda: sum(size * count for size, count in _batches(engines).items()),
            ),
            "sam_mask_cache_bytes": ("Bytes in the cache.", lambda: service.tools.cache.bytes),
            "sam_mask_cache_hits": ("Hits of the cache.", lambda: service.tools.cache.hits),
            "sam_mask_cache_misses": ("Misses of the cache.", lambda: service.tools.cache.misses),
        }
        for name, (text, reading) in readings.items():
            Gauge(name, text, registry=self.registry).set_function(reading)
        _one_of(self.registry, "sam_mask_device", "device", DEVICES, lambda: _device(engines.in_force))
        _one_of(self.registry, "sam_mask_engine", "engine", ("mesh", "sam"), lambda: engines.in_force.name)
        _one_of(self.registry, "sam_mask_model", "model", ("mesh", *SAMS), lambda: _model(engines.in_force))
        _one_of(self.registry, "sam_mask_model_asked", "model", SAMS, lambda: engines.sam_state.model or "")
        _one_of(self.registry, "sam_mask_model_state", "state", get_args(State), lambda: engines.sam_state.state)

    def watch_jobs(self, jobs: Jobs) -> None:
        """Kept jobs and their webhooks, where jobs are on."""
        if jobs.on:
            self.registry.register(_JobFigures(jobs.store))

    def finished(self, endpoint: str, code: int, seconds: float) -> None:
        self.requests.labels(endpoint, str(code)).inc()
        self.seconds.labels(endpoint).observe(seconds)

    def failed(self, error: ServiceError) -> None:
        """Why a fetch failed, and a store that is gone; every other error shows in the code already."""
        if isinstance(error, FetchFailed):
            self.fetch_failures.labels(error.reason).inc()
        elif isinstance(error, SourceTimeout):
            self.fetch_failures.labels("timeout").inc()
        elif isinstance(error, ImagesUnreachable):
            self.images_failures.inc()
        elif isinstance(error, JobsUnreachable):
            self.jobs_failures.inc()

    def worked(self, timings: Mapping[str, float], faces: int) -> None:
        for step, seconds in timings.items():
            self.steps.labels(step).observe(seconds)
        self.faces.inc(faces)

    def warned(self, codes: Iterable[str]) -> None:
        for code in codes:
            self.warnings.labels(code).inc()

    def text(self) -> bytes:
        return generate_latest(self.registry)


class _JobFigures:
    """Left out, not guessed, while the store does not answer: nothing else of ``/metrics`` waits for it."""

    def __init__(self, store: JobStore) -> None:
        self.store = store

    def collect(self) -> Iterator[GaugeMetricFamily]:
        with contextlib.suppress(ServiceError):
            yield _counted("sam_mask_jobs", "Kept jobs by state.", {s: self.store.count(s) for s in STATES})
            hooks = {s: self.store.count_hooks(s) for s in DELIVERIES}
            yield _counted("sam_mask_job_webhooks", "Webhooks of kept jobs by state.", hooks)


def _counted(name: str, text: str, counts: Mapping[Any, int]) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, text, labels=["state"])
    for state, count in counts.items():
        family.add_metric([state], count)
    return family


def _model(engine: Segmenter) -> str:
    return "mesh" if engine.name == "mesh" else engine.model


def _device(engine: Segmenter) -> str:
    """Without the card's number."""
    return str(getattr(engine, "device", "cpu")).partition(":")[0]


def _batches(engines: Engines) -> Mapping[int, int]:
    return getattr(engines.sam, "batch_sizes", {})


def _one_of(
    registry: CollectorRegistry, name: str, label: str, values: Iterable[str], reading: Callable[[], str]
) -> None:
    """A gauge that is 1 for the value in force and 0 for the others."""

    def matches(value: str) -> Callable[[], float]:
        return lambda: reading() == value

    gauge = Gauge(name, f"1 for the {label} in force.", [label], registry=registry)
    for value in values:
        gauge.labels(value).set_function(matches(value))
