"""``sam-mask serve``: what it hands to the server."""

from __future__ import annotations

import os
from typing import Any

import pytest

from sam_mask_service.cli import main
from sam_mask_service.settings import load


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What each start of a server saw: its arguments, and the path of its settings."""
    seen: list[dict[str, Any]] = []
    monkeypatch.setenv("SAM_ROOT_PATH", "/before")
    monkeypatch.setattr(
        "sam_mask_service.http.server.serve", lambda **options: seen.append({**options, "path": load().root_path})
    )
    return seen


@pytest.mark.parametrize(
    ("arguments", "path"), [([], "/before"), (["--root-path", "/masks/"], "/masks"), (["--root-path", "/"], "")]
)
def test_the_path_of_the_command_line_goes_before_the_environments(
    served: list[dict[str, Any]], arguments: list[str], path: str
) -> None:
    assert main.call(["serve", "--port", "1", *arguments]) == 0
    assert served == [{"host": "0.0.0.0", "port": 1, "workers": 1, "path": path}]


def test_a_bad_path_stops_the_start(served: list[dict[str, Any]], capsys: pytest.CaptureFixture[str]) -> None:
    assert main.call(["serve", "--root-path", "//evil.example"]) == 2
    assert "SAM_ROOT_PATH" in capsys.readouterr().err
    assert not served and os.environ["SAM_ROOT_PATH"] == "/before"
