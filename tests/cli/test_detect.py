"""``sam-mask detect``: faces as lines or JSON, the same numbers as the API's."""

from __future__ import annotations

import json
from pathlib import Path

from ..support.scene import Fixed, picture
from .conftest import Call


def test_a_line_for_each_face(call: Call, pictures: Path) -> None:
    result = call("detect", "in/a.png", "--order", "left")
    assert result.exit_code == 0, result.output
    rows = [line.split("\t") for line in result.stdout.splitlines()]
    assert [(name, number) for name, number, *_ in rows] == [("in/a.png", "0"), ("in/a.png", "1")]
    left, right = ([int(n) for n in row[2].split()] for row in rows)
    assert left[0] < right[0] and all(side > 0 for side in (*left[2:], *right[2:]))
    assert all(0 < float(row[3]) <= 1 for row in rows)


def test_json_of_a_folder(call: Call, pictures: Path) -> None:
    result = call("detect", "in", "--format", "json")
    rows = [json.loads(line) for line in result.stdout.splitlines()]
    assert [row["faces"] for row in rows] == [2, 2]
    assert rows[0]["output"] == []
    assert {"face_id", "bbox", "confidence", "keypoints"} <= rows[0]["stats"]["faces"][0].keys()


def test_no_face_is_said_and_counts(call: Call) -> None:
    result = call("detect", "-", stdin=picture(), detector=Fixed([]))
    assert (result.exit_code, result.stdout) == (1, "")
    assert "no_face" in result.stderr


def test_no_face_may_be_fine(call: Call) -> None:
    result = call("detect", "-", "--on-no-face", "empty", stdin=picture(), detector=Fixed([]))
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "")
