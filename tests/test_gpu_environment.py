"""The environment of ``make test-gpu``: torch on top of the packages that are there, and words where there is none."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="a script for bash")


def made(tmp_path: Path, pip: str) -> subprocess.CompletedProcess[str]:
    """``pip``: what the installer does, in shell."""
    installer = tmp_path / "installer"
    installer.write_text(f"#!/bin/sh\n{pip}\n")
    installer.chmod(0o755)
    line: list[str | Path] = [ROOT / "scripts" / "gpu_environment.sh", installer, tmp_path / "gpu", sys.prefix]
    return subprocess.run(line, capture_output=True, text=True, timeout=100)


def test_what_is_installed_already_is_used(tmp_path: Path) -> None:
    done = made(tmp_path, f'echo "$@" >> {tmp_path}/asked')
    assert done.returncode == 0, done.stderr
    asked = (tmp_path / "asked").read_text().splitlines()
    assert len(asked) == 1 and "torch==2.13.0" in asked[0] and "--index-url" not in asked[0]
    where = "import numpy, sys; print(numpy.__file__, sys.prefix)"
    found = subprocess.run([tmp_path / "gpu" / "bin" / "python", "-c", where], capture_output=True, text=True)
    file, prefix = found.stdout.split()
    assert not file.startswith(prefix) and prefix == str(tmp_path / "gpu")


def test_where_no_build_is_to_be_had_it_is_said(tmp_path: Path) -> None:
    done = made(tmp_path, f'echo "$@" >> {tmp_path}/asked; echo "ERROR: No matching distribution" >&2; exit 1')
    assert done.returncode == 3
    assert "No matching distribution" in done.stderr and "no torch==2.13.0" in done.stderr
    asked = (tmp_path / "asked").read_text().splitlines()
    assert len(asked) == 2 and "--index-url https://download.pytorch.org/whl/cpu" in asked[1]
