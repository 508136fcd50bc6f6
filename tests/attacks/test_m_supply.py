"""M: supply and control plane. What is exposed is written down here: a change must be deliberate."""

from __future__ import annotations

import re
import subprocess
from importlib.metadata import version
from pathlib import Path

import pytest
from packaging.version import Version

from ..support.wire import REPO, Client
from .test_g_keys import paths

FLOORS = {"starlette": "1.3.1", "python-multipart": "0.0.31", "pillow": "12.2", "h11": "0.16", "uvicorn": "0.47"}
"""Below these stand known holes: form limits, parser cost, decoder overflows, chunked smuggling."""


@pytest.mark.parametrize("package", FLOORS)
def test_m02_no_version_with_a_known_hole(package: str) -> None:
    assert Version(version(package)) >= Version(FLOORS[package])


@pytest.mark.parametrize("lock", ["requirements.txt", "requirements-dev.txt"])
def test_m01_every_package_of_a_lock_is_pinned_by_hash(lock: str) -> None:
    text = (REPO / lock).read_text()
    entries = re.split(r"\n(?=[a-zA-Z0-9])", re.sub(r"(?m)^(#|-).*\n?", "", text).strip())
    assert len(entries) > 20
    for entry in entries:
        assert re.match(r"[A-Za-z0-9._-]+==\S+", entry), entry[:60]
        assert "--hash=sha256:" in entry, entry[:60]


def test_m01_the_audit_fails_when_it_cannot_ask(tmp_path: Path) -> None:
    """``make audit`` must never say "nothing known" because nobody answered."""
    uv = REPO / ".venv-tools" / "bin" / "uv"
    if not uv.exists():
        pytest.skip("uv is not installed here: make setup")
    recipe = re.search(r"^audit:.*\n\t\$\(UV\) (.*)$", (REPO / "Makefile").read_text(), re.MULTILINE)
    assert recipe
    env = {"PATH": "/usr/bin:/bin", "UV_HTTP_RETRIES": "0", "UV_CACHE_DIR": str(tmp_path), "HOME": str(tmp_path)}
    env |= {"HTTPS_PROXY": "http://127.0.0.1:9", "NO_PROXY": "127.0.0.1"}  # it asks the index too, and is not to wait
    line = [uv, *recipe[1].split(), "--service-url", "http://127.0.0.1:9/"]
    done = subprocess.run(line, cwd=REPO, env=env, capture_output=True, text=True, timeout=60)
    assert done.returncode != 0
    assert "127.0.0.1:9" in done.stderr, "it did try to ask"


ROUTES = {
    "/health", "/ready", "/metrics", "/docs", "/docs/style.css", "/openapi.json", "/create_mask", "/create_mask_file",
    "/detect_faces", "/create_masks", "/anonymize", "/cutout", "/composite", "/images", "/images/{image_id}",
    "/images/{image_id}/masks", "/jobs", "/jobs/{job_id}", "/jobs/{job_id}/results",
}  # fmt: skip


def test_m04_the_routes_are_these_and_none_loads_anything(client: Client) -> None:
    assert paths(client.app) == ROUTES


def parameters(operation: dict[str, object]) -> list[str]:
    return sorted(str(p["name"]) for p in operation.get("parameters", []))  # type: ignore[attr-defined]


def test_m05_the_schema_is_as_written(client: Client) -> None:
    schema = client.get("/openapi.json").json()
    found = {f"{method.upper()} {path}" for path, item in schema["paths"].items() for method in item}
    assert found == {
        "GET /health", "GET /ready", "GET /metrics", "POST /create_mask", "POST /create_mask_file",
        "POST /detect_faces",
        "POST /create_masks", "POST /anonymize", "POST /cutout", "POST /composite", "POST /images",
        "POST /images/{image_id}/masks", "DELETE /images/{image_id}", "POST /jobs", "GET /jobs/{job_id}",
        "GET /jobs/{job_id}/results", "DELETE /jobs/{job_id}",
    }  # fmt: skip
    forms = schema["paths"]["/create_mask"]["post"]["requestBody"]["content"]
    seed = {"image_url", "image_base64", "image_path", "expand_pixels", "blur_iterations", "invert", "mode"}
    assert seed <= set(forms["application/json"]["schema"]["properties"])
    assert forms["multipart/form-data"]["schema"]["properties"]["image"]["format"] == "binary"


def test_m05_the_schema_is_whole(client: Client) -> None:
    """Every reference in it leads somewhere, so that generators of clients can read it."""
    text = client.get("/openapi.json").text
    defined = set(client.get("/openapi.json").json()["components"]["schemas"])
    referred = set(re.findall(r'"#/components/schemas/([^"]+)"', text))
    assert referred <= defined


RUNS = {"bulk/cluster/connect.py"}
"""Asks a cluster of Ray without its token, in a process of our own interpreter: Ray reads its mode once in each."""


def test_m_no_module_of_ours_runs_programs_or_evaluates_text() -> None:
    source = REPO / "src" / "sam_mask_service"
    found = {
        path.relative_to(source).as_posix()
        for path in source.rglob("*.py")
        if re.search(
            r"^\s*(import|from) subprocess|\bos\.system\(|(?<![\w.])eval\(|(?<![\w.])exec\(",
            path.read_text(encoding="utf-8"),
            re.M,
        )
    }
    assert found == RUNS
