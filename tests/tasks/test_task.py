"""A new endpoint is one row: this file makes one, and everything else that a caller meets comes from it."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import httpx
import numpy as np
import pytest
import typer
from PIL import Image
from pydantic import Field
from typer.testing import CliRunner

from sam_mask_service import client as library
from sam_mask_service.bulk.action import actions_of
from sam_mask_service.cli import main
from sam_mask_service.image import decode_srgb
from sam_mask_service.params import Params
from sam_mask_service.tasks import TASKS, Task
from sam_mask_service.tasks.pictures import ENCODE_PICTURE, SAY_PICTURE, PictureWork
from sam_mask_service.tasks.steps import DECODE, Step, always
from sam_mask_service.tasks.task import ANY_PICTURE, File, Render

from ..support.scene import picture, service
from ..support.wire import Client

# --- all that a new endpoint takes ------------------------------------------------------------------------------------

INKS = {"red": (255, 0, 0), "blue": (0, 0, 255)}


class StampParams(Params):
    """A stamp in the corner."""

    ink: Literal["red", "blue"] = Field("red", description="Colour of the stamp.")
    output: Literal["base64", "image"] | None = Field(None, description="JSON, or the picture itself.")


def stamp(work: PictureWork) -> None:
    work.pixels = work.picture.rgb.copy()
    logo = work.asked.files.get("logo")
    mark = decode_srgb(logo, **work.tools.limits.decoding)[:10, :10] if logo else INKS[work.asked.params.ink]
    work.pixels[:10, :10] = mark
    work.kind, work.said = "png", {"stats": {"faces_detected": 0, "ink": work.asked.params.ink}}


STAMP = Task(
    name="stamp",
    path="/stamp",
    about="A stamp on the picture.",
    params=StampParams,
    steps=(DECODE, Step(stamp, "stamp", pixels=always), ENCODE_PICTURE, SAY_PICTURE),
    render=Render(bare="image", pictures=ANY_PICTURE, accept=ANY_PICTURE),
    files=(File("logo", needed=False),),
    work=PictureWork,
    command="Stamp pictures.",
)

# --- what comes of it -------------------------------------------------------------------------------------------------


@pytest.fixture
def http(tmp_path: Path) -> Iterator[Client]:
    client = Client(service(tmp_path, workers=1, queue=0), tasks=[*TASKS, STAMP])
    yield client
    client.close()


def corner(data: bytes) -> tuple[int, ...]:
    return tuple(int(v) for v in np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))[0, 0])


def test_it_answers_in_every_form(http: Client) -> None:
    body = http.post("/stamp", files={"image": picture()}, data={"ink": "blue"}).json()
    assert (body["success"], body["parameters"]["ink"], body["stats"]["ink"]) == (True, "blue", "blue")
    assert list(body["timings"]) == ["decode", "stamp", "encode"]
    bare = http.post("/stamp", content=picture(), headers={"Content-Type": "image/png", "Accept": "image/png"})
    assert (bare.headers["content-type"], corner(bare.content)) == ("image/png", INKS["red"])
    with_logo = http.post(
        "/stamp", files={"image": picture(), "logo": picture(20, 20)}, data={"output": "image"}
    ).content
    assert corner(with_logo) == corner(picture(20, 20))


@pytest.mark.parametrize("data", [{"ink": "green"}, {"inc": "red"}])
def test_it_refuses_what_is_wrong(http: Client, data: dict[str, str]) -> None:
    answer = http.post("/stamp", files={"image": picture()}, data=data)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_parameter")
    assert "ink" in answer.json()["detail"]


def test_it_is_described_and_counted(http: Client) -> None:
    operation = http.get("/openapi.json").json()["paths"]["/stamp"]["post"]
    assert operation["description"] == STAMP.about
    form = operation["requestBody"]["content"]["multipart/form-data"]["schema"]["properties"]
    assert set(form) == {"image", "image_url", "image_base64", "image_path", "logo", "ink", "output"}
    assert {"image/png", "application/json"} <= set(operation["responses"]["200"]["content"])
    assert "Colour of the stamp." in http.get("/docs").text
    http.post("/stamp", files={"image": picture()})
    assert 'requests_total{code="200",endpoint="/stamp"} 1.0' in http.get("/metrics").text


def test_a_full_service_turns_it_away_at_the_door(http: Client) -> None:
    http.service.gate.busy = 1
    answer = http.post("/stamp", files={"image": picture()})
    http.service.gate.busy = 0
    assert (answer.status_code, answer.json()["code"]) == (503, "busy")
    assert 'requests_total{code="503",endpoint="/stamp"} 1.0' in http.get("/metrics").text


def test_it_is_a_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(main, "_service", lambda _: service(tmp_path))
    app = typer.Typer()
    main.add_command(app, "stamp", actions_of([*TASKS, STAMP])["stamp"])
    (tmp_path / "a.png").write_bytes(picture())
    result = CliRunner().invoke(
        app, [str(tmp_path / "a.png"), "-o", str(tmp_path / "out.png"), "--ink", "blue", "--format", "json"]
    )
    assert result.exit_code == 0, result.output
    assert json.loads(result.output)["stats"]["ink"] == "blue"
    assert corner((tmp_path / "out.png").read_bytes()) == INKS["blue"]
    assert "Stamp pictures." in CliRunner().invoke(app, ["--help"]).output


def bridged(http: Client) -> httpx.MockTransport:
    """The client's requests, answered by the application."""

    def answer(request: httpx.Request) -> httpx.Response:
        made = http.request(
            request.method,
            request.url.path,
            content=request.read(),
            headers={"Content-Type": request.headers["content-type"]},
        )
        return httpx.Response(made.status_code, content=made.content, headers={"Content-Type": "application/json"})

    return httpx.MockTransport(answer)


def test_the_client_reaches_it(http: Client) -> None:
    with library.Client("http://localhost", transport=bridged(http)) as api:
        body = api.ask("/stamp", picture(), files={"logo": picture(20, 20)}, ink="blue")
    assert body["parameters"]["ink"] == "blue"


def test_the_async_client_reaches_it() -> None:
    async def whole() -> Any:
        transport = httpx.MockTransport(lambda request: httpx.Response(200, json={"path": request.url.path}))
        async with library.AsyncClient("http://localhost", transport=transport) as api:
            return await api.ask("/stamp", picture())

    assert asyncio.run(whole()) == {"path": "/stamp"}


# --- the rows that there are ------------------------------------------------------------------------------------------

CALLS: dict[str, Any] = {
    "composite": lambda api: api.composite(b"o", b"e", b"m"),
    "image_masks": lambda api: api.image_masks("ID"),
    "masks": lambda api: list(api.masks([b"p"])),
}


@pytest.mark.parametrize("task", [task for task in TASKS if task.name != "mask_file"], ids=lambda task: task.name)
def test_each_has_its_method_in_both_clients(task: Task) -> None:
    """``mask_file`` has none: it leaves its result on the server."""
    asked: list[str] = []

    def refuse(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.path)
        return httpx.Response(422, json={})

    api = library.Client("http://localhost", transport=httpx.MockTransport(refuse))
    call = CALLS.get(task.name, lambda api: getattr(api, task.name)(b"p"))
    with pytest.raises(library.InvalidRequest):
        call(api)
    assert asked == [task.path.replace("{image_id}", "ID")]
    assert callable(getattr(library.AsyncClient, task.name))


def test_names_and_paths_are_each_there_once() -> None:
    assert len({task.name for task in TASKS}) == len({task.path for task in TASKS}) == len(TASKS)
