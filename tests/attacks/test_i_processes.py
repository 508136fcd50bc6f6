"""I, C21, K06, L03: processes that die, really killed, in a started server.

A worker that dies takes the connections that it holds along: one process serves, and none in front of it holds the
sockets. What is promised instead: a new worker within seconds, nobody else's later request touched, a line in the log,
nothing left behind.
"""

from __future__ import annotations

import contextlib
import os
import resource
import shutil
import signal
import subprocess
import threading
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import numpy as np
import psutil
import pytest

from sam_mask_service.image import encode

from ..support.scene import picture
from ..support.wire import PLAIN, REPO, Server, command, free_port, started
from .test_k_lifecycle import _healthy, ask, in_flight, stop, until

pytestmark = pytest.mark.server
POISON = picture(66, 66)
MEMORY = Path("/sys/fs/cgroup/memory")
"""Where control groups of version 1 are made, if this machine lets us."""


def poison(server: Server) -> httpx.Response | None:
    """The answer to the poison, or None for a connection that broke."""
    with contextlib.suppress(httpx.TransportError):
        return server.post(content=POISON, headers={"Content-Type": "image/png"})
    return None


def back(server: Server) -> None:
    until(lambda: _healthy(server))
    assert ask(server).status_code == 200


def test_c21_i03_i05_poison_takes_a_worker_and_no_more(tmp_path: Path) -> None:
    """A native fault, again and again; after each the next good request is served, and gunicorn's own process holds no
    more than before (L03)."""
    with started("gunicorn", tmp_path, FAKE_POISON="abort") as server:
        main = psutil.Process(server.process.pid)
        ask(server)
        before, workers, files = main.num_fds(), set[int](), len(list(Path("/dev/shm").iterdir()))  # noqa: S108
        for _ in range(5):
            workers.add(server.worker.pid)
            assert poison(server) is None
            back(server)
        assert len(workers) == 5
        assert main.num_fds() <= before + 1
        assert len(main.children()) == 1
        assert len(list(Path("/dev/shm").iterdir())) <= files + 1  # noqa: S108
        assert server.logged().count("SIGABRT") >= 5, "each is a line for whoever watches"


def test_i02_lack_of_memory_inside_is_503_and_the_process_goes_on(tmp_path: Path) -> None:
    with started("gunicorn", tmp_path, FAKE_POISON="memory") as server:
        worker = server.worker.pid
        answer = poison(server)
        assert answer is not None
        assert (answer.status_code, answer.json()["code"]) == (503, "busy")
        assert "MemoryError" in server.logged()
        back(server)
        assert server.worker.pid == worker


def test_i02_no_more_address_space(tmp_path: Path) -> None:
    """The operating system refuses memory for a large picture: a clean answer, and the next small one is served."""
    large = encode(np.zeros((6000, 6000, 3), np.uint8), "jpeg")
    with started("gunicorn", tmp_path) as server:
        ask(server)
        worker = server.worker
        limit = worker.memory_info().vms + (90 << 20)
        resource.prlimit(worker.pid, resource.RLIMIT_AS, (limit, limit))
        answer = server.post(content=large, headers={"Content-Type": "image/jpeg"})
        assert (answer.status_code, answer.json()["code"]) == (503, "busy")
        assert ask(server).status_code == 200
        assert server.worker.pid == worker.pid


@contextlib.contextmanager
def control_group(name: str) -> Iterator[Path]:
    folder = MEMORY / name
    try:
        folder.mkdir()
    except OSError:
        pytest.skip("this machine lets no control group be made")
    try:
        yield folder
    finally:
        until(lambda: not (folder / "cgroup.procs").read_text())
        folder.rmdir()


def test_i02_the_kernel_kills_the_worker_for_its_memory(tmp_path: Path) -> None:
    with (
        control_group(f"sam-mask-{os.getpid()}") as group,
        started("gunicorn", tmp_path, FAKE_POISON="swallow") as server,
    ):
        ask(server)
        first = server.worker
        (group / "memory.limit_in_bytes").write_text(str(first.memory_info().rss + (300 << 20)))
        (group / "cgroup.procs").write_text(str(first.pid))
        assert poison(server) is None
        back(server)
        assert server.worker.pid != first.pid
        assert "SIGKILL" in server.logged()


