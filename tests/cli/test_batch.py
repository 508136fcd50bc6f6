"""``sam-mask batch``: a manifest row per picture, nothing done twice, one bad picture does not stop the run."""

from __future__ import annotations

import hashlib
import io
import json
import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from sam_mask_service.deadline import NO_DEADLINE, Deadline
from sam_mask_service.errors import StorageFull
from sam_mask_service.faces.detector import DetectOptions
from sam_mask_service.geometry import RGB, Face
from sam_mask_service.segment.fake import FakeSegmenter

from ..support.scene import ANY, TWO_FACES, Fixed, picture
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


# --- a result belongs to what was asked -------------------------------------------------------------------------------


def test_a_row_says_what_was_asked(call: Call, pictures: Path, tmp_path: Path) -> None:
    (pictures / "bad.jpg").write_bytes(b"no picture")
    call("batch", "in", "out", "--mode", "combined")
    first = manifest(tmp_path / "out")[0]
    assert (first["action"], first["params"]) == ("mask", {"mode": "combined"})
    assert (first["engine"], first["model"]) == (FakeSegmenter().name, FakeSegmenter().model)
    assert first["sha256"] == hashlib.sha256((pictures / "a.png").read_bytes()).hexdigest()
    assert len({row["question"] for row in manifest(tmp_path / "out")}) == 1, "of those that failed too"


@pytest.mark.parametrize("more", [["--action", "anonymize"], ["--mode", "combined"], ["--target", "a1111"]])
def test_another_question_is_refused_and_the_results_stay(
    call: Call, pictures: Path, tmp_path: Path, more: list[str]
) -> None:
    call("batch", "in", "out")
    before = (tmp_path / "out/a.png").read_bytes()
    refused = call("batch", "in", "out", *more)
    row = manifest(tmp_path / "out")[0]
    assert (refused.exit_code, row["status"], row["code"], row["output"]) == (1, "error", "file_exists", [])
    assert "another question: mask (" in row["error"] and "--overwrite" in refused.stderr
    assert (tmp_path / "out/a.png").read_bytes() == before
    detector = Fixed()
    assert call("batch", "in", "out", detector=detector).exit_code == 0
    again = manifest(tmp_path / "out")[0]
    assert again["status"] == "skipped" and again["question"] == row["earlier"]["question"] != row["question"]
    assert len(detector.asked) == (more[0] == "--action"), (
        "what was refused is known; a picture made beside is made again"
    )
    assert call("batch", "in", "out", *more, "--overwrite").exit_code == 0
    assert (tmp_path / "out/a.png").read_bytes() != before


def test_a_result_that_has_its_own_place_is_made_beside(call: Call, pictures: Path, tmp_path: Path) -> None:
    call("batch", "in", "out", "--action", "cutout", "--format", "webp")
    assert call("batch", "in", "out").exit_code == 0
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["a.png", "a.webp", "deeper", "manifest.jsonl"]


def test_a_picture_that_has_changed_is_no_longer_answered(call: Call, pictures: Path, tmp_path: Path) -> None:
    call("batch", "in", "out")
    before = (tmp_path / "out/a.png").read_bytes()
    (pictures / "a.png").write_bytes(picture(300, 200))
    result = call("batch", "in", "out")
    assert result.exit_code == 1 and "no result of this run; --overwrite" in result.stderr
    assert (tmp_path / "out/a.png").read_bytes() == before and manifest(tmp_path / "out")[0]["code"] == "file_exists"


def test_a_result_of_which_a_part_is_gone_is_completed(call: Call, pictures: Path, tmp_path: Path) -> None:
    call("batch", "in", "out", "--action", "crop")
    (tmp_path / "out/a-1.png").unlink()
    assert call("batch", "in", "out", "--action", "crop").exit_code == 0
    assert [row["status"] for row in manifest(tmp_path / "out")] == ["ok", "skipped"]
    assert (tmp_path / "out/a-1.png").exists()


