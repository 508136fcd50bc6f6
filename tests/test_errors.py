"""The error tree: every class has a code of its own, a status, and a text without anything of ours in it."""

from __future__ import annotations

import inspect
import re

import pytest

from sam_mask_service import errors
from sam_mask_service.errors import Busy, ServiceError, Unavailable, Unprocessable

CLASSES = [c for _, c in inspect.getmembers(errors, inspect.isclass) if issubclass(c, ServiceError)]
GROUPS = {ServiceError, Unprocessable, Unavailable}
"""Never raised themselves: they hold what their subclasses share."""


@pytest.mark.parametrize("error", [c for c in CLASSES if c not in GROUPS], ids=lambda c: c.__name__)
def test_each_error_is_complete(error: type[ServiceError]) -> None:
    assert re.fullmatch(r"[a-z]+(_[a-z]+)*", error.code)
    assert 400 <= error.status <= 505 and error.title
    assert error.default_detail.endswith(".") and "/" not in error.default_detail.replace("/images", "")
    assert error().detail == str(error()) == error.default_detail


def test_codes_are_unique() -> None:
    codes = [c.code for c in CLASSES if c not in GROUPS]
    assert len(set(codes)) == len(codes)


def test_every_503_says_when_to_come_back() -> None:
    assert all((c.retry_after or 0) >= 1 for c in CLASSES if c.status == 503)


def test_a_detail_and_a_time_of_the_moment() -> None:
    error = Busy("Full.", retry_after=7)
    assert (error.detail, error.retry_after, error.status) == ("Full.", 7, 503)
    assert Busy.retry_after == Busy().retry_after == 1, "the class keeps its own"
