"""Everything below an address of an object store."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ...doors import stores
from ...errors import FileMissing
from ..errors import BadInput
from ..line import Address, Found
from . import Options, Source


@dataclass(frozen=True)
class Store:
    address: str
    without: str
    changing: bool = True
    repeats: bool = False
    named: bool = False

    def found(self) -> Iterator[Found]:
        try:
            for thing in stores.things(self.address):
                if not thing.address.startswith(self.without):
                    yield Found(thing.name, Address("store", thing.address), stamp=thing.stamp)
        except FileMissing as error:
            raise BadInput(error.detail) from None

    def shown(self, name: str) -> str:
        return f"{self.address.rstrip('/')}/{name}"


def store(text: str, options: Options) -> Source | None:
    if not stores.is_address(text):
        return None
    return Store(text, f"{options.without.rstrip('/')}/")
