"""SAM on a card behind HTTP, on a card of arrays and, where torch is installed, on torch's CPU device: said everywhere,
answers unmixed, out of memory and a lost card in clear words.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sam_mask_service.image import encode
from sam_mask_service.runtime.devices import Device
from sam_mask_service.sam.card import CardSam
from sam_mask_service.segment.fake import FakeSegmenter
from sam_mask_service.segment.sam import SamSegmenter

from ..support.array_card import ArrayCard
from ..support.drawn_sam import VIT, draw
from ..support.scene import service
from ..support.wire import Client

RNG = np.random.default_rng(5)
PICTURES = [encode(RNG.integers(0, 256, (150, 200, 3), dtype=np.uint8)) for _ in range(6)]


def torch_card() -> Any:
    pytest.importorskip("torch")
    from sam_mask_service.runtime.torch_card import Card

    return Card("torch-cpu", 1)


@pytest.fixture(params=[ArrayCard, torch_card], ids=["arrays", "torch"])
def card(request: pytest.FixtureRequest) -> Any:
    return request.param()


@pytest.fixture
def client(card: Any, tmp_path: Path) -> Iterator[Client]:
    sam = SamSegmenter(CardSam(draw(VIT), VIT, "f32", card), FakeSegmenter(), threads=1)
    made = Client(service(tmp_path, load_sam=lambda _: sam, engine="auto", workers=4, queue=16, cache_bytes=0))
    made.service.engines.start()
    thread = made.service.engines._thread
    assert thread is not None
    thread.join(20)
    yield made
    made.close()


def mask(client: Client, picture: bytes, **params: str) -> Any:
    return client.post("/create_mask", files={"image": ("p.png", picture)}, data=params)


def test_the_device_is_said_everywhere(client: Client, card: Any) -> None:
    answer = mask(client, PICTURES[0])
    assert answer.status_code == 200, answer.text
    stats = answer.json()["stats"]
    assert (stats["engine"], stats["model"], stats["device"]) == ("sam", "vit", card.name)
    health = client.get("/health").json()
    assert (health["device"], health["precision"], health["status"]) == (card.name, "f32", "healthy")
    metrics = client.get("/metrics").text
    assert f'sam_mask_device{{device="{card.name.split(":")[0]}"}} 1.0' in metrics
    assert 'sam_mask_device{device="cpu"} 0.0' in metrics
    assert "sam_mask_encoder_batches 1.0" in metrics and "sam_mask_encoder_pictures 1.0" in metrics


def looked(answer: Any) -> str:
    """What of an answer is the picture's own: a drawn network is not believed, but how far it agreed differs."""
    return str(answer.json()["stats"]["faces"])


def test_requests_at_once_get_their_own_answers(client: Client) -> None:
    alone = [looked(mask(client, picture)) for picture in PICTURES]
    assert len(set(alone)) == len(alone)

    async def together() -> list[Any]:
        files = [{"image": ("p.png", picture)} for picture in PICTURES * 3]
        return list(await asyncio.gather(*(client.ask("POST", "/create_mask", files=file) for file in files)))

    assert [looked(answer) for answer in client.run(together())] == alone * 3


def test_a_lost_card_is_said_and_the_mesh_engine_goes_on(client: Client, card: Any) -> None:
    assert client.get("/ready").json() == {"ready": True}
    card.lost = "cuda:0 does not answer any more"
    answer = mask(client, PICTURES[0])
    assert (answer.status_code, answer.json()["code"]) == (503, "device_lost")
    ready = client.get("/ready")
    assert (ready.status_code, ready.json()) == (503, {"ready": False, "reason": "device_lost"})
    health = client.get("/health").json()
    assert health["status"] == "degraded" and "does not answer any more; start the service anew" in health["reason"]
    assert mask(client, PICTURES[0], engine="mesh").status_code == 200


@pytest.mark.parametrize("card", [ArrayCard], indirect=True, ids=["arrays"])
def test_a_full_card_is_a_503_and_the_worker_lives(client: Client, card: Any) -> None:
    card.fits = 0
    answer = mask(client, PICTURES[0])
    assert (answer.status_code, answer.json()["code"]) == (503, "device_full")
    assert int(answer.headers["retry-after"]) >= 1 and "no memory left" in answer.json()["detail"]
    card.fits = 64
    assert mask(client, PICTURES[0]).status_code == 200


def test_why_the_cpu_computes_is_said(client: Client) -> None:
    client.service.device = Device("cpu", "there is no NVIDIA driver")
    assert client.get("/health").json()["device_reason"] == "there is no NVIDIA driver"


def test_a_picture_that_no_card_can_take_hurts_nobody_else(client: Client, card: Any, monkeypatch: Any) -> None:
    """One of several at once makes the network fail: it alone is told, and the card serves on."""
    bad = encode(np.full((90, 70, 3), 255, np.uint8))
    sam: CardSam = client.service.engines.sam._backend  # type: ignore[union-attr]
    run, taken, marked = sam.batches._run, sam._taken, set[int]()

    def take(image: Any) -> Any:
        made = taken(image)
        if image.shape[0] != 150:
            marked.add(id(made))
        return made

    def fail(items: Any) -> Any:
        if any(id(item) in marked for item in items):
            raise ValueError("a bad picture")
        return run(items)

    monkeypatch.setattr(sam, "_taken", take)
    monkeypatch.setattr(sam.batches, "_run", fail)

    async def together() -> list[Any]:
        files = [{"image": ("p.png", picture)} for picture in (PICTURES[0], bad, PICTURES[1])]
        return list(await asyncio.gather(*(client.ask("POST", "/create_mask", files=file) for file in files)))

    assert [answer.status_code for answer in client.run(together())] == [200, 500, 200]
    assert mask(client, PICTURES[2]).status_code == 200
