"""The command line on a service of fakes: every picture of 200 × 150 has the same two faces."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from sam_mask_service.cli import main
from sam_mask_service.settings import Settings

from ..support.scene import Fixed, picture, service

Call = Callable[..., Result]


@pytest.fixture
def call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Call:
    """``call("mask", "a.png", …)`` in ``tmp_path``; ``detector=`` replaces the one that finds two faces."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str, stdin: bytes | None = None, detector: Any = None) -> Result:
        def build(engine: str, settings: Settings | None = None) -> Any:
            return service(tmp_path, detector or Fixed())

        monkeypatch.setattr(main, "_service", build)
        return CliRunner().invoke(main.app, arguments, input=stdin)

    return run


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """A folder with two pictures, one of them deeper, and a file that is none."""
    folder = tmp_path / "in"
    (folder / "deeper").mkdir(parents=True)
    (folder / "a.png").write_bytes(picture())
    (folder / "deeper" / "b.jpg").write_bytes(picture(kind="jpeg"))
    (folder / "notes.txt").write_text("no picture", encoding="utf-8")
    return folder
