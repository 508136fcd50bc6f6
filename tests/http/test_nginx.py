"""The README's own configuration in a real nginx in front of a started server: the service under a path of a host."""

from __future__ import annotations

import contextlib
import io
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import numpy as np
import pytest
from PIL import Image

from ..support.scene import picture
from ..support.wire import PLAIN, REPO, Server, free_port, started

NGINX = shutil.which("nginx", path="/usr/sbin:/usr/bin:/usr/local/sbin")
pytestmark = [pytest.mark.server, pytest.mark.skipif(not NGINX, reason="there is no nginx here")]


def snippet() -> str:
    """The location of the README."""
    text = (REPO / "README.md").read_text(encoding="utf-8")
    found = re.search(r"```nginx\n(.*?)```", text, re.DOTALL)
    assert found
    return found[1]


def configuration(folder: Path, port: int, location: str) -> str:
    paths = "".join(
        f"{kind}_temp_path {folder}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    return (
        f"daemon off; pid {folder}/pid; error_log {folder}/error.log; worker_processes 1; events {{ }}\n"
        f"http {{ access_log off; {paths}\nserver {{ listen 127.0.0.1:{port};\n{location}\n}} }}\n"
    )


@contextlib.contextmanager
def in_front_of(server: Server, folder: Path, location: str) -> Iterator[httpx.Client]:
    """A browser's view of nginx before ``server``."""
    port, file = free_port(), folder / "nginx.conf"
    file.write_text(configuration(folder, port, location.replace("127.0.0.1:8739", f"127.0.0.1:{server.port}")))
    process = subprocess.Popen([str(NGINX), "-c", str(file), "-p", str(folder), "-e", str(folder / "start.log")])
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False, verify=PLAIN, timeout=20) as client:
            _await(client, process)
            yield client
    finally:
        process.terminate()
        process.wait(10)


def _await(client: httpx.Client, process: subprocess.Popen[bytes]) -> None:
    while process.poll() is None:
        with contextlib.suppress(httpx.TransportError):
            client.get("/")
            return
        time.sleep(0.02)
    raise RuntimeError("nginx did not start")


def assert_serves(client: httpx.Client) -> None:
    page = client.get("/masks/")
    assert page.status_code == 200 and "script-src 'self'" in page.headers["content-security-policy"]
    linked = re.findall(r'(?:src|href)="(static/[^"]+)"', page.text)
    assert linked and all(client.get(f"/masks/{path}").status_code == 200 for path in linked)
    docs = client.get("/masks/docs")
    assert docs.status_code == 200 and "href=docs/style.css" in docs.text
    assert client.get("/masks/docs/style.css").status_code == 200
    assert client.get("/masks/openapi.json").json()["servers"] == [{"url": "/masks"}]
    origin = {"Origin": str(client.base_url).rstrip("/"), "Sec-Fetch-Site": "same-origin", "Accept": "image/png"}
    mask = client.post("/masks/create_mask", files={"image": ("a.png", picture())}, headers=origin)
    assert mask.status_code == 200, mask.text
    assert np.asarray(Image.open(io.BytesIO(mask.content))).shape == (150, 200)
    bare = client.get("/masks")
    assert bare.status_code in (301, 308) and httpx.URL(bare.headers["location"]).path == "/masks/"


def test_the_readmes_nginx(tmp_path: Path) -> None:
    with (
        started("serve", tmp_path, trusted_proxies="127.0.0.1") as server,
        in_front_of(server, tmp_path, snippet()) as client,
    ):
        assert_serves(client)
        named = client.get("/masks/openapi.json", headers={"X-Forwarded-Prefix": "/evil"})
        assert named.json()["servers"] == [{"url": "/masks"}], "nginx writes over what a client sends"


def test_a_path_that_is_passed_on(tmp_path: Path) -> None:
    location = "location /masks { proxy_pass http://127.0.0.1:8739; proxy_set_header Host $http_host; }"
    with (
        started("gunicorn", tmp_path, root_path="/masks") as server,
        in_front_of(server, tmp_path, location) as client,
    ):
        assert_serves(client)
