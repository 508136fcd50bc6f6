"""``sam-mask batch``: a manifest row per picture, nothing done twice, one bad picture does not stop the run."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from ..support.scene import TWO_FACES, Fixed, picture
from .conftest import Call

CONFIRMED = tuple(replace(face, presence=0.99) for face in TWO_FACES)


def all_rows(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "manifest.jsonl").read_text(encoding="utf-8").splitlines()]


def manifest(folder: Path) -> list[dict[str, Any]]:
    """The rows of pictures."""
    return [row for row in all_rows(folder) if row["status"] != "not_a_picture"]


def test_rows(call: Call, pictures: Path, tmp_path: Path) -> None:
    (pictures / "bad.jpg").write_bytes(b"no picture")
    result = call("batch", "in", "out")
    assert result.exit_code == 1 and "bad.jpg" in result.stderr
    rows = manifest(tmp_path / "out")
    assert [(row["input"], row["output"], row["status"]) for row in rows] == [
        ("a.png", ["a.png"], "ok"),
        ("bad.jpg", [], "error"),
        ("deeper/b.jpg", ["deeper/b.png"], "ok"),
    ]
    assert rows[0]["stats"]["mode"] == "first" and rows[0]["error"] is None
    assert rows[1]["code"] == "unsupported_media" and rows[1]["stats"] is None
    assert set(rows[0]) >= {"input", "output", "status", "error", "faces", "stats"}
    assert [(row["input"], row["kind"]) for row in all_rows(tmp_path / "out") if row not in rows] == [
        ("notes.txt", "not a picture")
    ]
    assert "in/notes.txt: not a picture (passed over)" in result.stderr
    assert result.stderr.splitlines()[-1].startswith(
        "3 pictures, 2 made, 0 there already, 1 failed, 1 other files passed over: out"
    )


def test_crops_are_one_file_per_face(call: Call, pictures: Path, tmp_path: Path) -> None:
    assert call("batch", "in", "out", "--action", "crop").exit_code == 0
    assert manifest(tmp_path / "out")[0]["output"] == ["a-0.png", "a-1.png"]


def test_cutouts_and_hidden_faces(call: Call, pictures: Path, tmp_path: Path) -> None:
    assert call("batch", "in", "cut", "--action", "cutout", "--format", "webp").exit_code == 0
    assert manifest(tmp_path / "cut")[0]["output"] == ["a.webp"]
    call("batch", "in", "cut", "--action", "cutout", "--format", "webp")
    assert manifest(tmp_path / "cut")[0]["status"] == "skipped"
    call("batch", "in", "hidden", "--action", "anonymize", "--strength", "1")
    assert [row["output"] for row in manifest(tmp_path / "hidden")] == [["a.png"], ["deeper/b.jpg"]]


def test_a_parameter_of_another_action_is_refused(call: Call, pictures: Path) -> None:
    result = call("batch", "in", "out", "--action", "cutout", "--strength", "1")
    assert result.exit_code != 0 and "strength" in str(result.exception)


def test_a_second_run_does_only_what_is_missing(call: Call, pictures: Path, tmp_path: Path) -> None:
    call("batch", "in", "out")
    (tmp_path / "out" / "a.png").write_bytes(b"kept")
    (pictures / "c.png").write_bytes(picture())
    detector = Fixed()
    assert call("batch", "in", "out", detector=detector).exit_code == 0
    assert [(row["input"], row["status"]) for row in manifest(tmp_path / "out")] == [
        ("a.png", "skipped"),
        ("c.png", "ok"),
        ("deeper/b.jpg", "skipped"),
    ]
    assert len(detector.asked) == 1
    assert manifest(tmp_path / "out")[0]["stats"]["image_width"] == 200, "the earlier row's figures are kept"
    assert (tmp_path / "out" / "a.png").read_bytes() == b"kept"


def test_a_result_in_another_format_is_not_done_twice(call: Call, pictures: Path, tmp_path: Path) -> None:
    with Image.open(io.BytesIO(picture())) as image:
        image.save(pictures / "c.gif")
    for more, status in ([], "ok"), ([], "skipped"), ([], "skipped"), (["--overwrite"], "ok"):
        call("batch", "in", "out", "--action", "anonymize", *more, detector=Fixed(CONFIRMED))
        rows = manifest(tmp_path / "out")
        assert [(row["status"], row["code"]) for row in rows] == [(status, "residual_faces")] * 3
        assert [row["output"] for row in rows] == [["a.png"], ["c.png"], ["deeper/b.jpg"]]
    (tmp_path / "out" / "manifest.jsonl").unlink()  # as after a run that was cut off
    call("batch", "in", "out", "--action", "anonymize")
    assert {row["status"] for row in manifest(tmp_path / "out")} == {"skipped"}


@pytest.mark.parametrize("names", ["../a.png", ["../a.png"], ["other.png"], [1], ["a.png", "b.png"], None])
def test_a_strange_row_sends_no_result_elsewhere(call: Call, pictures: Path, tmp_path: Path, names: Any) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "a.png").write_bytes(b"mine")
    (tmp_path / "out" / "other.png").write_bytes(b"mine")
    (tmp_path / "out" / "manifest.jsonl").write_text(json.dumps({"input": "a.png", "output": names}) + "\n")
    assert call("batch", "in", "out", "--overwrite").exit_code == 0
    assert manifest(tmp_path / "out")[0]["output"] == ["a.png"]
    assert [path.read_bytes() for path in (tmp_path / "a.png", tmp_path / "out" / "other.png")] == [b"mine"] * 2


def test_a_picture_under_a_wrong_name_is_not_done_twice(call: Call, pictures: Path, tmp_path: Path) -> None:
    (pictures / "wrong.jpg").write_bytes(picture())  # a PNG
    for status in ("ok", "skipped"):
        call("batch", "in", "out", "--action", "anonymize")
        [row] = [row for row in manifest(tmp_path / "out") if row["input"] == "wrong.jpg"]
        assert (row["output"], row["status"]) == (["wrong.png"], status)


def test_photographs_that_are_not_read_are_named(call: Call, pictures: Path, tmp_path: Path) -> None:
    (pictures / "phone.JXL").write_bytes(b"\xff\x0a" + bytes(60))
    (pictures / "raw.dng").write_bytes(b"II*\0" + bytes(60))
    result = call("batch", "in", "out", "--action", "anonymize")
    assert result.exit_code == 1 and "phone.JXL" in result.stderr and "raw.dng: This is a raw photo" in result.stderr
    assert [row["code"] for row in manifest(tmp_path / "out") if row["status"] == "error"] == ["unsupported_media"] * 2


def test_overwrite_does_all_anew(call: Call, pictures: Path, tmp_path: Path) -> None:
    call("batch", "in", "out")
    (tmp_path / "out" / "a.png").write_bytes(b"old")
    call("batch", "in", "out", "--overwrite")
    assert (tmp_path / "out" / "a.png").read_bytes() != b"old"


def test_results_inside_the_input_folder_are_not_its_pictures(call: Call, pictures: Path, tmp_path: Path) -> None:
    call("batch", "in", "in/masks")
    call("batch", "in", "in/masks")
    assert [row["input"] for row in manifest(pictures / "masks")] == ["a.png", "deeper/b.jpg"]


def test_a_broken_manifest_is_no_obstacle(call: Call, pictures: Path, tmp_path: Path) -> None:
    call("batch", "in", "out")
    (tmp_path / "out" / "manifest.jsonl").write_bytes(b'{"input": "a.png"\n\xff\n[1]\n')
    assert call("batch", "in", "out").exit_code == 0
    assert [row["status"] for row in manifest(tmp_path / "out")] == ["skipped", "skipped"]


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["batch", "gone", "out"], "not a folder"),
        (["batch", "in", "out", "--action", "crop", "--mode", "first"], "--mode"),
        (["batch", "in", "out", "--action", "eat"], "--action"),
        (["batch", "in", "in", "--action", "anonymize"], "folder of their own"),
    ],
)
def test_a_wrong_command_line_ends_with_two(call: Call, pictures: Path, arguments: list[str], word: str) -> None:
    result = call(*arguments)
    assert result.exit_code == 2 and word in result.stderr
