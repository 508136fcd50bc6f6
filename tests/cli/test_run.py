"""What a one-off command makes of the settings, and how it waits for its engine."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from sam_mask_service.bulk.ready import until_ready
from sam_mask_service.cli.run import command_settings
from sam_mask_service.errors import EngineUnavailable
from sam_mask_service.segment.fake import FakeSegmenter

from ..support.scene import service, settings


@pytest.mark.parametrize(
    ("engine", "asked", "weights", "expected"),
    [
        ("auto", "auto", False, "mesh"),
        ("auto", "auto", True, "auto"),
        ("auto", "sam", False, "sam"),
        ("sam", "auto", False, "sam"),
        ("sam", "mesh", True, "mesh"),
    ],
)
def test_settings_of_a_command(engine: str, asked: str, weights: bool, expected: str, tmp_path: Path) -> None:
    before = settings(tmp_path, engine=engine, offline=False)
    if weights:
        (before.models_dir / "sam_vit_b_01ec64.pth").touch()
    after = command_settings(before, asked)
    assert (after.engine, after.offline) == (expected, False)
    assert command_settings(before.model_copy(update={"offline": True}), asked).offline


def test_a_command_takes_the_small_sam_where_the_one_asked_for_is_not_here(tmp_path: Path) -> None:
    before = settings(tmp_path, engine="auto")
    (before.models_dir / "mobile_sam.pt").touch()
    assert (command_settings(before, "auto").engine, command_settings(before, "auto").model) == ("auto", "mobile_sam")
    assert (command_settings(before, "sam").engine, command_settings(before, "sam").model) == ("sam", "vit_b")
    (before.models_dir / "sam_vit_b_01ec64.pth").touch()
    assert command_settings(before, "auto").model == "vit_b"


def wait(tmp_path: Path, load_sam: Any, engine: str = "sam") -> list[str]:
    said: list[str] = []

    async def whole() -> None:
        made = service(tmp_path, load_sam=load_sam, engine="auto")
        try:
            await until_ready(made, engine, said.append)
        finally:
            made.close()

    asyncio.run(whole())
    return said


def test_a_download_is_told_in_percent(tmp_path: Path) -> None:
    def load(report: Any) -> FakeSegmenter:
        report("downloading", 41.0)
        asyncio.run(asyncio.sleep(0.3))
        return FakeSegmenter(name="sam")

    assert wait(tmp_path, load) == ["SAM is downloading (41 %)"]


def test_an_engine_that_cannot_be_had_is_an_error_only_for_who_wants_it(tmp_path: Path) -> None:
    def load(report: Any) -> FakeSegmenter:
        raise EngineUnavailable("no weights")

    with pytest.raises(EngineUnavailable, match="no weights"):
        wait(tmp_path, load)
    assert wait(tmp_path, load, engine="auto") == []
