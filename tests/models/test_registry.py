"""The registry's rows: complete, told apart, and the one place that everything else reads."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

import pytest
from pydantic import ValidationError

from bench.draw_checkpoint import OFFICIAL
from sam_mask_service.doors.model_files import model
from sam_mask_service.models.registry import BY_NAME, NEEDED, ROWS, SAMS
from sam_mask_service.models.row import Archive, Download, ModelRow
from sam_mask_service.sam.advice import COSTS
from sam_mask_service.sam.architectures import family_of
from sam_mask_service.settings import Settings

ARCHIVES = list(dict.fromkeys(member.archive for row in ROWS for member in row.members))


@pytest.mark.parametrize("row", ROWS, ids=lambda r: r.name)
def test_rows_are_complete(row: ModelRow) -> None:
    assert len(row.sha256) == 64 and set(row.sha256) <= set("0123456789abcdef")
    assert row.bytes > 100_000 and row.licence and row.what and row.architecture
    assert Path(row.file).name == row.file and model(row.name) is row
    assert isinstance(row.sources[-1], Download), "its publisher is asked last"
    for source in row.sources:
        if isinstance(source, Download):
            assert source.url.startswith("https://") and urlsplit(source.url).path.endswith(f"/{row.file}")
        else:
            assert source.name.endswith(source.installed) and source.name.endswith(row.file)


@pytest.mark.parametrize("archive", ARCHIVES, ids=lambda a: a.project)
def test_archives_are_files_of_one_content(archive: Archive) -> None:
    assert len(archive.sha256) == 64 and archive.file.endswith((".tar.gz", ".whl")) and archive.bytes > 100_000


def test_rows_do_not_repeat_each_other() -> None:
    for values in ([r.name for r in ROWS], [r.file for r in ROWS], [r.sha256 for r in ROWS]):
        assert len(set(values)) == len(ROWS)
    assert [r.name for r in ROWS if r.caution] == ["face-parsing"]


def test_what_nothing_works_without_comes_with_one_archive_and_no_caution() -> None:
    assert {row.name for row in NEEDED} == {"face-detector", "face-mesh", "person"}
    assert len({member.archive for row in NEEDED for member in row.members}) == 1
    assert not any(row.caution for row in NEEDED)


@pytest.mark.parametrize("name", SAMS)
def test_every_sam_may_be_set_is_weighed_and_is_what_our_reader_takes_it_for(name: str) -> None:
    assert Settings(model=name).model == name
    assert COSTS[name].gflop > 0
    assert family_of(OFFICIAL[name]).sizes.__name__.lower() == f"{BY_NAME[name].architecture}config"


@pytest.mark.parametrize("name", ["yunet", "vit_x", ""])
def test_what_is_no_sam_is_refused_with_the_names_there_are(name: str) -> None:
    with pytest.raises(ValidationError, match=r"no SAM that is known here; these are: vit_b, .*mobile_sam"):
        Settings(model=name)
