"""K and I: start, stop and faults, against started servers."""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from ..support.scene import picture
from ..support.wire import PLAIN, REPO, Kind, Server, command, free_port, started, status_of

pytestmark = pytest.mark.server
BOTH = pytest.mark.parametrize("kind", ["serve", "gunicorn"])
TYPE = {"Content-Type": "image/png"}


def ask(server: Server) -> httpx.Response:
    return server.post(content=picture(), headers=TYPE)


def in_flight(server: Server, pool: ThreadPoolExecutor) -> Future[httpx.Response]:
    """A request that is at work."""
    future = pool.submit(ask, server)
    until(lambda: "sam_mask_at_work 1.0" in server.get("/metrics").text)
    return future


def until(condition: Callable[[], bool], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return
        time.sleep(0.02)
    raise AssertionError("it did not come to that")


def stop(server: Server) -> None:
    server.process.send_signal(signal.SIGTERM)


@BOTH
def test_k01_stops_at_once_when_idle(kind: Kind, tmp_path: Path) -> None:
    with started(kind, tmp_path) as server:
        ask(server)
        stop(server)
        assert server.process.wait(15) == 0, "sooner than the grace time of 20 s"
        assert "Traceback" not in server.logged()


@BOTH
def test_k02_accepted_work_is_finished_and_new_work_refused(kind: Kind, tmp_path: Path) -> None:
    with started(kind, tmp_path, FAKE_SECONDS=1.5) as server, ThreadPoolExecutor() as pool:
        kept = httpx.Client(base_url=server.url, trust_env=False, verify=PLAIN)
        assert kept.get("/ready").status_code == 200
        work = in_flight(server, pool)
        stop(server)
        until(lambda: kept.get("/ready").status_code == 503)
        assert kept.get("/ready").json() == {"ready": False, "reason": "draining"}
        assert kept.get("/health").json()["status"] == "draining"
        late = kept.post("/create_mask", content=picture(), headers=TYPE)
        assert (late.status_code, late.json()["code"]) == (503, "draining")
        assert int(late.headers["retry-after"]) > 0
        assert work.result().status_code == 200
        assert server.process.wait(60) == 0
        kept.close()


@BOTH
def test_k03_work_longer_than_the_grace_time_is_cut_off(kind: Kind, tmp_path: Path) -> None:
    with started(kind, tmp_path, FAKE_FAULT="hang", grace_seconds=1.5) as server, ThreadPoolExecutor() as pool:
        work = in_flight(server, pool)
        stop(server)
        answer = work.result()
        assert (answer.status_code, answer.json()["code"]) == (503, "draining")
        assert server.process.wait(60) == 0


@pytest.mark.parametrize(
    ("kind", "second"), [("serve", signal.SIGTERM), ("serve", signal.SIGINT), ("gunicorn", signal.SIGTERM)]
)
def test_k04_second_signal_ends_at_once(kind: Kind, second: signal.Signals, tmp_path: Path) -> None:
    with started(kind, tmp_path, FAKE_FAULT="hang", grace_seconds=60) as server, ThreadPoolExecutor() as pool:
        work = in_flight(server, pool)
        worker = server.worker
        stop(server)
        until(lambda: server.get("/ready").status_code == 503)
        server.process.send_signal(second)
        assert server.process.wait(30) == 1
        until(lambda: not worker.is_running() or worker.status() == psutil.STATUS_ZOMBIE)
        assert isinstance(work.exception(), httpx.TransportError)


@BOTH
@pytest.mark.parametrize("seconds", [0.05, 0.4, 1.2])
def test_k05_stopped_while_it_starts(kind: Kind, seconds: float, tmp_path: Path) -> None:
    """While Python starts, while the models load, or just after: it ends, and nothing is left running or half
    written.
    """
    env = {**os.environ, "PYTHONPATH": f"{REPO / 'src'}:{REPO}", "SAM_MODELS_DIR": str(tmp_path), "SAM_OFFLINE": "1"}
    starting = command("gunicorn", free_port(), "sam_mask_service:app") if kind == "gunicorn" else SERVE
    process = subprocess.Popen(starting, cwd=REPO, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(seconds)
    children = psutil.Process(process.pid).children()
    process.terminate()
    assert process.wait(60) in (0, -signal.SIGTERM)
    until(lambda: not any(child.is_running() for child in children))
    assert list(tmp_path.iterdir()) == []


SERVE = [sys.executable, "-c", "from sam_mask_service.http.server import serve; serve('127.0.0.1', 0)"]


def run_to_end(kind: Kind, port: int, **env: str) -> tuple[int, str]:
    keep = {name: value for name, value in os.environ.items() if not name.startswith("SAM_")}
    path = f"{REPO / 'src'}:{REPO}"
    done = subprocess.run(
        [sys.executable, "-c", f"from sam_mask_service.http.server import serve; serve('127.0.0.1', {port})"]
        if kind == "serve"
        else command(kind, port, "sam_mask_service:app"),
        cwd=REPO,
        env={**keep, "PYTHONPATH": path, **env},
        capture_output=True,
        timeout=60,
    )
    return done.returncode, (done.stderr + done.stdout).decode()


@BOTH
def test_k07_all_mistakes_in_the_settings_at_once(kind: Kind) -> None:
    bad = {"SAM_MAX_BYTES": "-5", "SAM_QUEUE": "many", "SAM_ENGINE": "magic", "SAM_URL_ALLOW_NETWORKS": "10.0.0.0/99"}
    returned, text = run_to_end(kind, free_port(), **bad, SAM_API_KEY="short")
    assert returned not in (0, None)
    for name in (*bad, "SAM_API_KEY"):
        assert name in text
    assert '"short"' not in text and "'short'" not in text
    assert "Traceback" not in text


def test_k07_port_that_is_taken(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        env = {**os.environ, "PYTHONPATH": f"{REPO / 'src'}:{REPO}"}
        done = subprocess.run(command("serve", port, ""), cwd=REPO, env=env, capture_output=True, timeout=60)
    assert done.returncode != 0
    assert b"address already in use" in done.stderr
    assert b"Traceback" not in done.stderr


def test_k08_deadlines_know_no_wall_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    from sam_mask_service.deadline import Deadline

    deadline = Deadline.after(5)
    for jump in (-3600, 3600):
        monkeypatch.setattr(time, "time", lambda jump=jump: jump)
        assert 4 < deadline.remaining() <= 5


def test_i01_worker_that_is_killed_is_replaced(tmp_path: Path) -> None:
    """The request that it held ends with the connection: no other process holds the caller's socket. See
    docs/security.md.
    """
    with started("gunicorn", tmp_path, FAKE_SECONDS=5) as server, ThreadPoolExecutor() as pool:
        work = in_flight(server, pool)
        first = server.worker.pid
        os.kill(first, signal.SIGKILL)
        assert isinstance(work.exception(), httpx.TransportError)
        until(lambda: server.process.poll() is None and _healthy(server))
        assert server.worker.pid != first


@BOTH
def test_i04_process_that_can_serve_no_more_ends_itself(kind: Kind, tmp_path: Path) -> None:
    limits: dict[str, Any] = {"deadline_seconds": 0.3, "grace_seconds": 0.9, "workers": 1}
    with started(kind, tmp_path, FAKE_FAULT="hang", **limits) as server, ThreadPoolExecutor() as pool:
        worker = server.worker.pid
        work = pool.submit(ask, server)
        assert work.result().json()["code"] == "deadline", "the client is told, though the step goes on"
        if kind == "serve":
            assert server.process.wait(60) == 5
        else:
            until(lambda: _healthy(server) and server.worker.pid != worker)
        assert "every picture at work hangs" in server.logged()


def _healthy(server: Server) -> bool:
    with contextlib.suppress(httpx.TransportError, IndexError, psutil.NoSuchProcess):
        return server.get().status_code == 200
    return False


def test_i06_fault_of_a_model_is_500_and_the_log_has_the_traceback(tmp_path: Path) -> None:
    with started("gunicorn", tmp_path, FAKE_FAULT="raise") as server:
        answer = ask(server)
        assert (answer.status_code, answer.json()["code"]) == (500, "internal")
        assert "secret" not in answer.text and "Traceback" not in answer.text
        log = server.logged()
        assert "RuntimeError: secret of the inside" in log and answer.json()["request_id"] in log
        assert ask(server).status_code == 500
        assert server.get().status_code == 200


def test_i08_workers_do_not_outlive_their_parent(tmp_path: Path) -> None:
    with started("gunicorn", tmp_path) as server:
        worker = server.worker
        server.process.kill()
        server.process.wait()
        until(lambda: not worker.is_running() or worker.status() == psutil.STATUS_ZOMBIE)


def test_j10_descriptors_used_up(tmp_path: Path) -> None:
    with started("serve", tmp_path, max_connections=1000) as server:
        worker = server.worker
        used = worker.num_fds()
        resource.prlimit(worker.pid, resource.RLIMIT_NOFILE, (used + 12, used + 12))
        with contextlib.ExitStack() as stack:
            for _ in range(30):
                stack.enter_context(server.connect(5))
            time.sleep(0.3)
        until(lambda: _healthy(server))
        assert ask(server).status_code == 200
        until(lambda: worker.num_fds() <= used + 3)


def test_j11_log_that_nobody_reads(tmp_path: Path) -> None:
    """stderr is a pipe whose reader is gone."""
    port = free_port()
    env = {**os.environ, "PYTHONPATH": f"{REPO / 'src'}:{REPO}"}
    reader, writer = os.pipe()
    process = subprocess.Popen(command("serve", port, ""), cwd=REPO, env=env, stdout=writer, stderr=writer)
    os.close(writer)
    server = Server(port, process, tmp_path / "none")
    try:
        until(lambda: _healthy(server))
        os.close(reader)
        for _ in range(5):
            assert ask(server).status_code == 200
        process.terminate()
        assert process.wait(60) == 0
    finally:
        process.kill()
        process.wait()


def test_i11_read_only_and_no_home(tmp_path: Path) -> None:
    """As in the container: nothing needs a writable home or working folder."""
    env: dict[str, Any] = {"HOME": "/nonexistent", "TMPDIR": str(tmp_path)}
    with started("gunicorn", tmp_path, **env) as server:
        assert ask(server).status_code == 200
        assert not [path.name for path in tmp_path.iterdir() if path.name not in ("gunicorn.log", "output")]


def test_k_answers_on_a_raw_line(server: Server) -> None:
    data = picture()
    head = b"POST /create_mask HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/png\r\nConnection: close\r\n"
    assert status_of(server.say(head + b"Content-Length: %d\r\n\r\n" % len(data) + data)) == 200
