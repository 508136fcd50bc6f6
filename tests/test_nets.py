"""Nets that come after the start: detector and mesh engine are renewed under running requests, and nothing old is
answered.
"""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from typing import Any

import pytest

from sam_mask_service.actions.params import ImageMaskParams
from sam_mask_service.doors.weights_errors import DownloadFailed
from sam_mask_service.errors import EngineUnavailable
from sam_mask_service.nets import Net, Nets
from sam_mask_service.params import DetectParams, MaskParams, Source
from sam_mask_service.sam.fake import FakeSam
from sam_mask_service.segment.fake import FakeSegmenter
from sam_mask_service.segment.sam import SamSegmenter
from sam_mask_service.tasks import DETECT, IMAGE_MASKS, MASK, UPLOAD

from .support.scene import TWO_FACES, Fixed, picture, service

PICTURE = Source("bytes", picture())


def ran(*missing: Net) -> Nets:
    nets = Nets(missing)
    nets.start()
    for thread in threading.enumerate():
        if thread.name == "fetch-nets":
            thread.join(20)
    return nets


def test_what_came_is_installed_and_what_did_not_is_told() -> None:
    installed: list[str] = []

    def no_host() -> None:
        raise DownloadFailed("hair.tflite could not be fetched. its publisher: it answers 404.")

    def no_net() -> None:
        raise EngineUnavailable("The YuNet file holds another network; pull it again.")

    def crash() -> None:
        raise RuntimeError("/secret/place")

    nets = ran(
        Net("a", lambda: None, lambda: installed.append("a")),
        Net("b", no_host, lambda: installed.append("b")),
        Net("c", lambda: None, no_net),
        Net("d", lambda: None, crash),
    )
    assert installed == ["a"]
    assert {name: state.state for name, state in nets.states.items()} == {
        "a": "ready", "b": "failed", "c": "failed", "d": "failed",
    }  # fmt: skip
    assert "404" in (nets.states["b"].reason or "") and "another network" in (nets.states["c"].reason or "")
    assert "/secret" not in (nets.states["d"].reason or "")


def test_nothing_missing_starts_nothing() -> None:
    Nets().start()
    assert not any(thread.name == "fetch-nets" for thread in threading.enumerate())


def scene(tmp_path: Path, work: Any, **values: Any) -> Any:
    async def whole() -> Any:
        made = service(tmp_path, cache_bytes=64 << 20, **values)
        try:
            return await work(made)
        finally:
            await made.drain()
            made.close()

    return asyncio.run(whole())


def test_a_new_detector_is_asked_about_pictures_seen_before(tmp_path: Path) -> None:
    async def work(made: Any) -> None:
        before = (await made.run(DETECT, PICTURE, DetectParams())).body
        made.renew_detector(Fixed(TWO_FACES[:1], name="yunet"))
        after = (await made.run(DETECT, PICTURE, DetectParams())).body
        assert (len(before["faces"]), len(after["faces"])) == (2, 1)
        assert (before["stats"]["detector"], after["stats"]["detector"]) == ("fixed", "yunet")
        assert made.health()["detector"] == "yunet"

    scene(tmp_path, work)


def test_a_request_under_way_keeps_the_detector_that_it_began_with(tmp_path: Path) -> None:
    async def work(made: Any) -> None:
        first = asyncio.create_task(made.run(DETECT, PICTURE, DetectParams()))
        await asyncio.to_thread(looking.wait, 20)
        made.renew_detector(Fixed((), name="yunet"))
        go.set()
        answer = (await first).body
        assert (answer["stats"]["detector"], len(answer["faces"])) == ("fixed", 2)

    looking, go = threading.Event(), threading.Event()

    class Slow(Fixed):
        def detect(self, *arguments: Any, **named: Any) -> Any:
            looking.set()
            assert go.wait(20)
            return super().detect(*arguments, **named)

    scene(tmp_path, work, detector=Slow())


def over(mesh: str, model: str = "mobile_sam") -> SamSegmenter:
    return SamSegmenter(FakeSam(), FakeSegmenter(model=mesh), model)


def test_what_sam_saw_over_the_old_mesh_engine_is_not_used_over_the_new_one(tmp_path: Path) -> None:
    network = FakeSam()

    async def work(made: Any) -> None:
        made.engines.preference = "auto"
        made.engines.sam = SamSegmenter(network, made.engines.mesh, "mobile_sam")
        for renewed in (False, False, True, False):
            if renewed:
                made.engines.renew(FakeSegmenter(model="facemesh+hair"))
            await made.run(MASK, PICTURE, MaskParams())
            counts.append([call[0] for call in network.calls].count("encode"))

    counts: list[int] = []
    scene(tmp_path, work)
    assert counts[0] == counts[1] < counts[2] == counts[3]


@pytest.mark.parametrize("asked", [{}, {"points": [[40, 50, 1]]}, {"box": [20, 30, 40, 50]}, {"engine": "mesh"}])
def test_an_uploaded_picture_is_asked_on_when_another_engine_has_come(tmp_path: Path, asked: dict[str, Any]) -> None:
    """What the older engine saw of it stays in the cache and is not mistaken for the newer one's."""

    async def work(made: Any) -> None:
        made.engines.preference = "auto"
        made.engines.sam = over("fake", "mobile_sam")
        uploaded = await made.run(UPLOAD, PICTURE, DetectParams(), owner=b"me")
        kept = Source("kept", uploaded.body["image_id"], owner=b"me")
        params = ImageMaskParams.model_validate({"mode": "combined", **asked})
        first = await made.run(IMAGE_MASKS, kept, params, owner=b"me")
        made.engines.sam = over("fake", "vit_b")
        second = await made.run(IMAGE_MASKS, kept, params, owner=b"me")
        models = ("fake", "fake") if "engine" in asked else ("mobile_sam", "vit_b")
        assert (first.stats["model"], second.stats["model"]) == models
        assert len(second.stats["faces"]) == len(first.stats["faces"]) > 0

    scene(tmp_path, work)
