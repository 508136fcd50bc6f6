"""The TypeScript client in Node against the service as it is served, and the OpenAPI document before a linter."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from ..support.wire import Server
from .conftest import had
from .environments import Missing
from .programs import surroundings

pytestmark = pytest.mark.outside
REPO = Path(__file__).parents[2]
CLIENT = REPO / "clients" / "typescript"
OLDEST = 20


def installed() -> Path:
    """The client's folder with what its lock names. Raises Missing."""
    if not shutil.which("npm"):
        raise Missing("npm is not installed")
    version = subprocess.run(["node", "--version"], capture_output=True, text=True).stdout
    if int(re.sub(r"^v(\d+).*", r"\1", version, flags=re.DOTALL) or 0) < OLDEST:
        raise Missing(f"node {OLDEST} or newer is wanted, not {version.strip()}")
    command = ["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error"]
    done = subprocess.run(command, cwd=CLIENT, capture_output=True, text=True, timeout=300)
    if done.returncode:
        raise Missing(f"npm ci: {(done.stderr.strip().splitlines() or ['no word'])[-1]}")
    return CLIENT


@pytest.fixture(scope="module")
def client_folder() -> Path:
    return had(installed)


def test_the_client_does_what_its_own_tests_say(
    client_folder: Path, service: Server, portrait: bytes, tmp_path: Path
) -> None:
    picture = tmp_path / "portrait.jpg"
    picture.write_bytes(portrait)
    env = surroundings({"SAM_MASK_URL": service.url, "SAM_MASK_PICTURE": str(picture)})
    done = subprocess.run(["npm", "test"], cwd=client_folder, env=env, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    counts = {word: int(number) for word, number in re.findall(r"^\S+ (pass|fail|skipped) (\d+)$", done.stdout, re.M)}
    written = (client_folder / "test" / "client.test.mjs").read_text().count("\ntest(")
    assert counts == {"pass": written, "fail": 0, "skipped": 0}


def test_the_openapi_document_has_no_lint(client_folder: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "scripts.openapi_lint"],
        cwd=REPO,
        env={**os.environ, "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "valid" in done.stdout + done.stderr
