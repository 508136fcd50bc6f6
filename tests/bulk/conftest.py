"""The command line on fakes, for whole runs."""

from __future__ import annotations

from ..cli.conftest import call, pictures

__all__ = ["call", "pictures"]
