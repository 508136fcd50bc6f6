"""``sam-mask mask``: files, folders, streams, exit codes, one line for each failure."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sam_mask_service.cli import main
from sam_mask_service.deadline import NO_DEADLINE, Deadline
from sam_mask_service.faces.detector import DetectOptions
from sam_mask_service.geometry import RGB, Face

from ..support.scene import ANY, TWO_FACES, Fixed, picture
from .conftest import Call

CONFIRMED = tuple(replace(face, presence=0.99) for face in TWO_FACES)


class Seeing(Fixed):
    """Finds the faces unless much of what it sees is the grey of ``method=solid``."""

    def detect(self, image: RGB, options: DetectOptions = ANY, deadline: Deadline = NO_DEADLINE) -> list[Face]:
        found = super().detect(image, options, deadline)
        return [] if np.all(image == 96, axis=2).mean() > 0.05 else found


def pixels(png: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(png)))


def test_a_file(call: Call, pictures: Path, tmp_path: Path) -> None:
    result = call("mask", "in/a.png", "-o", "m.png", "--no-invert", "--expand-pixels", "0")
    assert (result.exit_code, result.output) == (0, "")
    mask = pixels((tmp_path / "m.png").read_bytes())
    assert mask.shape == (150, 200) and mask[75, 150] == 255 and mask[0, 0] == 0


def test_a_folder_with_a_bad_picture_goes_on_and_says_so(call: Call, pictures: Path, tmp_path: Path) -> None:
    (pictures / "bad.jpg").write_bytes(b"no picture")
    result = call("mask", "in", "gone.png", "-o", "out")
    assert result.exit_code == 1
    lines = result.stderr.splitlines()
    assert [line.split(":")[0] for line in lines] == [
        *("in/bad.jpg", "in/notes.txt", "gone.png", "2 of 4 pictures failed")
    ]
    assert "unsupported_media" in lines[0] and "not a picture" in lines[1] and "file_not_found" in lines[2]
    assert (tmp_path / "out/a.png").exists() and (tmp_path / "out/deeper/b.png").exists()


def test_stdin_to_stdout(call: Call) -> None:
    assert pixels(call("mask", "-", stdin=picture()).stdout_bytes).shape == (150, 200)
    assert pixels(call("mask", "-", "-o", "-", stdin=picture()).stdout_bytes).shape == (150, 200)


def test_json_is_a_line_per_picture(call: Call, pictures: Path) -> None:
    result = call("mask", "in", "--format", "json", "--mode", "combined")
    rows = [json.loads(line) for line in result.stdout.splitlines()]
    assert [(row["input"], row["status"], row["faces"]) for row in rows] == [
        ("in/a.png", "ok", 2),
        ("in/deeper/b.jpg", "ok", 2),
    ]
    assert rows[0]["stats"]["image_width"] == 200


@pytest.mark.parametrize("mode", ["separate", "crop"])
def test_a_result_per_face_is_numbered(call: Call, pictures: Path, tmp_path: Path, mode: str) -> None:
    assert call("mask", "in/a.png", "-o", "m.png", "--mode", mode).exit_code == 0
    assert sorted(path.name for path in tmp_path.glob("m*.png")) == ["m-0.png", "m-1.png"]


def test_what_is_there_stays(call: Call, pictures: Path, tmp_path: Path) -> None:
    (tmp_path / "m.png").write_bytes(b"mine")
    refused = call("mask", "in/a.png", "-o", "m.png")
    assert refused.exit_code == 1 and "--overwrite" in refused.stderr
    assert (tmp_path / "m.png").read_bytes() == b"mine"
    assert call("mask", "in/a.png", "-o", "m.png", "--overwrite").exit_code == 0
    assert pixels((tmp_path / "m.png").read_bytes()).shape == (150, 200)


def test_no_face(call: Call, pictures: Path, tmp_path: Path) -> None:
    refused = call("mask", "in/a.png", "-o", "m.png", detector=Fixed(()))
    assert refused.exit_code == 1 and "no_face" in refused.stderr
    empty = call("mask", "in/a.png", "-o", "m.png", "--on-no-face", "empty", detector=Fixed(()))
    assert empty.exit_code == 0 and pixels((tmp_path / "m.png").read_bytes()).min() == 255


def test_a_target_gives_its_own_polarity(call: Call, pictures: Path, tmp_path: Path) -> None:
    assert call("mask", "in/a.png", "-o", "m.png", "--target", "a1111").exit_code == 0
    assert pixels((tmp_path / "m.png").read_bytes())[75, 150] == 255
    refused = call("mask", "in/a.png", "-o", "m2.png", "--target", "a1111", "--invert")
    assert refused.exit_code != 0 and "invert" in f"{refused.stderr}{refused.exception}"


def test_anonymize_keeps_the_format_and_says_what_is_left(call: Call, pictures: Path, tmp_path: Path) -> None:
    gone = call("anonymize", "in", "-o", "out", "--method", "solid", detector=Seeing())
    assert gone.exit_code == 0, gone.stderr
    with Image.open(tmp_path / "out/deeper/b.jpg") as picture:
        assert picture.format == "JPEG" and picture.size == (200, 150)
    assert Image.open(tmp_path / "out/a.png").getpixel((150, 75)) == (96, 96, 96)
    left = call("anonymize", "in/a.png", "-o", "left.png", detector=Fixed(CONFIRMED))
    assert left.exit_code == 1 and "can still be found" in left.stderr and (tmp_path / "left.png").exists()


def test_boxes_are_hidden_each_by_an_option(call: Call, pictures: Path, tmp_path: Path) -> None:
    boxes = ["--box", "3,4,10,8", "--box", "100,110,20,30"]
    result = call("anonymize", "in/a.png", "-o", "m.png", "--method", "solid", *boxes, detector=Fixed(()))
    assert result.exit_code == 0, result.stderr
    after = pixels((tmp_path / "m.png").read_bytes())
    assert (after[4:12, 3:13] == 96).all() and (after[110:140, 100:120] == 96).all()
    assert np.array_equal(after[12:110], pixels((pictures / "a.png").read_bytes())[12:110])


def test_a_cut_of_the_faces_is_said_and_no_failure(call: Call, pictures: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SAM_MAX_FACES", "1")
    result = call("mask", "in/a.png", "-o", "m.png", "--mode", "combined")
    assert result.exit_code == 0 and "in/a.png: 2 faces were seen" in result.stderr


def test_the_missing_detector_is_said_once_for_a_run(call: Call, pictures: Path) -> None:
    result = call("anonymize", "in", "-o", "out", "--on-no-face", "empty", detector=Fixed((), name="mediapipe"))
    assert result.stderr.count("YuNet is not here") == 1


def test_anonymize_spares_a_face(call: Call, pictures: Path, tmp_path: Path) -> None:
    call("anonymize", "in/a.png", "-o", "spared.png", "--except", "0", "--order", "left", "--method", "solid")
    before, after = (pixels(path.read_bytes()) for path in (pictures / "a.png", tmp_path / "spared.png"))
    assert np.array_equal(before[55, 40], after[55, 40]) and not np.array_equal(before[75, 150], after[75, 150])


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["mask"], "INPUT"),
        (["mask", "in/a.png"], "-o"),
        (["mask", "-", "-o", "-", "--format", "json"], "--format"),
        (["mask", "in", "-o", "-"], "stdout"),
        (["mask", "in/a.png", "-o", "m.png", "--mode"], "--mode"),
        (["mask", "in/a.png", "-o", "m.png", "--expand-pixel", "1"], "--expand-pixels"),
    ],
)
def test_a_wrong_command_line_ends_with_two(call: Call, pictures: Path, arguments: list[str], word: str) -> None:
    result = call(*arguments)
    assert result.exit_code == 2 and word in result.stderr


@pytest.mark.parametrize(
    ("arguments", "environment", "line"),
    [
        (["mask", "a.png", "-o", "m.png", "--expand-pixels", "999"], {}, "expand_pixels"),
        (["mask", "a.png", "-o", "m.png"], {"SAM_ENGINE": "x", "SAM_QUEUE": "y"}, "SAM_QUEUE"),
        (["serve"], {"SAM_API_KEY": "short"}, "SAM_API_KEY"),
    ],
)
def test_a_mistake_is_said_in_lines_without_a_traceback(
    arguments: list[str],
    environment: dict[str, str],
    line: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert main.call(arguments) == 2
    error = capsys.readouterr().err
    assert line in error and "Traceback" not in error
    assert all(text.startswith("sam-mask: ") for text in error.splitlines())


def test_help_and_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.call(["--version"]) == 0
    assert capsys.readouterr().out.startswith("sam-mask ")
    assert main.call(["mask", "--help"]) == 0
    assert "--blur-iterations" in capsys.readouterr().out


@pytest.mark.parametrize("group", [[], ["models"]])
def test_each_command_is_told_in_a_line_that_is_whole(
    group: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert main.call([*group, "--help"]) == 0
    commands = capsys.readouterr().out.partition("Commands:")[2].strip().splitlines()
    assert len(commands) >= 4
    assert not [line for line in commands if not line.rstrip().endswith(".") or line.endswith("...")]


def test_a_switch_is_told_with_its_opposite(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.call(["mask", "--help"]) == 0
    assert "--invert, --no-invert" in capsys.readouterr().out


def test_a_cut_out_in_the_format_that_is_asked_for(call: Call, pictures: Path, tmp_path: Path) -> None:
    """``--format`` is the picture's there, as in the API."""
    result = call("cutout", "in/a.png", "-o", "out/", "--format", "webp", "--background", "#102030", "--mode", "first")
    assert (result.exit_code, result.output) == (0, "")
    with Image.open(tmp_path / "out" / "a.webp") as made:
        assert (made.format, made.mode) == ("WEBP", "RGB")
    assert call("cutout", "in/a.png", "-o", "out/", "--format", "json").exit_code != 0


def test_an_action_that_is_not_there(call: Call, pictures: Path) -> None:
    result = call("batch", "in", "out", "--action", "paint")
    assert result.exit_code == 2
    assert "mask, anonymize, cutout, crop" in " ".join(result.output.split())
