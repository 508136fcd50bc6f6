"""A target is one row: a further one is asked for, shapes mask and picture, and is told by it alone."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sam_mask_service.targets import TARGETS, Target, table

from ..support.scene import picture, service
from ..support.wire import Client

EASEL = Target(
    "easel",
    "Easel",
    "POST /paint",
    change="black",
    soft=False,
    multiple=64,
    min_side=128,
    fields={"mask": {"from": "mask_base64", "as": "base64"}},
)


@pytest.fixture
def http(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Client]:
    monkeypatch.setattr(table, "TARGETS", {**TARGETS, EASEL.name: EASEL})
    client = Client(service(tmp_path))
    yield client
    client.close()


def opened(text: str) -> Image.Image:
    return Image.open(io.BytesIO(base64.b64decode(text)))


def test_a_target_is_one_row(http: Client) -> None:
    data = {"target": "easel", "mode": "combined"}
    body = http.post("/create_mask", files={"image": picture(200, 150)}, data=data).json()
    assert body["success"], body
    mask, fitted = opened(body["mask_base64"]), opened(body["image_base64"])
    assert mask.size == fitted.size and all(side % 64 == 0 and side >= 128 for side in mask.size)
    grey = np.asarray(mask.convert("L"))
    assert set(np.unique(grey)) == {0, 255}, "neither soft nor of one kind alone"
    assert grey[0, 0] == 255, "what stays is white, since black is changed"
    assert (body["target"]["name"], body["target"]["fields"]) == ("easel", EASEL.fields)


def test_what_contradicts_its_row_is_refused(http: Client) -> None:
    data = {"target": "easel", "invert": "false"}
    answer = http.post("/create_mask", files={"image": picture()}, data=data)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_parameter")
    assert "easel" in answer.json()["detail"]


def test_it_is_named_among_those_that_there_are(http: Client) -> None:
    answer = http.post("/create_mask", files={"image": picture()}, data={"target": "nobody"})
    assert "easel" in answer.json()["detail"]
