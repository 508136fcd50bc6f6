"""Which index is asked."""

from __future__ import annotations

import pytest

from sam_mask_service.doors.package_index import PYPI, index


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, PYPI),
        ({"PIP_INDEX_URL": "  "}, PYPI),
        ({"PIP_INDEX_URL": "https://pip.example.com/simple/"}, "https://pip.example.com/simple/"),
        (
            {"UV_INDEX_URL": "https://uv.example.com", "PIP_INDEX_URL": "https://pip.example.com"},
            "https://uv.example.com",
        ),
        ({"UV_DEFAULT_INDEX": "ours=https://uv.example.com/a=b"}, "https://uv.example.com/a=b"),
        ({"UV_DEFAULT_INDEX": "https://uv.example.com/?a=b"}, "https://uv.example.com/?a=b"),
    ],
)
def test_the_installers_index_is_asked(environment: dict[str, str], expected: str) -> None:
    assert index(environment) == expected