def may_make_namespaces() -> bool:
    line = ["unshare", "--pid", "--fork", "--kill-child", "true"]
    return shutil.which("unshare") is not None and subprocess.run(line, capture_output=True).returncode == 0


@pytest.mark.skipif(not may_make_namespaces(), reason="this machine lets no process namespace be made")
def test_k06_stops_as_the_first_process_of_a_container(tmp_path: Path) -> None:
    """The kernel gives process 1 no signal that it has no handler for: ``docker stop`` would wait and then kill."""
    port = free_port()
    env = {**os.environ, "PYTHONPATH": f"{REPO / 'src'}:{REPO}", "FAKE_SECONDS": "1.5", "SAM_MODELS_DIR": str(tmp_path)}
    line = ["unshare", "--pid", "--fork", "--kill-child", *command("gunicorn", port, "tests.support.fake_server:app")]
    with (tmp_path / "log").open("wb") as log:
        outer = subprocess.Popen(line, cwd=REPO, env=env, stdout=log, stderr=log)
    server = Server(port, outer, tmp_path / "log")
    try:
        until(lambda: _healthy(server))
        first = psutil.Process(outer.pid).children()[0]
        with ThreadPoolExecutor() as pool:
            work = in_flight(server, pool)
            first.send_signal(signal.SIGTERM)
            assert work.result().status_code == 200
        assert outer.wait(60) == 0
    finally:
        outer.kill()
        outer.wait()


def test_k06_two_replicas_are_restarted_one_after_the_other_and_no_accepted_request_is_lost(tmp_path: Path) -> None:
    """Callers go to the other replica when one does not listen or says that it is draining, as a balancer does. A
    connection that the kernel makes in the very microseconds in which a listening socket is closed is reset; of its
    request nothing was read."""
    counts, broken = Counter[str](), list[str]()
    done = threading.Event()
    with contextlib.ExitStack() as stack:
        replicas = [stack.enter_context(_replica(tmp_path, name)) for name in ("a", "b")]
        servers = list(replicas)

        def caller(number: int) -> None:
            with httpx.Client(
                trust_env=False, verify=PLAIN, limits=httpx.Limits(max_keepalive_connections=0), timeout=20
            ) as client:
                while not done.is_set():
                    number += 1
                    what = _call(client, replicas[number % 2].port, request := uuid.uuid4().hex)
                    counts[what] += 1
                    if what == "broken":
                        broken.append(request)

        with ThreadPoolExecutor(4) as pool:
            calls = [pool.submit(caller, i) for i in range(4)]
            for i in (0, 1):
                served = counts["200"]
                until(lambda served=served: counts["200"] > served + 10)  # type: ignore[misc]
                stop(replicas[i])
                assert replicas[i].process.wait(60) == 0
                replicas[i] = stack.enter_context(_replica(tmp_path, f"again-{i}"))
                servers.append(replicas[i])
            until(lambda: counts["200"] > 60)
            done.set()
            for call in calls:
                call.result()
    assert counts["200"] > 60
    assert set(counts) <= {"200", "draining", "busy", "refused", "broken"}, counts
    assert len(broken) <= 2  # one for each stop is already unlikely
    logged = "".join(server.logged() for server in servers)
    assert logged.count("request_id") > 60
    assert not [request for request in broken if request in logged]


@contextlib.contextmanager
def _replica(folder: Path, name: str) -> Iterator[Server]:
    (folder / name).mkdir()
    with started("gunicorn", folder / name, FAKE_SECONDS=0.05) as server:
        yield server


def _call(client: httpx.Client, port: int, request: str) -> str:
    """On a connection of its own: what became of the request."""
    url = f"http://127.0.0.1:{port}/create_mask"
    try:
        answer = client.post(url, content=POISON, headers={"Content-Type": "image/png", "X-Request-ID": request})
    except httpx.ConnectError:
        time.sleep(0.05)
        return "refused"
    except (httpx.ReadError, httpx.WriteError, httpx.RemoteProtocolError):
        return "broken"
    return "200" if answer.status_code == 200 else str(answer.json()["code"])
