"""Replicas that die: ``make bench-replicas``. Three real servers behind nginx as deploy/ has it, many clients that
never ask twice, and every few seconds a replica that is killed (-9) and started again. Prints what came back; ends with
1 when a request was lost or answered with anything but 200.

A torn answer is a lost one: each body is compared with that of a quiet service.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import io
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import httpx
from PIL import Image
from skimage import data

from bench.reliability.overload import percentile
from bench.started import ROOT, free_port
from tests.support.nginx import balanced

WORKERS, QUEUE = 2, 64
"""As deploy/docker-compose.replicas.yaml has them."""

_IMPORTS = "from sam_mask_service import app; from sam_mask_service.http.server import serve_app"


@dataclass
class Replica:
    """One server, started anew as often as it is killed."""

    port: int
    log: Path
    queue: int = QUEUE
    stand_in: float = 0.0
    """Seconds that a picture takes without a core, in place of the service's own engine; 0: the engine."""
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        settings = {"OFFLINE": "true", "ENGINE": "mesh", "WORKERS": WORKERS, "QUEUE": self.queue}
        settings |= {"TRUSTED_PROXIES": "127.0.0.1", "LOG_LEVEL": "warning", "CACHE_BYTES": 0}
        env = {**os.environ, **{f"SAM_{name}": str(value) for name, value in settings.items()}}
        line = [sys.executable, "-c", f"{_IMPORTS}; serve_app(app, '127.0.0.1', {self.port})"]
        if self.stand_in:
            env["FAKE_SECONDS"] = str(self.stand_in)
            line = [sys.executable, "-m", "tests.support.fake_server", str(self.port)]
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(line, cwd=ROOT, env=env, stdout=output, stderr=output)

    def kill(self) -> None:
        if self.process:
            self.process.kill()
            self.process.wait()

    def await_ready(self) -> None:
        end = time.monotonic() + 180
        while time.monotonic() < end:
            with contextlib.suppress(httpx.TransportError):
                if httpx.get(f"http://127.0.0.1:{self.port}/ready", trust_env=False).status_code == 200:
                    return
            time.sleep(0.1)
        raise SystemExit(f"a replica did not get ready: {self.log.read_text()[-500:]}")


@dataclass
class Seen:
    """What the clients saw: answers by status, lost ones by kind of error, seconds of each request."""

    answers: Counter[str] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)


@contextlib.contextmanager
def running(count: int, folder: Path, queue: int = QUEUE, stand_in: float = 0.0) -> Iterator[list[Replica]]:
    replicas = [Replica(free_port(), folder / f"{number}.log", queue, stand_in) for number in range(count)]
    try:
        for replica in replicas:
            replica.start()
        for replica in replicas:
            replica.await_ready()
        yield replicas
    finally:
        for replica in replicas:
            replica.kill()


def kill_in_turn(replicas: list[Replica], every: float, ended: threading.Event, kills: list[float]) -> None:
    """One at a time, each started again at once."""
    turn = 0
    while not ended.wait(every):
        replica = replicas[turn % len(replicas)]
        replica.kill()
        kills.append(time.perf_counter())
        replica.start()
        turn += 1


def ask(client: httpx.Client, picture: bytes, wanted: str, seen: Seen) -> None:
    start = time.perf_counter()
    try:
        answer = client.post("/create_mask", content=picture, headers=_HEADERS)
        torn = answer.status_code == 200 and hashlib.sha256(answer.content).hexdigest() != wanted
        kind = "another mask" if torn else str(answer.status_code)
    except httpx.HTTPError as error:
        kind = type(error).__name__
    seen.answers[kind] += 1
    seen.seconds.append(time.perf_counter() - start)


_HEADERS = {"Content-Type": "image/jpeg", "Accept": "image/png"}


def load(url: str, picture: bytes, wanted: str, requests: int, clients: int) -> Seen:
    seen = Seen()
    left = iter(range(requests))
    lock = threading.Lock()

    def one() -> None:
        with httpx.Client(base_url=url, timeout=120, trust_env=False) as client:
            while True:
                with lock:
                    if next(left, None) is None:
                        return
                ask(client, picture, wanted, seen)

    with ThreadPoolExecutor(clients) as pool:
        for future in [pool.submit(one) for _ in range(clients)]:
            future.result()
    return seen


def portrait(width: int) -> bytes:
    """A real face, small: the replicas share this machine's cores with the clients."""
    out = io.BytesIO()
    Image.fromarray(data.astronaut()).resize((width, width)).save(out, "JPEG", quality=90)
    return out.getvalue()


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__)
    for name, value in (("requests", 2000), ("clients", 50), ("replicas", 3), ("every", 10), ("width", 200)):
        options.add_argument(f"--{name}", type=int, default=value)
    asked = options.parse_args()
    picture, ended, kills = portrait(asked.width), threading.Event(), list[float]()
    with tempfile.TemporaryDirectory() as name, running(asked.replicas, Path(name)) as replicas:
        quiet = httpx.post(f"http://127.0.0.1:{replicas[0].port}/create_mask", content=picture, headers=_HEADERS)
        wanted = hashlib.sha256(quiet.raise_for_status().content).hexdigest()
        with balanced(Path(name) / "nginx", [each.port for each in replicas]) as url:
            killer = threading.Thread(target=kill_in_turn, args=(replicas, asked.every, ended, kills))
            killer.start()
            start = time.perf_counter()
            try:
                seen = load(url, picture, wanted, asked.requests, asked.clients)
            finally:
                took = time.perf_counter() - start
                ended.set()
                killer.join()
    return report(seen, took, len(kills))


def report(seen: Seen, took: float, kills: int) -> int:
    total, good = sum(seen.answers.values()), seen.answers["200"]
    print(f"{total} requests in {took:.0f} s ({total / took:.1f}/s), {kills} replicas killed")
    print(f"answers: {dict(seen.answers)}; lost: {total - good}")
    p50, p99 = (percentile(seen.seconds, share) for share in (50, 99))
    print(f"seconds: median {p50:.2f}, p99 {p99:.2f}, longest {max(seen.seconds):.2f}")
    return 0 if good == total else 1


if __name__ == "__main__":
    sys.exit(main())
