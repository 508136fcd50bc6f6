"""Which pictures a command line names, and where each result goes."""

from __future__ import annotations

from pathlib import Path

import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st

from sam_mask_service.cli.inputs import Job, existing, fitted, gather, output_names, outputs, read, write
from sam_mask_service.errors import FileExists, FileMissing, InvalidParameter, TooLarge

from ..support.scene import picture


def test_one_picture_to_one_file(tmp_path: Path) -> None:
    assert gather([str(tmp_path / "a.jpg")], str(tmp_path / "m.png")) == [
        Job(str(tmp_path / "a.jpg"), tmp_path / "a.jpg", tmp_path / "m.png", named=True)
    ]


def test_one_picture_into_a_folder_that_is_there_or_asked_for(tmp_path: Path) -> None:
    assert gather(["a.jpg"], str(tmp_path))[0].target == tmp_path / "a.png"
    assert gather(["a.jpg"], f"{tmp_path}/new/")[0].target == tmp_path / "new" / "a.png"


def test_a_folder_keeps_its_tree(pictures: Path, tmp_path: Path) -> None:
    targets = [job.target for job in gather([str(pictures)], str(tmp_path / "out"))]
    assert targets == [tmp_path / "out" / "a.png", tmp_path / "out" / "deeper" / "b.png"]


@pytest.mark.parametrize(
    ("inputs", "out", "word"),
    [(["a.jpg", "b.jpg"], "-", "stdout"), (["a.jpg"], "mask.jpg", "PNG"), (["EMPTY"], "out", "no picture")],
)
def test_command_lines_that_make_no_sense(inputs: list[str], out: str, word: str, tmp_path: Path) -> None:
    words = [str(tmp_path) if name == "EMPTY" else name for name in inputs]
    with pytest.raises(typer.BadParameter, match=word):
        gather(words, out)


@pytest.mark.parametrize(
    ("relative", "expected"),
    [
        (["a.jpg"], ["a.png"]),
        (["a.jpg", "a.png"], ["a.jpg.png", "a.png.png"]),
        (["A.jpg", "a.jpeg"], ["A.jpg.png", "a.jpeg.png"]),
        (["x/a.jpg", "y/a.jpg"], ["x/a.png", "y/a.png"]),
        (["a.jpg", "a.jpg"], ["a.jpg.png", "a.jpg.2.png"]),
    ],
)
def test_names_of_outputs(relative: list[str], expected: list[str]) -> None:
    assert [str(name) for name in output_names([Path(name) for name in relative])] == expected


@given(st.lists(st.from_regex(r"[abAB]{1,2}\.(jpg|png|webp)", fullmatch=True), max_size=12))
def test_outputs_never_meet(names: list[str]) -> None:
    made = [str(name).casefold() for name in output_names([Path(name) for name in names])]
    assert len(set(made)) == len(made)


def test_names_that_keep_their_format() -> None:
    names = output_names([Path("a.jpg"), Path("x/a.jpg"), Path("b.PNG"), Path("a.jpg")], None)
    assert [str(name) for name in names] == ["a.jpg.jpg", "x/a.jpg", "b.PNG", "a.jpg.2.jpg"]


@pytest.mark.parametrize(
    ("target", "kind", "expected"),
    [("a.jpeg", "jpeg", "a.jpeg"), ("a.gif", "png", "a.png"), ("a.JPG", "jpeg", "a.JPG"), ("a.png", "webp", "a.webp")],
)
def test_a_suffix_fits_the_format(target: str, kind: str, expected: str) -> None:
    assert fitted(Job("x", None, Path(target)), kind) == Path(expected)


def test_a_name_of_the_users_own_is_not_changed() -> None:
    with pytest.raises(InvalidParameter, match=r"\.jpg"):
        fitted(Job("x", None, Path("mine.png"), named=True), "jpeg")


def test_results_of_several_faces_are_numbered(tmp_path: Path) -> None:
    assert outputs(Path("m.png"), None) == [Path("m.png")]
    assert outputs(Path("m.png"), ["0", "3"]) == [Path("m-0.png"), Path("m-3.png")]


def test_nothing_is_overwritten_unless_asked(tmp_path: Path) -> None:
    job = Job("a", None, tmp_path / "new" / "m.png")
    assert write(job, [b"1", b"2"], ["0", "1"], overwrite=False) == [
        tmp_path / "new" / "m-0.png",
        tmp_path / "new" / "m-1.png",
    ]
    (tmp_path / "new" / "m-0.png").unlink()
    with pytest.raises(FileExists, match=r"m-1\.png"):
        write(job, [b"3", b"4"], ["0", "1"], overwrite=False)
    assert not (tmp_path / "new" / "m-0.png").exists(), "half of the results were written"
    write(job, [b"3", b"4"], ["0", "1"], overwrite=True)
    assert (tmp_path / "new" / "m-1.png").read_bytes() == b"4"


def test_stdout_takes_one_picture() -> None:
    with pytest.raises(InvalidParameter, match="2 pictures"):
        write(Job("a", None, Path("-")), [b"1", b"2"], ["0", "1"], overwrite=False)
    assert write(Job("a", None, None), [b"1"], None, overwrite=False) == []


@pytest.mark.parametrize(("name", "per_face", "found"), [
    ("m.png", False, True), ("m.png", True, False), ("m-0.png", True, True), ("m-0.png", False, False), ("m-x.png", True, False),
    ("m-2-0.png", True, False),
])  # fmt: skip
def test_what_is_there_already(name: str, per_face: bool, found: bool, tmp_path: Path) -> None:
    (tmp_path / name).touch()
    assert (existing(Job("a", None, tmp_path / "m.png"), per_face=per_face) is not None) == found


def test_reading(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(picture())
    assert read(Job("a", tmp_path / "a.png", None), 10**6) == picture()
    with pytest.raises(TooLarge):
        read(Job("a", tmp_path / "a.png", None), 10)
    with pytest.raises(FileMissing):
        read(Job("b", tmp_path / "b.png", None), 10)


def test_a_result_that_keeps_its_format_has_a_suffix_that_results_have() -> None:
    names = output_names([Path("a.gif"), Path("b.bmp"), Path("b.png"), Path("c.JPG"), Path("d.webp")], None)
    assert [str(name) for name in names] == ["a.png", "b.bmp.png", "b.png.png", "c.JPG", "d.webp"]