def test_a_strangers_file_is_no_result(call: Call, pictures: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out/a.png").write_bytes(b"mine")
    result = call("batch", "in", "out")
    assert result.exit_code == 1 and (tmp_path / "out/a.png").read_bytes() == b"mine"
    assert [row["status"] for row in manifest(tmp_path / "out")] == ["error", "ok"]


def test_faces_that_are_left_end_every_run_with_one(call: Call, pictures: Path, tmp_path: Path) -> None:
    seen = Fixed(CONFIRMED)
    for words in "2 made, 0 there", "0 made, 2 there", "0 made, 2 there":
        result = call("batch", "in", "out", "--action", "anonymize", detector=seen)
        assert result.exit_code == 1 and f"2 pictures, {words} already" in result.stderr
        assert "2 with faces that can still be found" in result.stderr and "in/a.png: 2 face(s)" in result.stderr
    assert len(manifest(tmp_path / "out")[0]["stats"]["warnings"]) == 1


def test_warnings_are_said_in_every_run(call: Call, pictures: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SAM_MAX_FACES", "1")
    for _ in range(2):
        result = call("batch", "in", "out", "--mode", "combined")
        assert result.exit_code == 0 and "in/a.png: 2 faces were seen" in result.stderr


# --- nothing stops a run ----------------------------------------------------------------------------------------------


class Stumbling(Fixed):
    """Fails at the picture of 300 × 200 as no service error does."""

    error: BaseException = ZeroDivisionError("secret")

    def detect(self, image: RGB, options: DetectOptions = ANY, deadline: Deadline = NO_DEADLINE) -> list[Face]:
        if image.shape[:2] == (200, 300):
            raise self.error
        return super().detect(image, options, deadline)


def test_a_fault_of_ours_is_a_row(call: Call, pictures: Path, tmp_path: Path) -> None:
    (pictures / "b.png").write_bytes(picture(300, 200))
    result = call("batch", "in", "out", detector=Stumbling())
    rows = manifest(tmp_path / "out")
    assert result.exit_code == 1 and [row["status"] for row in rows] == ["ok", "error", "ok"]
    assert (
        rows[1]["code"] == "internal" and "ZeroDivisionError" in rows[1]["error"] and "secret" not in rows[1]["error"]
    )


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such names")
def test_a_name_that_is_not_utf8_is_one_like_any_other(call: Call, pictures: Path, tmp_path: Path) -> None:
    (tmp_path / os.fsdecode(b"in/caf\xe9.png")).write_bytes(picture())
    (tmp_path / os.fsdecode(b"in/bad\xe9.jpg")).write_bytes(b"none")
    for status in "ok", "skipped":
        result = call("batch", "in", "out")
        rows = {row["input"]: row for row in manifest(tmp_path / "out")}
        assert result.exit_code == 1 and r"in/bad\xe9.jpg: " in result.stderr
        assert rows[r"caf\xe9.png"]["status"] == status and rows[r"caf\xe9.png"]["output"] == [r"caf\xe9.png"]
        assert set(rows) == {"a.png", r"caf\xe9.png", r"bad\xe9.jpg", "deeper/b.jpg"}
    assert (tmp_path / os.fsdecode(b"out/caf\xe9.png")).exists()
    assert r"caf\\xe9.png" in call("mask", "in", "--format", "json").stdout


def test_names_with_line_breaks_are_one_row_and_one_line(call: Call, pictures: Path, tmp_path: Path) -> None:
    name = "a\n\u2028\x1b[2J.jpg"
    (pictures / name).write_bytes(b"none")
    result = call("batch", "in", "out")
    assert r"in/a\x0a" in result.stderr and "\x1b" not in result.stderr
    rows = [json.loads(line) for line in (tmp_path / "out/manifest.jsonl").read_bytes().split(b"\n") if line]
    assert name in [row["input"] for row in rows]


def test_a_run_that_is_cut_off_loses_no_row(call: Call, pictures: Path, tmp_path: Path) -> None:
    call("batch", "in", "out")
    (pictures / "b.png").write_bytes(picture(300, 200))
    cut = Stumbling()
    cut.error = KeyboardInterrupt()
    call("batch", "in", "out", detector=cut)
    assert {row["input"] for row in manifest(tmp_path / "out")} >= {"a.png", "deeper/b.jpg"}
    with (tmp_path / "out/manifest.jsonl").open("ab") as file:
        file.write(b'{"input": "half')
    assert call("batch", "in", "out").exit_code == 0
    assert [(row["input"], row["status"]) for row in manifest(tmp_path / "out")] == [
        ("a.png", "skipped"),
        ("b.png", "ok"),
        ("deeper/b.jpg", "skipped"),
    ]


def test_a_manifest_that_cannot_be_written_is_said(call: Call, pictures: Path, tmp_path: Path) -> None:
    (tmp_path / "out/manifest.jsonl").mkdir(parents=True)
    result = call("batch", "in", "out")
    assert isinstance(result.exception, StorageFull) and "manifest.jsonl cannot be" in result.exception.detail


# --- everything is accounted for --------------------------------------------------------------------------------------


def test_everything_in_the_folder_is_accounted_for(call: Call, pictures: Path, tmp_path: Path) -> None:
    (pictures / "scan").write_bytes(picture(kind="jpeg"))
    (pictures / "._a.png").write_bytes(b"\0\x05\x16\x07" + bytes(60))
    for name in "raw.dng", "raw.CR2":
        (pictures / name).write_bytes(b"II*\0" + bytes(60))
    for name in "film.mov", "film.MP4":
        (pictures / name).write_bytes(b"\0\0\0\x14ftypqt  ")
    result = call("batch", "in", "out", "--action", "anonymize")
    rows = {row["input"]: row for row in all_rows(tmp_path / "out")}
    assert set(rows) == {str(p.relative_to(pictures)) for p in pictures.rglob("*") if p.is_file()}
    assert all(f"in/{name}: " in result.stderr for name, row in rows.items() if row["status"] != "ok")
    assert rows["scan"]["output"] == ["scan.jpg"]
    assert {name for name, row in rows.items() if row["status"] == "not_a_picture"} == {
        *("notes.txt", "._a.png", "film.mov", "film.MP4")
    }
    assert {row["code"] for name, row in rows.items() if name.startswith("raw")} == {"unsupported_media"}
    assert "5 pictures, 3 made, 0 there already, 2 failed, 4 other files passed over" in result.stderr


def test_a_macs_notes_are_no_failure(call: Call, pictures: Path) -> None:
    (pictures / "._a.jpg").write_bytes(b"\0\x05\x16\x07" + bytes(60))
    assert call("batch", "in", "out").exit_code == 0


def test_a_misnamed_file_takes_no_place_of_another(call: Call, pictures: Path, tmp_path: Path) -> None:
    (pictures / "a.jpg").write_bytes(picture(220, 160))  # a PNG, beside a.png
    assert call("batch", "in", "out", "--action", "anonymize", "--overwrite").exit_code == 0
    assert [row["output"] for row in manifest(tmp_path / "out")][:2] == [["a.jpg.png"], ["a.png.png"]]
    for name, size in {"a.jpg.png": (220, 160), "a.png.png": (200, 150)}.items():
        with Image.open(tmp_path / "out" / name) as image:
            assert image.size == size
