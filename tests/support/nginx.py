"""deploy/nginx before servers of this machine: nginx itself, in a folder of its own, on the loopback."""

from __future__ import annotations

import contextlib
import re
import shutil
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import httpx

from .wire import PLAIN, REPO, free_port

NGINX = shutil.which("nginx", path="/usr/sbin:/usr/bin:/usr/local/sbin")
CONFIG = REPO / "deploy" / "nginx"
_TEMPS = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")


def write(folder: Path, replicas: Sequence[int], images: str = "sam_mask", most: int | None = None) -> int:
    """Writes nginx.conf and what it includes for ``replicas`` (ports; the numbers behind them are those of deploy/, but
    for ``most`` at once); the port that nginx will listen on.
    """
    own = folder / "sam-mask"
    shutil.copytree(CONFIG, own)
    first = next(line for line in (own / "replicas.conf").read_text().splitlines() if line.startswith("server "))
    numbers = first.split(maxsplit=2)[2]
    if most is not None:
        numbers = re.sub(r"max_conns=\d+", f"max_conns={most}", numbers)
    (own / "replicas.conf").write_text("".join(f"server 127.0.0.1:{port} {numbers}\n" for port in replicas))
    (own / "images.conf").write_text(f"set $sam_mask_images {images};\n")
    port = free_port()
    main = re.sub(r"listen 8740;", f"listen 127.0.0.1:{port};", (own / "sam-mask.conf").read_text())
    (own / "sam-mask.conf").write_text(main)
    paths = "".join(f"{kind}_temp_path {folder}/{kind};" for kind in _TEMPS)
    (folder / "nginx.conf").write_text(
        f"daemon off; user root; pid {folder}/pid; error_log {folder}/error.log info; worker_processes 1;\n"
        f"events {{ }}\nhttp {{ access_log {folder}/access.log; {paths}\ninclude sam-mask/sam-mask.conf;\n}}\n"
    )
    return port


def line(folder: Path) -> list[str]:
    return [str(NGINX), "-c", str(folder / "nginx.conf"), "-p", str(folder), "-e", str(folder / "start.log")]


@contextlib.contextmanager
def balanced(folder: Path, replicas: Sequence[int], images: str = "sam_mask", most: int | None = None) -> Iterator[str]:
    """The address of nginx before the servers on these ports."""
    port = write(folder, replicas, images, most)
    process = subprocess.Popen(line(folder))
    try:
        _await(url := f"http://127.0.0.1:{port}", process)
        yield url
    finally:
        process.terminate()
        process.wait(10)


def _await(url: str, process: subprocess.Popen[bytes]) -> None:
    while process.poll() is None:
        with contextlib.suppress(httpx.TransportError), httpx.Client(trust_env=False, verify=PLAIN) as client:
            client.get(f"{url}/metrics")
            return
        time.sleep(0.02)
    raise RuntimeError("nginx did not start")
