"""Each integration, run as far as it goes without its host: against the application on fakes, at a real address."""

from __future__ import annotations

import base64
import importlib.util
import io
import json
import re
import shutil
import subprocess
import sys
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image

from sam_mask_service.client import Client
from sam_mask_service.faces.detector import DetectOptions
from sam_mask_service.geometry import RGB, Box, Face
from sam_mask_service.http.app import build_app

from ..support.live import live
from ..support.scene import Fixed, picture, service

FOLDER = Path(__file__).parents[2] / "integrations"
MOST_LINES = 150


class Once(Fixed):
    """Finds its faces in the whole picture, and none where they were hidden."""

    def detect(self, image: RGB, options: DetectOptions = DetectOptions(), *rest: Any) -> list[Face]:  # noqa: B008
        return list(self.faces) if image.shape[:2] == (150, 200) else []


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    made = service(tmp_path_factory.mktemp("service"), detector=Once())
    with live(build_app(made)) as address:
        yield address
    made.close()


def load(path: Path, name: str, package: bool = False) -> Any:
    where = [str(path.parent)] if package else None
    spec = importlib.util.spec_from_file_location(name, path, submodule_search_locations=where)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def test_each_is_short() -> None:
    for path in FOLDER.rglob("*.*"):
        if path.suffix == ".py":
            assert len(path.read_text().splitlines()) < MOST_LINES, path.name


# --- ComfyUI ----------------------------------------------------------------------------------------------------------


class Tensor(np.ndarray):
    """numpy with the two words of torch that the nodes use."""

    def cpu(self) -> Tensor:
        return self

    def numpy(self) -> np.ndarray:
        return np.asarray(self)


@pytest.fixture
def comfyui(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    torch = types.ModuleType("torch")
    torch.from_numpy = lambda array: array.view(Tensor)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "torch", torch)
    yield load(FOLDER / "comfyui" / "__init__.py", "sam_mask_comfyui", package=True)
    for name in ("sam_mask_comfyui", "sam_mask_comfyui.nodes"):
        sys.modules.pop(name, None)


def batch(count: int, channels: int = 3) -> Tensor:
    one = np.asarray(Image.open(io.BytesIO(picture())), np.float32) / 255
    if channels == 4:
        one = np.dstack([one, np.ones(one.shape[:2], np.float32)])
    return np.stack([one] * count).view(Tensor)


def defaults(node: Any) -> dict[str, Any]:
    rows = node.INPUT_TYPES()["required"]
    return {name: row[1]["default"] for name, row in rows.items() if len(row) > 1}


@pytest.mark.parametrize("channels", [3, 4])
def test_comfyui_gives_a_mask_per_face(comfyui: Any, url: str, channels: int) -> None:
    node = comfyui.NODE_CLASS_MAPPINGS["SamMaskFaces"]
    masks, combined, count, _ = getattr(node(), node.FUNCTION)(
        image=batch(2, channels), **{**defaults(node), "url": url, "feather": 6.0}
    )
    assert (masks.shape, combined.shape, count) == ((4, 150, 200), (2, 150, 200), 4)
    assert (masks.dtype, float(masks.min()), float(masks.max())) == (np.float32, 0.0, 1.0)
    assert masks[0, 75, 150] == 1  # the larger face first, and white
    assert masks[1, 55, 40] == 1
    assert np.array_equal(combined[0], np.maximum(masks[0], masks[1]))
    assert np.unique(masks).size > 2
    assert len(node.RETURN_TYPES) == len(node.RETURN_NAMES) == 4


def test_comfyui_without_a_face_is_an_empty_mask(comfyui: Any, tmp_path: Path) -> None:
    made = service(tmp_path, detector=Fixed(()))
    node = comfyui.NODE_CLASS_MAPPINGS["SamMaskFaces"]
    with live(build_app(made)) as address:
        masks, combined, count, warned = node().run(image=batch(1), **{**defaults(node), "url": address})
    made.close()
    assert (masks.shape, combined.shape, count, warned) == ((1, 150, 200), (1, 150, 200), 0, "")
    assert not masks.any()


