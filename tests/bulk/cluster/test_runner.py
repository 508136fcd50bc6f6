"""A cluster gives what one process gives, whatever dies in it. Wants Ray (``make test-ray``)."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from sam_mask_service.bulk.action import ACTIONS
from sam_mask_service.bulk.cluster.actor import Kit
from sam_mask_service.bulk.cluster.connect import Cluster, connect
from sam_mask_service.bulk.cluster.runner import RayRunner
from sam_mask_service.bulk.local import LocalRunner
from sam_mask_service.bulk.one import Wanted
from sam_mask_service.bulk.places import FolderPlace
from sam_mask_service.bulk.run import Run, Runner
from sam_mask_service.bulk.sources.folder import Folder
from sam_mask_service.errors import EngineUnavailable
from sam_mask_service.wire import Json

from ...support.scene import picture
from ...support.scene import service as fake_service
from . import fakes

pytestmark = [
    pytest.mark.timeout(300),
    # Not imported to be looked for: Ray reads its settings when it is, and ``connect`` makes them.
    pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="Ray is not installed"),
]
ROOT = Path(__file__).parents[3]
WANTED = Wanted(ACTIONS["mask"], ACTIONS["mask"].parse({"mode": "combined"}))
ASIDE = ("seconds", "double_of", "status")


@pytest.fixture(scope="module")
def ray() -> Iterator[Any]:
    """A cluster of this machine with two cores."""
    os.environ["PYTHONPATH"] = str(ROOT)
    module = connect(Cluster())
    yield module
    module.shutdown()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """70 pictures, of which some are equal, and two that are none."""
    (tmp_path / "in").mkdir()
    for number in range(70):
        (tmp_path / "in" / f"{number:02}.png").write_bytes(picture(200 + number % 50))
    (tmp_path / "in" / "bad.jpg").write_bytes(b"none")
    (tmp_path / "in" / "notes.txt").write_text("none")
    return tmp_path


def ran(folder: Path, output: str, runner: Callable[[], Runner]) -> list[Json]:
    """The rows of the manifest."""

    async def whole() -> None:
        with Run(Folder(folder / "in"), FolderPlace(folder / output), WANTED, folder / f"scratch-{output}") as run:
            run.look()
            await run.work(runner(), lambda row: None)
            run.finish()

    (folder / f"scratch-{output}").mkdir(exist_ok=True)
    for left in (folder / f"scratch-{output}").iterdir():
        left.unlink()
    asyncio.run(whole())
    return [json.loads(line) for line in (folder / output / "manifest.jsonl").read_bytes().splitlines()]


def on_ray(ray: Any, folder: Path, build: Callable[[str], Any] = fakes.plain, output: str = "ray") -> Runner:
    kit = Kit(partial(build, str(folder)), str(folder / output), WANTED)
    return RayRunner(ray, Cluster(actors=2), kit)


def here(folder: Path) -> Runner:
    return LocalRunner(fake_service(folder), FolderPlace(folder / "local"), WANTED)


def judged(folder: Path, rows: list[Json]) -> None:
    """As the run in one process: the same rows in the same order, the same bytes."""
    expected = ran(folder, "local", lambda: here(folder))
    plain = [{key: value for key, value in row.items() if key not in ASIDE} for row in rows]
    assert plain == [{key: value for key, value in row.items() if key not in ASIDE} for row in expected]
    files = {path.name: path.read_bytes() for path in (folder / "ray").glob("*.png")}
    assert files == {path.name: path.read_bytes() for path in (folder / "local").glob("*.png")} and len(files) == 70


def test_the_same_as_one_process(ray: Any, folder: Path) -> None:
    rows = ran(folder, "ray", lambda: on_ray(ray, folder))
    judged(folder, rows)
    assert sum("double_of" in row for row in rows) == 20 and len({row["id"] for row in rows if row.get("sha256")}) == 50
    again = ran(folder, "ray", lambda: on_ray(ray, folder))
    assert {row["status"] for row in again} == {"skipped", "error", "not_a_picture"}


def test_an_actor_that_dies_loses_and_doubles_nothing(ray: Any, folder: Path) -> None:
    rows = ran(folder, "ray", lambda: on_ray(ray, folder, fakes.deadly))
    assert (folder / "died").exists(), "nothing died"
    judged(folder, rows)


def test_an_engine_that_no_machine_has_is_said(ray: Any, folder: Path) -> None:
    with pytest.raises(EngineUnavailable, match="no weights here"):
        ran(folder, "ray", lambda: on_ray(ray, folder, fakes.without))


def test_a_machine_that_dies_loses_and_doubles_nothing(ray: Any, folder: Path) -> None:
    from ray.cluster_utils import Cluster as Machines

    ray.shutdown()
    machines = Machines(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    second = machines.add_node(num_cpus=1)
    try:
        ray.init(address=machines.address, log_to_driver=False)

        def kill() -> None:
            while len(list((folder / "ray").glob("*.png"))) < 10:
                time.sleep(0.05)
            machines.remove_node(second, allow_graceful=False)

        thread = threading.Thread(target=kill)
        thread.start()
        rows = ran(folder, "ray", lambda: on_ray(ray, folder))
        thread.join()
        judged(folder, rows)
    finally:
        ray.shutdown()
        machines.shutdown()
