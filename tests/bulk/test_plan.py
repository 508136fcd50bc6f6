"""Planned on disk, results are named as they are in memory, and none meets another."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sam_mask_service.bulk.index import Index
from sam_mask_service.bulk.kinds import FILM, LIKELY, PICTURE, RAW
from sam_mask_service.bulk.line import Address, Found, Line
from sam_mask_service.bulk.naming import output_names
from sam_mask_service.bulk.plan import Plan
from sam_mask_service.bulk.row import Known

from ..support.scene import picture

NAMES = st.lists(st.from_regex(r"(x/)?a(\.(jpg|png|2|A)){0,3}", fullmatch=True), unique=True, max_size=12)


def lines(index: Index, first: int = 0) -> list[Line]:
    return [line for shard in index.shards(first) for line, _ in index.open(shard)]


def planned(*found: Found, suffix: str | None = ".png", named: bool = False, index: Index | None = None) -> list[Line]:
    with tempfile.TemporaryDirectory() as folder:
        own = index or Index(Path(folder, "index"))
        first = Plan(own, suffix, named=named, repeats=True).add(found)
        made = lines(own, first)
        own.close()
    return made


def url(name: str, stamp: str = "") -> Found:
    return Found(name, Address("url", f"https://pics.example/{name}"), stamp=stamp)


@given(NAMES)
def test_names_are_those_that_are_made_in_memory(names: list[str]) -> None:
    targets = [line.target for line in planned(*map(url, names), named=True)]
    assert targets == output_names(names)
    assert len({str(name).casefold() for name in targets}) == len(names)


def test_what_is_named_twice_is_worked_on_twice_under_two_names() -> None:
    made = planned(url("a.jpg"), url("b.jpg"), url("a.jpg"), named=True)
    assert [line.name for line in made] == ["a.jpg", "b.jpg", "a.jpg#2"]
    assert len({line.target for line in made}) == 3


@pytest.mark.parametrize(
    "name", ["../../etc/passwd.jpg", "/etc/a.jpg", "C:\\x\\a.jpg", "https://h/../a.jpg?b=/c", ".."]
)
def test_no_target_leads_out_of_the_output(name: str) -> None:
    [line] = planned(url(name), named=True)
    assert line.target is not None and ".." not in line.target and not line.target.startswith(("/", "C:"))


@pytest.mark.parametrize(
    ("name", "kind"), [("a.jpg", LIKELY), ("a", LIKELY), ("a.mov", FILM), ("a.dng", RAW), ("a.txt", LIKELY)]
)
def test_what_is_far_away_is_judged_by_its_name_first(name: str, kind: object) -> None:
    [line] = planned(Found(name, Address("store", f"memory://x/{name}")))
    assert line.kind == kind and (line.target is None) == (kind in (FILM, RAW))


def test_a_file_is_looked_at_unless_its_row_says_what_it_is(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(picture(kind="jpeg"))
    found = Found("a", Address("file", str(tmp_path / "a")), stamp="1")
    assert [(line.kind, line.target) for line in planned(found, suffix=None)] == [(PICTURE, "a.jpg")]
    for stamp, target in {"1": "a.webp", "2": "a.jpg", "": "a.jpg"}.items():
        index = Index(tmp_path / f"index{stamp}")
        index.keep_earlier([Known("a", stamp, PICTURE.words, "WEBP", 0, 10)])
        assert [line.target for line in planned(found, suffix=None, index=index)] == [target]


def test_later_lines_take_no_name_of_earlier_ones(tmp_path: Path) -> None:
    index = Index(tmp_path / "index")
    plan = Plan(index, ".png", named=True, repeats=False)
    assert plan.add([url("a.jpg")]) == 0 and plan.add([url("a.png"), url("b.png")]) == 1
    assert [line.target for line in lines(index)] == ["a.png", "a.png.png", "b.png"]
    index.close()
