"""Whose address a request comes from."""

from __future__ import annotations

from starlette.types import Scope

_MOST = 64
"""Characters: an IPv6 address with its zone has fewer, and what a proxy hands on may be anything."""


def caller_of(scope: Scope) -> str:
    """The client's address as the server knows it; empty when it has none."""
    return str(scope["client"][0])[:_MOST] if scope.get("client") else ""
