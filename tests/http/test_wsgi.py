"""The documented gunicorn line outside the clone: served, or stopped with the reason; never a server that answers 500
alone.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from sam_mask_service.http.wsgi import WORKERS, refuse_wsgi

from ..support.wire import free_port

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")


def printed() -> list[str]:
    [line] = re.findall(r"^gunicorn .*$", README, re.MULTILINE)
    return shlex.split(line)[1:]


def gunicorn(words: list[str], folder: Path) -> subprocess.Popen[bytes]:
    keep = {name: value for name, value in os.environ.items() if not name.startswith("SAM_")}
    env = {**keep, "SAM_ENGINE": "mesh", "SAM_MODELS_DIR": str(folder / "models")}
    command = [sys.executable, "-m", "gunicorn", *words]
    return subprocess.Popen(command, cwd=folder, env=env, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL)


@pytest.mark.server
def test_the_readmes_line_serves_from_any_folder(tmp_path: Path) -> None:
    port = free_port()
    server = gunicorn([word.replace("0.0.0.0:8739", f"127.0.0.1:{port}") for word in printed()], tmp_path)

    try:
        with httpx.Client(
            transport=httpx.HTTPTransport(retries=7)
        ) as client:  # waits half a second, then twice as long each time
            assert client.get(f"http://127.0.0.1:{port}/health").status_code == 200
    finally:
        server.terminate()
        server.communicate(timeout=240)


@pytest.mark.server
@pytest.mark.parametrize("more", [[], ["--worker-class", "gthread"]], ids=["sync", "gthread"])
def test_without_its_settings_it_stops_with_the_reason(tmp_path: Path, more: list[str]) -> None:
    words = printed()
    at = words.index("-c")
    bare = [*words[:at], *words[at + 2 :], *more]
    server = gunicorn([word.replace("0.0.0.0:8739", f"127.0.0.1:{free_port()}") for word in bare], tmp_path)
    said = server.communicate(timeout=240)[1].decode()
    assert server.returncode != 0
    assert "-c python:sam_mask_service.http.gunicorn" in said
    assert "Traceback" not in said


@pytest.mark.parametrize("loaded", [[], ["gunicorn.arbiter", "uvicorn_worker"], ["gunicorn.workers.base"]])
def test_other_servers_pass(loaded: list[str]) -> None:
    refuse_wsgi(loaded, 4)


@pytest.mark.parametrize("name", sorted(WORKERS))
def test_every_worker_of_wsgi_is_refused(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        refuse_wsgi(["gunicorn.arbiter", name], 4)
    assert end.value.code == 4
    assert "sam_mask_service:app" in capsys.readouterr().err
