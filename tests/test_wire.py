from __future__ import annotations

import pytest

from sam_mask_service.limits import WIRE
from sam_mask_service.wire import prefix_of


@pytest.mark.parametrize(
    ("text", "prefix"), [("", ""), ("/", ""), ("/masks", "/masks"), ("/a/b-c.d_e~f/", "/a/b-c.d_e~f")]
)
def test_a_prefix_loses_the_slash_at_its_end(text: str, prefix: str) -> None:
    assert prefix_of(text) == prefix


@pytest.mark.parametrize("text", ["masks", "//", "/a//b", "/a/../b", "/.", "/a b", "/é", "/a?b", "/a\n"])
def test_a_prefix_that_is_no_plain_path_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no path like /masks"):
        prefix_of(text)


def test_a_prefix_has_a_longest_length() -> None:
    assert prefix_of("/" + "a" * (WIRE.prefix - 1))
    with pytest.raises(ValueError, match="is longer than"):
        prefix_of("/" + "a" * WIRE.prefix)
