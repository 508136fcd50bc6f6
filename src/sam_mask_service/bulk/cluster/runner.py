"""The runner of a cluster. Lines lie in Ray's object store, in parts; a pool of actors takes them as it can (that is
the back-pressure); rows come back in any order. When an actor or a machine dies Ray Data starts another, as often as
needed, and its parts are done again: what it had written is found there.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

from ...errors import EngineUnavailable, ServiceError, StorageFull, StoreRefused, StoreUnreachable
from ...wire import Json
from ..ledger import Ledger
from ..line import Shard
from .actor import Kit, LineActor, question_of
from .claims import Claims
from .connect import Cluster
from .parcel import parts

_ENDS: dict[str, type[ServiceError]] = {
    kind.code: kind for kind in (EngineUnavailable, StorageFull, StoreRefused, StoreUnreachable)
}


class RayRunner:
    """``ray``: the module, connected."""

    def __init__(self, ray: Any, cluster: Cluster, kit: Kit) -> None:
        self._ray, self._cluster, self._kit = ray, cluster, kit

    async def question(self) -> str:
        cluster = self._cluster
        ask = self._ray.remote(question_of).options(num_cpus=cluster.cpus, num_gpus=cluster.gpus)
        answer = await asyncio.to_thread(lambda: self._ray.get(ask.remote(self._kit)))
        _check(answer)
        return str(answer["question"])

    async def rows(self, shards: Iterator[Shard], ledger: Ledger) -> AsyncIterator[tuple[int, Json]]:
        claims = self._ray.remote(Claims).options(num_cpus=0, max_restarts=-1).remote()
        async for number, row in self._pass(shards, claims):
            if "later" in row:
                ledger.index.keep_later(number, row["later"])
            else:
                yield number, row
        async for number, row in self._pass(_put_off(ledger), None):
            yield number, row

    async def _pass(self, shards: Iterator[Shard], claims: Any) -> AsyncIterator[tuple[int, Json]]:
        parcels = await asyncio.to_thread(self._parcels, shards)
        if not parcels:
            return
        tables = iter(self._worked(parcels, claims))
        while (table := await asyncio.to_thread(next, tables, None)) is not None:
            for number, text in zip(table["number"], table["row"], strict=True):
                row = json.loads(text)
                _check(row)
                yield int(number), row

    def _parcels(self, shards: Iterator[Shard]) -> list[Any]:
        """Every part as an object of Ray's, which keeps what does not fit into memory on its disks."""
        import pyarrow

        return [self._ray.put(pyarrow.table({"line": part})) for shard in shards for part in parts(shard)]

    def _worked(self, parcels: list[Any], claims: Any) -> Any:
        cluster, data = self._cluster, self._ray.data
        data.DataContext.get_current().enable_progress_bars = False
        return (
            data.from_arrow_refs(parcels)
            .map_batches(
                LineActor,
                fn_constructor_args=(self._kit, claims),
                batch_size=None,
                num_cpus=cluster.cpus,
                num_gpus=cluster.gpus,
                concurrency=(1, self._actors()),
            )
            .iter_batches(batch_size=None, prefetch_batches=0)
        )

    def _actors(self) -> int:
        """As many as were asked for; else as many as the cluster has room for."""
        if self._cluster.actors is not None:
            return self._cluster.actors
        there = self._ray.cluster_resources()
        fits = [there.get("CPU", 1) / self._cluster.cpus] if self._cluster.cpus else []
        fits += [there.get("GPU", 0) / self._cluster.gpus] if self._cluster.gpus else []
        return max(1, int(min(fits, default=1)))


def _put_off(ledger: Ledger) -> Iterator[Shard]:
    """The lines whose equals are done by now."""
    for found in ledger.index.later():
        yield [
            line._replace(
                earlier=None if before is None else ledger.line(*before),
                first=None if made is None else ledger.line(*made),
            )
            for line, before, made in found
        ]


def _check(row: Json) -> None:
    """Raises what ends the run."""
    if "ends" in row:
        raise _ENDS.get(row["ends"], ServiceError)(row["detail"])
