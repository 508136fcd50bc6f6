"""The composition root with the real face models: which files it uses, and what it says about those it cannot."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from skimage import data

from sam_mask_service import compose
from sam_mask_service.doors import weights
from sam_mask_service.errors import EngineUnavailable
from sam_mask_service.geometry import Box, Face
from sam_mask_service.image import encode
from sam_mask_service.models.row import ModelRow
from sam_mask_service.params import MaskParams, Source
from sam_mask_service.runtime import devices
from sam_mask_service.runtime.devices import Device, DeviceUnavailable, Torch
from sam_mask_service.sam.fake import FakeSam
from sam_mask_service.segment.fake import FakeSegmenter
from sam_mask_service.segment.sam import SamSegmenter
from sam_mask_service.settings import Settings
from sam_mask_service.tasks import MASK

from .support import real_weights, torchzip
from .support.drawn_sam import VIT, draw
from .support.scene import Fixed, picture, service, settings

CPU = Device("cpu")


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("drawn") / "mine.pth"
    torchzip.write(path, draw(VIT))
    return path


def loaded(tmp_path: Path, **values: Any) -> Any:
    seen: list[tuple[str, float | None]] = []
    load = compose.sam_loader(settings(tmp_path, **values), FakeSegmenter(), CPU)
    return load(lambda state, percent: seen.append((state, percent))), seen


@pytest.mark.parametrize(
    ("wish", "found", "words"),
    [
        ("cuda", Torch(), r"SAM_DEVICE=cuda needs torch: pip install 'sam-mask-api\[gpu\]'"),
        (
            "cuda",
            Torch("2", problem="there is no NVIDIA driver"),
            "SAM_DEVICE=cuda: there is no NVIDIA driver. SAM_DEV",
        ),
        ("cuda", Torch("2", problem="the NVIDIA driver is too old"), "the NVIDIA driver is too old"),
        ("cuda:3", Torch("2", cards=("H100",)), "there is no such card; there is cuda:0 H100"),
        ("mps", Torch("2"), "sees no Apple GPU"),
    ],
)
def test_a_card_that_is_asked_for_and_not_there_stops_the_start(
    wish: str, found: Torch, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(devices, "look", lambda _: found)
    with pytest.raises(EngineUnavailable, match=words):
        compose.build(settings(tmp_path, engine="auto", device=wish))


def test_a_card_that_cannot_be_had_leaves_the_mesh_engine_and_its_reason(
    tmp_path: Path, checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def busy(*_: Any, **__: Any) -> None:
        raise DeviceUnavailable("SAM_DEVICE=cuda:0: the card is busy.")

    monkeypatch.setattr("sam_mask_service.sam.load.load_sam_on", busy)
    with pytest.raises(EngineUnavailable, match="the card is busy"):
        loaded(tmp_path, checkpoint=checkpoint)


def test_a_checkpoint_of_the_users_own(tmp_path: Path, checkpoint: Path) -> None:
    segmenter, seen = loaded(tmp_path, checkpoint=checkpoint, precision="f32")
    assert (segmenter.name, segmenter.precision, segmenter.device) == ("sam", "f32", "cpu")
    assert seen == [("loading", None)]


def test_missing_weights_without_a_network_are_named(tmp_path: Path) -> None:
    with pytest.raises(EngineUnavailable, match=r"sam_vit_b_01ec64\.pth"):
        loaded(tmp_path, offline=True)


def test_a_checkpoint_that_is_not_there_or_is_none(tmp_path: Path) -> None:
    with pytest.raises(EngineUnavailable, match="SAM_CHECKPOINT"):
        loaded(tmp_path, checkpoint=tmp_path / "nowhere.pth")
    (tmp_path / "page.pth").write_text("<html>not found</html>")
    with pytest.raises(EngineUnavailable, match=r"^SAM_CHECKPOINT: ") as e:
        loaded(tmp_path, checkpoint=tmp_path / "page.pth")
    assert str(tmp_path) not in e.value.detail


def row_of(checkpoint: Path, **changes: Any) -> ModelRow:
    data = checkpoint.read_bytes()
    digest = hashlib.sha256(data).hexdigest()
    return replace(weights.model("vit_b"), file=checkpoint.name, bytes=len(data), **{"sha256": digest, **changes})


def begun(tmp_path: Path, row: ModelRow, monkeypatch: pytest.MonkeyPatch, **values: Any) -> tuple[Any, Any]:
    """The network that a start with ``row`` as its model begins, and the loader that waits for it."""
    monkeypatch.setattr(weights, "model", lambda _: row)
    chosen = settings(tmp_path, precision="f32", offline=True, **values)
    network = compose.begin(chosen, CPU)
    return network, compose.sam_loader(chosen, FakeSegmenter(), CPU, network)


def test_a_model_of_the_table_is_checked_beside_compiling(
    tmp_path: Path, checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    network, load = begun(tmp_path, row_of(checkpoint), monkeypatch, models_dir=checkpoint.parent)
    assert network is not None
    assert load(lambda *_: None).name == "sam"
    assert network.file.closed


def test_what_is_not_the_published_file_never_becomes_an_engine(
    tmp_path: Path, checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    network, load = begun(tmp_path, row_of(checkpoint, sha256="0" * 64), monkeypatch, models_dir=checkpoint.parent)
    assert network is not None and network.soon.result() is not None  # compiled all the same, and dropped
    with pytest.raises(EngineUnavailable, match="not the published file"):
        load(lambda *_: None)
    assert network.file.closed


def test_nothing_begins_before_the_weights_are_there(tmp_path: Path) -> None:
    assert compose.begin(settings(tmp_path), CPU) is None
    assert compose.begin(settings(tmp_path, checkpoint=tmp_path / "nowhere.pth"), CPU) is None


def steps(chosen: Settings) -> list[str]:
    return [step.model for step in compose.sam_steps(chosen)]


def test_auto_begins_with_the_small_sam_unless_the_one_asked_for_is_here(tmp_path: Path, checkpoint: Path) -> None:
    auto = settings(tmp_path, engine="auto")
    assert steps(auto) == ["mobile_sam", "vit_b"]
    assert steps(settings(tmp_path, engine="auto", model="mobile_sam")) == ["mobile_sam"]
    assert steps(settings(tmp_path, engine="auto", checkpoint=checkpoint)) == ["vit_b"]
    assert steps(settings(tmp_path, engine="sam")) == ["vit_b"]
    assert steps(settings(tmp_path, engine="mesh")) == []
    file = weights.path(weights.model("vit_b"), auto.models_dir)
    file.write_bytes(b"half a file")
    assert steps(auto) == ["mobile_sam", "vit_b"]
    os.truncate(file, weights.model("vit_b").bytes)
    assert steps(auto) == ["vit_b"]


def test_offline_fetches_no_net_and_a_server_only_what_is_not_here(tmp_path: Path) -> None:
    async def built(**values: Any) -> tuple[list[str], list[str]]:
        made = compose.build(settings(tmp_path, **values))
        small = [net.name for net in compose.small_nets(made)]
        made.close()
        return list(made.nets.states), small

    assert asyncio.run(built(offline=True)) == ([], ["yunet", "hair"])
    assert asyncio.run(built(offline=False)) == (["yunet", "hair"],) * 2
    weights.path(weights.model("hair"), tmp_path / "models").write_bytes(b"half a file")
    assert asyncio.run(built(offline=False)) == (["yunet"],) * 2


@pytest.mark.parametrize("content", [b"half", b"x" * 40_728_226])
def test_weights_of_something_else_are_named_and_the_mesh_engine_draws(tmp_path: Path, content: bytes) -> None:
    """Half a file, and one of the right size that is another model."""
    chosen = settings(tmp_path, engine="auto", model="mobile_sam", offline=True)
    weights.path(weights.model("mobile_sam"), chosen.models_dir).write_bytes(content)

    async def scene() -> tuple[Any, Any]:
        made = compose.build(chosen)
        made.start()
        while made.engines.sam_state.state != "failed":
            await asyncio.sleep(0.01)
        answer = await made.run(MASK, Source("bytes", encode(data.astronaut())), MaskParams())
        made.close()
        return made.health(), answer.stats["engine"]

    health, engine = asyncio.run(scene())
    assert engine == "mesh" and health["status"] == "degraded"
    assert (
        "mobile_sam.pt is not the published file" in health["reason"] and "models pull mobile_sam" in health["reason"]
    )


def test_the_real_weights_draw_from_the_first_request_while_the_other_is_awaited(tmp_path: Path) -> None:
    chosen = settings(tmp_path, engine="auto", offline=True)
    (chosen.models_dir / "mobile_sam.pt").symlink_to(real_weights.mobile_sam())

    async def scene() -> tuple[Any, Any]:
        made = compose.build(chosen)
        made.start()
        while made.engines.sam_state.state != "failed":
            await asyncio.sleep(0.01)
        answer = await made.run(MASK, Source("bytes", encode(data.astronaut())), MaskParams(expand_pixels=0))
        made.close()
        return made.health(), answer.stats

    health, stats = asyncio.run(scene())
    assert (stats["engine"], stats["model"]) == ("sam", "mobile_sam")
    assert (health["status"], health["model"], health["sam"]["model"]) == ("healthy", "mobile_sam", "vit_b")
    assert "SAM_OFFLINE" in health["reason"] and "mobile_sam draws" in health["reason"]
    assert 6_000 < stats["face_pixels"] < 18_000


def test_optional_models_are_used_when_whole_and_named_when_damaged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    chosen = settings(tmp_path)
    assert compose.optional("yunet", chosen) is None
    weights.path(weights.model("yunet"), chosen.models_dir).write_bytes(b"half a download")
    with caplog.at_level(logging.ERROR):
        assert compose.optional("yunet", chosen) is None
    assert "sam-mask models pull yunet" in caplog.text


@pytest.mark.parametrize(("engine", "expected"), [("mesh", "mesh"), ("auto", "sam")])
def test_a_real_face_through_the_whole_service(tmp_path: Path, checkpoint: Path, engine: str, expected: str) -> None:
    """The portrait's face, by the mesh engine and by a drawn SAM, which the band keeps to the face."""

    async def scene() -> Any:
        service = compose.build(settings(tmp_path, engine=engine, checkpoint=checkpoint, offline=True))
        service.start()
        while engine == "auto" and service.engines.sam is None:
            await asyncio.sleep(0.01)
        answer = await service.run(MASK, Source("bytes", encode(data.astronaut())), MaskParams(expand_pixels=0))
        await service.drain()
        service.close()
        return answer

    stats = asyncio.run(scene()).stats
    assert stats["engine"] == expected
    box = stats["faces"][0]["mask_bbox"]
    assert 150 < box["x"] < 200 and 240 < box["x"] + box["width"] < 310
    assert 20 < box["y"] < 90 and 160 < box["y"] + box["height"] < 210
    assert 6_000 < stats["face_pixels"] < 18_000


def test_other_parameters_of_a_picture_cost_the_decoder_only(tmp_path: Path) -> None:
    """Also where SAM was shown several crops of it."""
    network = FakeSam()
    apart = (Face(Box(50, 60, 60, 60), 0.9), Face(Box(1000, 500, 60, 60), 0.8), Face(Box(1800, 100, 60, 60), 0.7))

    async def scene() -> list[int]:
        segmenter = SamSegmenter(network, FakeSegmenter())
        fakes = service(tmp_path, Fixed(apart), segmenter, cache_bytes=64 << 20)
        data, counts = picture(2000, 700), []
        for asked in ({}, {"expand_pixels": 9}, {"region": "head"}, {"region": "head", "feather_pixels": 3}):
            answer = await fakes.run(MASK, Source("bytes", data), MaskParams(detail="face", mode="combined", **asked))
            assert len(answer.stats["faces"]) == 3
            counts.append([call[0] for call in network.calls].count("encode"))
        await fakes.drain()
        fakes.close()
        return counts

    assert asyncio.run(scene()) == [3, 3, 3, 3]
    assert [call[0] for call in network.calls].count("decode") == 6  # three crops, two regions
