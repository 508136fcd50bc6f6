"""The installed command as a user runs it: a real process, the real engine, a drawn portrait."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sam_mask_service.cli.portrait import drawn_portrait
from sam_mask_service.image import encode


def sam_mask(*arguments: str, folder: Path, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "sam_mask_service.cli", *arguments]
    return subprocess.run(command, cwd=folder, input=stdin, capture_output=True, timeout=240)


@pytest.mark.server
def test_from_pipe_to_pipe(tmp_path: Path) -> None:
    rgb, truth = drawn_portrait()
    done = sam_mask(
        "mask", "-", "--engine", "mesh", "--expand-pixels", "0", "--no-invert", folder=tmp_path, stdin=encode(rgb)
    )
    assert done.returncode == 0, done.stderr
    mask = np.asarray(Image.open(io.BytesIO(done.stdout))) > 127
    assert (mask & truth).sum() / (mask | truth).sum() > 0.9
    assert done.stderr == b""


@pytest.mark.server
def test_the_doctor_is_content_here(tmp_path: Path) -> None:
    done = sam_mask("doctor", folder=tmp_path)
    assert done.returncode == 0, done.stdout
    assert b"self-test: drawn portrait" in done.stdout and b"FAIL" not in done.stdout


def test_a_failure_is_one_line_and_exit_code_one(tmp_path: Path) -> None:
    done = sam_mask("mask", "gone.jpg", "-o", "m.png", "--engine", "mesh", folder=tmp_path)
    assert done.returncode == 1
    assert done.stderr.decode().splitlines() == ["gone.jpg: There is no file gone.jpg. (file_not_found)"]
