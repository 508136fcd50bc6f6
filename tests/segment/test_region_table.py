"""A region is one row: a further one can be asked for, drawn, hidden and taken away by it alone."""

from __future__ import annotations

import pytest

from sam_mask_service.errors import RegionUnavailable
from sam_mask_service.faces.mesh import MOUTH, NOSE, fill, polygons
from sam_mask_service.segment import region_table
from sam_mask_service.segment.mesh import MeshSegmenter
from sam_mask_service.segment.region_table import ROWS, Region, drawable, face_classes, head_classes, names
from sam_mask_service.segment.regions import parse_regions

from ..support.drawn_face import face, portrait

MUZZLE = Region("muzzle", rings=(NOSE, MOUTH))
BEARD = Region("beard", classes=(99,), needs=region_table.PARSING, of_face=True)


@pytest.fixture
def _two_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(region_table, "ROWS", (*ROWS, MUZZLE, BEARD))


@pytest.mark.usefixtures("_two_more")
def test_a_region_is_drawn_by_its_row() -> None:
    engine = MeshSegmenter()
    image, _ = portrait((300, 300), (150, 150), 120, 160)
    person = face((150, 150), 120, 160)
    assert person.landmarks is not None
    embedding = engine.embed(image, [person])
    patch = engine.masks(embedding, [person], "muzzle")[0].patch
    whole = fill((300, 300), polygons(person.landmarks, MUZZLE.rings))
    height, width = patch.bits.shape
    assert whole[patch.y : patch.y + height, patch.x : patch.x + width].sum() == patch.bits.sum() == whole.sum() > 100
    assert engine.masks(embedding, [person], "muzzle,-nose")[0].patch.bits.sum() < patch.bits.sum()


@pytest.mark.usefixtures("_two_more")
def test_a_region_of_a_network_needs_it() -> None:
    assert parse_regions("face,-beard") == [(1, "face"), (-1, "beard")]
    assert "beard" in drawable(frozenset({"parsing"}))
    assert 99 in face_classes() and 99 not in head_classes()
    engine = MeshSegmenter()
    image, _ = portrait((300, 300), (150, 150), 120, 160)
    person = face((150, 150), 120, 160)
    with pytest.raises(RegionUnavailable, match="not beard"):
        engine.masks(engine.embed(image, [person]), [person], "beard")


def test_each_row_says_how_it_is_drawn() -> None:
    assert len(set(names())) == len(ROWS)
    for row in ROWS:
        assert row.algorithm or row.rings or (row.classes and row.needs), row.name
        assert row.rings or not row.holes, row.name


@pytest.mark.parametrize(
    ("nets", "missing"),
    [
        (set(), {"hair", "ears", "neck", "glasses", "hat"}),
        ({"hair"}, {"ears", "neck", "glasses", "hat"}),
        ({"parsing"}, set()),
    ],
)
def test_what_can_be_drawn_with_which_networks(nets: set[region_table.Net], missing: set[str]) -> None:
    assert set(names()) - drawable(frozenset(nets)) == missing
