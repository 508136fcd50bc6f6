"""Every endpoint answers as it was recorded, bit for bit.

Recorded anew by ``python -m tests.golden.record tests/golden/answers.json``: only where an answer is meant to change.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from .record import Scene, fakes, record

RECORDED: dict[str, str] = json.loads(Path(__file__).with_name("answers.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("scene", list(fakes()), ids=lambda scene: scene[0])
def test_as_recorded(scene: Scene) -> None:
    before = {name: answer for name, answer in RECORDED.items() if name.startswith(f"{scene[0]}: ")}
    assert record(iter([scene])) == before
