"""README.md says what the code says: its tables, its links, its use cases and its commands, run as printed."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sam_mask_service.cli import main
from scripts import readme_tables

from .support.examples import Stage, answers, blocks, staged

ROOT = Path(__file__).resolve().parent.parent
TEXT = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = blocks(TEXT)
DOCUMENTS = sorted(
    path
    for pattern in ("*.md", "docs/**/*.md", "integrations/**/*.md", "clients/*/*.md", "deploy/**/*.md")
    for path in ROOT.glob(pattern)
)


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with staged(tmp_path_factory.mktemp("readme")) as made:
        yield made


def opened(path: Path) -> Image.Image:
    """The picture, with its file closed."""
    return Image.open(io.BytesIO(path.read_bytes()))


def block(heading: str, word: str = "") -> str:
    [code] = [b.code for b in BLOCKS if b.heading.startswith(heading) and word in b.code]
    return code


def test_the_tables_are_those_of_the_code() -> None:
    assert set(re.findall(r"<!-- table: (\w+) -->", TEXT)) == set(readme_tables.TABLES)
    assert readme_tables.filled(TEXT) == TEXT, "run: .venv/bin/python scripts/readme_tables.py"


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_link_leads_somewhere(document: Path) -> None:
    """Also those of pictures."""
    links = set(re.findall(r"\]\((?!https?:|#)([^)#]+)", document.read_text(encoding="utf-8")))
    assert not [link for link in sorted(links) if not (document.parent / link).exists()]


def test_every_command_of_this_repository_that_a_document_names_is_there() -> None:
    named = {
        word for page in DOCUMENTS for word in re.findall(r"python -m ((?:bench|scripts)[.\w]*\w)", page.read_text())
    }
    named |= {
        word[:-3].replace("/", ".")
        for page in DOCUMENTS
        for word in re.findall(r"(?:scripts|bench)/[/\w]+\.py", page.read_text())
    }
    assert len(named) > 10
    places = [ROOT.joinpath(*word.split(".")) for word in sorted(named)]
    assert not [place for place in places if not place.is_dir() and not place.with_suffix(".py").is_file()]


def test_every_make_target_that_is_named_is_there() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    named = {
        word for line in re.findall(r"`?\bmake ([a-z -]+?)(?:`|  |$)", TEXT, re.MULTILINE) for word in line.split()
    }
    assert {"serve", "test", "demo"} <= named & targets
    assert not [word for word in re.findall(r"`make ([a-z-]+)`", TEXT) if word not in targets]


def test_every_command_that_is_named_is_there() -> None:
    commands = set(re.findall(r"sam-mask ([a-z]+)", TEXT)) - {"service"}
    for command in commands:
        assert main.call([command, "--help"]) == 0, command


@pytest.mark.server
def test_use_case_inpainting(stage: Stage) -> None:
    stage.bash(block("AI art"))
    mask = np.asarray(opened(stage.folder / "mask.png"))
    assert mask[125, 225] == 255 and mask[0, 0] == 0, "black is repainted: everything but the face"


@pytest.mark.server
def test_use_case_cutout(stage: Stage) -> None:
    stage.bash(block("Photo editing", "head.png"))
    head = np.asarray(opened(stage.folder / "head.png"))
    assert head.shape[2] == 4 and {0, 255} <= set(np.unique(head[..., 3]))


@pytest.mark.server
def test_use_case_passport_picture(stage: Stage) -> None:
    stage.bash(block("Photo editing", "passport.jpg"))
    with Image.open(stage.folder / "passport.jpg") as picture:
        assert (picture.size, picture.info["dpi"]) == ((413, 531), (300, 300))


@pytest.mark.server
def test_use_case_privacy(stage: Stage) -> None:
    said = stage.bash(block("Privacy"))
    assert re.search(r"(?mi)^x-residual-faces: 0\s*$", said)
    before, after = (np.asarray(opened(stage.folder / name)).astype(int) for name in ("group.jpg", "anonymous.jpg"))
    assert before.shape == after.shape and np.abs(before - after)[100:150, 200:250].mean() > 3


@pytest.mark.server
def test_use_case_many_pictures_over_http(stage: Stage) -> None:
    rows = answers(stage.bash(block("Batches", "curl")))
    assert sorted(row["index"] for row in rows) == [0, 1]
    assert all(row["success"] for row in rows)


@pytest.mark.server
def test_use_case_a_folder(stage: Stage) -> None:
    folder = stage.folder / "a folder"
    (folder / "photos").mkdir(parents=True)
    (folder / "photos" / "portrait.jpg").write_bytes((stage.folder / "portrait.jpg").read_bytes())
    stage.bash(f"cd 'a folder'\n{block('Batches', 'sam-mask batch')}", SAM_ENGINE="mesh")
    [row] = [json.loads(line) for line in (folder / "masks" / "manifest.jsonl").read_text().splitlines()]
    assert (row["status"], row["output"], row["faces"]) == ("ok", ["portrait.png"], 1)


@pytest.mark.server
def test_the_javascript_example_says_what_is_wrong(stage: Stage) -> None:
    (stage.folder / "nothing.jpg").write_bytes(b"no picture")
    with pytest.raises(AssertionError, match=r"Error: .*picture"):
        stage.module(block("Example 3").replace("photo.jpg", "nothing.jpg"))


@pytest.mark.server
def test_the_python_example_says_what_is_wrong(stage: Stage) -> None:
    said = stage.python(block("Example 4").replace("portrait.jpg", "nowhere.jpg"))
    assert "URL" in said


@pytest.mark.server
def test_use_case_several_faces(stage: Stage) -> None:
    [body] = answers(stage.bash(block("Several faces")))
    assert [row["face_id"] for row in body["masks"]] == [0, 1]
    left = body["stats"]["faces"][0]["bbox"]["x"]
    assert left < 512, "order=left: face 0 is the left one"


@pytest.mark.server
def test_python_client(stage: Stage) -> None:
    (stage.folder / "mask.png").unlink(missing_ok=True)
    stage.python(block("Web page and clients"))
    assert np.asarray(opened(stage.folder / "mask.png"))[125, 225] == 255


@pytest.mark.server
@pytest.mark.timeout(600)
def test_command_line(stage: Stage) -> None:
    photos = stage.folder / "photos"
    photos.mkdir()
    for name in ("portrait.jpg", "group.jpg"):
        (photos / name).write_bytes((stage.folder / name).read_bytes())
    lines = [
        line.split("  #")[0]
        for line in block("Command line").splitlines()
        if "serve" not in line and "doctor" not in line
    ]
    (stage.folder / "mask.png").unlink(missing_ok=True)
    said = "".join(_said(stage, line.replace("> mask.png", "> piped.png")) for line in lines)
    assert "portrait.jpg\t0\t" in said, "detect says a line for each face"
    assert json.loads(said.splitlines()[0])["status"] == "ok"
    assert {path.name for path in (stage.folder / "masks").iterdir()} == {"portrait.png", "group.png"}
    rows = [json.loads(line) for line in (stage.folder / "crops" / "manifest.jsonl").read_text().splitlines()]
    assert [row["output"] for row in rows] == [["group-0.png", "group-1.png"], ["portrait-0.png"]]
    piped = opened(stage.folder / "piped.png")
    assert np.array_equal(np.asarray(piped), np.asarray(opened(stage.folder / "mask.png")))


def _said(stage: Stage, line: str) -> str:
    """A picture from a file and one from a pipe are drawn by what serves unasked (SAM, where its weights are); to load
    that for every line would take a minute.
    """
    return stage.bash(line) if "mask.png" in line or "piped.png" in line else stage.bash(line, SAM_ENGINE="mesh")


@pytest.mark.server
def test_the_demo(tmp_path: Path) -> None:
    pytest.importorskip("skimage")
    command = [sys.executable, str(ROOT / "scripts" / "demo.py"), "--out", "out"]
    done = subprocess.run(
        command, cwd=tmp_path, env={**os.environ, "SAM_ENGINE": "mesh"}, capture_output=True, text=True, timeout=280
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("1 face, ")
    sizes = {path.name: opened(path).size for path in (tmp_path / "out").iterdir()}
    assert sizes == dict.fromkeys(("photo.jpg", "mask.png", "overlay.jpg"), (512, 512))
