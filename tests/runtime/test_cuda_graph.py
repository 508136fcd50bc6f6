"""Recordings of kernels, on a stand-in for CUDA's: one for each shape, a fault of one never the end of a worker."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from types import SimpleNamespace
from typing import Any

import pytest

torch: Any = pytest.importorskip("torch")

from sam_mask_service.runtime import cuda_graph  # noqa: E402
from sam_mask_service.runtime.cuda_graph import SHAPES, Recorded, memory_is_full  # noqa: E402


class Doubler:
    """A network. ``runs``: how often its kernels were launched one by one."""

    name = "doubler"

    def __init__(self) -> None:
        self.runs = 0

    def __call__(self, x: Any) -> list[Any]:
        self.runs += 1
        return [x * 2]


class Cuda:
    """What ``cuda_graph`` uses of ``torch.cuda``: a recording is the last call of the network, played again."""

    def __init__(self, network: Doubler, error: Exception | None = None, at_end: Exception | None = None) -> None:
        self.network, self.error, self.at_end = network, error, at_end
        self.replays = 0
        self.Stream = self.current_stream = lambda _: SimpleNamespace(wait_stream=lambda _: None)
        self.stream = nullcontext
        self.CUDAGraph = lambda: SimpleNamespace(replay=lambda: None)

    @contextmanager
    def graph(self, graph: Any, capture_error_mode: str) -> Iterator[None]:
        assert capture_error_mode == "thread_local"
        try:
            if self.error is not None:
                raise self.error
            yield
        except Exception:
            if self.at_end is not None:
                raise self.at_end  # noqa: B904 - as torch: what ends an interrupted recording fails as well
            raise
        graph.replay = self._replay

    def _replay(self) -> None:
        self.replays += 1


@pytest.fixture
def network() -> Doubler:
    return Doubler()


def recorded(network: Doubler, monkeypatch: pytest.MonkeyPatch, **faults: Any) -> tuple[Recorded, Cuda]:
    cuda = Cuda(network, **faults)
    stand_in = SimpleNamespace(cuda=cuda, OutOfMemoryError=torch.OutOfMemoryError)
    monkeypatch.setattr(cuda_graph, "torch", stand_in)
    return Recorded(network), cuda  # type: ignore[arg-type]


def test_one_recording_for_each_shape_and_then_only_replays(network: Doubler, monkeypatch: pytest.MonkeyPatch) -> None:
    run, cuda = recorded(network, monkeypatch)
    for _ in range(3):
        (answer,) = run(torch.ones(2))
        run(torch.ones(3))
    assert answer.tolist() == [2, 2]
    assert cuda.replays == 6 and network.runs == 2 * (cuda_graph._WARM_UP + 1)


def test_answers_are_the_callers_own(network: Doubler, monkeypatch: pytest.MonkeyPatch) -> None:
    run, _ = recorded(network, monkeypatch)
    run(torch.ones(2))[0].zero_()
    assert run(torch.ones(2))[0].tolist() == [2, 2]


def test_further_shapes_run_as_they_are(network: Doubler, monkeypatch: pytest.MonkeyPatch) -> None:
    run, cuda = recorded(network, monkeypatch)
    for size in range(1, SHAPES + 1):
        run(torch.ones(size))
    before = network.runs
    assert run(torch.ones(SHAPES + 1))[0].shape == (SHAPES + 1,)
    assert network.runs == before + 1 and cuda.replays == SHAPES


def test_what_cannot_be_recorded_is_said_and_runs_as_it_is(
    network: Doubler, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    run, cuda = recorded(network, monkeypatch, error=RuntimeError("operation not permitted when stream is capturing"))
    with caplog.at_level(logging.ERROR):
        assert [run(torch.ones(2))[0].tolist() for _ in range(2)] == [[2, 2], [2, 2]]
    assert [record.getMessage() for record in caplog.records] == [
        "doubler cannot be recorded as a CUDA graph and runs kernel by kernel"
    ]
    assert cuda.replays == 0


@pytest.mark.parametrize("at_end", [None, RuntimeError("CUDA error: operation failed due to a previous error")])
def test_no_memory_for_a_recording_is_a_fault_of_memory(
    network: Doubler, monkeypatch: pytest.MonkeyPatch, at_end: Exception | None
) -> None:
    run, cuda = recorded(network, monkeypatch, error=torch.OutOfMemoryError("CUDA out of memory"), at_end=at_end)
    with pytest.raises(RuntimeError) as caught:
        run(torch.ones(2))
    assert memory_is_full(caught.value)
    cuda.error = None
    assert run(torch.ones(2))[0].tolist() == [2, 2] and cuda.replays == 1


@pytest.mark.parametrize(
    ("text", "full"),
    [
        ("CUDA error: out of memory", True),
        ("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`", True),
        ("MPS backend out of memory (MPS allocated: 9 GB)", True),
        ("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes", True),
        ("CUDA error: an illegal memory access was encountered", False),
        ("shapes do not fit", False),
    ],
)
def test_errors_of_memory(text: str, full: bool) -> None:
    assert memory_is_full(RuntimeError(text)) is full