def test_comfyui_says_what_is_amiss_with_a_face(comfyui: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """By image and face, as an output and in the log; and what the service says of the whole picture."""
    at_the_border, small = Face(Box(0, 30, 60, 50), 0.95, presence=0.9), Face(Box(100, 50, 16, 16), 0.5, presence=0.9)
    made = service(tmp_path, detector=Fixed([at_the_border, small]), max_faces=2)
    nodes = comfyui.NODE_CLASS_MAPPINGS
    with live(build_app(made)) as address:
        *_, warned = nodes["SamMaskFaces"]().run(image=batch(2), **{**defaults(nodes["SamMaskFaces"]), "url": address})
        *_, left, told = nodes["SamMaskAnonymize"]().run(image=batch(1), url=address, method="solid", strength=0.5)
    made.close()
    first, second = "image 0, face 0: touches_border", "image 0, face 1: tiny_face, low_confidence"
    lines = warned.splitlines()
    assert [line for line in lines if line.startswith("image 0")] == [first, second]
    assert len(lines) == 4
    assert f"SAM Mask: {second}" in caplog.messages
    assert left and f"image 0: {left} face(s) can still be found in the result." in told.splitlines()


def test_comfyui_hides_faces_and_says_what_went_wrong(comfyui: Any, url: str) -> None:
    node = comfyui.NODE_CLASS_MAPPINGS["SamMaskAnonymize"]
    out, left, _ = node().run(image=batch(2), url=url + "/", method="solid", strength=0.5)
    assert (out.shape, left) == ((2, 150, 200, 3), 0)
    assert np.allclose(out[0, 75, 150], 0x60 / 255)
    faces = comfyui.NODE_CLASS_MAPPINGS["SamMaskFaces"]
    with pytest.raises(RuntimeError, match="is not known"):
        faces().run(image=batch(1), **{**defaults(faces), "url": url, "region": "nonsense"})
    assert set(comfyui.NODE_CLASS_MAPPINGS) == set(comfyui.NODE_DISPLAY_NAME_MAPPINGS)


# --- A1111 ------------------------------------------------------------------------------------------------------------


def webui(seen: list[dict[str, Any]]) -> httpx.MockTransport:
    """Paints whatever it is given red, in sides of multiples of 8, as the web UI does."""

    def handler(request: httpx.Request) -> httpx.Response:
        body = json.loads(request.read())
        seen.append(body)
        out = io.BytesIO()
        Image.new("RGB", (body["width"], body["height"]), "red").save(out, "PNG")
        return httpx.Response(200, json={"images": [base64.b64encode(out.getvalue()).decode()]})

    return httpx.MockTransport(handler)


@pytest.mark.parametrize(("edit", "face", "corner"), [("faces", True, False), ("everything_else", False, True)])
def test_a1111_repaints_what_it_should(url: str, edit: str, face: bool, corner: bool) -> None:
    script = load(FOLDER / "a1111" / "inpaint.py", "sam_mask_a1111")
    seen: list[dict[str, Any]] = []
    with Client(url) as api, httpx.Client(transport=webui(seen), base_url="http://webui") as ui:
        made = script.inpaint(api, ui, picture(), "a robot", edit=edit)
    out, before = (np.asarray(Image.open(io.BytesIO(data))) for data in (made, picture()))
    assert out.shape == before.shape
    assert bool((out[75, 150] != before[75, 150]).any()) == face
    assert bool((out[2, 2] != before[2, 2]).any()) == corner
    (body,) = seen
    assert (body["inpainting_mask_invert"], body["prompt"]) == (0, "a robot")
    sent = np.asarray(Image.open(io.BytesIO(base64.b64decode(body["mask"]))))
    assert (sent[76, 150] == 255) == face
    assert (body["width"], body["height"]) == (200, 152)
    assert Image.open(io.BytesIO(base64.b64decode(body["init_images"][0]))).size == sent.shape[::-1] == (200, 152)


def test_a1111_as_a_command(url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    script = load(FOLDER / "a1111" / "inpaint.py", "sam_mask_a1111")
    options = ["--prompt", "x", "--service", url, "--webui", "http://127.0.0.1:9"]
    assert script.main([str(tmp_path / "missing.jpg"), str(tmp_path / "out.png"), *options]) == 1
    (tmp_path / "photo.png").write_bytes(picture())
    assert script.main([str(tmp_path / "photo.png"), str(tmp_path / "out.png"), *options]) == 1
    assert "refused" in capsys.readouterr().err


# --- n8n --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("flow", ["workflow.json", "repaint.json"])
def test_n8n_requests_are_answered(url: str, flow: str) -> None:
    nodes = {node["name"]: node for node in json.loads((FOLDER / "n8n" / flow).read_text())["nodes"]}
    parameters = nodes["Create mask"]["parameters"]
    assert parameters["url"].endswith("/create_mask")
    rows = parameters["bodyParameters"]["parameters"]
    data = {row["name"]: row["value"] for row in rows if row["parameterType"] == "formData"}
    (upload,) = (row for row in rows if row["parameterType"] == "formBinaryData")
    answer = httpx.post(f"{url}/create_mask", files={upload["name"]: ("p", picture())}, data=data, trust_env=False)
    assert answer.status_code == 200, answer.text
    for word in ("mask_base64", "image_base64", "image_format"):
        assert word in answer.json()
        assert word in nodes["Mask and picture"]["parameters"]["jsCode"]


# --- OpenAI -----------------------------------------------------------------------------------------------------------


class Painter:
    """images.edit of OpenAI's client: keeps what it is given, and paints everything red."""

    def __init__(self) -> None:
        self.given: dict[str, Any] = {}
        self.images = self

    def edit(self, **given: Any) -> Any:
        self.given, out = given, io.BytesIO()
        Image.new("RGB", Image.open(io.BytesIO(given["image"][1])).size, "red").save(out, "PNG")
        return types.SimpleNamespace(data=[types.SimpleNamespace(b64_json=base64.b64encode(out.getvalue()).decode())])


@pytest.mark.parametrize(("edit", "face", "corner"), [("faces", True, False), ("everything_else", False, True)])
def test_openai_repaints_what_it_should(url: str, edit: str, face: bool, corner: bool) -> None:
    script, painter = load(FOLDER / "openai" / "edit.py", "sam_mask_openai"), Painter()
    with Client(url) as api:
        made = script.edit(api, painter, picture(), "a robot", edit=edit)
    out, before = (np.asarray(Image.open(io.BytesIO(data))) for data in (made, picture()))
    assert out.shape == before.shape
    assert bool((out[75, 150] != before[75, 150]).any()) == face
    assert bool((out[2, 2] != before[2, 2]).any()) == corner
    assert (painter.given["model"], painter.given["prompt"]) == (script.MODEL, "a robot")
    (name, mask, kind), sent = painter.given["mask"], Image.open(io.BytesIO(painter.given["image"][1]))
    assert (name, kind, Image.open(io.BytesIO(mask)).size) == ("mask.png", "image/png", sent.size)


# --- curl -------------------------------------------------------------------------------------------------------------

COMMANDS = re.findall(r"```sh\n(.*?)\n```", (FOLDER / "curl" / "README.md").read_text(), re.DOTALL)


@pytest.mark.skipif(not shutil.which("curl"), reason="there is no curl here")
def test_every_curl_line_runs_as_written(url: str, tmp_path: Path) -> None:
    (tmp_path / "photo.jpg").write_bytes(picture(kind="jpeg"))
    environment = {"URL": url, "KEY": "", "PATH": "/usr/bin:/bin", "NO_PROXY": "*"}
    for line in COMMANDS:
        assert "\n" not in line
        done = subprocess.run(["/bin/sh", "-c", line], cwd=tmp_path, env=environment, capture_output=True, check=False)
        assert done.returncode == 0, (line, done.stderr, done.stdout)
    assert len(COMMANDS) == 7
    made = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    for name in ("mask.png", "head.png", "passport.png", "whole.png"):
        assert made[name].startswith(b"\x89PNG"), name
    assert made["hidden.jpg"].startswith(b"\xff\xd8")
    assert b"x-residual-faces" in made["headers.txt"].lower()
    assert json.loads(made["openai.json"])["target"]["name"] == "openai"
    assert len(made["lines.ndjson"].splitlines()) == 2
