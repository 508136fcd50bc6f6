"""What keeps a run from starting, or ends it; each is one line to the user."""

from __future__ import annotations

from ..errors import InvalidParameter


class BadInput(InvalidParameter):
    """INPUT cannot be worked on."""

    place = "INPUT"


class BadOutput(InvalidParameter):
    """OUTPUT cannot take results."""

    place = "OUTPUT"


class BadTable(InvalidParameter):
    """The manifest cannot be written as a table."""

    place = "--parquet"
